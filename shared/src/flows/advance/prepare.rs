//! Everything before a purchase: the order as it stands, its address, a price, the exact request, and the intent.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::record::{Beside, Recorded};
use super::{Onward, Run};
use crate::connection::{AddressPolicy, Connection};
use crate::domain::{
    Address, AddressVerdict, Billing, CarrierAccount, Consignment, Correction, Customs, Gone, NoAccount, Offer, Order,
    Parcel, Quantities, Quote, RateRequest, Readiness, ShipmentRequest, Snapshot, Units, account_for,
};
use crate::job::{Closing, HoldReason, Job, Outcome, SnapshotRef, Step, Wait};
use crate::ports::{CallError, Carrier, Draft, StoreError};

/// What stands in the way of a purchase.
pub(super) enum Obstacle {
    /// The unit has nothing left to ship.
    Gone(Gone),
    /// It cannot ship as it is; the address as far as it was judged.
    Hold(HoldReason, String, Option<Box<Step<AddressVerdict>>>),
    /// It may work later.
    Call(CallError),
    /// It must wait for something of our own.
    Wait(Wait),
}

impl From<CallError> for Obstacle {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Hold(HoldReason::MissingData, refusal.to_string(), None),
            later @ CallError::Later(_) => Self::Call(later),
        }
    }
}

/// A purchase that is ready to be intended.
struct Ready {
    snapshot: Reading,
    address: Step<AddressVerdict>,
    quote: Quote,
    draft: Draft,
}

/// On which terms a consignment ships.
struct Terms {
    account: Option<CarrierAccount>,
    carrier: Arc<dyn Carrier>,
    ship_from: Address,
    billing: Billing,
}

/// A reading of the order, and whether it differs from what the job stood on.
#[derive(Clone)]
pub(super) struct Reading {
    /// What was read.
    pub(super) snapshot: Snapshot,
    /// Whether it must be stored.
    pub(super) is_new: bool,
}

impl Run<'_> {
    /// Intends the purchase and sends it, or records what stands in the way.
    pub(super) async fn prepare(&mut self) -> Result<Onward, StoreError> {
        let mut reading = match self.reading().await? {
            Ok(reading) => reading,
            Err(obstacle) => return self.meet(obstacle, None).await,
        };
        loop {
            match self.make_ready(reading.clone()).await? {
                // The reading's age is judged once more by the clock that stamps the intent.
                Ok(ready) if self.is_stale(ready.snapshot.snapshot.read_at) => reading = ready.snapshot,
                Ok(ready) => return self.intend(ready).await,
                Err((obstacle, reading)) => return self.meet(obstacle, Some(reading)).await,
            }
        }
    }

    /// The reading that the job stands on; one that has expired is read again.
    async fn reading(&mut self) -> Result<Result<Reading, Obstacle>, StoreError> {
        let stands = self.ledger.job.snapshot.clone();
        let snapshot = self.snapshot(stands.number).await?;
        let expired = snapshot.hash != stands.hash;
        let read_at = if expired { snapshot.read_at } else { stands.read_at };
        let reading = Reading {
            snapshot: Snapshot { read_at, ..snapshot },
            is_new: false,
        };
        if expired {
            self.read_again(&reading).await
        } else {
            Ok(Ok(reading))
        }
    }

    fn is_stale(&self, read_at: Timestamp) -> bool {
        Job::is_stale(read_at, self.ledger.now(), &self.ledger.ports.timing)
    }

    async fn make_ready(&mut self, reading: Reading) -> Result<Result<Ready, (Obstacle, Reading)>, StoreError> {
        if let Some(obstacle) = self.stopped() {
            return Ok(Err((obstacle, reading)));
        }
        let readiness = match self.carrier_of(&reading).ready().await {
            Ok(readiness) => readiness,
            Err(error) => return Ok(Err((error.into(), reading))),
        };
        let reading = if self.is_stale(reading.snapshot.read_at) {
            match self.read_again(&reading).await? {
                Ok(newer) => newer,
                Err(obstacle) => return Ok(Err((obstacle, reading))),
            }
        } else {
            reading
        };
        Ok(match self.request(&reading, readiness).await {
            Ok((address, quote, draft)) => match self.last_obstacle(&reading, &quote.offer).await? {
                None => Ok(Ready {
                    snapshot: reading,
                    address,
                    quote,
                    draft,
                }),
                Some(obstacle) => Err((obstacle, reading)),
            },
            Err(obstacle) => Err((obstacle, reading)),
        })
    }

    /// What is asked last, because a look at the carrier may have taught something and money is reserved.
    async fn last_obstacle(&self, reading: &Reading, offer: &Offer) -> Result<Option<Obstacle>, StoreError> {
        match self.carrier_of(reading).ready().await {
            Ok(_) => self.afford(offer).await,
            Err(error) => Ok(Some(error.into())),
        }
    }

    /// Whether people ship themselves, or an operator has stopped purchases.
    fn stopped(&self) -> Option<Obstacle> {
        if self.connection().desk.is_some() {
            let desk = &self.connection().carrier.system;
            let message = format!("people ship in {desk}: nothing is bought for this connection");
            return Some(Obstacle::Hold(HoldReason::MissingData, message, None));
        }
        if let Some(reason) = &self.gate.brake {
            let message = format!("every purchase is stopped by the brake: {reason}");
            return Some(Obstacle::Hold(HoldReason::Brake, message, None));
        }
        let until = self.ledger.now() + self.ledger.ports.timing.held;
        let reason = || {
            format!(
                "connection {} is paused: `waybill connection resume {0}`",
                self.connection().id
            )
        };
        self.connection()
            .paused
            .then(|| Obstacle::Wait(Wait::new(until, reason())))
    }

    /// Reads the order again; `read_at` is from before the question, so that nothing can be younger than it says.
    pub(super) async fn read_again(&self, before: &Reading) -> Result<Result<Reading, Obstacle>, StoreError> {
        let units = self.units().await?;
        let read_at = self.ledger.now();
        let orders = match self
            .systems
            .source
            .read(std::slice::from_ref(&self.ledger.job.document))
            .await
        {
            Ok(orders) => orders,
            Err(CallError::Refused(refusal)) => {
                let until = self.ledger.now() + self.ledger.ports.timing.held;
                return Ok(Err(Obstacle::Wait(Wait::new(until, refusal.to_string()))));
            }
            Err(error) => return Ok(Err(Obstacle::Call(error))),
        };
        let allotted: Quantities = before.snapshot.consignment.quantities();
        let unit = self.ledger.job.unit;
        let consignment = match orders.first() {
            Some(order) if waits_for_others(order, &allotted, &Others::of(&units, unit, order)) => {
                let until = self.ledger.now() + self.ledger.ports.timing.held;
                let reason = "older units of the order come first, and have not ended";
                return Ok(Err(Obstacle::Wait(Wait::new(until, reason))));
            }
            Some(order) => Consignment::of(order, &allotted, &Others::of(&units, unit, order).all()),
            None => {
                return Ok(Err(Obstacle::Hold(
                    HoldReason::MissingData,
                    not_shown(self.connection()),
                    None,
                )));
            }
        };
        Ok(consignment.map_err(Obstacle::Gone).map(|consignment| {
            let newer = Snapshot::new(before.snapshot.number + 1, read_at, consignment);
            if newer.hash == before.snapshot.hash {
                Reading {
                    snapshot: Snapshot {
                        read_at,
                        ..before.snapshot.clone()
                    },
                    is_new: before.is_new,
                }
            } else {
                let number = if before.is_new {
                    before.snapshot.number
                } else {
                    newer.number
                };
                Reading {
                    snapshot: Snapshot { number, ..newer },
                    is_new: true,
                }
            }
        }))
    }

    /// Checks the address, takes a price and writes the exact request.
    async fn request(
        &self,
        reading: &Reading,
        readiness: Readiness,
    ) -> Result<(Step<AddressVerdict>, Quote, Draft), Obstacle> {
        let consignment = &reading.snapshot.consignment;
        let terms = self.terms(consignment)?;
        let (address, ship_to) = self.address(reading, terms.carrier.as_ref()).await?;
        let judged = |reason, message: String| Obstacle::Hold(reason, message, Some(Box::new(address.clone())));
        let parcels = self.connection().packing.pack(consignment);
        let parcels = parcels.map_err(|error| judged(HoldReason::MissingData, error.to_string()))?;
        let rates = self.rate_request(consignment, &terms, &ship_to, &parcels);
        let quote = self.quote(reading, &terms, &rates, readiness).await?;
        let request = self.shipment_request(consignment, rates, &quote);
        let draft = terms.carrier.draft(&request);
        let draft = draft.map_err(|refusal| judged(HoldReason::MissingData, refusal.to_string()))?;
        Ok((address, quote, draft))
    }

    /// The verdict, asked for where it is not known, and the address that goes on the label.
    async fn address(
        &self,
        reading: &Reading,
        carrier: &dyn Carrier,
    ) -> Result<(Step<AddressVerdict>, Address), Obstacle> {
        let given = &reading.snapshot.consignment.ship_to;
        let policy = self.connection().address;
        if policy == AddressPolicy::AsIs {
            return Ok((
                Step::NotNeeded("the connection uses addresses as they stand".to_owned()),
                given.clone(),
            ));
        }
        let same = reading.snapshot.hash == self.ledger.job.snapshot.hash;
        let verdict = match &self.ledger.job.address {
            Step::Done(verdict) if same => verdict.clone(),
            settled @ Step::NotNeeded(_) if same => return Ok((settled.clone(), given.clone())),
            _ => carrier.validate(given).await?,
        };
        judge(policy, given, verdict)
    }

    /// Under which account it ships, from where, and who pays: what a table or a rule of the connection says, never a guess.
    fn terms(&self, consignment: &Consignment) -> Result<Terms, Obstacle> {
        let hold = |words: String| Obstacle::Hold(HoldReason::MissingData, words, None);
        let flaws: Vec<&str> = consignment.flaws().collect();
        if !flaws.is_empty() {
            return Err(hold(flaws.join("; ")));
        }
        let connection = self.connection();
        let row = account_for(&connection.accounts, consignment).map_err(|none| match none {
            // Units of their own take the lines, each under its account.
            NoAccount::Several(_) => Obstacle::Gone(Gone::Divided),
            missing @ NoAccount::Missing { .. } => hold(missing.to_string()),
        })?;
        let account = match self.ledger.job.bound_account() {
            Some(bound) => bound.clone(),
            None => row.map(|row| row.account.clone()),
        };
        let mut billing = connection.billing.clone();
        let own_row = row.filter(|row| account.as_ref() == Some(&row.account));
        if let Some(payer) = own_row.and_then(|row| row.payer.clone()) {
            billing.transport = payer;
        }
        Ok(Terms {
            carrier: self
                .systems
                .carrier_under(account.as_ref())
                .map_err(|refusal| hold(refusal.to_string()))?,
            account,
            ship_from: connection.ship_from.for_goods_of(consignment).map_err(hold)?.clone(),
            billing,
        })
    }

    /// The carrier that would ship a reading; where no account can be named, the connection's own.
    fn carrier_of(&self, reading: &Reading) -> Arc<dyn Carrier> {
        let terms = self.terms(&reading.snapshot.consignment);
        terms.map_or_else(|_| self.systems.carrier.clone(), |terms| terms.carrier)
    }

    fn rate_request(
        &self,
        consignment: &Consignment,
        terms: &Terms,
        ship_to: &Address,
        parcels: &[Parcel],
    ) -> RateRequest {
        let abroad = !terms.ship_from.is_domestic_to(ship_to);
        let ship_date = self.today();
        RateRequest {
            customs: abroad.then(|| customs(self.connection(), consignment, ship_date)),
            ship_from: terms.ship_from.clone(),
            ship_to: ship_to.clone(),
            parcels: parcels.to_vec(),
            billing: terms.billing.clone(),
            ship_date,
        }
    }

    /// Today where the connection's schedule lives.
    fn today(&self) -> Date {
        let zone = TimeZone::get(&self.connection().schedule.time_zone).unwrap_or(TimeZone::UTC);
        self.ledger.now().to_zoned(zone).date()
    }

    /// The price: the one that stands while it is fresh and nothing has changed, else a new one. A carrier that is due to be
    /// probed is asked for a new one, which is as harmless a question as there is.
    async fn quote(
        &self,
        reading: &Reading,
        terms: &Terms,
        rates: &RateRequest,
        readiness: Readiness,
    ) -> Result<Quote, Obstacle> {
        let valid = jiff::SignedDuration::from_mins(i64::from(self.connection().quote_valid_minutes));
        if let Step::Done(quote) = &self.ledger.job.quote {
            let recent = self.ledger.now().duration_since(quote.taken_at) <= valid;
            let fresh = recent && quote.account == terms.account;
            if readiness == Readiness::Ready && fresh && reading.snapshot.hash == self.ledger.job.snapshot.hash {
                return Ok(quote.clone());
            }
        }
        let taken_at = self.ledger.now();
        let offers = terms.carrier.offers(rates).await?;
        let method = reading.snapshot.consignment.ship_method.as_ref();
        let names: Vec<&str> = method
            .iter()
            .flat_map(|method| [Some(method.id.as_str()), method.name.as_deref()])
            .flatten()
            .collect();
        let offer = self.connection().service.choose(&offers, &names, rates.ship_date);
        let offer = offer.map_err(|error| Obstacle::Hold(HoldReason::MissingData, error.to_string(), None))?;
        Ok(Quote {
            offer,
            taken_at,
            account: terms.account.clone(),
        })
    }

    fn shipment_request(&self, consignment: &Consignment, rates: RateRequest, quote: &Quote) -> ShipmentRequest {
        ShipmentRequest {
            reference: self.ledger.job.id.clone(),
            order_number: consignment.number.clone(),
            customer_reference: consignment.customer_reference.clone(),
            customs: rates.customs,
            ship_from: rates.ship_from,
            ship_to: rates.ship_to,
            parcels: rates.parcels,
            service: quote.offer.service.clone(),
            billing: rates.billing,
            label: self.connection().label,
            ship_date: rates.ship_date,
        }
    }

    /// Reserves the price under the connection's cap, once an hour however often it is tried.
    async fn afford(&self, offer: &Offer) -> Result<Option<Obstacle>, StoreError> {
        let now = self.ledger.now();
        let hour = |at: Timestamp| at.as_second().div_euclid(3600);
        if self.ledger.job.budgeted_at.is_some_and(|at| hour(at) == hour(now)) {
            return Ok(None);
        }
        if self
            .ledger
            .ports
            .spending
            .reserve(self.connection(), &offer.cost, now)
            .await?
        {
            return Ok(None);
        }
        let reason = format!(
            "the connection's spending cap of {} an hour is reached",
            self.connection().spend_cap_per_hour
        );
        Ok(Some(Obstacle::Wait(Wait::new(next_hour(now), reason))))
    }

    async fn intend(&mut self, ready: Ready) -> Result<Onward, StoreError> {
        let Ready {
            snapshot: reading,
            address,
            quote,
            draft,
        } = ready;
        let owner = self.ledger.ports.nonces.nonce();
        let text = format!("intends to buy {} for {}", quote.offer.name, quote.offer.cost);
        let outcome = Outcome::Intended {
            owner,
            snapshot: SnapshotRef::from(&reading.snapshot),
            address,
            quote,
        };
        let beside = Beside {
            draft: Some(draft.clone()),
            snapshot: reading.is_new.then_some(reading.snapshot),
        };
        match self.ledger.write(outcome, text, beside).await? {
            Recorded::Stands => self.buy(&draft).await,
            not_ours => Ok(not_ours.onward()),
        }
    }

    /// Records what stands in the way.
    pub(super) async fn meet(&mut self, obstacle: Obstacle, reading: Option<Reading>) -> Result<Onward, StoreError> {
        match obstacle {
            Obstacle::Gone(gone) => {
                let text = format!("closed: {}", in_words(&gone));
                self.ledger.record(Outcome::Closed(Closing::Order(gone)), text).await
            }
            Obstacle::Hold(reason, message, address) => {
                self.hold(reason, message, reading, address.map(|address| *address))
                    .await
            }
            Obstacle::Call(error) => self.ledger.wait_for(&error).await,
            Obstacle::Wait(wait) => {
                let text = format!("waits: {}", wait.reason);
                self.ledger.record(Outcome::Waits(wait), text).await
            }
        }
    }

    async fn hold(
        &mut self,
        reason: HoldReason,
        message: String,
        reading: Option<Reading>,
        address: Option<Step<AddressVerdict>>,
    ) -> Result<Onward, StoreError> {
        // The story outlives the address: what the carrier makes of it stands in the hold, and in the answer's body.
        let text = match reason {
            HoldReason::BadAddress => "held: the address does not stand".to_owned(),
            _ => format!("held: {message}"),
        };
        let snapshot = reading.as_ref().map(|reading| SnapshotRef::from(&reading.snapshot));
        let stored = reading.filter(|reading| reading.is_new).map(|reading| reading.snapshot);
        let beside = Beside {
            draft: None,
            snapshot: stored,
        };
        let recorded = self
            .ledger
            .write(
                Outcome::Held {
                    reason,
                    message,
                    snapshot,
                    address,
                },
                text,
                beside,
            )
            .await?;
        Ok(recorded.onward())
    }
}

/// What other units of the document hold.
struct Others {
    /// Shipped, and not fulfilled in the ERP's eyes.
    shipped: Quantities,
    /// Older, and still to come.
    ahead: Quantities,
}

impl Others {
    fn of(units: &Units, unit: u32, order: &Order) -> Self {
        Self {
            shipped: units.shipped_beside(unit, order),
            ahead: units.ahead_of(unit),
        }
    }

    fn all(&self) -> Quantities {
        let mut all = self.shipped.clone();
        for (line, quantity) in &self.ahead {
            *all.entry(line.clone()).or_default() += quantity;
        }
        all
    }
}

/// An order that the ERP does not show may be deleted, or out of our sight: nobody can tell, and nothing is given up for it.
fn not_shown(connection: &Connection) -> String {
    format!(
        "{} does not show the order any more: either it was deleted, or the integration's user may not see it now. It goes on by itself once it is shown; release the job to end it",
        connection.erp.system
    )
}

/// Whether the order has enough for this unit alone, but not beside the older ones: either it has shrunk, or an older unit's
/// write-back stands in the ERP and not yet with us. Once they have ended it is clear.
fn waits_for_others(order: &Order, allotted: &Quantities, others: &Others) -> bool {
    let alone = Consignment::of(order, allotted, &others.shipped);
    alone.is_ok() && alone != Consignment::of(order, allotted, &others.all())
}

/// What a verdict means under a policy: the address for the label, or why it is held.
fn judge(
    policy: AddressPolicy,
    given: &Address,
    verdict: AddressVerdict,
) -> Result<(Step<AddressVerdict>, Address), Obstacle> {
    let hold = |message: String, verdict| {
        Err(Obstacle::Hold(
            HoldReason::BadAddress,
            message,
            Some(Box::new(Step::Done(verdict))),
        ))
    };
    match verdict {
        AddressVerdict::NotCovered => Ok((
            Step::NotNeeded("the carrier does not validate addresses of this country".to_owned()),
            given.clone(),
        )),
        AddressVerdict::Valid { residential } => {
            let address = Address {
                residential: residential.or(given.residential),
                ..given.clone()
            };
            Ok((Step::Done(AddressVerdict::Valid { residential }), address))
        }
        AddressVerdict::Corrected {
            address,
            correction: Correction::Formatting,
            residential,
        } if policy == AddressPolicy::AcceptFormatting => {
            let label = with_receiver(given, &address, residential);
            Ok((
                Step::Done(AddressVerdict::Corrected {
                    address,
                    correction: Correction::Formatting,
                    residential,
                }),
                label,
            ))
        }
        AddressVerdict::Corrected {
            address,
            correction,
            residential,
        } => {
            let message = format!(
                "the carrier writes the address differently: {}. Correct the order's address",
                on_one_line(&address)
            );
            hold(
                message,
                AddressVerdict::Corrected {
                    address,
                    correction,
                    residential,
                },
            )
        }
        AddressVerdict::Ambiguous { candidates } => {
            let known: Vec<String> = candidates.iter().take(3).map(on_one_line).collect();
            let message = format!(
                "the address is ambiguous; the carrier knows {}. Correct the order's address",
                known.join(" or ")
            );
            hold(message, AddressVerdict::Ambiguous { candidates })
        }
        AddressVerdict::NotFound => hold(
            "the carrier knows no such address. Correct the order's address".to_owned(),
            AddressVerdict::NotFound,
        ),
    }
}

/// The carrier's spelling of the place with the order's receiver.
fn with_receiver(given: &Address, spelt: &Address, residential: Option<bool>) -> Address {
    Address {
        lines: spelt.lines.clone(),
        city: spelt.city.clone(),
        state: spelt.state.clone(),
        postal_code: spelt.postal_code.clone(),
        residential: residential.or(given.residential),
        ..given.clone()
    }
}

fn on_one_line(address: &Address) -> String {
    let place = [
        Some(address.city.as_str()),
        address.state.as_deref(),
        address.postal_code.as_deref(),
    ];
    let place: Vec<&str> = place.into_iter().flatten().collect();
    format!("{}, {}", address.lines.join(", "), place.join(" "))
}

fn customs(connection: &Connection, consignment: &Consignment, invoice_date: Date) -> Customs {
    let policy = &connection.customs;
    let currency = consignment
        .lines
        .iter()
        .find_map(|line| line.unit_price.as_ref())
        .map(|price| price.currency.clone());
    let mut goods = consignment.lines.clone();
    for line in &mut goods {
        line.origin_country = line.origin_country.take().or_else(|| policy.origin_country.clone());
    }
    Customs {
        description: policy.description.clone(),
        reason: policy.reason.clone(),
        terms: policy.terms.clone(),
        invoice_number: consignment.number.clone(),
        invoice_date,
        currency: currency.unwrap_or_else(|| connection.spend_cap_per_hour.currency.clone()),
        goods,
    }
}

/// Why a unit has nothing left to ship, for people.
pub(super) fn in_words(gone: &Gone) -> String {
    match gone {
        Gone::Cancelled => "the order was cancelled".to_owned(),
        Gone::Closed => "the order was closed".to_owned(),
        Gone::Fulfilled => "somebody else has fulfilled it, or its lines were taken away".to_owned(),
        Gone::Divided => "its lines no longer leave one place for one address; new units take them".to_owned(),
        Gone::Unselected(reason) => reason.clone(),
    }
}

fn next_hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600) + 3600).unwrap_or(now)
}
