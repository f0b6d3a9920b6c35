//! The queries that the customer's analyst has built, as `examples/peoplesoft/queries.toml` asks for them: names, prompts,
//! columns, and which records each reads.
//!
//! Quirk: row-level security takes rows of other business units away without a word.

use super::cells::{Cell, Row};
use super::model::{Address, Dated, DocType, Document, History};
use super::options::{EffectiveRows, Options};
use super::prompts::Prompts;
use super::track::{COLUMNS, TrackKey, Written};
use super::world::{SetKey, World};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

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

/// What a run of a query sees.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    pub(super) world: &'a World,
    /// `None`: without criteria.
    pub(super) prompts: Option<&'a Prompts>,
    /// The business units that the user may see; `None`: all.
    pub(super) business_units: Option<&'a BTreeSet<String>>,
    /// The database server's day.
    pub(super) today: Date,
    /// Until when what was written is seen.
    pub(super) seen: Timestamp,
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

impl Selection<'_> {
    /// Whether the criterion `column = :prompt` holds.
    fn is(&self, prompt: &str, value: &str) -> bool {
        self.prompts.is_none_or(|prompts| prompts.get(prompt) == value)
    }

    fn may_see(&self, business_unit: &str) -> bool {
        self.business_units.is_none_or(|units| units.contains(business_unit))
    }

    fn documents(&self, doc_type: DocType) -> impl Iterator<Item = &Document> {
        self.world.documents.values().filter(move |document| {
            document.key.doc_type == doc_type
                && self.may_see(&document.key.business_unit)
                && self.is("BUSINESS_UNIT", &document.key.business_unit)
        })
    }

    fn changed(&self, doc_type: DocType) -> Result<Vec<Row>, String> {
        let Some(prompts) = self.prompts else {
            return Ok(self.documents(doc_type).map(header).collect());
        };
        let (from, to) = (prompts.moment("FROM_DTTM")?, prompts.moment("TO_DTTM")?);
        let last = prompts.get("LAST_KEY").trim();
        let wanted = |document: &&Document| {
            let at = document.last_update;
            from <= at && at < to && document.key.id.as_str() > last
        };
        Ok(self.documents(doc_type).filter(wanted).map(header).collect())
    }

    fn document(&self, doc_type: DocType, prompt: &str) -> Vec<Row> {
        let wanted = |document: &&Document| self.is(prompt, &document.key.id);
        self.documents(doc_type)
            .filter(wanted)
            .flat_map(|document| distributions(self.world, document))
            .collect()
    }

    fn items(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (key, item) in self.keyed(&self.world.items, "INV_ITEM_ID") {
            for dated in self.effective(&item.measures) {
                let measures = &dated.value;
                let [length, width, height] = measures.size;
                rows.push(vec![
                    ("SETID", (&key.0).into()),
                    ("INV_ITEM_ID", (&key.1).into()),
                    ("EFFDT", dated.from.into()),
                    ("EFF_STATUS", status_of(dated)),
                    ("DESCR254", (&item.description).into()),
                    ("UNIT_MEASURE_STD", (&item.unit).into()),
                    ("INV_ITEM_WEIGHT", measures.weight.into()),
                    ("UNIT_MEASURE_WT", (&measures.weight_unit).into()),
                    ("INV_ITEM_LENGTH", length.into()),
                    ("INV_ITEM_WIDTH", width.into()),
                    ("INV_ITEM_HEIGHT", height.into()),
                    ("UNIT_MEASURE_DIM", (&measures.size_unit).into()),
                    ("HARMONIZED_CD", (&measures.harmonized).into()),
                    ("COUNTRY_IST_ORIGIN", (&measures.origin).into()),
                ]);
            }
        }
        rows
    }

    fn locations(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (key, history) in self.keyed(&self.world.locations, "LOCATION") {
            for dated in self.effective(history) {
                let place = &dated.value;
                let mut row: Row = vec![
                    ("SETID", (&key.0).into()),
                    ("LOCATION", (&key.1).into()),
                    ("EFFDT", dated.from.into()),
                    ("EFF_STATUS", status_of(dated)),
                    ("DESCR", (&place.description).into()),
                    ("ATTN_TO", (&place.attention).into()),
                    ("PHONE", (&place.phone).into()),
                ];
                row.extend(address(&place.address));
                rows.push(row);
            }
        }
        rows
    }

    fn vendors(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (key, vendor) in self.keyed(&self.world.vendors, "VENDOR_ID") {
            for (number, history) in &vendor.addresses {
                for dated in self.effective(history) {
                    let mut row: Row = vec![
                        ("SETID", (&key.0).into()),
                        ("VENDOR_ID", (&key.1).into()),
                        ("NAME1", (&vendor.name).into()),
                        ("ADDRESS_SEQ_NUM", (*number).into()),
                        ("EFFDT", dated.from.into()),
                        ("EFF_STATUS", status_of(dated)),
                        ("PHONE", (&dated.value.phone).into()),
                        ("EMAILID", (&dated.value.email).into()),
                    ];
                    row.extend(address(&dated.value.address));
                    rows.push(row);
                }
            }
        }
        rows
    }

    fn written(&self) -> Vec<Row> {
        let wanted = |(key, _): &(&TrackKey, &Written)| {
            let document = &key.document;
            self.may_see(&document.business_unit)
                && self.is("BUSINESS_UNIT", &document.business_unit)
                && self.is("DOC_TYPE", document.doc_type.code())
                && self.is("DOC_ID", &document.id)
        };
        self.world
            .track
            .seen_at(self.seen)
            .filter(wanted)
            .map(|(key, written)| written_row(key, written))
            .collect()
    }

    /// What a SETID and the second prompt select.
    fn keyed<'b, T>(
        &'b self,
        records: &'b BTreeMap<SetKey, T>,
        prompt: &'b str,
    ) -> impl Iterator<Item = (&'b SetKey, &'b T)> {
        records
            .iter()
            .filter(move |(key, _)| self.is("SETID", &key.0) && self.is(prompt, &key.1))
    }

    fn effective<'b, T>(&self, history: &'b History<T>) -> Vec<&'b Dated<T>> {
        match self.options().effective_rows {
            EffectiveRows::Current => history.current(self.today).into_iter().collect(),
            EffectiveRows::CurrentActive => history.current_active(self.today).into_iter().collect(),
            EffectiveRows::All => history.all().iter().collect(),
        }
    }

    fn options(&self) -> &Options {
        &self.world.options
    }
}

fn status_of<T>(dated: &Dated<T>) -> Cell {
    Cell::from(if dated.active { "A" } else { "I" })
}

fn address(address: &Address) -> Row {
    let [first, second, third, fourth] = &address.lines;
    vec![
        ("ADDRESS1", first.into()),
        ("ADDRESS2", second.into()),
        ("ADDRESS3", third.into()),
        ("ADDRESS4", fourth.into()),
        ("CITY", (&address.city).into()),
        ("STATE", (&address.state).into()),
        ("POSTAL", (&address.postal).into()),
        ("COUNTRY", (&address.country).into()),
    ]
}

fn header(document: &Document) -> Row {
    let (id, status) = match document.key.doc_type {
        DocType::Po => ("PO_ID", "PO_STATUS"),
        DocType::Req => ("REQ_ID", "REQ_STATUS"),
    };
    vec![
        ("BUSINESS_UNIT", (&document.key.business_unit).into()),
        (id, (&document.key.id).into()),
        (status, (&document.status).into()),
        ("HOLD_STATUS", Cell::flag(document.hold)),
        ("LAST_DTTM_UPDATE", document.last_update.into()),
    ]
}

/// One row for each distribution; columns of the other kind of document are left to whoever picks the columns.
fn distributions(world: &World, document: &Document) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in &document.lines {
        let vendor = line.vendor.as_ref().unwrap_or(&document.vendor);
        let known = world.vendors.get(&(vendor.setid.clone(), vendor.id.clone()));
        let name = known.map(|vendor| vendor.name.as_str()).unwrap_or_default();
        for schedule in &line.schedules {
            for share in &schedule.distributions {
                let mut row = header(document);
                let link = share.requisition.as_ref();
                let from = |part: fn(&super::model::RequisitionLink) -> &str| link.map(part).unwrap_or_default();
                row.extend([
                    ("PO_REF", Cell::from(&document.reference)),
                    ("BILL_LOCATION", (&document.bill_location).into()),
                    ("CURRENCY_CD", (&document.currency).into()),
                    ("VENDOR_SETID", (&vendor.setid).into()),
                    ("VENDOR_ID", (&vendor.id).into()),
                    ("VENDOR_NAME", name.into()),
                    ("VNDR_LOC", (&vendor.location).into()),
                    ("ADDRESS_SEQ_NUM", vendor.address.into()),
                    ("LINE_NBR", line.number.into()),
                    ("ITM_SETID", (&line.item_setid).into()),
                    ("INV_ITEM_ID", (&line.item).into()),
                    ("DESCR254_MIXED", (&line.description).into()),
                    ("UNIT_OF_MEASURE", (&line.unit).into()),
                    ("SCHED_NBR", schedule.number.into()),
                    ("CANCEL_STATUS", (&schedule.status).into()),
                    ("SHIPTO_SETID", (&schedule.ship_to_setid).into()),
                    ("SHIPTO_ID", (&schedule.ship_to).into()),
                    ("QTY_PO", schedule.quantity.into()),
                    ("QTY_REQ", schedule.quantity.into()),
                    ("PRICE_PO", schedule.price.into()),
                    ("PRICE_REQ", schedule.price.into()),
                    ("QTY_RECV", schedule.received.into()),
                    ("CARRIER_ID", (&schedule.carrier).into()),
                    ("SHIP_TYPE_ID", (&schedule.ship_type).into()),
                    ("FREIGHT_TERMS", (&schedule.freight_terms).into()),
                    ("DISTRIB_LINE_NUM", share.number.into()),
                    ("DEPTID", (&share.department).into()),
                    ("BUSINESS_UNIT_REQ", from(|link| &link.business_unit).into()),
                    ("REQ_ID", from(|link| &link.id).into()),
                    ("REQ_LINE_NBR", link.map(|link| link.line).unwrap_or_default().into()),
                    (
                        "REQ_SCHED_NBR",
                        link.map(|link| link.schedule).unwrap_or_default().into(),
                    ),
                ]);
                rows.push(row);
            }
        }
    }
    rows
}

fn written_row(key: &TrackKey, written: &Written) -> Row {
    let mut row: Row = vec![
        ("BUSINESS_UNIT", (&key.document.business_unit).into()),
        ("DOC_TYPE", key.document.doc_type.code().into()),
        ("DOC_ID", (&key.document.id).into()),
        ("ENTRY", (&key.entry).into()),
    ];
    let said = |column: &str| written.columns.get(column).map(String::as_str).unwrap_or_default();
    row.extend(COLUMNS.iter().map(|(column, _)| (*column, Cell::from(said(column)))));
    row
}
