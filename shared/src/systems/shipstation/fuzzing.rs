//! Every reader of ShipStation's answers at once, for `fuzz/`: whatever either API answers, each of them says what it makes of it; and
//! where a webhook's pointer leads, which whoever knows a hook's address may write.

use ::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use rust_decimal::dec;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::wire::{v1, v2};
use super::{account, convert};
use crate::connection::{Environment, SystemSettings};
use crate::domain::{Address, Customer, DeskOrder, DeskOrderLine, Despatch, DocumentId, LineId, Money, Weight};
use crate::http::{self as web, Answer};

/// The moment at which everything is read.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Hands an answer to every reader; says how many of them understood it.
pub fn answers(status: u16, body: &[u8]) -> usize {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    };
    let read = || web::read(Ok(answer.clone()), convert::envelope);
    let despatches = despatches(body);
    for despatch in &despatches {
        keep(despatch);
    }
    let tracking: v2::Tracking = wire(body).unwrap_or_default();
    let news = convert::told(&tracking);
    let text = String::from_utf8_lossy(body);
    let page: v2::Page = wire(body).unwrap_or_default();
    let understood = [
        read().is_err(),
        convert::envelope(&answer).is_some(),
        !despatches.is_empty(),
        convert::page_error(&page).is_some(),
        convert::voided(&answer) != convert::Void::Unclear,
        convert::created_v2(&answer).is_some_and(|made| made.is_ok()),
        !news.events.is_empty(),
        convert::signing_keys(body).is_some_and(|keys| !keys.is_empty()),
        wire(body).and_then(|list: Value| convert::pushes_v2(&list)).is_some(),
        wire(body).and_then(convert::pushes_v1).is_some(),
        orders(body) > 0,
        convert::legal_number(&text).is_ok(),
        convert::despatch_number(&text).is_ok(),
        convert::Place::read(&text).is_some(),
    ];
    understood.into_iter().filter(|understood| *understood).count()
}

/// The hosts to which a pointer is followed, by either API, and under which the customer's key is sent.
pub fn led_to(pointer: &str) -> Vec<String> {
    let accounts = ["v1", "v2"].into_iter().filter_map(account_by);
    let pointers = accounts.filter_map(|account| convert::follow(pointer, &account).ok());
    let hosts = pointers.map(|pointer| pointer.base.host_str().unwrap_or_default().to_owned());
    hosts.collect()
}

fn account_by(api: &str) -> Option<account::Account> {
    let settings = SystemSettings {
        system: "shipstation".to_owned(),
        account: "acme".to_owned(),
        secret: "waybill/dev/acme/shipstation".to_owned(),
        base_url: None::<Url>,
        allow_host: Vec::new(),
        options: json!({ "api": api, "currency": "USD" }),
    };
    account::read(&settings, Environment::Production).ok()
}

fn wire<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

/// Whatever of it was shipped, by either API, alone or in a list, with its order and without.
fn despatches(body: &[u8]) -> Vec<Despatch> {
    let mut labels: Vec<v2::Label> = wire(body).into_iter().collect();
    let mut shipments: Vec<v1::Shipment> = wire(body).into_iter().collect();
    let page: v2::Page = wire(body).unwrap_or_default();
    labels.extend(page.labels.unwrap_or_default());
    let fulfilments = page.fulfillments.unwrap_or_default();
    let page: v1::Page = wire(body).unwrap_or_default();
    shipments.extend(page.shipments.unwrap_or_default());
    let marked = page.fulfillments.unwrap_or_default();
    let order: Option<v2::Order> = wire(body);
    let own: Option<v1::Order> = wire(body);
    let mut all = Vec::new();
    let told = labels.iter().filter_map(|label| convert::of_label(label, NOW));
    let marked_v2 = fulfilments.iter().filter_map(|one| convert::of_v2_fulfilment(one, NOW));
    for told in told.chain(marked_v2) {
        all.extend(order.as_ref().map(|order| convert::with_order(told.clone(), order)));
        all.push(told);
    }
    for currency in [None, Some("USD")] {
        all.extend(
            shipments
                .iter()
                .filter_map(|one| convert::of_shipment(one, currency, NOW)),
        );
        for told in marked
            .iter()
            .filter_map(|one| convert::of_v1_fulfilment(one, currency, NOW))
        {
            for only in [true, false] {
                all.extend(
                    own.as_ref()
                        .map(|order| convert::with_order_v1(told.clone(), order, only)),
                );
            }
            all.push(told);
        }
    }
    all
}

/// What was shipped is kept as text and read again: it stays what it is.
fn keep(despatch: &Despatch) {
    despatch.parcels();
    despatch.in_words();
    let kept = serde_json::to_string(despatch).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Despatch>(&kept).ok().as_ref(), Some(despatch));
}

/// An open order is held against whatever stands at the desk; how many of its readers understood what stands there.
fn orders(body: &[u8]) -> usize {
    let Some(there) = wire::<Value>(body) else { return 0 };
    let order = open_order();
    let shipped: Vec<v1::Shipment> = wire(body).into_iter().collect();
    let as_v2: Option<v2::Order> = wire(body);
    let as_v1: Option<v1::Order> = wire(body);
    let understood = [
        as_v2.as_ref().and_then(convert::said_by_v2).is_some(),
        as_v1.as_ref().and_then(convert::said_by_v1).is_some(),
        convert::goods_v2(&order, &there, true).is_ok_and(|goods| goods.is_none()),
        convert::has_goods_v1(&order, &there),
        convert::goods_v1(&order, &there, &shipped, true).is_ok_and(|goods| goods.is_some()),
        convert::change_v1(&order, &there, true, None).is_ok(),
    ];
    let _ = convert::change_v2(&order, &there);
    understood.into_iter().filter(|understood| *understood).count()
}

fn open_order() -> DeskOrder {
    DeskOrder {
        document: DocumentId::sales_order("1"),
        number: "SO-1001".to_owned(),
        ordered_at: NOW,
        modified: NOW,
        customer: Customer {
            id: "77".to_owned(),
            number: "C-778".to_owned(),
            name: "Quist Instruments".to_owned(),
            company: None,
            emails: Vec::new(),
            phones: Vec::new(),
            above: Vec::new(),
            fields: [("custom_field1".to_owned(), "Quist Holding".to_owned())].into(),
        },
        ship_to: Address {
            name: "Nora Quist".to_owned(),
            lines: vec!["9 Burnside Ave".to_owned()],
            city: "Portland".to_owned(),
            country: "US".to_owned(),
            ..Address::default()
        },
        bill_to: None,
        currency: Some("USD".to_owned()),
        ship_method: None,
        lines: vec![DeskOrderLine {
            line: LineId::new("11"),
            sku: "FM-20".to_owned(),
            name: None,
            quantity: dec!(2),
            unit_price: Some(Money::new(dec!(49.50), "USD")),
            weight: Some(Weight::pounds(dec!(0.5))),
        }],
        open: true,
    }
}
