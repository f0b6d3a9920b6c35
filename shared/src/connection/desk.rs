//! What a connection file says about a carrier at whose own desk people ship: `[desk]`, `[stock]` and `[customers]`.

use std::collections::BTreeMap;

use super::parse::schedule;
use super::section::Section;
use super::spelling as spelt;
use super::{CustomersPolicy, DeskPolicy, NamedBy, StockPolicy};
use crate::domain::LocationId;

/// When stock is told where the file does not say: once a day, at night.
const NIGHTLY: &str = "cron(0 2 * * ? *)";

/// When customers are told where the file does not say.
const HOURLY: &str = "rate(1 hour)";

/// For how many days after it was made a void is looked for where the file does not say: carriers take labels back for a month.
const VOIDS_DAYS: u32 = 30;

/// The desk's own fields that a connection may fill.
const FIELDS: [&str; 3] = ["custom_field1", "custom_field2", "custom_field3"];

/// The three tables.
pub(super) struct Desk {
    pub(super) desk: Option<DeskPolicy>,
    pub(super) stock: Option<StockPolicy>,
    pub(super) customers: Option<CustomersPolicy>,
}

impl Desk {
    /// Reads the tables of a desk; of any other carrier they are mistakes.
    pub(super) fn read(root: &Section<'_>, is_desk: bool) -> Self {
        if is_desk {
            let (stock, customers) = (root.section("stock"), root.section("customers"));
            return Self {
                desk: Some(desk(&root.section("desk"))),
                stock: stock.is_present().then(|| self::stock(&stock)),
                customers: customers.is_present().then(|| self::customers(&customers)),
            };
        }
        let nothing = spelt::Spelling::<()> {
            allowed: "nothing: only a carrier at whose own desk people ship has this, like \"shipstation\"",
            read: |_| None,
        };
        for key in ["desk", "stock", "customers"] {
            if root.has(key) {
                root.get(key, &nothing);
            }
        }
        Self {
            desk: None,
            stock: None,
            customers: None,
        }
    }
}

fn desk(section: &Section<'_>) -> DeskPolicy {
    let policy = DeskPolicy {
        named_by: section
            .get("named_by", &spelt::NAMED_BY)
            .unwrap_or_else(|| vec![NamedBy::ExternalId, NamedBy::Number]),
        stores: stores(section),
        voided: section.get("voided", &spelt::VOIDED_AT_DESK).unwrap_or_default(),
        voids_days: section.get("voids_days", &spelt::VOIDS_DAYS).unwrap_or(VOIDS_DAYS),
    };
    section.close();
    policy
}

/// Stores by their bare numbers, by which despatches name them: a part of the vendor's own pages shows them with a prefix.
fn stores(section: &Section<'_>) -> Vec<String> {
    let named: Vec<String> = section.get("stores", &spelt::TEXTS).unwrap_or_default();
    let bare = |store: String| store.trim().trim_start_matches("se-").to_owned();
    named.into_iter().map(bare).collect()
}

fn stock(section: &Section<'_>) -> StockPolicy {
    let (schedule, _) = schedule(section, NIGHTLY);
    let places = section
        .section("places")
        .texts("the desk's inventory location like \"se-123\"");
    if places.is_empty() {
        section.wrong(
            "places",
            "names no place, so that nothing could be told",
            "a table of the ERP's locations and the desk's inventory locations like { \"1\" = \"se-123\" }",
        );
    }
    let places: BTreeMap<LocationId, String> = places
        .into_iter()
        .map(|(location, place)| (LocationId::new(location), place))
        .collect();
    let mut named: Vec<&String> = places.values().collect();
    named.sort_unstable();
    if let Some(twice) = named
        .windows(2)
        .find(|two| two.first() == two.last())
        .and_then(|two| two.first())
    {
        let wrong = format!("names {twice:?} twice, and each location would overwrite the other's quantity");
        section.wrong("places", wrong, "one of the desk's places for each location");
    }
    let policy = StockPolicy {
        schedule,
        places,
        measure: section.get("measure", &spelt::STOCK_MEASURE).unwrap_or_default(),
        assemblies: section.get("assemblies", &spelt::YES_OR_NO).unwrap_or(true),
        condition: section.get("condition", &spelt::TEXT),
    };
    section.close();
    policy
}

fn customers(section: &Section<'_>) -> CustomersPolicy {
    let (schedule, _) = schedule(section, HOURLY);
    let make_orders = section.get("make_orders", &spelt::YES_OR_NO).unwrap_or(false);
    let store = section.get("store", &spelt::TEXT);
    if store.is_some() && !make_orders {
        section.wrong(
            "store",
            "has no meaning without make_orders = true",
            "the store in which orders are made",
        );
    }
    let fields = section.section("fields");
    let mut map = BTreeMap::new();
    for key in FIELDS {
        if let Some(text) = fields.get(key, &spelt::TEXT) {
            map.insert(key.to_owned(), text);
        }
    }
    fields.close();
    section.close();
    CustomersPolicy {
        schedule,
        make_orders,
        store,
        fields: map,
    }
}
