//! The queries that the customer's analyst has built, as `examples/peoplesoft/queries.toml` asks for them: names, prompts,
//! columns. Which rows each selects stands in [`super::selection`].

use super::cells::Row;
use super::model::DocType;
use super::selection::Selection;

/// A column of a query: the correlation name of its record and its unique field name.
pub(super) type Column = (char, &'static str);

/// A query as it was built.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) name: &'static str,
    /// The name under which its runs are counted.
    pub(super) operation: &'static str,
    pub(super) prompts: &'static [&'static str],
    pub(super) columns: &'static [Column],
    select: fn(&Selection<'_>) -> Result<Vec<Row>, String>,
}

const CHANGED: &[&str] = &["BUSINESS_UNIT", "FROM_DTTM", "TO_DTTM", "LAST_KEY"];

/// All queries.
pub(super) const QUERIES: &[Query] = &[
    Query {
        name: "X_SHIP_PO_HDR",
        operation: "purchase_orders",
        prompts: CHANGED,
        columns: &[
            ('A', "BUSINESS_UNIT"),
            ('A', "PO_ID"),
            ('A', "PO_STATUS"),
            ('A', "LAST_DTTM_UPDATE"),
            ('A', "HOLD_STATUS"),
        ],
        select: |selection| selection.changed(DocType::Po),
    },
    Query {
        name: "X_SHIP_PO_LINE",
        operation: "purchase_order",
        prompts: &["BUSINESS_UNIT", "PO_ID"],
        columns: &[
            ('A', "BUSINESS_UNIT"),
            ('A', "PO_ID"),
            ('A', "PO_STATUS"),
            ('A', "LAST_DTTM_UPDATE"),
            ('A', "VENDOR_SETID"),
            ('A', "VENDOR_ID"),
            ('B', "LINE_NBR"),
            ('C', "SCHED_NBR"),
            ('C', "CANCEL_STATUS"),
            ('B', "ITM_SETID"),
            ('B', "INV_ITEM_ID"),
            ('B', "UNIT_OF_MEASURE"),
            ('C', "QTY_PO"),
            ('C', "SHIPTO_SETID"),
            ('C', "SHIPTO_ID"),
            ('A', "HOLD_STATUS"),
            ('A', "PO_REF"),
            ('E', "VENDOR_NAME"),
            ('A', "VNDR_LOC"),
            ('A', "ADDRESS_SEQ_NUM"),
            ('A', "BILL_LOCATION"),
            ('C', "CURRENCY_CD"),
            ('B', "DESCR254_MIXED"),
            ('C', "PRICE_PO"),
            ('C', "QTY_RECV"),
            ('C', "CARRIER_ID"),
            ('C', "SHIP_TYPE_ID"),
            ('C', "FREIGHT_TERMS"),
            ('D', "DISTRIB_LINE_NUM"),
            ('D', "DEPTID"),
            ('D', "BUSINESS_UNIT_REQ"),
            ('D', "REQ_ID"),
            ('D', "REQ_LINE_NBR"),
            ('D', "REQ_SCHED_NBR"),
        ],
        select: |selection| Ok(selection.document(DocType::Po, "PO_ID")),
    },
    Query {
        name: "X_SHIP_REQ_HDR",
        operation: "requisitions",
        prompts: CHANGED,
        columns: &[
            ('A', "BUSINESS_UNIT"),
            ('A', "REQ_ID"),
            ('A', "REQ_STATUS"),
            ('A', "LAST_DTTM_UPDATE"),
            ('A', "HOLD_STATUS"),
        ],
        select: |selection| selection.changed(DocType::Req),
    },
    Query {
        name: "X_SHIP_REQ_LINE",
        operation: "requisition",
        prompts: &["BUSINESS_UNIT", "REQ_ID"],
        columns: &[
            ('A', "BUSINESS_UNIT"),
            ('A', "REQ_ID"),
            ('A', "REQ_STATUS"),
            ('A', "LAST_DTTM_UPDATE"),
            ('B', "VENDOR_SETID"),
            ('B', "VENDOR_ID"),
            ('B', "LINE_NBR"),
            ('C', "SCHED_NBR"),
            ('C', "CANCEL_STATUS"),
            ('B', "ITM_SETID"),
            ('B', "INV_ITEM_ID"),
            ('B', "UNIT_OF_MEASURE"),
            ('C', "QTY_REQ"),
            ('C', "SHIPTO_SETID"),
            ('C', "SHIPTO_ID"),
            ('A', "HOLD_STATUS"),
            ('E', "VENDOR_NAME"),
            ('B', "VNDR_LOC"),
            ('B', "ADDRESS_SEQ_NUM"),
            ('C', "CURRENCY_CD"),
            ('B', "DESCR254_MIXED"),
            ('C', "PRICE_REQ"),
            ('C', "CARRIER_ID"),
            ('C', "SHIP_TYPE_ID"),
            ('D', "DISTRIB_LINE_NUM"),
            ('D', "DEPTID"),
        ],
        select: |selection| Ok(selection.document(DocType::Req, "REQ_ID")),
    },
    Query {
        name: "X_SHIP_ITEM",
        operation: "item",
        prompts: &["SETID", "INV_ITEM_ID"],
        columns: &[
            ('A', "SETID"),
            ('A', "INV_ITEM_ID"),
            ('B', "INV_ITEM_WEIGHT"),
            ('B', "UNIT_MEASURE_WT"),
            ('B', "EFFDT"),
            ('B', "EFF_STATUS"),
            ('B', "DESCR254"),
            ('A', "UNIT_MEASURE_STD"),
            ('B', "INV_ITEM_LENGTH"),
            ('B', "INV_ITEM_WIDTH"),
            ('B', "INV_ITEM_HEIGHT"),
            ('B', "UNIT_MEASURE_DIM"),
            ('B', "HARMONIZED_CD"),
            ('B', "COUNTRY_IST_ORIGIN"),
        ],
        select: |selection| Ok(selection.items()),
    },
    Query {
        name: "X_SHIP_LOC",
        operation: "location",
        prompts: &["SETID", "LOCATION"],
        columns: &[
            ('A', "SETID"),
            ('A', "LOCATION"),
            ('A', "DESCR"),
            ('A', "ADDRESS1"),
            ('A', "CITY"),
            ('A', "STATE"),
            ('A', "POSTAL"),
            ('A', "COUNTRY"),
            ('A', "EFFDT"),
            ('A', "EFF_STATUS"),
            ('A', "ATTN_TO"),
            ('A', "ADDRESS2"),
            ('A', "ADDRESS3"),
            ('A', "ADDRESS4"),
            ('A', "PHONE"),
        ],
        select: |selection| Ok(selection.locations()),
    },
    Query {
        name: "X_SHIP_VENDOR",
        operation: "vendor",
        prompts: &["SETID", "VENDOR_ID"],
        columns: &[
            ('A', "SETID"),
            ('A', "VENDOR_ID"),
            ('A', "NAME1"),
            ('B', "ADDRESS_SEQ_NUM"),
            ('B', "ADDRESS1"),
            ('B', "CITY"),
            ('B', "STATE"),
            ('B', "POSTAL"),
            ('B', "COUNTRY"),
            ('B', "EFFDT"),
            ('B', "EFF_STATUS"),
            ('B', "ADDRESS2"),
            ('B', "ADDRESS3"),
            ('B', "ADDRESS4"),
            ('B', "PHONE"),
            ('B', "EMAILID"),
        ],
        select: |selection| Ok(selection.vendors()),
    },
    Query {
        name: "X_SHIP_TRACK",
        operation: "tracking",
        prompts: &["BUSINESS_UNIT", "DOC_TYPE", "DOC_ID"],
        columns: &[
            ('A', "BUSINESS_UNIT"),
            ('A', "DOC_TYPE"),
            ('A', "DOC_ID"),
            ('A', "ENTRY"),
            ('A', "TRACKING"),
            ('A', "STATUS"),
            ('A', "ERR_TEXT"),
            ('A', "CARRIER"),
            ('A', "SERVICE"),
            ('A', "COST"),
            ('A', "CURRENCY_CD"),
            ('A', "STATUS_DTTM"),
            ('A', "PLACE"),
            ('A', "SIGNED_BY"),
            ('A', "EST_DELIVERY"),
            ('A', "ERR_FLG"),
            ('A', "LAST_DTTM_UPDATE"),
        ],
        select: |selection| Ok(selection.written()),
    },
];

impl Query {
    /// The query of that name, which is case-sensitive.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        QUERIES.iter().find(|query| query.name == name)
    }

    /// The rows that it selects.
    ///
    /// # Errors
    /// When a prompt cannot be read as what it is compared with.
    pub(super) fn run(&self, selection: &Selection<'_>) -> Result<Vec<Row>, String> {
        (self.select)(selection)
    }
}
