//! What a script of the customer's tells of orders: NetSuite has no webhook of its own, so that a user event script posts
//! after each time that somebody saves an order.
//!
//! Quirks kept: nothing is posted twice or again; what an integration writes through REST is not told; a fulfilment is a
//! record of its own and saves no order.

use super::model::Id;
use super::world::World;
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What somebody did to an order, in the script's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Happening {
    /// It was entered.
    Create,
    /// It was changed.
    Edit,
    /// It was approved.
    Approve,
    /// It was cancelled.
    Cancel,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderEvent {
    order: Id,
    happening: Happening,
    last_modified: Timestamp,
}

/// A request as the script posts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPush {
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl World {
    /// The script, where one is deployed, has something to tell.
    pub(super) fn happened(&mut self, order: Id, happening: Happening) {
        let deployed = self.options.event_hook.is_some();
        if let Some(found) = self.orders.get(&order).filter(|_| deployed) {
            self.untold.push(OrderEvent {
                order,
                happening,
                last_modified: found.last_modified,
            });
        }
    }
}

/// Everything untold, as it is posted now.
pub(super) fn due(world: &mut World, now: Timestamp) -> Vec<EventPush> {
    let untold = std::mem::take(&mut world.untold);
    let Some(hook) = &world.options.event_hook else {
        return Vec::new();
    };
    let push = |event: OrderEvent| {
        let body = body(&event);
        EventPush {
            url: hook.url.clone(),
            headers: headers(&body, hook.key.as_deref(), now),
            body,
        }
    };
    untold.into_iter().map(push).collect()
}

fn body(event: &OrderEvent) -> String {
    let modified = event.last_modified.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "type": "salesorder",
        "id": event.order.to_string(),
        "event": event.happening,
        "lastModified": modified,
    })
    .to_string()
}

fn headers(body: &str, key: Option<&str>, now: Timestamp) -> Vec<(String, String)> {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    if let Some(key) = key {
        let stamp = now.as_second().to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = hmac::sign(&key, format!("{stamp}.{body}").as_bytes());
        headers.push(("x-waybill-timestamp".to_owned(), stamp));
        headers.push(("x-waybill-signature".to_owned(), HEXLOWER.encode(signature.as_ref())));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::super::people::{NewLine, NewOrder};
    use super::super::world::PERSON;
    use super::super::{NetSuite, options};
    use super::*;
    use crate::clock::Clock;
    use crate::server::Base;
    use jiff::SignedDuration;
    use serde_json::Value;

    fn deployed(key: Option<&str>) -> NetSuite {
        let options = options::Options {
            event_hook: Some(options::EventHook {
                url: "https://hooks.example/netsuite/abc".into(),
                key: key.map(str::to_owned),
            }),
            ..options::Options::default()
        };
        let base = Base {
            clock: Clock::frozen("2026-03-02T14:00:00Z".parse().unwrap()),
            ..Base::default()
        };
        NetSuite::new(options, base).unwrap()
    }

    fn enter(netsuite: &NetSuite) -> Id {
        let address = super::super::demo::demo_orders(1, 1).remove(0).order.address;
        let mut order = NewOrder::to(address, vec![NewLine::of(netsuite.basics().light, 1)]);
        order.pending_approval = true;
        netsuite.act(|world, now| world.add_order(order, now)).unwrap()
    }

    fn told(netsuite: &NetSuite) -> Vec<String> {
        let event = |push: EventPush| {
            let body: Value = serde_json::from_str(&push.body).unwrap();
            body["event"].as_str().unwrap().to_owned()
        };
        netsuite.due_events().into_iter().map(event).collect()
    }

    #[test]
    fn what_people_do_to_orders_is_told_once_and_what_an_integration_writes_is_not() {
        let netsuite = deployed(Some("key"));
        let order = enter(&netsuite);
        netsuite.act(|world, now| world.approve(order, now)).unwrap();
        netsuite
            .act(|world, now| world.edit_quantity(order, 1, 2.into(), now))
            .unwrap();
        netsuite.act(|world, now| {
            world.set_order_field(order, "custbody_waybill_place", "Reno".into(), "client-1", now);
            world.set_order_field(order, "custbody_waybill_place", "Elko".into(), PERSON, now);
        });
        assert_eq!(told(&netsuite), ["create", "approve", "edit", "edit"]);
        assert!(told(&netsuite).is_empty());
        netsuite.act(|world, now| world.cancel(order, now)).unwrap();
        assert_eq!(told(&netsuite), ["cancel"]);
        let history: Vec<(String, String)> = netsuite.books().orders["SO10001"]
            .field_history
            .iter()
            .map(|change| (change.value.as_str().unwrap().to_owned(), change.by.clone()))
            .collect();
        let expected = [("Reno", "client-1"), ("Elko", PERSON)].map(|(value, by)| (value.to_owned(), by.to_owned()));
        assert_eq!(history, expected);
    }

    #[test]
    fn an_event_is_signed_with_the_time_at_which_it_is_sent() {
        let netsuite = deployed(Some("key"));
        let order = enter(&netsuite);
        netsuite.base.clock.advance(SignedDuration::from_secs(90));
        let push = netsuite.due_events().remove(0);
        assert_eq!(push.url, "https://hooks.example/netsuite/abc");
        let body: Value = serde_json::from_str(&push.body).unwrap();
        let expected = json!({ "type": "salesorder", "id": order.to_string(), "event": "create", "lastModified": "2026-03-02T14:00:00Z" });
        assert_eq!(body, expected);
        let header = |name: &str| push.headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
        assert_eq!(header("x-waybill-timestamp"), "1772460090");
        assert_eq!(header("x-waybill-signature").len(), 64);
        let unsigned = deployed(None);
        enter(&unsigned);
        assert_eq!(unsigned.due_events().remove(0).headers.len(), 1);
    }

    #[test]
    fn without_a_script_nothing_is_told() {
        let netsuite = NetSuite::new(options::Options::default(), Base::default()).unwrap();
        enter(&netsuite);
        let hook = options::EventHook {
            url: "https://hooks.example".into(),
            key: None,
        };
        netsuite.configure(|options| options.event_hook = Some(hook)).unwrap();
        assert!(
            netsuite.due_events().is_empty(),
            "a script tells nothing of what was before it"
        );
    }
}
