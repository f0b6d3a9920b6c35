//! The rows that a query selects: criteria, row-level security, effective dates, joins.
//!
//! Quirks: row-level security takes rows of other business units away without a word; effective-dated records have several
//! rows for one key; a document's rows are multiplied by its distributions.

use super::cells::{Cell, Row};
use super::model::{Address, Dated, Distribution, DocKey, DocType, Document, History, Line, RequisitionLink, Schedule};
use super::options::{EffectiveRows, Options};
use super::prompts::Prompts;
use super::track::{COLUMNS, TrackKey, Written};
use super::world::{SetKey, World};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

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

    pub(super) fn changed(&self, doc_type: DocType) -> Result<Vec<Row>, String> {
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

    pub(super) fn document(&self, doc_type: DocType, prompt: &str) -> Vec<Row> {
        let shown = |document: &Document| distributions(self.world, document);
        let Some(prompts) = self.prompts else {
            return self.documents(doc_type).flat_map(shown).collect();
        };
        let key = DocKey {
            business_unit: prompts.get("BUSINESS_UNIT").to_owned(),
            doc_type,
            id: prompts.get(prompt).to_owned(),
        };
        let seen = self
            .world
            .documents
            .get(&key)
            .filter(|_| self.may_see(&key.business_unit));
        seen.map(shown).unwrap_or_default()
    }

    pub(super) fn items(&self) -> Vec<Row> {
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

    pub(super) fn locations(&self) -> Vec<Row> {
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

    pub(super) fn vendors(&self) -> Vec<Row> {
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

    pub(super) fn written(&self) -> Vec<Row> {
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
        for schedule in &line.schedules {
            for share in &schedule.distributions {
                let parts = [
                    header(document),
                    header_of_order(document),
                    line_columns(world, document, line),
                    schedule_columns(schedule),
                    share_columns(share),
                ];
                rows.push(parts.concat());
            }
        }
    }
    rows
}

fn header_of_order(document: &Document) -> Row {
    vec![
        ("PO_REF", (&document.reference).into()),
        ("BILL_LOCATION", (&document.bill_location).into()),
        ("CURRENCY_CD", (&document.currency).into()),
    ]
}

fn line_columns(world: &World, document: &Document, line: &Line) -> Row {
    let vendor = line.vendor.as_ref().unwrap_or(&document.vendor);
    let known = world.vendors.get(&(vendor.setid.clone(), vendor.id.clone()));
    let name = known.map(|vendor| vendor.name.as_str()).unwrap_or_default();
    vec![
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
    ]
}

fn schedule_columns(schedule: &Schedule) -> Row {
    vec![
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
    ]
}

/// Where no requisition stands behind a share, its keys are blank and nought.
fn share_columns(share: &Distribution) -> Row {
    let link = share.requisition.as_ref();
    let text = |part: fn(&RequisitionLink) -> &str| Cell::from(link.map(part).unwrap_or_default());
    let number = |part: fn(&RequisitionLink) -> i64| Cell::from(link.map(part).unwrap_or_default());
    vec![
        ("DISTRIB_LINE_NUM", share.number.into()),
        ("DEPTID", (&share.department).into()),
        ("BUSINESS_UNIT_REQ", text(|link| &link.business_unit)),
        ("REQ_ID", text(|link| &link.id)),
        ("REQ_LINE_NBR", number(|link| link.line)),
        ("REQ_SCHED_NBR", number(|link| link.schedule)),
    ]
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
