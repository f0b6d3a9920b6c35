//! What happens to orders, whoever asks for it: people or either API.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::model::{
    Batch, Customer, Fulfilment, Id, Kind, Label, Order, Package, Part, PartState, Scan, ScanEvent, Standing, State,
};
use super::notices::News;
use super::numbers::tracking_number;

/// Why something is not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// There is no such thing.
    Missing,
    /// It cannot be done now, in words.
    Refused(&'static str),
}

/// Why a label is not voided.
#[derive(Clone, Debug)]
pub(super) struct NotVoided {
    /// The vendor's code.
    pub(super) reason: String,
    pub(super) message: &'static str,
}

/// A label that is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// The part that it is for.
    pub(super) part: Id,
    /// What is to be inside; left out: the whole part.
    pub(super) takes: Option<Vec<(Id, u32)>>,
    /// How many packages; 0 is one.
    pub(super) packages: usize,
    pub(super) carrier: Option<String>,
    pub(super) service: Option<String>,
}

/// A part that leaves with an external tracking number.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    pub(super) part: Id,
    pub(super) carrier: String,
    pub(super) tracking_number: String,
    pub(super) shipped_at: Timestamp,
    pub(super) notify_customer: bool,
    pub(super) notify_store: bool,
}

impl Fault {
    /// In words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Missing => "there is no such thing",
            Self::Refused(words) => words,
        }
    }
}

impl State {
    /// An order comes in, as one part; the customer's profile and unknown products appear.
    pub(super) fn enter(&mut self, mut order: Order, now: Timestamp) -> Id {
        order.id = self.next(Kind::Order);
        if order.key.is_empty() {
            order.key = format!("se-{}", order.id);
        }
        order.parts = vec![Part {
            id: order.id,
            number: order.number.clone(),
            takes: order.all(),
            state: PartState::Open,
        }];
        self.meet_products_of(&order.lines, now);
        order.customer = self.meet_customer(&order, now);
        let id = order.id;
        self.orders.insert(id, order);
        id
    }

    /// The profile of the customer who orders, if he names himself.
    pub(super) fn meet_customer(&mut self, order: &Order, now: Timestamp) -> Option<Id> {
        let username = order.username.clone()?;
        let mut address = order.ship_to.clone();
        address.email = order.email.clone().or(address.email);
        let known = self
            .customers
            .values_mut()
            .find(|customer| customer.username == username);
        if let Some(customer) = known {
            if self.options.refreshes_customers && customer.address != address {
                customer.address = address;
                customer.modified_at = now;
            }
            return Some(customer.id);
        }
        let id = self.next(Kind::Customer);
        self.customers.insert(
            id,
            Customer {
                id,
                username,
                address,
                created_at: now,
                modified_at: now,
            },
        );
        Some(id)
    }

    /// Buys labels, all of them or none, in one batch.
    pub(super) fn buy(&mut self, wishes: &[Wish], together: bool, now: Timestamp) -> Result<Vec<Id>, Fault> {
        for wish in wishes {
            self.check(wish)?;
        }
        let batch = self.next(Kind::Batch);
        let bought: Vec<Id> = wishes
            .iter()
            .filter_map(|wish| self.buy_one(wish, batch, together, now))
            .collect();
        self.batches.insert(
            batch,
            Batch {
                id: batch,
                labels: bought.clone(),
                created_at: now,
                processed_at: now,
            },
        );
        self.tell(&News::labels(batch, self.stores_of(&bought), true), now);
        if together {
            self.tell(&News::batch(batch, self.stores_of(&bought)), now);
        }
        if self.options.labels_are_fulfilments {
            for label in &bought {
                self.fulfil_by_label(*label, now);
            }
        }
        Ok(bought)
    }

    fn stores_of(&self, labels: &[Id]) -> Vec<u64> {
        let labels = labels.iter().filter_map(|id| self.labels.get(id));
        labels
            .filter_map(|label| self.orders.get(&label.order))
            .map(|order| order.store)
            .collect()
    }

    fn check(&self, wish: &Wish) -> Result<(), Fault> {
        let (order, part) = self.part(wish.part).ok_or(Fault::Missing)?;
        match order.standing {
            Standing::AwaitingShipment | Standing::PendingFulfillment => {}
            Standing::Shipped => return Err(Fault::Refused("the order was shipped elsewhere")),
            Standing::Cancelled => return Err(Fault::Refused("the order is cancelled")),
            Standing::OnHold => return Err(Fault::Refused("the order is on hold")),
            Standing::AwaitingPayment => return Err(Fault::Refused("the order is not paid")),
        }
        if part.state != PartState::Open {
            return Err(Fault::Refused("it was shipped already"));
        }
        if let Some(takes) = &wish.takes {
            let there = |(line, count): &(Id, u32)| {
                let mut own = part.takes.iter();
                *count > 0 && own.any(|(known, left)| known == line && count <= left)
            };
            if takes.is_empty() || !takes.iter().all(there) {
                return Err(Fault::Refused("there is not so much of that left to ship"));
            }
        }
        let carrier = wish.carrier.as_deref().or(order.carrier.as_deref());
        if carrier.is_some_and(|code| self.options.carrier(code).is_none()) {
            return Err(Fault::Refused("that carrier is not connected"));
        }
        Ok(())
    }

    fn buy_one(&mut self, wish: &Wish, batch: Id, in_batch: bool, now: Timestamp) -> Option<Id> {
        let order_id = self.order_of_part(wish.part)?;
        if let Some(takes) = &wish.takes {
            self.split(order_id, wish.part, takes);
        }
        let id = self.next(Kind::Label);
        let (order, part) = self.part(wish.part)?;
        let takes = part.takes.clone();
        let carrier = wish.carrier.clone().or_else(|| order.carrier.clone());
        let carrier = carrier.unwrap_or_else(|| "ups".to_owned());
        let usual = self
            .options
            .carrier(&carrier)
            .map(|carrier| carrier.usual_service().to_owned());
        let service = wish.service.clone().or_else(|| order.service.clone()).or(usual)?;
        let weight = weight_of(order, &takes);
        let packages = self.packages(&carrier, wish.packages.max(1), weight);
        let cost = Decimal::new(850, 2) * Decimal::from(packages.len());
        self.labels.insert(
            id,
            Label {
                id,
                order: order_id,
                part: wish.part,
                batch,
                in_batch,
                takes,
                carrier,
                service,
                packages,
                cost,
                created_at: now,
                modified_at: now,
                voided_at: None,
                returns: None,
                events: Vec::new(),
            },
        );
        self.set_part(order_id, wish.part, PartState::Labelled(id), now);
        self.take_stock(id, now);
        Some(id)
    }

    fn packages(&mut self, carrier: &str, count: usize, weight: Decimal) -> Vec<Package> {
        let share = (weight / Decimal::from(count)).round_dp(2).max(Decimal::from(2));
        let mut packages = Vec::new();
        for _ in 0..count {
            let id = self.next(Kind::Package);
            packages.push(Package {
                id,
                tracking_number: tracking_number(carrier, self.serial()),
                weight: share,
            });
        }
        packages
    }

    /// Leaves no more than this in a part; the rest becomes a part of its own.
    fn split(&mut self, order: Id, part: Id, takes: &[(Id, u32)]) {
        let new = self.next(Kind::Order);
        let numbered = self.options.split_numbers;
        let Some(order) = self.orders.get_mut(&order) else {
            return;
        };
        let count = order.parts.len();
        let Some(split) = order.parts.iter_mut().find(|one| one.id == part) else {
            return;
        };
        let taken = |line: Id| {
            takes
                .iter()
                .find(|(known, _)| *known == line)
                .map_or(0, |(_, count)| *count)
        };
        let rest: Vec<(Id, u32)> = split
            .takes
            .iter()
            .map(|(line, there)| (*line, there.saturating_sub(taken(*line))))
            .filter(|(_, left)| *left > 0)
            .collect();
        if rest.is_empty() {
            return;
        }
        split.takes = takes.to_vec();
        let number = if numbered {
            format!("{}-{count}", order.number)
        } else {
            order.number.clone()
        };
        order.parts.push(Part {
            id: new,
            number,
            takes: rest,
            state: PartState::Open,
        });
    }

    fn set_part(&mut self, order: Id, part: Id, state: PartState, now: Timestamp) {
        let Some(order) = self.orders.get_mut(&order) else {
            return;
        };
        order.modified_at = now;
        if let Some(part) = order.parts.iter_mut().find(|one| one.id == part) {
            part.state = state;
        }
    }

    fn fulfil_by_label(&mut self, label: Id, now: Timestamp) {
        let Some(label) = self.labels.get(&label) else { return };
        let fulfilment = Fulfilment {
            id: 0,
            order: label.order,
            part: label.part,
            label: Some(label.id),
            carrier: label.carrier.clone(),
            tracking_number: label.tracking_number().to_owned(),
            shipped_at: now,
            created_at: now,
            voided_at: None,
            delivered_at: None,
            notify_customer: true,
            notify_store: true,
        };
        self.keep_fulfilment(fulfilment, now);
    }

    fn keep_fulfilment(&mut self, mut fulfilment: Fulfilment, now: Timestamp) -> Id {
        let id = self.next(Kind::Fulfilment);
        fulfilment.id = id;
        let store = self.orders.get(&fulfilment.order).map(|order| order.store);
        let news = News::fulfilled(id, fulfilment.part, store, fulfilment.label.is_none());
        self.fulfilments.insert(id, fulfilment);
        self.tell(&news, now);
        id
    }

    /// A part leaves without a label of ShipStation.
    pub(super) fn fulfil(&mut self, leaving: Leaving, now: Timestamp) -> Result<Id, Fault> {
        let (order, part) = self.part(leaving.part).ok_or(Fault::Missing)?;
        if order.standing == Standing::Cancelled {
            return Err(Fault::Refused("the order is cancelled"));
        }
        if part.state != PartState::Open {
            return Err(Fault::Refused("it was shipped already"));
        }
        if self.options.carrier(&leaving.carrier).is_none() {
            return Err(Fault::Refused("that carrier is not connected"));
        }
        let order = order.id;
        let fulfilment = Fulfilment {
            id: 0,
            order,
            part: leaving.part,
            label: None,
            carrier: leaving.carrier,
            tracking_number: leaving.tracking_number,
            shipped_at: leaving.shipped_at,
            created_at: now,
            voided_at: None,
            delivered_at: None,
            notify_customer: leaving.notify_customer,
            notify_store: leaving.notify_store,
        };
        let id = self.keep_fulfilment(fulfilment, now);
        self.set_part(order, leaving.part, PartState::Fulfilled(id), now);
        Ok(id)
    }

    /// A label that brings a parcel back.
    pub(super) fn return_label(&mut self, outbound: Id, now: Timestamp) -> Result<Id, Fault> {
        let outbound = self.labels.get(&outbound).cloned().ok_or(Fault::Missing)?;
        if outbound.voided_at.is_some() || outbound.returns.is_some() {
            return Err(Fault::Refused(
                "only an outbound label that is not voided has a return label",
            ));
        }
        let (id, batch) = (self.next(Kind::Label), self.next(Kind::Batch));
        let weight = outbound.packages.iter().map(|package| package.weight).sum();
        let packages = self.packages(&outbound.carrier, 1, weight);
        let label = Label {
            id,
            batch,
            in_batch: false,
            packages,
            created_at: now,
            modified_at: now,
            returns: Some(outbound.id),
            events: Vec::new(),
            ..outbound
        };
        self.labels.insert(id, label);
        self.batches.insert(
            batch,
            Batch {
                id: batch,
                labels: vec![id],
                created_at: now,
                processed_at: now,
            },
        );
        self.tell(&News::labels(batch, self.stores_of(&[id]), false), now);
        Ok(id)
    }

    /// Voids a label: what was to be inside waits again. Nothing is told of it.
    pub(super) fn void(&mut self, id: Id, now: Timestamp) -> Result<Result<(), NotVoided>, Fault> {
        let refused = self.options.refuses_voids.clone();
        let label = self.labels.get_mut(&id).ok_or(Fault::Missing)?;
        let reason = if label.voided_at.is_some() {
            Some(("label_already_voided".to_owned(), "the label was voided before"))
        } else if !label.events.is_empty() {
            Some((
                "label_already_used".to_owned(),
                "the parcel has been seen by its carrier",
            ))
        } else {
            refused.map(|reason| (reason, "the carrier does not void this label"))
        };
        if let Some((reason, message)) = reason {
            return Ok(Err(NotVoided { reason, message }));
        }
        label.voided_at = Some(now);
        label.modified_at = now;
        let (order, part, outbound) = (label.order, label.part, label.returns.is_none());
        if outbound {
            self.set_part(order, part, PartState::Open, now);
            self.give_stock_back(id, now);
        }
        let of_it = self.fulfilments.values_mut().filter(|one| one.label == Some(id));
        of_it.for_each(|fulfilment| fulfilment.voided_at = Some(now));
        Ok(Ok(()))
    }

    /// Somebody voids an external tracking number.
    pub(super) fn void_fulfilment(&mut self, id: Id, now: Timestamp) -> Result<(), Fault> {
        let fulfilment = self.fulfilments.get_mut(&id).ok_or(Fault::Missing)?;
        if fulfilment.label.is_some() || fulfilment.voided_at.is_some() {
            return Err(Fault::Refused(
                "only an external fulfilment that is not voided is voided by itself",
            ));
        }
        fulfilment.voided_at = Some(now);
        let (order, part) = (fulfilment.order, fulfilment.part);
        self.set_part(order, part, PartState::Open, now);
        Ok(())
    }

    /// The carrier scans a parcel.
    pub(super) fn scan(&mut self, id: Id, scan: Scan, now: Timestamp) -> Result<(), Fault> {
        let label = self.labels.get_mut(&id).ok_or(Fault::Missing)?;
        if label.voided_at.is_some() {
            return Err(Fault::Refused("the label is voided"));
        }
        label.events.push(ScanEvent { scan, at: now });
        label.modified_at = now;
        let order = label.order;
        if scan == Scan::Delivered {
            let of_it = self.fulfilments.values_mut().filter(|one| one.label == Some(id));
            of_it.for_each(|fulfilment| fulfilment.delivered_at = Some(now));
        }
        let store = self.orders.get(&order).map(|order| order.store);
        self.tell(&News::tracked(id, store), now);
        Ok(())
    }

    /// Cancels an order of which nothing was shipped.
    pub(super) fn cancel(&mut self, id: Id, now: Timestamp) -> Result<(), Fault> {
        let order = self.orders.get_mut(&id).ok_or(Fault::Missing)?;
        if order.parts.iter().any(|part| part.state != PartState::Open) || order.standing == Standing::Shipped {
            return Err(Fault::Refused("something of it was shipped"));
        }
        order.standing = Standing::Cancelled;
        order.modified_at = now;
        Ok(())
    }

    /// Puts an open order where it is to stand.
    pub(super) fn stand(
        &mut self,
        id: Id,
        standing: Standing,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let order = self.orders.get_mut(&id).ok_or(Fault::Missing)?;
        if !order.may_change() {
            return Err(Fault::Refused("it is shipped or cancelled"));
        }
        order.standing = standing;
        order.hold_until = until;
        order.modified_at = now;
        Ok(())
    }
}

/// What these lines weigh, in ounces: at least two.
fn weight_of(order: &Order, takes: &[(Id, u32)]) -> Decimal {
    let weigh = |(line, count): &(Id, u32)| {
        let one = order
            .line(*line)
            .and_then(|line| line.weight)
            .unwrap_or(Decimal::from(8));
        one * Decimal::from(*count)
    };
    takes.iter().map(weigh).sum::<Decimal>().max(Decimal::from(2))
}
