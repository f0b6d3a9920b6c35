//! The names of items and the texts by which indexes sort. Pure; the template's table has the same names.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{
    CarrierShipmentId, ConnectionId, DocumentId, JobId, LevelKey, Nonce, ParcelKey, TrackingEvent, Walk,
};
use crate::job::Job;
use crate::ports::{DUE_FROM, DeskStory, Outgoing, State, TokenKey};

/// Over how many partitions the index of due jobs is spread.
pub const DUE_SHARDS: u8 = 16;

/// Over how many partitions the index of due parcels is spread; that of carriers' promises and of webhooks as well.
pub const TRACKING_SHARDS: u8 = 16;

/// Over how many partitions each state of a connection is spread.
const STATE_SHARDS: u8 = 8;

/// Over how many partitions the index of tokens in use is spread.
const TOKEN_SHARDS: u8 = 4;

/// The partition that lists the connections; it grows with customers, not with traffic.
pub(super) const CONNECTIONS: &str = "CONNECTIONS";

/// The partition that lists the hooks; it grows with customers, not with traffic.
pub(super) const HOOKS: &str = "HOOKS";

/// The whole key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(super) fn job(id: &JobId) -> Self {
        Self::new(format!("JOB#{id}"), "STATE")
    }

    pub(super) fn order(id: &JobId, number: u32) -> Self {
        Self::new(format!("JOB#{id}"), format!("ORDER#{number}"))
    }

    /// Sorts in the order of the writes, and within a write in the order of the entries.
    pub(super) fn audit(id: &JobId, version: u64, entry: usize) -> Self {
        Self::new(format!("JOB#{id}"), format!("AUDIT#{version:010}#{entry:03}"))
    }

    /// Sorts after every entry of the job's own writes, by time.
    pub(super) fn delivery_audit(id: &JobId, at: Timestamp, mark: &Nonce) -> Self {
        Self::new(
            format!("JOB#{id}"),
            format!("{AUDIT}~{}#{}", sortable(at), mark.as_str()),
        )
    }

    pub(super) fn units(connection: &ConnectionId, document: &DocumentId) -> Self {
        Self::new(format!("DOC#{connection}#{document}"), "UNITS")
    }

    pub(super) fn telling(connection: &ConnectionId, document: &DocumentId) -> Self {
        Self::new(format!("DOC#{connection}#{document}"), "TOLD")
    }

    pub(super) fn parcel(key: &ParcelKey) -> Self {
        Self::new(format!("{TRACK}{key}"), STATE)
    }

    pub(super) fn event(key: &ParcelKey, event: &TrackingEvent) -> Self {
        Self::new(format!("{TRACK}{key}"), format!("{EVENT}{}", event.key()))
    }

    pub(super) fn cover(key: &ParcelKey) -> Self {
        Self::new(format!("{TRACK}{key}"), "COVER")
    }

    pub(super) fn hook(digest: &str) -> Self {
        Self::new(format!("HOOK#{digest}"), "HOOK")
    }

    pub(super) fn hook_entry(digest: &str) -> Self {
        Self::new(HOOKS.to_owned(), digest)
    }

    /// A captured webhook that is to be dealt with. Those that an earlier version captured stand where [`Key::useless`] says.
    pub(super) fn capture(id: &str) -> Self {
        if id.contains(DUE_FROM) {
            Self::new(format!("{INBOUND}{}", spread(id)), id)
        } else {
            Self::useless(id)
        }
    }

    /// A captured webhook of which nobody could make any use.
    pub(super) fn useless(id: &str) -> Self {
        Self::new(format!("{INBOUND}{id}"), "RAW")
    }

    pub(super) fn connection(id: &ConnectionId) -> Self {
        Self::new(format!("CONN#{id}"), "CONFIG")
    }

    pub(super) fn connection_audit(id: &ConnectionId, version: u64) -> Self {
        Self::new(format!("CONN#{id}"), format!("AUDIT#{version:010}"))
    }

    pub(super) fn connection_entry(id: &ConnectionId) -> Self {
        Self::new(CONNECTIONS.to_owned(), id.as_str())
    }

    pub(super) fn brake() -> Self {
        Self::new("BRAKE".to_owned(), "STATE")
    }

    pub(super) fn cursor(connection: &ConnectionId, kind: &str) -> Self {
        Self::new(format!("CONN#{connection}"), format!("CURSOR#{kind}"))
    }

    pub(super) fn reconciliation(connection: &ConnectionId) -> Self {
        Self::new(reconciliations(connection), "STATE")
    }

    pub(super) fn run(connection: &ConnectionId, number: u32) -> Self {
        Self::new(reconciliations(connection), format!("{RUN}{number:010}"))
    }

    pub(super) fn gaps(connection: &ConnectionId, run: u32, step: u32) -> Self {
        Self::new(reconciliations(connection), format!("GAPS#{run:010}#{step:010}"))
    }

    pub(super) fn listed(connection: &ConnectionId, tracking_number: &str, said: &str) -> Self {
        Self::new(format!("LISTED#{connection}#{tracking_number}"), said)
    }

    pub(super) fn stock_run(connection: &ConnectionId) -> Self {
        Self::new(desk_books(connection), "STOCK")
    }

    pub(super) fn customers_run(connection: &ConnectionId) -> Self {
        Self::new(desk_books(connection), "CUSTOMERS")
    }

    pub(super) fn level(connection: &ConnectionId, key: &LevelKey) -> Self {
        Self::new(desk_books(connection), level(key))
    }

    pub(super) fn told_goods(connection: &ConnectionId, order: &DocumentId) -> Self {
        Self::new(desk_books(connection), format!("GOODS#{order}"))
    }

    pub(super) fn desk_story(story: DeskStory<'_>, page: u64) -> Self {
        Self::new(desk_books(story.connection), format!("{}{page:020}", desk_story(story)))
    }

    pub(super) fn reread(connection: &ConnectionId, document: &DocumentId) -> Self {
        Self::new(format!("CONN#{connection}"), format!("{REREAD}{document}"))
    }

    pub(super) fn spending(connection: &ConnectionId, now: Timestamp) -> Self {
        let hour = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H").to_string();
        Self::new(format!("SPEND#{connection}"), hour)
    }

    pub(super) fn slot(account: &str, number: u16) -> Self {
        Self::new(format!("LIMIT#{account}"), format!("SLOT#{number:05}"))
    }

    pub(super) fn pause(account: &str) -> Self {
        Self::new(format!("LIMIT#{account}"), "PAUSE")
    }

    pub(super) fn turn(account: &str) -> Self {
        Self::new(format!("LIMIT#{account}"), "TURN")
    }

    pub(super) fn window(account: &str, number: i64) -> Self {
        Self::new(format!("LIMIT#{account}"), format!("WINDOW#{number}"))
    }

    pub(super) fn token(key: &TokenKey) -> Self {
        Self::new(format!("TOKEN#{}", key.owner()), "STATE")
    }

    pub(super) fn requests(system: &str, client: &str) -> Self {
        Self::new(format!("LEDGER#{system}#{client}"), "REQUESTS")
    }
}

/// The partition of what a connection's desk was told. It is written no faster than the desk takes calls, some a second.
pub(super) fn desk_books(connection: &ConnectionId) -> String {
    format!("DESK#{connection}")
}

/// The beginning of the sort keys of a run's story.
pub(super) fn desk_story(story: DeskStory<'_>) -> String {
    let of = match story.of {
        Outgoing::Stock => "STOCK",
        Outgoing::Customers => "CUSTOMERS",
    };
    format!("STORY#{of}#{:010}#", story.run)
}

/// A level's sort key: numbers of one width, so that text sorts like levels.
pub(super) fn level(key: &LevelKey) -> String {
    format!("LEVEL#{:020}#{:020}", key.item, key.location)
}

/// The partition of the number index in which the levels that were told under a SKU stand.
pub(super) fn sku_key(connection: &ConnectionId, sku: &str) -> String {
    format!("SKU#{connection}#{sku}")
}

/// The partition of a connection's reconciliations.
pub(super) fn reconciliations(connection: &ConnectionId) -> String {
    format!("RECON#{connection}")
}

/// The beginning of every run's sort key.
pub(super) const RUN: &str = "RUN#";

/// The partition of the due index in which unfinished reconciliations stand; it grows with customers, not with traffic.
pub(super) const UNFINISHED: &str = "RECON";

/// What the carrier's list said of a parcel: that it was sold.
pub(super) const SOLD: &str = "SOLD";

/// What the carrier's list said of a parcel: that it is void.
pub(super) const VOID: &str = "VOID";

/// The beginning of every audit entry's sort key.
pub(super) const AUDIT: &str = "AUDIT#";

/// The beginning of every reading's sort key.
pub(super) const ORDER: &str = "ORDER#";

/// The beginning of the sort key of every note that a document is to be read again.
pub(super) const REREAD: &str = "REREAD#";

/// The beginning of every parcel's partition.
const TRACK: &str = "TRACK#";

/// The sort key of a parcel.
pub(super) const STATE: &str = "STATE";

/// The beginning of every event's sort key.
pub(super) const EVENT: &str = "EVENT#";

/// The beginning of every captured webhook's partition.
const INBOUND: &str = "INBOUND#";

/// The beginning of every slot's sort key.
pub(super) const SLOT: &str = "SLOT#";

/// The partition of the due index in which a job stands.
pub(super) fn due_shard(id: &JobId) -> String {
    due_partition(letter(id, 0) % DUE_SHARDS)
}

/// A partition of the due index.
pub(super) fn due_partition(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// The partition of the state index in which a job stands. A purchase that is not written back yet stands apart from
/// other open jobs, so that a shipment known to exist is found at once.
pub(super) fn state_shard(job: &Job) -> String {
    let state = match State::of(job) {
        State::Open if job.purchase.done().is_some() => BOUGHT,
        state => name(state),
    };
    state_partition(&job.connection, state, letter(&job.id, 1) % STATE_SHARDS)
}

/// The index's own word for an open job with a purchase.
pub(super) const BOUGHT: &str = "bought";

/// The index's words that together are a state.
pub(super) fn words(state: State) -> Vec<&'static str> {
    match state {
        State::Open => vec![name(state), BOUGHT],
        state => vec![name(state)],
    }
}

/// The index's words that together are a walk.
pub(super) fn walked(walk: Walk) -> Vec<&'static str> {
    match walk {
        Walk::Open => words(State::Open),
        Walk::Held => words(State::Held),
        Walk::Shipped => words(State::Shipped),
    }
}

/// Every partition of these words.
pub(super) fn state_partitions(connection: &ConnectionId, words: &[&str]) -> Vec<String> {
    let shards = |word: &&str| {
        (0..STATE_SHARDS)
            .map(|shard| state_partition(connection, word, shard))
            .collect()
    };
    words.iter().flat_map(|word| -> Vec<String> { shards(word) }).collect()
}

fn state_partition(connection: &ConnectionId, word: &str, shard: u8) -> String {
    format!("CONN#{connection}#{word}#{shard}")
}

fn name(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Held => "held",
        State::Shipped => "shipped",
        State::Closed => "closed",
    }
}

/// The partition of the due index in which a token in use stands.
pub(super) fn token_shard(key: &TokenKey) -> String {
    let sum = key.owner().bytes().fold(0_u8, u8::wrapping_add);
    token_partition(sum % TOKEN_SHARDS)
}

/// Every partition of tokens in use.
pub(super) fn token_partitions() -> Vec<String> {
    (0..TOKEN_SHARDS).map(token_partition).collect()
}

fn token_partition(shard: u8) -> String {
    format!("TOKEN#{shard}")
}

/// The partition of the due index in which a parcel stands.
pub(super) fn parcel_shard(key: &ParcelKey) -> String {
    parcel_partition(spread(&key.number))
}

/// A partition of due parcels.
pub(super) fn parcel_partition(shard: u8) -> String {
    format!("PARCEL#{shard}")
}

/// The partition of the due index in which a carrier's promise stands.
pub(super) fn cover_shard(key: &ParcelKey) -> String {
    cover_partition(spread(&key.number))
}

/// A partition of promises that are to be asked for.
pub(super) fn cover_partition(shard: u8) -> String {
    format!("COVER#{shard}")
}

/// A partition of webhooks that are to be dealt with, sorted by when each is due for the first time.
pub(super) fn captures(shard: u8) -> String {
    format!("{INBOUND}{shard}")
}

/// What comes after the sort key of every webhook that was due by then for the first time.
pub(super) fn captured_by(time: Timestamp) -> String {
    format!("{}~", sortable(time))
}

/// A partition of the due index in which an earlier version put webhooks.
pub(super) fn capture_partition(shard: u8) -> String {
    format!("INBOX#{shard}")
}

/// The partition of the state index in which a connection's parcels stand that were given up; few are.
pub(super) fn given_up_partition(connection: &ConnectionId) -> String {
    format!("GIVENUP#{connection}")
}

/// The partition of the number index.
pub(super) fn number_key(number: &str) -> String {
    format!("NUMBER#{number}")
}

/// The partition of the number index in which the job that bought a shipment stands.
pub(super) fn shipment_key(connection: &ConnectionId, shipment: &CarrierShipmentId) -> String {
    format!("SHIPMENT#{connection}#{shipment}")
}

/// The job of a `JOB#` key.
pub(super) fn job_of(pk: &str) -> Option<JobId> {
    pk.strip_prefix("JOB#")?.parse().ok()
}

/// The connection of a `DOC#` key.
pub(super) fn connection_of(pk: &str) -> Option<ConnectionId> {
    pk.strip_prefix("DOC#")?.split('#').next()?.parse().ok()
}

/// The parcel of a `TRACK#` key.
pub(super) fn parcel_of(pk: &str) -> Option<ParcelKey> {
    let (connection, number) = pk.strip_prefix(TRACK)?.split_once('#')?;
    Some(ParcelKey {
        connection: connection.parse().ok()?,
        number: number.to_owned(),
    })
}

/// The captured webhook of an `INBOUND#` key as an earlier version made it.
pub(super) fn capture_of(pk: &str) -> Option<String> {
    pk.strip_prefix(INBOUND).map(str::to_owned)
}

/// The connection of a `RECON#` key.
pub(super) fn reconciled(pk: &str) -> Option<ConnectionId> {
    pk.strip_prefix("RECON#")?.parse().ok()
}

/// A time as text of one width, so that text sorts like time: RFC 3339 in UTC to the millisecond.
pub(super) fn sortable(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

/// A job id is a digest in base32, so each of its letters is as good as a hash.
fn letter(id: &JobId, index: usize) -> u8 {
    match id.as_str().as_bytes().get(index) {
        Some(letter @ b'A'..=b'Z') => letter - b'A',
        Some(digit) => digit.wrapping_sub(b'2').wrapping_add(26),
        None => 0,
    }
}

/// The shard of a text that is no digest: by FNV-1a, whose middle bits differ even between numbers that follow each other.
fn spread(text: &str) -> u8 {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = text.bytes().fold(0x811c_9dc5, mix);
    u8::try_from((hash >> 12) % u32::from(TRACKING_SHARDS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let times = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.2Z",
            "2026-01-02T03:04:05.25Z",
        ];
        let texts: Vec<String> = times.iter().map(|time| sortable(time.parse().unwrap())).collect();
        assert_eq!(texts[0], "2026-01-02T03:04:05.000Z");
        assert!(texts.is_sorted(), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() == texts[0].len()));
    }

    #[test]
    fn jobs_spread_over_every_shard() {
        let connection: ConnectionId = "acme".parse().unwrap();
        let shard = |unit| due_shard(&JobId::of(&connection, &DocumentId::sales_order("1"), unit));
        let shards: std::collections::BTreeSet<String> = (0..500).map(shard).collect();
        assert_eq!(shards.len(), usize::from(DUE_SHARDS));
    }

    #[test]
    fn parcels_spread_evenly_over_every_shard() {
        let mut shards = [0_u32; TRACKING_SHARDS as usize];
        for number in 0..1_600 {
            shards[usize::from(spread(&format!("1ZA1B2C303{number:08}")))] += 1;
        }
        assert!(shards.iter().all(|count| (50..=200).contains(count)), "{shards:?}");
    }

    #[test]
    fn levels_sort_as_text() {
        let key = |item, location| LevelKey { item, location };
        let keys = [key(0, 0), key(2, u64::MAX), key(10, 3), key(10, 20), LevelKey::LAST];
        let texts: Vec<String> = keys.iter().map(level).collect();
        assert!(texts.is_sorted(), "{texts:?}");
    }

    #[test]
    fn keys_are_read_back() {
        let connection: ConnectionId = "acme-netsuite-ups".parse().unwrap();
        let document = DocumentId::sales_order("50#12");
        assert_eq!(
            connection_of(&Key::units(&connection, &document).pk),
            Some(connection.clone())
        );
        let id = JobId::of(&connection, &document, 1);
        assert_eq!(job_of(&Key::job(&id).pk), Some(id));
        let number = "1Z#1".to_owned();
        let parcel = ParcelKey { connection, number };
        assert_eq!(parcel_of(&Key::parcel(&parcel).pk), Some(parcel));
        assert_eq!(capture_of(&Key::capture("A#1").pk).as_deref(), Some("A#1"));
    }

    #[test]
    fn webhooks_sort_by_when_they_are_due() {
        let nonce = crate::domain::Nonce::new("N");
        let id = |time: &str| crate::ports::Captured::id_of(time.parse().unwrap(), &nonce);
        let (early, late) = (id("2026-03-02T09:00:00Z"), id("2026-03-02T09:00:00.25Z"));
        let by = |time: &str| captured_by(time.parse().unwrap());
        let (early, late) = (Key::capture(&early), Key::capture(&late));
        assert!(early.sk < by("2026-03-02T09:00:00Z") && by("2026-03-02T09:00:00.2Z") < late.sk);
        assert!((0..TRACKING_SHARDS).any(|shard| early.pk == captures(shard)));
    }
}
