//! PeopleSoft in the demo: purchase orders and requisitions, whose shipments become rows of the custom record X_SHIP_TRACK.
//! A buyer turns one requisition into a purchase order after it has shipped: those goods must not ship again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use simulators::peoplesoft::access::User;
use simulators::peoplesoft::basics::{CARRIER, SHIP_TO};
use simulators::peoplesoft::books::{DocumentBook, TrackBook};
use simulators::peoplesoft::demo::{DemoKind, DemoOrder, demo_orders};
use simulators::peoplesoft::model::{Address, DocKey, DocType, Place};
use simulators::peoplesoft::options::Options;
use simulators::peoplesoft::{PeopleSoft as Installation, Running};
use simulators::server::{Base, Serving};
use waybill::domain::{DocumentId, JobId};

use super::{Correction, Name, Pairing};
use crate::books::Shown;
use crate::carrier::Running as Carrier;
use crate::confidential::texts;
use crate::failure::{Failure, Outcome, While};
use crate::mishaps;

const USER: &str = "WAYBILL";
const PASSWORD: &str = "demo-password";

/// The location of the document that is cancelled.
const UNLUCKY: &str = "2ND-THOUGHTS";

/// A simulated installation with its people.
pub(super) struct PeopleSoft {
    running: Running,
    documents: Vec<Entered>,
    others: Vec<Entered>,
    bought: Vec<DocKey>,
    done: BTreeSet<DocKey>,
}

/// A document that people entered.
struct Entered {
    key: DocKey,
    demo: DemoOrder,
}

impl Entered {
    fn is(&self, kind: DemoKind) -> bool {
        self.demo.kind == kind
    }
}

impl PeopleSoft {
    pub(super) async fn start() -> Outcome<Self> {
        let running = Installation::start(Options::default(), Base::default(), 0).await;
        let running = running.doing("starting the simulated PeopleSoft")?;
        running
            .peoplesoft
            .register(|access| access.add_user(User::new(USER, PASSWORD)));
        Ok(Self {
            running,
            documents: Vec::new(),
            others: Vec::new(),
            bought: Vec::new(),
            done: BTreeSet::new(),
        })
    }

    fn place(&self, demo: DemoOrder) -> Outcome<Entered> {
        let key = self.running.peoplesoft.act(|world, now| demo.enter(world, now));
        let key = key.map_err(|missing| Failure::new(format!("entering a document: {missing:?}")))?;
        Ok(Entered { key, demo })
    }

    fn shown_of(&self, document: &Entered, book: &DocumentBook) -> Shown {
        let done = self.done.contains(&document.key);
        let rows: Vec<&TrackBook> = shipment_rows(book).collect();
        Shown {
            number: document.key.id.clone(),
            document: document_id(&document.key),
            tracking_numbers: rows.iter().flat_map(|row| numbers(row)).collect(),
            beside: Vec::new(),
            consignments: destinations(book).len(),
            // A requisition that becomes an order has ended when that order is there and has not shipped again.
            whole: done || !document.is(DemoKind::RequisitionToOrder),
            cancelled: book.status == "X",
            corrected: done,
            problem: problem(book),
            status: status(book, &rows),
            writes: rows.iter().map(|_| "row".to_owned()).collect(),
            last_write: rows.iter().filter_map(|row| first_write(row)).max(),
        }
    }
}

impl Pairing for PeopleSoft {
    fn name(&self) -> Name {
        Name::PeopleSoft
    }

    fn url(&self) -> &str {
        &self.running.url
    }

    fn secret(&self) -> Value {
        json!({ "kind": "basic", "user": USER, "password": PASSWORD })
    }

    fn tokens(&self) -> Vec<String> {
        self.running.peoplesoft.tokens()
    }

    fn people(&self) -> BTreeSet<String> {
        const SAY: [&str; 6] = ["description", "attention", "lines", "phone", "email", "name"];
        let known = self.running.peoplesoft.act(|world, _| {
            let locations: Vec<_> = world.locations.values().collect();
            json!({ "locations": locations, "vendors": world.vendors.values().collect::<Vec<_>>() })
        });
        texts(&known, &|name| SAY.contains(&name))
    }

    fn enter(&mut self, count: usize, seed: u64) -> Outcome<()> {
        let (others, mut ours): (Vec<_>, Vec<_>) = demo_orders(count + 1, seed)
            .into_iter()
            .partition(|demo| demo.kind == DemoKind::OtherCarrier);
        ours.truncate(count);
        self.others = others
            .into_iter()
            .map(|demo| self.place(demo))
            .collect::<Outcome<_>>()?;
        self.documents = ours
            .into_iter()
            .map(|demo| self.place(unlucky(demo)))
            .collect::<Outcome<_>>()?;
        Ok(())
    }

    fn act(&mut self, carrier: &Carrier) -> Outcome<bool> {
        let books = self.running.peoplesoft.books();
        let due = |document: &&Entered| {
            let book = books.document(&document.key);
            !self.done.contains(&document.key) && book.is_some_and(|book| wants(document, book, carrier))
        };
        let due: Vec<&Entered> = self.documents.iter().filter(due).collect();
        let (mut done, mut bought) = (BTreeSet::new(), Vec::new());
        for document in due {
            let played = self
                .running
                .peoplesoft
                .act(|world, now| document.demo.play(&document.key, world, now));
            let order = played.map_err(|missing| Failure::new(format!("acting on {}: {missing:?}", document.key)))?;
            bought.extend(order);
            done.insert(document.key.clone());
        }
        let acted = !done.is_empty();
        self.done.append(&mut done);
        self.bought.append(&mut bought);
        Ok(acted)
    }

    fn shown(&self) -> Vec<Shown> {
        let books = self.running.peoplesoft.books();
        let shown = |document: &Entered| Some(self.shown_of(document, books.document(&document.key)?));
        self.documents.iter().filter_map(shown).collect()
    }

    fn written_twice(&self) -> usize {
        let books = self.running.peoplesoft.books();
        let repeated = books.documents.values().flat_map(shipment_rows).map(repeated_writes);
        repeated.sum::<usize>() + books.duplicates.tracking_numbers.len()
    }

    fn shipped_elsewhere(&self) -> Vec<DocumentId> {
        self.bought.iter().map(document_id).collect()
    }

    fn of_other_carriers(&self) -> Vec<DocumentId> {
        self.others.iter().map(|other| document_id(&other.key)).collect()
    }

    fn plain(&self) -> Vec<DocumentId> {
        let plain = self.documents.iter().filter(|one| one.is(DemoKind::Good));
        plain.map(|one| document_id(&one.key)).collect()
    }

    fn correction(&self) -> Option<Correction> {
        let document = self.documents.iter().find(|one| one.is(DemoKind::WrongAddress))?;
        let number = &document.key.id;
        Some(Correction {
            number: number.clone(),
            held_for: "its location's address",
            act: json!({ "document": number, "act": "change_ship_to", "location": SHIP_TO }),
        })
    }

    fn end(self: Box<Self>) -> Serving {
        self.running.serving
    }
}

/// The document as jobs know it.
fn document_id(key: &DocKey) -> DocumentId {
    let id = format!("{}.{}", key.business_unit, key.id);
    match key.doc_type {
        DocType::Po => DocumentId::purchase_order(id),
        DocType::Req => DocumentId::requisition(format!("REQ:{id}")),
    }
}

/// The document that is cancelled goes to a place of its own, whose rates fail.
fn unlucky(demo: DemoOrder) -> DemoOrder {
    if demo.kind != DemoKind::Cancelled {
        return demo;
    }
    let place = Place {
        description: Name::PeopleSoft.unlucky().to_owned(),
        attention: "Receiving".to_owned(),
        address: Address::us("2311 York Road", "Timonium", "MD", "21093"),
        phone: "4105550137".to_owned(),
    };
    DemoOrder {
        document: demo.document.to(UNLUCKY),
        location: Some((UNLUCKY.to_owned(), place)),
        ..demo
    }
}

/// Whether it is time for a person to act on a document.
fn wants(document: &Entered, book: &DocumentBook, carrier: &Carrier) -> bool {
    match document.demo.kind {
        DemoKind::WrongAddress | DemoKind::NoWeight => problem(book).is_some(),
        DemoKind::Cancelled => mishaps::was_rated(carrier, Name::PeopleSoft),
        DemoKind::RequisitionToOrder => shipment_rows(book).any(|row| !numbers(row).is_empty()),
        DemoKind::Good | DemoKind::Requisition | DemoKind::OtherCarrier | DemoKind::Mixed => false,
    }
}

/// Why people see that the document is held.
fn problem(book: &DocumentBook) -> Option<String> {
    let row = book.track.get("PROBLEM").filter(|row| row.column("ERR_FLG") != "N")?;
    let text = row.column("ERR_TEXT").trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Where the delivery stands: what was last told, or what the shipment began with.
fn status(book: &DocumentBook, rows: &[&TrackBook]) -> Option<String> {
    let told = book.track.get("DELIVERY").into_iter().chain(rows.iter().copied());
    let mut statuses = told.map(|row| row.column("STATUS")).filter(|status| !status.is_empty());
    statuses.next().map(str::to_owned)
}

/// The rows of shipments.
fn shipment_rows(book: &DocumentBook) -> impl Iterator<Item = &TrackBook> {
    let rows = book.track.iter().filter(|(entry, _)| entry.parse::<JobId>().is_ok());
    rows.map(|(_, row)| row)
}

fn numbers(row: &TrackBook) -> BTreeSet<String> {
    let numbers = row.column("TRACKING").split([',', ' ', ';']);
    numbers.filter(|number| !number.is_empty()).map(str::to_owned).collect()
}

/// Where what UPS brings goes.
fn destinations(book: &DocumentBook) -> BTreeSet<&str> {
    let alive = book
        .schedules
        .values()
        .filter(|schedule| !matches!(schedule.status.as_str(), "X" | "D" | "C") && schedule.carrier == CARRIER);
    alive.map(|schedule| schedule.ship_to.as_str()).collect()
}

/// When a row first had a tracking number.
fn first_write(row: &TrackBook) -> Option<Timestamp> {
    let tracked = row.history.iter().find(|said| said.columns.contains_key("TRACKING"));
    tracked.map(|said| said.at)
}

/// How often a row was written with what it said already.
fn repeated_writes(row: &TrackBook) -> usize {
    let said = |columns: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let own = columns.iter().filter(|(name, _)| *name != "LAST_DTTM_UPDATE");
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let mut known = BTreeSet::new();
    let repeated = row.history.iter().filter(|write| !known.insert(said(&write.columns)));
    repeated.count()
}

#[cfg(test)]
mod tests {
    use simulators::peoplesoft::track::Written;

    use super::*;

    fn row(said: &[&[(&str, &str)]]) -> TrackBook {
        let written = |(second, columns): (i64, &&[(&str, &str)])| Written {
            at: Timestamp::from_second(second).unwrap(),
            by: USER.to_owned(),
            columns: columns
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .chain([("LAST_DTTM_UPDATE".to_owned(), second.to_string())])
                .collect(),
        };
        let history: Vec<Written> = (0..).zip(said).map(written).collect();
        TrackBook {
            writes: history.len(),
            columns: history.last().map(|last| last.columns.clone()).unwrap_or_default(),
            history,
        }
    }

    #[test]
    fn a_row_written_again_with_the_same_is_one_too_many() {
        let tracked: &[(&str, &str)] = &[("TRACKING", "1Z1, 1Z2")];
        let told: &[(&str, &str)] = &[("TRACKING", "1Z1, 1Z2"), ("STATUS", "Delivered")];
        assert_eq!(repeated_writes(&row(&[tracked, told])), 0);
        assert_eq!(repeated_writes(&row(&[tracked, tracked])), 1);
        assert_eq!(numbers(&row(&[tracked])).len(), 2);
        assert_eq!(first_write(&row(&[&[], tracked])), Timestamp::from_second(1).ok());
    }

    #[test]
    fn a_document_is_named_as_the_connection_names_it() {
        let order = DocKey::new("US001", DocType::Po, "0000079262");
        assert_eq!(document_id(&order), DocumentId::purchase_order("US001.0000079262"));
        let requisition = DocKey::new("US001", DocType::Req, "0000079263");
        assert_eq!(
            document_id(&requisition),
            DocumentId::requisition("REQ:US001.0000079263")
        );
    }
}
