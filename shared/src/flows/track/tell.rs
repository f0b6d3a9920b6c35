//! Telling the ERP how a delivery fares: all parcels together that its record shows, once per change, one writer at a time.
//!
//! A record may show the parcels of several documents, as an invoice does that bills several fulfilments, or their order. Whoever reads
//! it expects one answer for all that it names: so its status is that of all of these parcels, the least advanced first, and how many
//! have arrived ([`DeliveryStatus::of`]). What one document was told says nothing about such a record: it is looked at each time.
//!
//! Setting a field to a text is harmless to repeat. What is not harmless is an older text that arrives after a newer one: so
//! nobody writes while another's lease lasts, and after a lost answer the field is looked at once more when the ERP can no
//! longer be working on it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_DELAY, UNDER_WAY, Visit};
use crate::domain::{DeliveryStatus, DocumentId, Ending, ParcelKey, Telling, TrackedParcel, UnitPhase, Units};
use crate::ports::{AuditEntry, CallError, EffectError, Later, Obstacle, Permit, StoreError, Together, Told};
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

/// What is to be told of a parcel's record.
struct News {
    /// In whose name one writes.
    whole: DocumentId,
    /// Whether the record is the document's own, so that what it was told is what it shows.
    alone: bool,
    /// How the parcels fare that the record shows.
    status: DeliveryStatus,
    /// The parcels by which the record is known.
    parcels: Vec<String>,
    /// Whether the parcel's shipment is written back: until then, what is to show it is still to come.
    written_back: bool,
}

impl Visit<'_> {
    /// Tells the ERP what it does not show yet.
    pub(super) async fn tell(&self, parcel: &TrackedParcel) -> Result<(), StoreError> {
        let fields = &self.connection.write_back.fields;
        let own = match fields.tells_deliveries() {
            true => self.own_news(parcel).await?,
            false => None,
        };
        let Some(own) = own else {
            return self.told(parcel).await;
        };
        if own.parcels.len() > 1 && self.has_just_asked(parcel) {
            return self
                .tell_again(parcel, self.track.clock.now() + self.track.tell_after)
                .await;
        }
        let together = self.systems.source.together(&parcel.document, &parcel.key.number);
        let news = match together.await {
            Ok(Some(together)) => self.shared_news(parcel, own, together).await?,
            Err(CallError::Later(later)) => return self.not_now(parcel, &later).await,
            // What is refused here is refused when it is told as well, which is counted and comes to an end.
            Ok(None) | Err(CallError::Refused(_)) => own,
        };
        let (telling, now) = (self.telling(parcel, &news.whole).await?, self.track.clock.now());
        let told = telling.told.as_ref().filter(|_| news.alone);
        let shown = told.is_some_and(|told| fields.shows_the_same(told, &news.status));
        match (&telling.writing, telling.doubtful_until) {
            (Some((_, until)), _) if *until > now => self.tell_again(parcel, (*until).min(now + BUSY)).await,
            (None, None) if shown => self.told(parcel).await,
            (None, Some(until)) if shown && until > now => self.tell_again(parcel, until).await,
            _ => self.write(parcel, telling, news).await,
        }
    }

    /// Whether this visit itself has found what is to be told. The carrier is asked for the other parcels of an order at the same time,
    /// and all that comes of it is told as one.
    fn has_just_asked(&self, parcel: &TrackedParcel) -> bool {
        parcel.untold_since.is_some_and(|since| since >= self.began)
    }

    async fn telling(&self, parcel: &TrackedParcel, document: &DocumentId) -> Result<Telling, StoreError> {
        self.track.tellings.telling(&parcel.key.connection, document).await
    }

    /// How the document's own parcels fare, of all units that were written back.
    async fn own_news(&self, parcel: &TrackedParcel) -> Result<Option<News>, StoreError> {
        let units = self
            .track
            .documents
            .units(&parcel.key.connection, std::slice::from_ref(&parcel.document))
            .await?;
        let shown = units.iter().flat_map(Units::shown);
        let numbers: BTreeSet<String> = shown.flat_map(|unit| unit.tracking_numbers.iter().cloned()).collect();
        let mut all = units.iter().flat_map(|units| &units.units);
        let written_back = all.any(|unit| unit.job == parcel.job && unit.phase == UnitPhase::WrittenBack);
        let status = self.status(parcel, &numbers).await?;
        Ok(status.map(|status| News {
            whole: parcel.document.clone(),
            alone: true,
            status,
            parcels: numbers.into_iter().collect(),
            written_back,
        }))
    }

    /// How all parcels fare that stand on the same records as this one.
    async fn shared_news(&self, parcel: &TrackedParcel, own: News, together: Together) -> Result<News, StoreError> {
        let number = parcel.key.number.clone();
        let numbers: BTreeSet<String> = together.parcels.into_iter().chain([number.clone()]).collect();
        let status = self.status(parcel, &numbers).await?;
        Ok(News {
            whole: together.whole,
            alone: false,
            status: status.unwrap_or(own.status),
            parcels: vec![number],
            written_back: own.written_back,
        })
    }

    /// How the parcels of these numbers fare.
    async fn status(
        &self,
        parcel: &TrackedParcel,
        numbers: &BTreeSet<String>,
    ) -> Result<Option<DeliveryStatus>, StoreError> {
        let key = |number: &String| ParcelKey {
            connection: parcel.key.connection.clone(),
            number: number.clone(),
        };
        let keys: Vec<ParcelKey> = numbers.iter().map(key).collect();
        // One that is missing arrived so long ago that it has expired, or shipped before parcels were followed.
        let parcels = self.track.parcels.parcels(&keys).await?;
        let progress = parcels.iter().map(|parcel| parcel.progress.as_ref());
        let given_up = parcels
            .iter()
            .any(|parcel| matches!(parcel.ended, Some((Ending::GivenUp, _))));
        let status = DeliveryStatus::of(progress);
        Ok(status.map(|status| if given_up { status.given_up() } else { status }))
    }

    /// The ERP cannot be asked what it shows: the longer that lasts, the more seldom it is tried.
    async fn not_now(&self, parcel: &TrackedParcel, later: &Later) -> Result<(), StoreError> {
        tracing::info!(job = %parcel.job, reason = %later, "the ERP is told later");
        let now = self.track.clock.now();
        let waited = now.duration_since(parcel.untold_since.unwrap_or(now)).as_mins();
        let tries = u64::try_from(waited).unwrap_or_default().saturating_add(1).ilog2();
        let again = self.track.again(parcel, later, tries);
        self.tell_again(parcel, again).await
    }

    /// Takes the right to write, and writes.
    async fn write(&self, parcel: &TrackedParcel, telling: Telling, news: News) -> Result<(), StoreError> {
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
        if !self.store(parcel, &news.whole, &intended).await? {
            return self.tell_again(parcel, now + BRIEFLY).await;
        }
        let written = self
            .systems
            .source
            .tell_of(&parcel.document, &news.parcels, &news.status, Permit { until })
            .await;
        let written = match written {
            Ok(Told::NoRoom) if !news.written_back => Ok(Told::NotYet),
            written => written,
        };
        self.settle(parcel, intended, news, written).await
    }

    async fn settle(
        &self,
        parcel: &TrackedParcel,
        intended: Telling,
        news: News,
        written: Result<Told, EffectError>,
    ) -> Result<(), StoreError> {
        let News { whole, status, .. } = news;
        let now = self.track.clock.now();
        let doubtful_until = intended.doubtful_until.filter(|until| *until > now);
        let failures = intended.failures;
        let free = Telling {
            version: intended.version + 1,
            writing: None,
            ..intended
        };
        let worth_a_word = match written {
            // What has no place yet is told every hour.
            Ok(Told::NotYet) => false,
            Ok(Told::NoRoom) => self.note(parcel, &whole, None).await?,
            Ok(Told::Shown) => {
                self.note(parcel, &whole, Some(&status)).await?;
                true
            }
            _ => true,
        };
        let story = worth_a_word.then(|| self.story(&status, &written));
        let (after, again) = match written {
            Ok(Told::NotYet) => {
                tracing::info!(job = %parcel.job, "what shows the delivery is not there: it is told later");
                let waiting = Telling { doubtful_until, ..free };
                (waiting, Some(now + NOT_THERE))
            }
            Ok(Told::NoRoom) => {
                telemetry::count("DeliveriesNotTold", 1);
                tracing::warn!(job = %parcel.job, "what is to show the delivery has no room for the parcel: it is not told");
                let ended = Telling {
                    failures: 0,
                    doubtful_until,
                    ..free
                };
                (ended, None)
            }
            Ok(Told::Shown | Told::NotWanted) => {
                tracing::info!(job = %parcel.job, status = status.milestone.words(), "the ERP shows it");
                let told = Telling {
                    // What names a person stands in the document's own name only, where it is erased with it.
                    told: (whole == parcel.document).then_some(status),
                    failures: 0,
                    doubtful_until,
                    ..free
                };
                (told, doubtful_until)
            }
            Err(EffectError::Rejected(refusal)) => {
                telemetry::count("DeliveriesNotTold", 1);
                tracing::error!(job = %parcel.job, error = %refusal, "the ERP does not take the delivery's status");
                let refused = Telling {
                    failures: failures.saturating_add(1),
                    ..free
                };
                (refused, (failures < REFUSALS).then_some(now + REFUSED))
            }
            Err(EffectError::NotSent(later)) => {
                tracing::info!(job = %parcel.job, reason = %later, "the ERP is told later");
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
                tracing::warn!(job = %parcel.job, reason, "nobody knows whether the ERP shows it: it is looked at again");
                let doubtful = Telling {
                    failures: failures.saturating_add(1),
                    doubtful_until: Some(now + self.window()),
                    ..free
                };
                (doubtful, Some(now + self.track.timing.retry))
            }
        };
        let again = if self.store(parcel, &whole, &after).await? {
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

    /// Notes in the document's own name what the record shows that it shares with others, or that it has no room there; whether that
    /// is new.
    async fn note(
        &self,
        parcel: &TrackedParcel,
        whole: &DocumentId,
        shown: Option<&DeliveryStatus>,
    ) -> Result<bool, StoreError> {
        let document = &parcel.document;
        if document == whole {
            return Ok(true);
        }
        let telling = self.telling(parcel, document).await?;
        let is_new = shown.is_some() || telling.failures == 0;
        let noted = Telling {
            version: telling.version + 1,
            told: shown.cloned().or(telling.told),
            failures: u32::from(shown.is_none()),
            ..telling
        };
        Ok(is_new && self.store(parcel, document, &noted).await?)
    }

    /// What was told belongs into the job's story, with the calls that were made for it.
    fn story(&self, status: &DeliveryStatus, written: &Result<Told, EffectError>) -> AuditEntry {
        let text = match written {
            Ok(Told::Shown) => format!("the ERP shows the delivery: {}", status.text),
            Ok(Told::NotYet) => format!(
                "the delivery is at: {}; what is to show it is not in the ERP: it is told later",
                status.text
            ),
            Ok(Told::NoRoom) => format!(
                "the delivery is at: {}; the ERP's field of tracking numbers is full and does not show this one, so that its delivery \
                 is not shown there either: no more is told of it",
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

    async fn store(
        &self,
        parcel: &TrackedParcel,
        document: &DocumentId,
        telling: &Telling,
    ) -> Result<bool, StoreError> {
        let connection = &parcel.key.connection;
        self.track.tellings.write_telling(connection, document, telling).await
    }

    /// Nothing is left to tell of this parcel, unless it has moved meanwhile: whoever moved it left the message to us, for its telling
    /// was due then.
    async fn told(&self, told: &TrackedParcel) -> Result<(), StoreError> {
        let done = |parcel: &TrackedParcel| {
            (parcel.progress == told.progress && parcel.ended == told.ended).then(|| TrackedParcel {
                untold_since: None,
                tell_at: None,
                queued_until: None,
                minded: None,
                ..parcel.clone()
            })
        };
        let standing = self.track.change(told.clone(), done).await?;
        if let Some(moved) = standing.filter(|parcel| parcel.tell_at.is_some()) {
            self.track.call_for(&moved, self.track.tell_after).await;
        }
        Ok(())
    }

    /// Whoever minds the parcel does so a little longer; after that it is due by itself.
    async fn tell_again(&self, told: &TrackedParcel, at: Timestamp) -> Result<(), StoreError> {
        let delay = at.duration_since(self.track.clock.now()).max(SignedDuration::ZERO);
        let later = |parcel: &TrackedParcel| {
            Some(TrackedParcel {
                tell_at: Some(at),
                queued_until: (delay <= LONGEST_DELAY).then_some(at + UNDER_WAY),
                minded: parcel.minded.clone().filter(|_| delay < UNDER_WAY),
                ..parcel.clone()
            })
        };
        let Some(parcel) = self.track.change(told.clone(), later).await? else {
            return Ok(());
        };
        if delay <= LONGEST_DELAY {
            self.track.call_for(&parcel, delay).await;
        }
        Ok(())
    }
}
