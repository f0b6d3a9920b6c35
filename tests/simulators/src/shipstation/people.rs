//! People at work in ShipStation: they enter orders, buy labels, mark as shipped, void, count stock.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::acting::{Act, Bought, Buy, NewOrder};
use super::answer::{read_se, request_id};
use super::model::{Address, Hook, Id, Kind, Line, Order, Scan, Standing, State};
use super::notices::News;
use super::shipping::{Fault, Leaving, Wish};
use super::stock::Condition;
use super::v2::blank;
use super::{Books, Options, ShipStation};

impl ShipStation {
    /// What really happened.
    pub fn read_books(&self) -> Books {
        Books::of(&self.state(), self.base.requests.counts())
    }

    /// Changes how it behaves.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.state().options);
    }

    /// How many requests asked for an operation (`v2_labels`, `v1_shipments`, `jwks`, ...).
    pub fn asked(&self, operation: &str) -> u64 {
        self.base.requests.count(operation)
    }

    /// A person enters an order; its id: V1's `orderId`, V2's `shipment_id` without `se-`.
    ///
    /// # Errors
    /// In words, when there is no such store or the key is taken.
    pub fn enter(&self, new: NewOrder) -> Result<u64, String> {
        let now = self.now();
        let mut state = self.state();
        let store = new.store.unwrap_or_else(|| state.options.first_store());
        if !state.options.has_store(store) {
            return Err("there is no such store".to_owned());
        }
        let key = new.key.unwrap_or_default();
        if !key.is_empty() && state.keyed(&key).is_some() {
            return Err("the key is that of another order".to_owned());
        }
        let external = new.external_order_id;
        let mut lines = Vec::new();
        for item in new.items {
            lines.push(Line {
                id: state.next(Kind::Line),
                key: item.key,
                name: item.name.unwrap_or_else(|| item.sku.clone()),
                sku: Some(item.sku),
                quantity: item.quantity,
                unit_price: item.unit_price.unwrap_or(Decimal::TEN),
                tax: Decimal::ZERO,
                shipping: Decimal::ZERO,
                weight: item.weight,
                external_order_id: external.clone(),
            });
        }
        let import = request_id();
        let order = Order {
            number: new.number,
            key,
            store,
            standing: new.standing,
            import: import.clone(),
            ship_to: new.ship_to.unwrap_or_else(Address::of_a_buyer),
            username: new.username,
            email: new.email,
            lines,
            custom_fields: new.custom_fields,
            carrier: new.carrier,
            service: new.service,
            external_order_id: external,
            ..blank(now)
        };
        let id = state.enter(order, now);
        state.tell(&News::orders(&import, [store]), now);
        Ok(id)
    }

    /// A person buys a label, for an order or for a part of it.
    ///
    /// # Errors
    /// In words, when that cannot be bought.
    pub fn buy(&self, buy: &Buy) -> Result<Bought, String> {
        let bought = self.buy_all(std::slice::from_ref(buy), false)?;
        bought.into_iter().next().ok_or_else(|| "nothing was bought".to_owned())
    }

    /// A person buys labels together, in one batch.
    ///
    /// # Errors
    /// In words, when one of them cannot be bought; then none is.
    pub fn buy_batch(&self, buys: &[Buy]) -> Result<Vec<Bought>, String> {
        self.buy_all(buys, true)
    }

    fn buy_all(&self, buys: &[Buy], together: bool) -> Result<Vec<Bought>, String> {
        let now = self.now();
        let mut state = self.state();
        let wishes = buys.iter().map(|buy| state.wish(buy)).collect::<Result<Vec<_>, _>>()?;
        let labels = state.buy(&wishes, together, now).map_err(in_words)?;
        Ok(labels.into_iter().filter_map(|id| state.bought(id)).collect())
    }

    /// A person marks what is left of an order, or one part of it, as shipped with an external tracking number; the ids
    /// of the fulfilments.
    ///
    /// # Errors
    /// In words, when nothing of it is left to ship.
    pub fn mark_shipped(&self, order: &str, carrier: &str, tracking_number: &str) -> Result<Vec<u64>, String> {
        let now = self.now();
        let mut state = self.state();
        let parts = state.open_parts_named(order)?;
        let mut made = Vec::new();
        for part in parts {
            let leaving = Leaving {
                part,
                carrier: carrier.to_owned(),
                tracking_number: tracking_number.to_owned(),
                shipped_at: now,
                notify_customer: true,
                notify_store: true,
            };
            made.push(state.fulfil(leaving, now).map_err(in_words)?);
        }
        Ok(made)
    }

    /// A person buys a return label.
    ///
    /// # Errors
    /// In words.
    pub fn buy_return(&self, label: &str) -> Result<Bought, String> {
        let now = self.now();
        let mut state = self.state();
        let label = state.label_named(label)?;
        let id = state.return_label(label, now).map_err(in_words)?;
        state.bought(id).ok_or_else(|| "nothing was bought".to_owned())
    }

    /// A person voids a label.
    ///
    /// # Errors
    /// In words, when the carrier refuses.
    pub fn void(&self, label: &str) -> Result<(), String> {
        let now = self.now();
        let mut state = self.state();
        let label = state.label_named(label)?;
        let voided = state.void(label, now).map_err(in_words)?;
        voided.map_err(|refused| refused.message.to_owned())
    }

    /// The carrier scans a parcel.
    ///
    /// # Errors
    /// In words.
    pub fn scan(&self, label: &str, scan: Scan) -> Result<(), String> {
        let now = self.now();
        let mut state = self.state();
        let label = state.label_named(label)?;
        state.scan(label, scan, now).map_err(in_words)
    }

    /// The carrier takes a parcel from where it is to its door.
    ///
    /// # Errors
    /// In words.
    pub fn deliver(&self, label: &str) -> Result<(), String> {
        self.scan(label, Scan::Delivered)
    }

    /// A person cancels an order.
    ///
    /// # Errors
    /// In words, when something of it was shipped.
    pub fn cancel(&self, order: &str) -> Result<(), String> {
        let now = self.now();
        let mut state = self.state();
        let order = state.order_named(order)?;
        state.cancel(order, now).map_err(in_words)
    }

    /// What lies at a location and is to be sold is counted; the SKU is a product from then on.
    pub fn count(&self, sku: &str, location: u64, on_hand: i64) {
        let now = self.now();
        let mut state = self.state();
        state.meet_product(sku, sku, now);
        state.stock.set(location, sku, Condition::Sellable, on_hand);
    }

    /// A person enters a product.
    pub fn add_product(&self, sku: &str, name: &str) {
        let now = self.now();
        self.state().meet_product(sku, name, now);
    }

    /// A person sets up a subscription to notices of this API (1 or 2), as in the settings; its id.
    pub fn subscribe(&self, api: u8, event: &str, url: &str) -> u64 {
        let mut state = self.state();
        let id = state.next(Kind::Hook);
        state.hooks.push(Hook {
            id,
            api,
            event: event.to_owned(),
            url: url.to_owned(),
            name: None,
            store: None,
            headers: Vec::new(),
        });
        id
    }

    /// Signs by a new key from now on; the page of keys still tells the old ones, or not.
    pub fn rotate_key(&self, keep_old: bool) {
        self.state().keys.rotate(keep_old);
    }

    /// Does what a person does; what came of it.
    ///
    /// # Errors
    /// In words, when that cannot be done.
    pub fn act(&self, act: Act) -> Result<Value, String> {
        let done = json!({ "done": true });
        match act {
            Act::Enter(new) => self.enter(*new).map(|id| json!({ "order": id })),
            Act::Buy(buy) => self.buy(&buy).map(|bought| json!(bought)),
            Act::BuyBatch { buys } => self.buy_batch(&buys).map(|bought| json!(bought)),
            Act::MarkShipped {
                order,
                carrier,
                tracking_number,
            } => {
                let made = self.mark_shipped(&order, &carrier, &tracking_number)?;
                Ok(json!({ "fulfilments": made }))
            }
            Act::ReturnLabel { label } => self.buy_return(&label).map(|bought| json!(bought)),
            Act::Void { label } => self.void(&label).map(|()| done),
            Act::Scan { label, scan } => self.scan(&label, scan).map(|()| done),
            Act::Deliver { label } => self.deliver(&label).map(|()| done),
            Act::Cancel { order } => self.cancel(&order).map(|()| done),
            Act::Product { sku, name } => {
                self.add_product(&sku, &name);
                Ok(done)
            }
            Act::Count { sku, location, on_hand } => {
                self.count(&sku, location, on_hand);
                Ok(done)
            }
            Act::RotateKey { keep_old } => {
                self.rotate_key(keep_old);
                Ok(done)
            }
            Act::Again { containing, times } => Ok(json!({ "sent": self.again(&containing, times) })),
            other => self.change(other).map(|()| done),
        }
    }

    /// Changes something that is there.
    fn change(&self, act: Act) -> Result<(), String> {
        let now = self.now();
        let mut state = self.state();
        match act {
            Act::Edit { order, ship_to, number } => {
                let id = state.order_named(&order)?;
                state.edit(id, ship_to, number).map_err(in_words)?;
                state.touch(id, now);
            }
            Act::VoidFulfilment { fulfilment } => state.void_fulfilment(fulfilment, now).map_err(in_words)?,
            Act::Hold { order, until } => {
                let id = state.order_named(&order)?;
                state.stand(id, Standing::OnHold, until, now).map_err(in_words)?;
            }
            Act::Release { order } => {
                let id = state.order_named(&order)?;
                let stood = state.stand(id, Standing::AwaitingShipment, None, now);
                stood.map_err(in_words)?;
            }
            Act::Tag { order, tag } => {
                let id = state.order_named(&order)?;
                let tag = state.tag(&tag);
                if let Some(order) = state.orders.get_mut(&id) {
                    order.tags.push(tag);
                }
                state.touch(id, now);
            }
            _ => return Err("that is not done here".to_owned()),
        }
        Ok(())
    }
}

fn in_words(fault: Fault) -> String {
    fault.words().to_owned()
}

impl State {
    fn wish(&self, buy: &Buy) -> Result<Wish, String> {
        let part = self.open_parts_named(&buy.order)?.first().copied();
        let part = part.ok_or("nothing of it is left to ship")?;
        let takes = if buy.takes.is_empty() {
            None
        } else {
            Some(self.takes(part, buy)?)
        };
        Ok(Wish {
            part,
            takes,
            packages: buy.packages,
            carrier: buy.carrier.clone(),
            service: buy.service.clone(),
        })
    }

    fn takes(&self, part: Id, buy: &Buy) -> Result<Vec<(Id, u32)>, String> {
        let (order, _) = self.part(part).ok_or("there is no such order")?;
        let named = |name: &str| {
            let mut lines = order.lines.iter();
            lines.find(|line| line.key.as_deref() == Some(name) || line.sku.as_deref() == Some(name))
        };
        let take = |take: &super::Take| {
            let line = named(&take.item).ok_or_else(|| format!("no line is called {}", take.item))?;
            Ok((line.id, take.quantity))
        };
        buy.takes.iter().map(take).collect()
    }

    fn bought(&self, id: Id) -> Option<Bought> {
        let label = self.labels.get(&id)?;
        let numbers = label.packages.iter().map(|package| package.tracking_number.clone());
        Some(Bought {
            label: id,
            order: label.order,
            part: label.part,
            batch: label.batch,
            tracking_numbers: numbers.collect(),
        })
    }

    /// The order that is meant: by number, key or id, its own or a part's.
    fn order_named(&self, name: &str) -> Result<Id, String> {
        let by_number = self
            .orders
            .values()
            .find(|order| order.number == name || order.key == name);
        let id = read_se(name).or_else(|| name.parse().ok());
        let found = id
            .and_then(|id| self.order_of_part(id))
            .or(by_number.map(|order| order.id));
        found.ok_or_else(|| format!("there is no order {name}"))
    }

    /// The open parts that are meant: one if it is named by its id, else all of the order.
    fn open_parts_named(&self, name: &str) -> Result<Vec<Id>, String> {
        let id = self.order_named(name)?;
        let open = self.orders.get(&id).map(Order::open_parts).unwrap_or_default();
        let named = read_se(name).or_else(|| name.parse().ok());
        match named.filter(|part| open.contains(part)) {
            Some(part) => Ok(vec![part]),
            None if open.is_empty() => Err(format!("nothing of {name} is left to ship")),
            None => Ok(open),
        }
    }

    fn label_named(&self, name: &str) -> Result<Id, String> {
        let id = read_se(name).or_else(|| name.parse().ok());
        let by_id = id.filter(|id| self.labels.contains_key(id));
        let mut travelling = self.labels.values().filter(|label| label.travels_as(name));
        by_id
            .or_else(|| travelling.next().map(|label| label.id))
            .ok_or_else(|| format!("there is no label {name}"))
    }

    fn edit(&mut self, id: Id, ship_to: Option<Address>, number: Option<String>) -> Result<(), Fault> {
        let order = self.orders.get_mut(&id).ok_or(Fault::Missing)?;
        if !order.may_change() {
            return Err(Fault::Refused("it is shipped or cancelled"));
        }
        if let Some(address) = ship_to {
            order.ship_to = address;
        }
        if let Some(number) = number {
            order.parts.iter_mut().for_each(|part| part.number.clone_from(&number));
            order.number = number;
        }
        Ok(())
    }

    fn touch(&mut self, id: Id, now: jiff::Timestamp) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.modified_at = now;
        }
    }
}
