//! How the simulated ShipStation behaves; changed while it runs by [`ShipStation::configure`](super::ShipStation::configure)
//! or `POST /_control/options`.

use serde::{Deserialize, Serialize};

use super::model::Address;
use crate::carriers::pushes::Mishaps;

/// How the simulated ShipStation behaves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The keys of V2; those that begin with `TEST_` are of the sandbox and share the account's orders.
    pub v2_keys: Vec<String>,
    /// The keys of V1.
    pub v1_keys: Vec<V1Key>,
    /// Calls of a V2 key in any 60 seconds.
    pub v2_calls: u32,
    /// Calls of a V2 key of the sandbox in any 60 seconds.
    pub sandbox_calls: u32,
    /// Calls of a V1 key in a minute that begins with its first call.
    pub v1_calls: u32,
    /// A 429 of V2 says in `Retry-After` when there is room again.
    pub tells_retry_after: bool,
    /// V2 tells `X-Rate-Limit-*` on every answer, as V1 does.
    pub v2_tells_limits: bool,
    /// V1 refuses credentials in plain text instead of JSON.
    pub v1_plain_401: bool,
    /// The account has the Inventory add-on.
    pub inventory: bool,
    /// Stock of a SKU that is no product is refused; otherwise it is taken and the product appears.
    pub refuses_unknown_skus: bool,
    /// A label takes what it ships out of the stock.
    pub shipping_takes_stock: bool,
    /// Keys that the vendor documents nowhere are refused.
    pub strict: bool,
    /// A new V2 shipment needs `ship_from` or `warehouse_id`.
    pub needs_origin: bool,
    /// How V2 refuses an external id or a number that is there already.
    pub conflict: Conflict,
    /// `PUT /v2/shipments/{id}` answers 204 without a body instead of the shipment.
    pub update_answers_nothing: bool,
    /// What V2 calls a shipment that was shipped with an external tracking number.
    pub fulfilled_status: String,
    /// A label is a fulfilment as well, with an event of its own.
    pub labels_are_fulfilments: bool,
    /// A shipment split off has a number of its own: the order's with `-1`, `-2`...
    pub split_numbers: bool,
    /// An order with a known `customerUsername` brings the customer up to date.
    pub refreshes_customers: bool,
    /// How Track writes its status.
    pub track_codes: TrackCodes,
    /// Voids are refused with this reason, as 200 with `approved: false`.
    pub refuses_voids: Option<String>,
    /// The largest page.
    pub largest_page: usize,
    /// The address that V2's pointers and links begin with; left out: where it listens.
    pub v2_base: Option<String>,
    /// The address that V1's pointers begin with; left out: where it listens.
    pub v1_base: Option<String>,
    /// The stores.
    pub stores: Vec<Store>,
    /// The carriers that are configured.
    pub carriers: Vec<Carrier>,
    /// Where parcels leave.
    pub warehouse: Place,
    /// Every so-manieth notice is lost on its way.
    pub push_lose_every: Option<u32>,
    /// Every so-manieth notice is sent twice.
    pub push_twice_every: Option<u32>,
    /// Seconds from an event to its notice.
    pub push_delay_s: u32,
    /// Every so-manieth notice is later than the others, and so overtaken by them.
    pub push_late_every: Option<u32>,
    /// By how many seconds it is later.
    pub push_late_s: u32,
    /// How often a notice that was not answered with success is sent again; the vendor does not say.
    pub push_retries: u32,
    /// Seconds until it is sent again.
    pub push_retry_s: u32,
    /// Seconds by which the time in a signature is wrong: positive for the future.
    pub timestamp_skew_s: i64,
}

/// The credentials of a V1 client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct V1Key {
    /// The key: the user name.
    pub key: String,
    /// The secret: the password.
    pub secret: String,
}

/// How V2 refuses what is there already.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// HTTP 200 with `has_errors` and the words at the shipment.
    #[default]
    Within200,
    /// HTTP 400 with `identifier_conflict`.
    Status400,
}

/// How Track writes its status.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackCodes {
    /// Two letters, as in the documentation.
    #[default]
    TwoLetters,
    /// The long codes of the file.
    Long,
}

/// A store: where orders come from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its marketplace.
    pub marketplace: String,
}

/// A configured carrier.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// Its id.
    pub id: u64,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The codes of its services; the first is the usual one.
    pub services: Vec<String>,
}

/// A ship-from warehouse.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Address,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            v2_keys: vec!["shipstation-v2-key".to_owned(), "TEST_shipstation-key".to_owned()],
            v1_keys: vec![V1Key {
                key: "shipstation-v1-key".to_owned(),
                secret: "shipstation-v1-secret".to_owned(),
            }],
            v2_calls: 200,
            sandbox_calls: 20,
            v1_calls: 40,
            tells_retry_after: true,
            v2_tells_limits: false,
            v1_plain_401: true,
            inventory: true,
            refuses_unknown_skus: true,
            shipping_takes_stock: false,
            strict: true,
            needs_origin: true,
            conflict: Conflict::default(),
            update_answers_nothing: false,
            fulfilled_status: "label_purchased".to_owned(),
            labels_are_fulfilments: true,
            split_numbers: false,
            refreshes_customers: false,
            track_codes: TrackCodes::default(),
            refuses_voids: None,
            largest_page: 500,
            v2_base: None,
            v1_base: None,
            stores: vec![
                Store::named(1_582_173, "Acme Web Shop"),
                Store::named(1_582_174, "Acme Wholesale"),
            ],
            carriers: carriers(),
            warehouse: Place {
                id: 524_001,
                name: "Timonium".to_owned(),
                address: Address::of_acme(),
            },
            push_lose_every: None,
            push_twice_every: None,
            push_delay_s: 0,
            push_late_every: None,
            push_late_s: 0,
            push_retries: 0,
            push_retry_s: 60,
            timestamp_skew_s: 0,
        }
    }
}

fn carriers() -> Vec<Carrier> {
    let carrier = |id, code: &str, name: &str, services: &[&str]| Carrier {
        id,
        code: code.to_owned(),
        name: name.to_owned(),
        services: services.iter().map(|service| (*service).to_owned()).collect(),
    };
    vec![
        carrier(
            2_774_150,
            "ups",
            "UPS",
            &["ups_ground", "ups_2nd_day_air", "ups_next_day_air"],
        ),
        carrier(2_774_151, "fedex", "FedEx", &["fedex_ground", "fedex_2day"]),
        carrier(
            2_774_152,
            "stamps_com",
            "Stamps.com",
            &["usps_ground_advantage", "usps_priority_mail"],
        ),
    ]
}

impl Options {
    /// What goes wrong with notices.
    pub(super) fn mishaps(&self) -> Mishaps {
        Mishaps {
            lose_every: self.push_lose_every,
            twice_every: self.push_twice_every,
            delay_s: self.push_delay_s,
            late_every: self.push_late_every,
            late_s: self.push_late_s,
        }
    }

    /// The carrier of this code.
    pub(super) fn carrier(&self, code: &str) -> Option<&Carrier> {
        self.carriers.iter().find(|carrier| carrier.code == code)
    }

    /// The store that an order goes to when it names none.
    pub(super) fn first_store(&self) -> u64 {
        self.stores.first().map_or(0, |store| store.id)
    }

    /// Whether there is such a store.
    pub(super) fn has_store(&self, id: u64) -> bool {
        self.stores.iter().any(|store| store.id == id)
    }
}

impl Store {
    /// A manual store.
    pub fn named(id: u64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            marketplace: "ShipStation".to_owned(),
        }
    }
}

impl Carrier {
    /// The code of its usual service.
    pub(super) fn usual_service(&self) -> &str {
        self.services.first().map_or("ups_ground", String::as_str)
    }
}
