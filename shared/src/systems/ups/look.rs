//! Looking for shipments: Label Recovery and Tracking together, because each of them misses what the other shows, and
//! labels asked for again.

use ::http::Method;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::client::{Ups, post};
use super::convert::{self, Recovered, Recovery, Tracked};
use crate::domain::{CarrierShipmentId, JobId, LabelFormat, LabelImage, Refusal, Shipment, ShippedParcel};
use crate::http::{self, Call};
use crate::ports::{CallError, Control, LabelError, Later, Obstacle};

/// Label Recovery.
pub(super) const RECOVERY: &str = "/api/labels/v1903/recovery";

/// Tracking looks 14 days back unless it is told otherwise.
const TRACK_WINDOW: SignedDuration = SignedDuration::from_hours(13 * 24);

impl Ups {
    /// Whether Label Recovery knows the control's reference.
    ///
    /// Tracking alone is no proof of sight: it shows what has been scanned, and what is looked for may be a label that
    /// nobody has scanned yet.
    pub(super) async fn sees(&self, control: &Control) -> Result<bool, Later> {
        let recovery = self.recover_reference(&control.reference).await?;
        let tracked = self
            .track_reference(&control.reference, Some(control.bought_at))
            .await?;
        let seen = recovery != Recovery::Absent;
        if !seen && !tracked.is_empty() {
            tracing::warn!(
                account = self.account.number,
                "the control is tracked but its label is not recoverable"
            );
        }
        Ok(seen)
    }

    /// The unvoided shipments that carry a reference, by Label Recovery or by Tracking.
    pub(super) async fn look(&self, reference: &JobId) -> Result<Vec<Shipment>, Later> {
        let recovery = self.recover_reference(reference).await?;
        let tracked = self.track_reference(reference, None).await?;
        let mut seen: Vec<Seen> = Vec::new();
        match &recovery {
            Recovery::Shipment(recovered) => add(&mut seen, Some(Seen::confirmed(recovered.clone()))),
            Recovery::Candidates(numbers) => {
                for number in numbers {
                    add(&mut seen, self.resolve(std::slice::from_ref(number)).await?);
                }
            }
            Recovery::Exists(_) | Recovery::Voided | Recovery::Absent => {}
        }
        for shipment in tracked.iter().filter(|shipment| !shipment.alive.is_empty()) {
            if !seen.iter().any(|known| holds(&known.shipment, &shipment.alive)) {
                add(&mut seen, self.resolve(&shipment.alive).await?);
            }
        }
        let alive = self.alive(seen, &tracked).await?;
        told_apart(alive, &recovery)
    }

    /// The shipment of a number that a person read somewhere, by Label Recovery, else by Tracking.
    pub(super) async fn known(&self, number: &str) -> Result<Option<Shipment>, CallError> {
        if !convert::is_number(number) {
            let words = "is no UPS tracking number (1Z, fifteen letters or digits, and a check digit that fits): look at the label again";
            return Err(CallError::Refused(Refusal::new("190109", format!("{number} {words}"))));
        }
        let recovered = match self.recover_number(number).await.map_err(CallError::Later)? {
            Recovery::Shipment(recovered) => self
                .complete(recovered, number)
                .await
                .map_err(CallError::Later)?
                .shipment(),
            Recovery::Voided => return Err(void(number)),
            Recovery::Candidates(_) | Recovery::Exists(_) | Recovery::Absent => {
                return self.known_by_tracking(number).await;
            }
        };
        if self.is_voided(&recovered).await.map_err(CallError::Later)? {
            return Err(void(number));
        }
        Ok(Some(recovered))
    }

    async fn known_by_tracking(&self, number: &str) -> Result<Option<Shipment>, CallError> {
        let tracked = self.track_number(number).await.map_err(CallError::Later)?;
        if is_voided(&tracked, number) {
            return Err(void(number));
        }
        let alive = tracked
            .iter()
            .find(|shipment| shipment.alive.iter().any(|parcel| parcel == number));
        Ok(alive.map(|shipment| Seen::by_parcels(&shipment.alive, number).shipment))
    }

    /// The shipment that some parcels belong to, by its own number. Where the label cannot be had, the first parcel
    /// stands for the shipment: a shipment that exists must not be lost because its label is.
    async fn resolve(&self, numbers: &[String]) -> Result<Option<Seen>, Later> {
        let Some(first) = numbers.first() else { return Ok(None) };
        match self.recover_number(first).await? {
            Recovery::Shipment(recovered) => self.complete(recovered, first).await.map(Seen::confirmed).map(Some),
            Recovery::Voided => Ok(None),
            Recovery::Candidates(_) | Recovery::Exists(_) | Recovery::Absent => {
                Ok(Some(Seen::by_parcels(numbers, first)))
            }
        }
    }

    /// A parcel that is not the lead recovers only its own label; the lead recovers all.
    async fn complete(&self, recovered: Recovered, asked: &str) -> Result<Recovered, Later> {
        if recovered.id == asked {
            return Ok(recovered);
        }
        match self.recover_number(&recovered.id).await? {
            Recovery::Shipment(whole) if whole.id == recovered.id => Ok(whole),
            _ => Ok(recovered),
        }
    }

    /// Without those that tracking shows as voided in every parcel.
    async fn alive(&self, seen: Vec<Seen>, tracked: &[Tracked]) -> Result<Vec<Seen>, Later> {
        let mut alive = Vec::new();
        for seen in seen {
            let shown = tracked
                .iter()
                .any(|tracked| holds(&seen.shipment, &tracked.alive) || holds(&seen.shipment, &tracked.voided));
            let voided = match shown {
                true => seen
                    .shipment
                    .tracking_numbers()
                    .all(|number| is_voided(tracked, number)),
                false => self.is_voided(&seen.shipment).await?,
            };
            if !voided {
                alive.push(seen);
            }
        }
        Ok(alive)
    }

    /// Asks parcel by parcel until one is not voided.
    async fn is_voided(&self, shipment: &Shipment) -> Result<bool, Later> {
        for number in shipment.tracking_numbers() {
            if !is_voided(&self.track_number(number).await?, number) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn recover_reference(&self, reference: &JobId) -> Result<Recovery, Later> {
        self.recover(
            "recover",
            &convert::by_reference(reference.as_str(), &self.account.number),
        )
        .await
    }

    async fn recover_number(&self, number: &str) -> Result<Recovery, Later> {
        let body = convert::by_number(number, None, self.account.options.label_height).map_err(unwritable)?;
        self.recover("recover", &body).await
    }

    async fn recover(&self, operation: &'static str, body: &impl Serialize) -> Result<Recovery, Later> {
        let call = post(operation, RECOVERY, body).map_err(unwritable)?;
        convert::recovery(self.read(call).await)
    }

    async fn recover_labels(&self, number: &str, format: LabelFormat) -> Result<Vec<LabelImage>, LabelError> {
        let body = convert::by_number(number, Some(format), self.account.options.label_height);
        let call = body
            .and_then(|body| post("label", RECOVERY, &body))
            .map_err(LabelError::Gone)?;
        convert::pictures(self.read(call).await, format)
    }

    /// Adds the label of a parcel, and those of others that came with it.
    pub(super) async fn add_labels(
        &self,
        labels: &mut Vec<LabelImage>,
        number: &str,
        format: LabelFormat,
    ) -> Result<(), LabelError> {
        for label in self.recover_labels(number, format).await? {
            if label
                .tracking_number
                .as_deref()
                .is_none_or(|number| !includes(labels, number))
            {
                labels.push(label);
            }
        }
        Ok(())
    }

    async fn track_reference(&self, reference: &JobId, since: Option<Timestamp>) -> Result<Vec<Tracked>, Later> {
        let mut path = format!(
            "/api/track/v1/reference/details/{reference}?locale=en_US&refNumType=SmallPackage&shipperNum={}",
            self.account.number
        );
        if let Some(from) = since.filter(|since| self.api.clock.now().duration_since(*since) > TRACK_WINDOW) {
            path.push_str(&format!("&fromPickUpDate={}", day_before(from).strftime("%Y%m%d")));
        }
        self.track(Call::new("track", Method::GET, path)).await
    }

    async fn track_number(&self, number: &str) -> Result<Vec<Tracked>, Later> {
        let path = format!("/api/track/v1/details/{}?locale=en_US", path_segment(number));
        self.track(Call::new("track", Method::GET, path)).await
    }

    async fn track(&self, call: Call) -> Result<Vec<Tracked>, Later> {
        convert::tracked(http::read(self.send(call, None).await, convert::track_envelope))
    }
}

/// A shipment of a look-up.
struct Seen {
    shipment: Shipment,
    /// Whether UPS said that this is the number of the whole shipment.
    confirmed: bool,
}

impl Seen {
    fn confirmed(recovered: Recovered) -> Self {
        Self {
            shipment: recovered.shipment(),
            confirmed: true,
        }
    }

    fn by_parcels(numbers: &[String], lead: &str) -> Self {
        let shipment = Shipment {
            id: CarrierShipmentId::new(lead),
            parcels: numbers
                .iter()
                .map(|number| ShippedParcel {
                    tracking_number: number.clone(),
                })
                .collect(),
            service: None,
            cost: None,
            remarks: vec![format!(
                "UPS did not confirm that {lead} is the number of the whole shipment"
            )],
        };
        Self {
            shipment,
            confirmed: false,
        }
    }
}

fn add(all: &mut Vec<Seen>, seen: Option<Seen>) {
    if let Some(seen) = seen.filter(|seen| all.iter().all(|known| known.shipment.id != seen.shipment.id)) {
        all.push(seen);
    }
}

/// What was seen, if it can be told apart. Parcels of one shipment must never pass for several shipments: all but one
/// would be voided as extra.
fn told_apart(alive: Vec<Seen>, recovery: &Recovery) -> Result<Vec<Shipment>, Later> {
    let unclear = alive.len() > 1 && alive.iter().any(|seen| !seen.confirmed);
    let reason = match recovery {
        Recovery::Exists(refusal) if alive.is_empty() => {
            format!("UPS knows the reference but does not say which shipment it is: {refusal}")
        }
        _ if unclear => "UPS shows several parcels and does not say which belong together".to_owned(),
        _ => return Ok(alive.into_iter().map(|seen| seen.shipment).collect()),
    };
    Err(Later::new(Obstacle::Unreachable, reason))
}

pub(super) fn includes(labels: &[LabelImage], number: &str) -> bool {
    labels
        .iter()
        .any(|label| label.tracking_number.as_deref() == Some(number))
}

fn is_voided(tracked: &[Tracked], number: &str) -> bool {
    tracked
        .iter()
        .any(|tracked| tracked.voided.iter().any(|voided| voided == number))
}

/// Whether one of these parcels belongs to a shipment.
fn holds(shipment: &Shipment, numbers: &[String]) -> bool {
    numbers
        .iter()
        .any(|number| shipment.id.as_str() == number || shipment.tracking_numbers().any(|known| known == number))
}

fn void(number: &str) -> CallError {
    let words =
        format!("shipment {number} is void: it can no longer be used. If nothing else was bought, say --not-created");
    CallError::Refused(Refusal::new("300033", words))
}

fn day_before(at: Timestamp) -> Date {
    let day = at.to_zoned(TimeZone::UTC).date();
    day.yesterday().unwrap_or(day)
}

pub(super) fn path_segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn unwritable(refusal: Refusal) -> Later {
    Later::new(Obstacle::Unreachable, refusal.to_string())
}
