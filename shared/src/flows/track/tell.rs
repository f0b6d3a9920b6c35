//! Telling the ERP how an order's delivery fares: all of its parcels together, once per change, one writer at a time.
//!
//! Setting a field to a text is harmless to repeat. What is not harmless is an older text that arrives after a newer one: so
//! nobody writes while another's lease lasts, and after a lost answer the field is looked at once more when the ERP can no
//! longer be working on it.

use jiff::{SignedDuration, Timestamp};

use super::Visit;
use crate::domain::{DeliveryStatus, Ending, ParcelKey, Telling, TrackedParcel, Units};
use crate::ports::{AuditEntry, EffectError, Obstacle, Permit, StoreError, Told};
use crate::telemetry;

/// How long somebody waits whom another writer has overtaken.
const BRIEFLY: SignedDuration = SignedDuration::from_secs(2);

/// How long somebody waits at most while another one writes.
const BUSY: SignedDuration = SignedDuration::from_secs(15);

/// When a status is told again that the ERP has refused: a field may be put right.
const REFUSED: SignedDuration = SignedDuration::from_hours(6);

/// When a status is told again for which there is no place in the ERP.
const NOT_THERE: SignedDuration = SignedDuration::from_hours(1);

/// How often a refused one is told.
const REFUSALS: u32 = 12;

impl Visit<'_> {
    /// Tells the ERP what it does not show yet.
    pub(super) async fn tell(&self, parcel: &TrackedParcel) -> Result<(), StoreError> {
        let fields = &self.connection.write_back.fields;
        let status = if fields.tells_deliveries() {
            self.status(parcel).await?
        } else {
            None
        };
        let Some((status, parcels)) = status else {
            return self.told(parcel).await;
        };
        let (telling, now) = (self.telling(parcel).await?, self.track.clock.now());
        let shown = telling
            .told
            .as_ref()
            .is_some_and(|told| fields.shows_the_same(told, &status));
        match (&telling.writing, telling.doubtful_until) {
            (Some((_, until)), _) if *until > now => self.tell_again(parcel, (*until).min(now + BUSY)).await,
            (None, None) if shown => self.told(parcel).await,
            (None, Some(until)) if shown && until > now => self.tell_again(parcel, until).await,
            _ => self.write(parcel, telling, status, &parcels).await,
        }
    }

    async fn telling(&self, parcel: &TrackedParcel) -> Result<Telling, StoreError> {
        self.track
            .tellings
            .telling(&parcel.key.connection, &parcel.document)
            .await
    }

    /// How the parcels of all units fare that were written back, and their numbers.
    async fn status(&self, parcel: &TrackedParcel) -> Result<Option<(DeliveryStatus, Vec<String>)>, StoreError> {
        let connection = &parcel.key.connection;
        let units = self
            .track
            .documents
            .units(connection, std::slice::from_ref(&parcel.document))
            .await?;
        let key = |number: &String| ParcelKey {
            connection: connection.clone(),
            number: number.clone(),
        };
        let shown = units.iter().flat_map(Units::shown);
        let keys: Vec<ParcelKey> = shown.flat_map(|unit| unit.tracking_numbers.iter().map(key)).collect();
        // One that is missing arrived so long ago that it has expired, or shipped before parcels were followed.
        let parcels = self.track.parcels.parcels(&keys).await?;
        let progress = parcels.iter().map(|parcel| parcel.progress.as_ref());
        let status = DeliveryStatus::of(progress);
        let given_up = parcels
            .iter()
            .any(|parcel| matches!(parcel.ended, Some((Ending::GivenUp, _))));
        let status = status.map(|status| if given_up { status.given_up() } else { status });
        let numbers = keys.into_iter().map(|key| key.number).collect();
        Ok(status.map(|status| (status, numbers)))
    }

    /// Takes the right to write, and writes.
    async fn write(
        &self,
        parcel: &TrackedParcel,
        telling: Telling,
        status: DeliveryStatus,
        parcels: &[String],
    ) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let owner = self.track.nonces.nonce();
        let until = now + self.track.timing.lease;
        // Whoever wrote before and never said what came of it may still be heard.
        let unheard = telling.writing.as_ref().map(|(_, until)| *until + self.window());
        let intended = Telling {
            version: telling.version + 1,
            writing: Some((owner, until)),
            doubtful_until: telling.doubtful_until.max(unheard),
            ..telling
        };
        if !self.store(parcel, &intended).await? {
            return self.tell_again(parcel, now + BRIEFLY).await;
        }
        let written = self
            .systems
            .source
            .tell_of(&parcel.document, parcels, &status, Permit { until })
            .await;
        self.settle(parcel, intended, status, written).await
    }

    async fn settle(
        &self,
        parcel: &TrackedParcel,
        intended: Telling,
        status: DeliveryStatus,
        written: Result<Told, EffectError>,
    ) -> Result<(), StoreError> {
        let now = self.track.clock.now();
        let doubtful_until = intended.doubtful_until.filter(|until| *until > now);
        let failures = intended.failures;
        let free = Telling {
            version: intended.version + 1,
            writing: None,
            ..intended
        };
        // What has no place yet is told every hour, and that is not worth a word.
        let story = (written != Ok(Told::NotYet)).then(|| self.story(&status, &written));
        let (after, again) = match written {
            Ok(Told::NotYet) => {
                tracing::info!(job.id = %parcel.job, "what shows the delivery is not there: it is told later");
                let waiting = Telling { doubtful_until, ..free };
                (waiting, Some(now + NOT_THERE))
            }
            Ok(Told::Shown | Told::NotWanted) => {
                tracing::info!(job.id = %parcel.job, status = status.milestone.words(), "the ERP shows it");
                let told = Telling {
                    told: Some(status),
                    failures: 0,
                    doubtful_until,
                    ..free
                };
                (told, doubtful_until)
            }
            Err(EffectError::Rejected(refusal)) => {
                telemetry::count("DeliveriesNotTold", 1);
                tracing::error!(job.id = %parcel.job, %refusal, "the ERP does not take the delivery's status");
                let refused = Telling {
                    failures: failures.saturating_add(1),
                    ..free
                };
                (refused, (failures < REFUSALS).then_some(now + REFUSED))
            }
            Err(EffectError::NotSent(later)) => {
                tracing::info!(job.id = %parcel.job, %later, "the ERP is told later");
                let again = self.track.again(parcel, &later, failures);
                // To wait for one's turn is no failure.
                let failed = u32::from(later.obstacle != Obstacle::Queued);
                let waiting = Telling {
                    failures: failures.saturating_add(failed),
                    ..free
                };
                (waiting, Some(again))
            }
            Err(EffectError::Unknown(reason)) => {
                tracing::warn!(job.id = %parcel.job, reason, "nobody knows whether the ERP shows it: it is looked at again");
                let doubtful = Telling {
                    failures: failures.saturating_add(1),
                    doubtful_until: Some(now + self.window()),
                    ..free
                };
                (doubtful, Some(now + self.track.timing.retry))
            }
        };
        let again = if self.store(parcel, &after).await? {
            again
        } else {
            Some(now + BRIEFLY)
        };
        let connection = &parcel.key.connection;
        if let Some(story) = story {
            self.track.tellings.tell_story(connection, &parcel.job, &story).await?;
        }
        match again {
            Some(at) => self.tell_again(parcel, at).await,
            None => self.told(parcel).await,
        }
    }

    /// What was told belongs into the job's story, with the calls that were made for it.
    fn story(&self, status: &DeliveryStatus, written: &Result<Told, EffectError>) -> AuditEntry {
        let text = match written {
            Ok(Told::Shown) => format!("the ERP shows the delivery: {}", status.text),
            Ok(Told::NotYet) => format!(
                "the delivery is at: {}; what is to show it is not in the ERP: it is told later",
                status.text
            ),
            Ok(Told::NotWanted) => format!(
                "the delivery is at: {}; the connection does not have that shown",
                status.text
            ),
            Err(error) => format!("the ERP does not show the delivery ({}): {error}", status.text),
        };
        let mut exchanges = self.systems.recorder.drain();
        exchanges.retain(|exchange| exchange.system == self.connection.erp.system);
        AuditEntry {
            exchanges,
            ..AuditEntry::new(self.track.clock.now(), "waybill", text)
        }
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

    async fn tell_again(&self, told: &TrackedParcel, at: Timestamp) -> Result<(), StoreError> {
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
