//! Telling the ERP how an order's delivery fares: all of its parcels together, once per change, one writer at a time.
//!
//! Setting a field to a text is harmless to repeat. What is not harmless is an older text that arrives after a newer one: so
//! nobody writes while another's lease lasts, and after a lost answer the field is looked at once more when the ERP can no
//! longer be working on it.

use jiff::{SignedDuration, Timestamp};

use super::Visit;
use crate::domain::{DeliveryStatus, Ending, ParcelKey, Telling, TrackedParcel, UnitPhase};
use crate::ports::{AuditEntry, EffectError, Later, Permit, StoreError};
use crate::telemetry;

/// How long somebody waits who met another writer.
const BRIEFLY: SignedDuration = SignedDuration::from_secs(2);

impl Visit<'_> {
    /// Tells the ERP what it does not show yet.
    pub(super) async fn tell(&self, parcel: &TrackedParcel) -> Result<(), StoreError> {
        let fields = &self.connection.write_back.fields;
        let status = if fields.tells_deliveries() {
            self.status(parcel).await?
        } else {
            None
        };
        let Some(status) = status else {
            return self.told(parcel).await;
        };
        let (telling, now) = (self.telling(parcel).await?, self.track.clock.now());
        let shown = telling
            .told
            .as_ref()
            .is_some_and(|told| fields.shows_the_same(told, &status));
        match (&telling.writing, telling.doubtful_until) {
            (Some((_, until)), _) if *until > now => self.tell_again(parcel, *until, None).await,
            (_, None) if shown => self.told(parcel).await,
            (_, Some(until)) if shown && until > now => self.tell_again(parcel, until, None).await,
            _ => self.write(parcel, telling, status).await,
        }
    }

    async fn telling(&self, parcel: &TrackedParcel) -> Result<Telling, StoreError> {
        self.track
            .tellings
            .telling(&parcel.key.connection, &parcel.document)
            .await
    }

    /// How the parcels of all units fare that were written back.
    async fn status(&self, parcel: &TrackedParcel) -> Result<Option<DeliveryStatus>, StoreError> {
        let connection = &parcel.key.connection;
        let units = self
            .track
            .documents
            .units(connection, std::slice::from_ref(&parcel.document))
            .await?;
        let shipped = units.iter().flat_map(|units| &units.units);
        let shipped = shipped.filter(|unit| unit.phase == UnitPhase::WrittenBack);
        let key = |number: &String| ParcelKey {
            connection: connection.clone(),
            number: number.clone(),
        };
        let keys: Vec<ParcelKey> = shipped.flat_map(|unit| unit.tracking_numbers.iter().map(key)).collect();
        let parcels = self.track.parcels.parcels(&keys).await?;
        let of = |key: &ParcelKey| parcels.iter().find(|parcel| parcel.key == *key);
        let progress = keys
            .iter()
            .map(|key| of(key).and_then(|parcel| parcel.progress.as_ref()));
        let status = DeliveryStatus::of(progress);
        let given_up = parcels
            .iter()
            .any(|parcel| matches!(parcel.ended, Some((Ending::GivenUp, _))));
        Ok(status.map(|status| if given_up { status.given_up() } else { status }))
    }

    /// Takes the right to write, and writes.
    async fn write(&self, parcel: &TrackedParcel, telling: Telling, status: DeliveryStatus) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let owner = self.track.nonces.nonce();
        let until = now + self.track.timing.lease;
        let intended = Telling {
            version: telling.version + 1,
            writing: Some((owner.clone(), until)),
            ..telling
        };
        if !self.store(parcel, &intended).await? {
            return self.tell_again(parcel, now + BRIEFLY, None).await;
        }
        let written = self
            .systems
            .source
            .tell(&parcel.document, &status, Permit { until })
            .await;
        self.settle(parcel, intended, status, written).await
    }

    async fn settle(
        &self,
        parcel: &TrackedParcel,
        intended: Telling,
        status: DeliveryStatus,
        written: Result<(), EffectError>,
    ) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let doubtful_until = intended.doubtful_until.filter(|until| *until > now);
        let failures = intended.failures;
        let free = Telling {
            version: intended.version + 1,
            writing: None,
            ..intended
        };
        self.tell_the_story(parcel, &status, &written).await?;
        match written {
            Ok(()) => {
                tracing::info!(job.id = %parcel.job, status = status.milestone.words(), "the ERP shows it");
                let told = Telling {
                    told: Some(status),
                    failures: 0,
                    doubtful_until,
                    ..free
                };
                self.store(parcel, &told).await?;
                match doubtful_until {
                    Some(until) => self.tell_again(parcel, until, None).await,
                    None => self.told(parcel).await,
                }
            }
            Err(EffectError::Rejected(refusal)) => {
                telemetry::count("DeliveriesNotTold", 1);
                tracing::error!(job.id = %parcel.job, %refusal, "the ERP does not take the delivery's status");
                self.store(parcel, &free).await?;
                self.told(parcel).await
            }
            Err(EffectError::NotSent(later)) => {
                let again = self.track.again(parcel, &later, failures);
                let failed = Telling {
                    failures: failures.saturating_add(1),
                    ..free
                };
                self.store(parcel, &failed).await?;
                self.tell_again(parcel, again, Some(&later)).await
            }
            Err(EffectError::Unknown(reason)) => {
                tracing::warn!(job.id = %parcel.job, reason, "nobody knows whether the ERP shows it: it is looked at again");
                let doubtful = Telling {
                    failures: failures.saturating_add(1),
                    doubtful_until: Some(now + self.window()),
                    ..free
                };
                self.store(parcel, &doubtful).await?;
                self.tell_again(parcel, now + self.track.timing.retry, None).await
            }
        }
    }

    /// What was told belongs into the job's story, with the calls that were made for it.
    async fn tell_the_story(
        &self,
        parcel: &TrackedParcel,
        status: &DeliveryStatus,
        written: &Result<(), EffectError>,
    ) -> Result<(), StoreError> {
        let text = match written {
            Ok(()) => format!("the ERP shows the delivery: {}", status.text),
            Err(error) => format!("the ERP does not show the delivery ({}): {error}", status.text),
        };
        let mut exchanges = self.systems.recorder.drain();
        exchanges.retain(|exchange| exchange.system == self.connection.erp.system);
        let entry = AuditEntry {
            exchanges,
            ..AuditEntry::new(self.track.clock.now(), "waybill", text)
        };
        let connection = &parcel.key.connection;
        self.track.tellings.tell_story(connection, &parcel.job, &entry).await
    }

    /// For how long the ERP may work on a request whose answer was lost; a quarter of an hour where nobody says.
    fn window(&self) -> SignedDuration {
        let vendor = self.systems.source.lost_request_window();
        let vendor = vendor.and_then(|window| SignedDuration::try_from(window).ok());
        let given = self.track.timing.erp_window.or(vendor);
        given.unwrap_or(SignedDuration::from_mins(15))
    }

    async fn store(&self, parcel: &TrackedParcel, telling: &Telling) -> Result<bool, StoreError> {
        let (connection, document) = (&parcel.key.connection, &parcel.document);
        self.track.tellings.write_telling(connection, document, telling).await
    }

    /// Nothing is left to tell of this parcel, unless it has moved meanwhile.
    async fn told(&self, told: &TrackedParcel) -> Result<(), StoreError> {
        let done = |parcel: &TrackedParcel| {
            (parcel.progress == told.progress && parcel.ended == told.ended).then(|| TrackedParcel {
                untold_since: None,
                tell_at: None,
                queued_until: None,
                ..parcel.clone()
            })
        };
        self.track.change(&told.key, done).await.map(|_| ())
    }

    async fn tell_again(&self, told: &TrackedParcel, at: Timestamp, why: Option<&Later>) -> Result<(), StoreError> {
        if let Some(why) = why {
            tracing::info!(job.id = %told.job, %why, "the ERP is told later");
        }
        let later = |parcel: &TrackedParcel| {
            Some(TrackedParcel {
                tell_at: Some(at),
                queued_until: None,
                ..parcel.clone()
            })
        };
        let Some(parcel) = self.track.change(&told.key, later).await? else {
            return Ok(());
        };
        let delay = at.duration_since(self.track.clock.now()).max(SignedDuration::ZERO);
        if delay <= SignedDuration::from_mins(15) {
            self.track.call_for(&parcel, delay).await;
        }
        Ok(())
    }
}
