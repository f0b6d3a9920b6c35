//! The queries that a customer's analyst builds, as `examples/peoplesoft/queries.toml` describes them to people.

use crate::domain::DocumentKind;

/// One query: what it is asked by and what it must answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// By which name a connection's `queries` renames it.
    pub(super) key: &'static str,
    /// What it is called where the connection does not say otherwise.
    pub(super) name: &'static str,
    /// Its prompts, in order.
    pub(super) prompts: &'static [&'static str],
    /// Columns that every row must have.
    pub(super) columns: &'static [&'static str],
    /// Columns that every row must have where the connection needs them: `needs` says when.
    pub(super) sometimes: &'static [&'static str],
    /// Columns that may be missing.
    pub(super) optional: &'static [&'static str],
}

const WINDOW: &[&str] = &["BUSINESS_UNIT", "FROM_DTTM", "TO_DTTM", "LAST_KEY"];

/// Purchase orders that changed.
pub(super) const PURCHASE_ORDERS: Query = Query {
    key: "purchase_orders",
    name: "X_SHIP_PO_HDR",
    prompts: WINDOW,
    columns: &["BUSINESS_UNIT", "PO_ID", "PO_STATUS", "HOLD_STATUS", "LAST_DTTM_UPDATE"],
    sometimes: &[],
    optional: &[],
};

/// One purchase order.
pub(super) const PURCHASE_ORDER: Query = Query {
    key: "purchase_order",
    name: "X_SHIP_PO_LINE",
    prompts: &["BUSINESS_UNIT", "PO_ID"],
    columns: &[
        "BUSINESS_UNIT",
        "PO_ID",
        "PO_STATUS",
        "HOLD_STATUS",
        "LAST_DTTM_UPDATE",
        "VENDOR_SETID",
        "VENDOR_ID",
        "LINE_NBR",
        "SCHED_NBR",
        "CANCEL_STATUS",
        "ITM_SETID",
        "INV_ITEM_ID",
        "UNIT_OF_MEASURE",
        "QTY_PO",
        "SHIPTO_SETID",
        "SHIPTO_ID",
    ],
    sometimes: &[
        "CARRIER_ID",
        "SHIP_TYPE_ID",
        "VNDR_LOC",
        "ADDRESS_SEQ_NUM",
        "DEPTID",
        "BUSINESS_UNIT_REQ",
        "REQ_ID",
        "REQ_LINE_NBR",
        "REQ_SCHED_NBR",
    ],
    optional: &[
        "PO_REF",
        "VENDOR_NAME",
        "BILL_LOCATION",
        "CURRENCY_CD",
        "DESCR254_MIXED",
        "PRICE_PO",
        "QTY_RECV",
        "FREIGHT_TERMS",
        "DISTRIB_LINE_NUM",
    ],
};

/// Requisitions that changed.
pub(super) const REQUISITIONS: Query = Query {
    key: "requisitions",
    name: "X_SHIP_REQ_HDR",
    prompts: WINDOW,
    columns: &[
        "BUSINESS_UNIT",
        "REQ_ID",
        "REQ_STATUS",
        "HOLD_STATUS",
        "LAST_DTTM_UPDATE",
    ],
    sometimes: &[],
    optional: &[],
};

/// One requisition.
pub(super) const REQUISITION: Query = Query {
    key: "requisition",
    name: "X_SHIP_REQ_LINE",
    prompts: &["BUSINESS_UNIT", "REQ_ID"],
    columns: &[
        "BUSINESS_UNIT",
        "REQ_ID",
        "REQ_STATUS",
        "HOLD_STATUS",
        "LAST_DTTM_UPDATE",
        "VENDOR_SETID",
        "VENDOR_ID",
        "LINE_NBR",
        "SCHED_NBR",
        "CANCEL_STATUS",
        "ITM_SETID",
        "INV_ITEM_ID",
        "UNIT_OF_MEASURE",
        "QTY_REQ",
        "SHIPTO_SETID",
        "SHIPTO_ID",
    ],
    sometimes: &["CARRIER_ID", "SHIP_TYPE_ID", "VNDR_LOC", "ADDRESS_SEQ_NUM", "DEPTID"],
    optional: &[
        "VENDOR_NAME",
        "CURRENCY_CD",
        "DESCR254_MIXED",
        "PRICE_REQ",
        "DISTRIB_LINE_NUM",
    ],
};

/// One item by effective dates.
pub(super) const ITEM: Query = Query {
    key: "item",
    name: "X_SHIP_ITEM",
    prompts: &["SETID", "INV_ITEM_ID"],
    columns: &[
        "SETID",
        "INV_ITEM_ID",
        "UNIT_MEASURE_STD",
        "INV_ITEM_WEIGHT",
        "UNIT_MEASURE_WT",
    ],
    sometimes: &[],
    optional: &[
        "EFFDT",
        "EFF_STATUS",
        "DESCR254",
        "INV_ITEM_LENGTH",
        "INV_ITEM_WIDTH",
        "INV_ITEM_HEIGHT",
        "UNIT_MEASURE_DIM",
        "HARMONIZED_CD",
        "COUNTRY_IST_ORIGIN",
    ],
};

/// One location by effective dates.
pub(super) const LOCATION: Query = Query {
    key: "location",
    name: "X_SHIP_LOC",
    prompts: &["SETID", "LOCATION"],
    columns: &[
        "SETID", "LOCATION", "DESCR", "ADDRESS1", "CITY", "STATE", "POSTAL", "COUNTRY",
    ],
    sometimes: &[],
    optional: &[
        "EFFDT",
        "EFF_STATUS",
        "ATTN_TO",
        "ADDRESS2",
        "ADDRESS3",
        "ADDRESS4",
        "PHONE",
    ],
};

/// One vendor by address sequences and effective dates.
pub(super) const VENDOR: Query = Query {
    key: "vendor",
    name: "X_SHIP_VENDOR",
    prompts: &["SETID", "VENDOR_ID"],
    columns: &[
        "SETID",
        "VENDOR_ID",
        "NAME1",
        "ADDRESS_SEQ_NUM",
        "ADDRESS1",
        "CITY",
        "STATE",
        "POSTAL",
        "COUNTRY",
    ],
    sometimes: &[],
    optional: &[
        "EFFDT",
        "EFF_STATUS",
        "ADDRESS2",
        "ADDRESS3",
        "ADDRESS4",
        "PHONE",
        "EMAILID",
    ],
};

/// What we have written about one document.
pub(super) const TRACKING: Query = Query {
    key: "tracking",
    name: "X_SHIP_TRACK",
    prompts: &["BUSINESS_UNIT", "DOC_TYPE", "DOC_ID"],
    columns: &[
        "BUSINESS_UNIT",
        "DOC_TYPE",
        "DOC_ID",
        "ENTRY",
        "TRACKING",
        "STATUS",
        "ERR_TEXT",
    ],
    sometimes: &["COST", "SERVICE", "STATUS_DTTM", "PLACE", "SIGNED_BY", "EST_DELIVERY"],
    optional: &["CARRIER", "CURRENCY_CD", "ERR_FLG", "LAST_DTTM_UPDATE"],
};

/// All of them.
pub(super) const ALL: [&Query; 8] = [
    &PURCHASE_ORDERS,
    &PURCHASE_ORDER,
    &REQUISITIONS,
    &REQUISITION,
    &ITEM,
    &LOCATION,
    &VENDOR,
    &TRACKING,
];

/// The two kinds of documents that ship, purchase orders first: a scan reads them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PurchaseOrder,
    Requisition,
}

impl Kind {
    /// Both, in order.
    pub(super) const ALL: [Self; 2] = [Self::PurchaseOrder, Self::Requisition];

    /// The kind of this word of a connection's `documents`.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "purchase-orders" => Some(Self::PurchaseOrder),
            "requisitions" => Some(Self::Requisition),
            _ => None,
        }
    }

    /// The kind of a document; PeopleSoft's sales orders are not shipped.
    pub(super) fn of(kind: DocumentKind) -> Option<Self> {
        match kind {
            DocumentKind::PurchaseOrder => Some(Self::PurchaseOrder),
            DocumentKind::Requisition => Some(Self::Requisition),
            DocumentKind::SalesOrder | DocumentKind::Fulfilment | DocumentKind::Despatch => None,
        }
    }

    /// As the record of what we wrote and `select.statuses` spell it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "PO",
            Self::Requisition => "REQ",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "purchase order",
            Self::Requisition => "requisition",
        }
    }

    /// Which documents changed.
    pub(super) fn heads(self) -> &'static Query {
        match self {
            Self::PurchaseOrder => &PURCHASE_ORDERS,
            Self::Requisition => &REQUISITIONS,
        }
    }

    /// One document.
    pub(super) fn lines(self) -> &'static Query {
        match self {
            Self::PurchaseOrder => &PURCHASE_ORDER,
            Self::Requisition => &REQUISITION,
        }
    }

    pub(super) fn id_column(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "PO_ID",
            Self::Requisition => "REQ_ID",
        }
    }

    pub(super) fn status_column(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "PO_STATUS",
            Self::Requisition => "REQ_STATUS",
        }
    }

    pub(super) fn quantity_column(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "QTY_PO",
            Self::Requisition => "QTY_REQ",
        }
    }

    pub(super) fn price_column(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "PRICE_PO",
            Self::Requisition => "PRICE_REQ",
        }
    }

    /// The status that is ready where the connection names none.
    pub(super) fn usual_status(self) -> &'static str {
        match self {
            Self::PurchaseOrder => "D",
            Self::Requisition => "A",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the analyst is told and what is asked are the same.
    #[test]
    fn the_example_for_analysts_is_what_the_code_asks_for() {
        let file: toml::Table = toml::from_str(include_str!("../../../../examples/peoplesoft/queries.toml")).unwrap();
        let texts = |table: &toml::Table, key: &str| -> Vec<String> {
            let list = table.get(key).and_then(toml::Value::as_array).unwrap();
            list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(file.len(), ALL.len());
        for query in ALL {
            let table = file[query.key].as_table().unwrap();
            assert_eq!(table["name"].as_str(), Some(query.name));
            assert_eq!(texts(table, "prompts"), query.prompts, "{}", query.key);
            assert_eq!(texts(table, "columns"), query.columns, "{}", query.key);
            assert_eq!(texts(table, "sometimes"), query.sometimes, "{}", query.key);
            assert_eq!(texts(table, "optional"), query.optional, "{}", query.key);
        }
    }
}
