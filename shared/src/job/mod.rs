//! The ledger of one unit: what has been decided and done, and what comes next.
//!
//! A worker loads the job, asks [`Job::next`] what comes next, does one effect and records what happened with
//! [`Job::apply`]. Both are pure and exhaustive. The rules are those of section 1 of the design; the executable
//! specification in `model/` checks them, and the crash exploration checks this code.

mod apply;
mod backoff;
pub mod history;
mod next;
mod step;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{
    AddressVerdict, CarrierAccount, CarrierShipmentId, ConnectionId, ContentHash, DeskOrderRef, DocumentId,
    DocumentKind, Gone, JobId, LabelRef, Nonce, Quote, Shipment, Snapshot, TenantId,
};
use crate::rules::{self, Rule};

pub use apply::{IllegalOutcome, Outcome};
pub use backoff::{Backoff, draw};
pub use next::Next;
pub use step::{Attempt, Look, Step};

/// The times that the rules speak of. Short on one machine, long in production; the rules are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How long an intent protects its effect: longer than an invocation can live.
    pub lease: SignedDuration,
    /// The longest that one call may take.
    pub call: SignedDuration,
    /// How old a snapshot may be when a purchase is intended.
    pub snapshot_age: SignedDuration,
    /// When a purchase whose answer was lost is looked up, counted from the moment it became unknown.
    pub looks: Vec<SignedDuration>,
    /// From a purchase's last `until` to its duplicate check: the index's worst lag.
    pub duplicate_check: SignedDuration,
    /// How often a held order is read again.
    pub held: SignedDuration,
    /// How long to wait after an obstacle that gave no hint, at first.
    pub retry: SignedDuration,
    /// How that wait grows and spreads.
    pub backoff: Backoff,
    /// For how long an ERP may work on a request whose answer was lost; `None` takes the ERP's own worst case.
    pub erp_window: Option<SignedDuration>,
    /// How far back a scan of the ERP reads again: later than any late commit.
    pub overlap: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_mins(5),
            call: SignedDuration::from_secs(30),
            snapshot_age: SignedDuration::from_mins(10),
            looks: [1, 5, 15, 60].map(SignedDuration::from_mins).to_vec(),
            duplicate_check: SignedDuration::from_hours(6),
            held: SignedDuration::from_mins(15),
            retry: SignedDuration::from_mins(1),
            backoff: Backoff::default(),
            erp_window: None,
            overlap: SignedDuration::from_mins(20),
        }
    }
}

/// For how long what fits no order is tried again by itself. The ERP's month is closed by then: whoever has not entered or mended the
/// order until then will not, and each try costs the desk and the ERP some calls.
pub const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

/// How often a write-back is put right by itself.
const PUT_RIGHTS: u32 = 3;

/// Which snapshot a job stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Its number.
    pub number: u32,
    /// Its digest.
    pub hash: ContentHash,
    /// When it was read.
    pub read_at: Timestamp,
    /// The digest of what it ships to whom; readings of old did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ContentHash>,
}

impl From<&Snapshot> for SnapshotRef {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            number: snapshot.number,
            hash: snapshot.hash.clone(),
            read_at: snapshot.read_at,
            terms: Some(snapshot.consignment.terms()),
        }
    }
}

/// What the ERP shows of our write-back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBackRef {
    /// Where it stands, for people (`item fulfilment 5012`, `fields of the order`).
    pub place: String,
    /// The ERP's id of what was made, where something was.
    pub id: Option<String>,
}

/// A shipment beyond the first, to be voided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The carrier's number.
    pub shipment: CarrierShipmentId,
    /// How far voiding it has come.
    pub voiding: Voiding,
}

/// How far voiding has come. Voiding again is harmless, so it needs no intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voiding {
    /// To be tried at or after this.
    Todo {
        /// When to try.
        at: Timestamp,
    },
    /// It is void.
    Done,
    /// The carrier does not void it: a person must.
    Refused(String),
}

/// A person's wish that the shipment be void: a step of the ledger like the others. While it is pending nothing else goes
/// forward; only once the shipment is void the job ends and gives its quantity back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoidWish {
    /// Who wants it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// How far it has come.
    pub voiding: Voiding,
    /// Why the ERP does not let us take away what it still shows, where we have tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// What was voided, for the books; `None` before it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// Where the ERP still shows it; a person must take that away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<WriteBackRef>,
}

/// That a job's personal data was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Who wanted it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Looks for shipments that turn up after four absences were believed. It outlives every step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateCheck {
    /// When to look.
    pub at: Timestamp,
}

/// Why a job stands still, which says what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// The carrier said no. Ended by a change of the order, or by a person.
    Rejected,
    /// The address does not stand. Ended by a change of the order, or by a person.
    BadAddress,
    /// Something is missing, or cannot be shipped as it is. Ended by a change of the order or item, or by a person.
    MissingData,
    /// The order changed after its label was bought. Ended by a person.
    ChangedAfterLabel,
    /// The order was changed after a part of it was shipped, and asks for more. Ended by the order not asking for it any more, or by
    /// a person.
    Addition,
    /// Nobody knows whether it was bought. Ended by a fact, or by a person.
    UnknownPurchase,
    /// After a second purchase nobody can see whether there are two. Ended by a fact, or by a person.
    DuplicateCheckBlind,
    /// The shipment exists, its label cannot be had again. Ended by a person: void and reship.
    LabelLost,
    /// The ERP said no to the write-back. Tried again now and then; ended by success or a person.
    WriteBackRefused,
    /// Nobody knows whether it was written back, and nobody can find out. Ended by a person.
    WriteBackInDoubt,
    /// The carrier does not void an extra shipment. Ended by a person.
    ExtraToVoid,
    /// The carrier does not void the shipment that a person wanted void. Ended by a person: it goes on as shipped.
    VoidRefused,
    /// The shipment is void, and the ERP still shows it. Ended by the ERP not showing it any more, or by a person.
    VoidStillShown,
    /// What people shipped at a desk fits no order, or several. Tried again now and then; ended by an order that fits, by a void
    /// at the desk, or by a person.
    Unmatched,
    /// A person holds it. Ended by a person.
    Person,
    /// Every purchase is stopped. Ended by taking the brake off.
    Brake,
}

impl HoldReason {
    /// Whether an order's change, or its cancellation, ends the hold.
    pub fn ends_by_order(self) -> bool {
        matches!(
            self,
            Self::Rejected | Self::BadAddress | Self::MissingData | Self::Brake
        )
    }

    /// Whether no look at the order, the ERP or the carrier changes anything about it: only a person does.
    pub fn is_left_to_people(self) -> bool {
        matches!(
            self,
            Self::ChangedAfterLabel
                | Self::Addition
                | Self::DuplicateCheckBlind
                | Self::LabelLost
                | Self::WriteBackInDoubt
                | Self::ExtraToVoid
                | Self::VoidRefused
                | Self::Person
        )
    }

    /// Whether it is about not knowing what was bought: only a fact or a person ends it.
    pub fn is_about_an_unknown_purchase(self) -> bool {
        matches!(self, Self::UnknownPurchase | Self::DuplicateCheckBlind)
    }
}

/// A job that stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub reason: HoldReason,
    /// What a person should know and do, in plain words without personal data.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// When to look again whether it still holds.
    pub again_at: Timestamp,
    /// The version of the connection under which it was held, as far as a worker held it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<u64>,
}

/// Why a job ended without a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// The order no longer wants it.
    Order(Gone),
    /// A person voided the shipment.
    Voided {
        /// Who.
        by: String,
    },
    /// What people shipped at a desk was matched with an order, and is that order's job from now on.
    Matched {
        /// That job.
        job: JobId,
    },
    /// What people shipped at a desk is nothing that the ERP must hear of.
    LeftAside {
        /// Who says so.
        by: String,
    },
}

/// The desk's side of what people shipped there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtDesk {
    /// The desk, as connections name it.
    pub desk: String,
    /// The desk's order that it was shipped for.
    pub order: DeskOrderRef,
    /// Whether the desk tells how its parcels fare.
    pub followed: bool,
}

/// What people see on the ERP's document about this job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Nothing was ever written.
    #[default]
    Clear,
    /// This is to be written; `None` clears.
    Wanted {
        /// The text.
        text: Option<String>,
        /// When to try.
        at: Timestamp,
        /// How often it has failed, as far as that counts.
        tries: u32,
        /// How often the ERP has said no.
        #[serde(default, skip_serializing_if = "is_zero")]
        refusals: u32,
    },
    /// This stands there.
    Written(String),
    /// The ERP does not take this (`None`: to be cleared), however often it is asked.
    Refused(Option<String>),
}

/// Why a job waits, without being held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Until when.
    pub until: Timestamp,
    /// For what, in plain words.
    pub reason: String,
    /// How many waits came before it without any progress between, as far as they count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// Since when a shipment that was bought waits for what it is to be written to; `None` for every other wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked_since: Option<Timestamp>,
}

impl Wait {
    /// A wait whose end is known.
    pub fn new(until: Timestamp, reason: impl Into<String>) -> Self {
        Self {
            until,
            reason: reason.into(),
            tries: 0,
            parked_since: None,
        }
    }

    /// A wait for what a shipment is to be written to, which is no failure however long it lasts.
    pub fn parked(until: Timestamp, reason: impl Into<String>, since: Timestamp) -> Self {
        Self {
            parked_since: Some(since),
            ..Self::new(until, reason)
        }
    }
}

fn is_zero(tries: &u32) -> bool {
    *tries == 0
}

/// What people wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The carrier has sold the shipment.
    Shipped,
    /// The ERP shows its tracking number, for the first time.
    Shown,
    /// It stands still until somebody does something.
    Held,
}

/// The durable record of shipping one unit of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// The connection that ships it.
    pub connection: ConnectionId,
    /// The customer.
    pub tenant: TenantId,
    /// The document.
    pub document: DocumentId,
    /// The document's number that people know.
    pub number: String,
    /// Which unit of the document, from 1.
    pub unit: u32,
    /// Counts the writes.
    pub version: u64,
    /// The identity of the write that stands: by it a retried write knows its own echo.
    pub last_write: Nonce,
    /// When it was admitted.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The reading of the order that it stands on.
    pub snapshot: SnapshotRef,
    /// The number of the snapshot that the latest purchase was asked for with.
    pub purchased_from: Option<u32>,
    /// The carrier's account under which the latest purchase was asked for; `None` for the connection's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<CarrierAccount>,
    /// The digest of what the latest purchase was to ship to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ContentHash>,
    /// The number of the latest purchase attempt; 0 before the first.
    pub attempts: u32,
    /// What the desk says, where people shipped it at one: nothing is bought for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_desk: Option<AtDesk>,
    /// The address.
    pub address: Step<AddressVerdict>,
    /// The service and its price.
    pub quote: Step<Quote>,
    /// The purchase.
    pub purchase: Step<Shipment>,
    /// The labels.
    pub labels: Step<Vec<LabelRef>>,
    /// Which generation of links to the labels opens them; links of the ones before are dead.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_generation: u32,
    /// The write-back.
    pub write_back: Step<WriteBackRef>,
    /// How often the carrier gave labels that were not all there.
    #[serde(default)]
    pub label_tries: u32,
    /// A person's wish that the shipment be void.
    #[serde(default)]
    pub void: Option<VoidWish>,
    /// Shipments beyond the first, and one that a person had voided.
    pub extras: Vec<Extra>,
    /// When a purchase was last intended: its price is reserved for that hour.
    #[serde(default)]
    pub budgeted_at: Option<Timestamp>,
    /// Whether absences were ever believed: from then on every further attempt owes a look for duplicates.
    #[serde(default)]
    pub bought_again: bool,
    /// A look for duplicates that is owed.
    pub duplicate_check: Option<DuplicateCheck>,
    /// How often the write-back was owed anew because it no longer stood as written, since a person last asked for that.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub put_right: u32,
    /// The reading that it was held on, where that is newer than the one that an attempt was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_on: Option<ContentHash>,
    /// Why it stands still.
    pub hold: Option<Hold>,
    /// Why it ended without a shipment.
    pub closed: Option<Closing>,
    /// Why it waits.
    pub wait: Option<Wait>,
    /// What people see in the ERP.
    pub flag: Flag,
    /// Whether its personal data was erased.
    #[serde(default)]
    pub forgotten: Option<Forgotten>,
    /// When somebody must look at it; `None` once it is finished.
    pub due_at: Option<Timestamp>,
}

/// What a new job is made of.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The connection that ships it.
    pub connection: ConnectionId,
    /// The customer.
    pub tenant: TenantId,
    /// Which unit of the document, from 1.
    pub unit: u32,
    /// The identity of the admitting write.
    pub write: Nonce,
}

impl Job {
    /// A new job on its first snapshot, due at once.
    pub fn admit(admission: Admission, snapshot: &Snapshot, now: Timestamp) -> Self {
        let document = snapshot.consignment.document.clone();
        let unit = if rules::holds(Rule::KeyByUnit) {
            admission.unit
        } else {
            1
        };
        Self {
            id: JobId::of(&admission.connection, &document, unit),
            connection: admission.connection,
            tenant: admission.tenant,
            document,
            number: snapshot.consignment.number.clone(),
            unit: admission.unit,
            version: 1,
            last_write: admission.write,
            created_at: now,
            updated_at: now,
            snapshot: snapshot.into(),
            purchased_from: None,
            account: None,
            terms: None,
            attempts: 0,
            at_desk: None,
            address: Step::Todo,
            quote: Step::Todo,
            purchase: Step::Todo,
            labels: Step::Todo,
            label_generation: 0,
            write_back: Step::Todo,
            label_tries: 0,
            void: None,
            extras: Vec::new(),
            budgeted_at: None,
            bought_again: false,
            held_on: None,
            duplicate_check: None,
            put_right: 0,
            hold: None,
            closed: None,
            wait: None,
            flag: Flag::Clear,
            forgotten: None,
            due_at: Some(now),
        }
    }

    /// A new job of what people have shipped themselves: it is bought, and what remains is that the ERP hears of it.
    pub fn despatched(
        admission: Admission,
        snapshot: &Snapshot,
        (shipment, at_desk): (Shipment, AtDesk),
        bought_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let at_the_desk = || "people shipped it themselves".to_owned();
        Self {
            purchased_from: Some(snapshot.number),
            address: Step::NotNeeded(at_the_desk()),
            quote: Step::NotNeeded(at_the_desk()),
            labels: Step::NotNeeded(at_the_desk()),
            purchase: Step::Done(shipment),
            at_desk: Some(at_desk),
            budgeted_at: Some(bought_at),
            ..Self::admit(admission, snapshot, now)
        }
    }

    /// The same where no order fits: it stands still until one does.
    pub fn unmatched(self, message: String, now: Timestamp, timing: &Timing) -> Self {
        let hold = Hold {
            reason: HoldReason::Unmatched,
            message,
            since: now,
            again_at: now + timing.held,
            under: None,
        };
        Self {
            due_at: Some(hold.again_at),
            hold: Some(hold),
            ..self
        }
    }

    /// Whether it is what people shipped at a desk and no order is known for.
    pub fn is_unmatched(&self) -> bool {
        self.document.kind == DocumentKind::Despatch && !self.over()
    }

    /// What people wait for that came of a write.
    pub fn reached_since(&self, before: &Self) -> Vec<Reached> {
        let shown = |job: &Self| job.write_back.done().is_some();
        let first = before.put_right == 0 && self.put_right == 0;
        let reached = [
            (
                before.purchase.done().is_none() && self.purchase.done().is_some(),
                Reached::Shipped,
            ),
            (!shown(before) && shown(self) && first, Reached::Shown),
            (before.hold.is_none() && self.hold.is_some(), Reached::Held),
        ];
        let now = reached.into_iter().filter(|(now, _)| *now);
        now.map(|(_, what)| what).collect()
    }

    /// Whether what fits no order may be tried again by itself.
    pub fn is_tried(&self, now: Timestamp) -> bool {
        now < self.created_at + TRIED_FOR
    }

    /// Whether what fits no order was tried for the last time: only a person ends that, or a change of the connection.
    pub fn is_left_unmatched(&self) -> bool {
        let hold = self.hold.as_ref().filter(|hold| hold.reason == HoldReason::Unmatched);
        self.is_unmatched() && hold.is_some_and(|hold| !self.is_tried(hold.since))
    }

    /// Whether nothing is left to do, now or later.
    pub fn finished(&self) -> bool {
        self.over()
            && self.hold.is_none()
            && self.duplicate_check.is_none()
            && !self.voids_pending()
            && !self.void_pending()
            && !self.flag_pending()
    }

    /// Whether the unit shipped and is written back, or ended without a shipment.
    pub fn over(&self) -> bool {
        self.closed.is_some() || self.write_back.done().is_some()
    }

    /// The account under which a purchase may still turn up: whatever else is bought for the job is bought there too.
    pub fn bound_account(&self) -> Option<&Option<CarrierAccount>> {
        let bound = self.purchase.open_attempt().is_some() || self.bought_again || !self.extras.is_empty();
        (bound && self.attempts > 0).then_some(&self.account)
    }

    /// Whether a snapshot read at `read_at` is too old to buy on.
    pub fn is_stale(read_at: Timestamp, now: Timestamp, timing: &Timing) -> bool {
        now.duration_since(read_at) > timing.snapshot_age && rules::holds(Rule::FreshSnapshot)
    }

    /// Since when it is shipped and waits for what it is to be written to.
    pub fn parked_since(&self) -> Option<Timestamp> {
        let waits = self.purchase.done().is_some() && !self.over() && self.hold.is_none();
        self.wait.as_ref().filter(|_| waits)?.parked_since
    }

    /// Whether a person wants the shipment void, and the carrier has not answered yet.
    pub fn void_pending(&self) -> bool {
        matches!(&self.void, Some(wish) if matches!(wish.voiding, Voiding::Todo { .. }))
    }

    /// The labels that may still be shown to people: none of a shipment that is void or is to be void, for nobody shall stick
    /// them on a parcel; and none once the personal data was erased.
    pub fn shown_labels(&self) -> &[LabelRef] {
        let stands = self.purchase.done().is_some() && self.closed.is_none() && !self.void_pending();
        let labels = self.labels.done().filter(|_| stands && self.forgotten.is_none());
        labels.map(Vec::as_slice).unwrap_or_default()
    }

    /// When the shipment was bought, as nearly as the job knows.
    pub fn bought_at(&self) -> Timestamp {
        self.budgeted_at.unwrap_or(self.created_at)
    }

    /// Whether the write-back was put right so often that somebody or something must be undoing it: then only a person has
    /// it written again.
    pub fn is_left_disturbed(&self) -> bool {
        self.put_right >= PUT_RIGHTS
    }

    /// What people should see of the job on the ERP's document.
    pub fn problem(&self) -> Option<String> {
        let held = self.hold.as_ref().filter(|hold| hold.reason != HoldReason::Brake);
        let pending = |extra: &&Extra| matches!(extra.voiding, Voiding::Todo { .. });
        match (held, self.extras.iter().find(pending)) {
            (Some(hold), _) => Some(hold.message.clone()),
            (None, Some(extra)) => Some(format!(
                "shipment {} was bought twice and is being voided: do not use its label",
                extra.shipment
            )),
            (None, None) => None,
        }
    }

    fn voids_pending(&self) -> bool {
        self.extras
            .iter()
            .any(|extra| matches!(extra.voiding, Voiding::Todo { .. }))
    }

    fn flag_pending(&self) -> bool {
        matches!(self.flag, Flag::Wanted { .. })
    }
}
