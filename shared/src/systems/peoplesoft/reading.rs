//! Reading by queries: which documents changed, what they say, and what that refers to.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use http::Method;
use jiff::SignedDuration;
use jiff::civil::Date;

use super::client::PeopleSoft;
use super::convert::{self, Id, Key, Read, Reference};
use super::queries::{self, Kind, Query};
use super::wire::{self, Row, Shown};
use crate::domain::{DocumentId, Order, Refusal};
use crate::http::{self as web, Answer, Call};
use crate::ports::{CallError, DocumentHead, Later, Obstacle, Scan};

/// How far ahead a window ends: a document may change while the scan runs, and clocks differ.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// What stands for no last key: what PeopleSoft stores for nothing.
pub(super) const BLANK: &str = " ";

impl PeopleSoft {
    /// Asks a query with these values of its prompts, in order, for as many rows.
    pub(super) async fn query(&self, query: &Query, values: &[&str], rows: u16) -> Result<Shown, CallError> {
        let call = self.query_call(query, values, rows).map_err(CallError::Refused)?;
        let answer = readable(self.send(&call, None).await)?;
        let name = self.settings.options.query(query);
        let shown = wire::shown(&answer.body, &self.settings.options).ok_or_else(|| no_rows(name, &answer))?;
        if shown.counts_more && shown.rows.is_empty() {
            let words = format!("query {name} counts rows and shows none");
            return Err(CallError::Later(Later::new(Obstacle::Unreachable, words)));
        }
        Ok(shown)
    }

    /// The same, where what is cut off cannot be asked for: a missing row would look like one that was never there.
    async fn all(&self, query: &Query, values: &[&str]) -> Result<Vec<Row>, CallError> {
        let most = self.settings.options.max_rows;
        let shown = self.query(query, values, most).await?;
        let name = self.settings.options.query(query);
        if shown.counts_more {
            let words = format!("query {name} counts more rows than it shows");
            return Err(CallError::Later(Later::new(Obstacle::Unreachable, words)));
        }
        if shown.rows.len() >= usize::from(most) {
            let words = format!("query {name} shows {most} rows, so that some may be missing: raise erp.max_rows");
            return Err(CallError::Refused(Refusal::new("rows-cut-off", words)));
        }
        Ok(shown.rows)
    }

    fn query_call(&self, query: &Query, values: &[&str], rows: u16) -> Result<Call, Refusal> {
        if values.iter().any(|value| value.contains(',')) {
            let words = format!(
                "a value with a comma cannot be asked for by query {}",
                self.settings.options.query(query)
            );
            return Err(Refusal::new("comma-in-prompt", words));
        }
        let options = &self.settings.options;
        let joined = |texts: Vec<String>| texts.join(",");
        let prompts = joined(
            query
                .prompts
                .iter()
                .map(|prompt| options.prompt(prompt).to_owned())
                .collect(),
        );
        let values = joined(
            values
                .iter()
                .map(|value| convert::template::percent_encoded(value))
                .collect(),
        );
        let (connector, connected) = (self.settings.connector(), &options.connected);
        let (service, owner, name) = (&options.query_service, &options.query_owner, options.query(query));
        let path = format!(
            "{connector}/{service}/{owner}/{name}/JSON/NONFILE?isconnectedquery={connected}&maxrows={rows}\
             &prompt_psqueryname=&prompt_uniquepromptname={prompts}&prompt_fieldvalue={values}&filterfields=&json_resp=true"
        );
        Ok(Call::new("query", Method::GET, path))
    }

    /// The day at the database server.
    pub(super) fn today(&self) -> Date {
        self.settings
            .options
            .time_zone
            .to_datetime(self.endpoint.clock.now())
            .date()
    }
}

/// An answer that may hold rows. An error is one whatever the status says; only a 401 is never a query's fault, and pauses the
/// account.
fn readable(result: Result<Answer, web::Lost>) -> Result<Answer, CallError> {
    let answered = result
        .as_ref()
        .ok()
        .filter(|answer| !matches!(answer.status, 401 | 429));
    match answered.and_then(|answer| Some((answer.status, convert::fault(&answer.body)?))) {
        Some((_, fault)) if fault.class.is_final() => Err(CallError::Refused(fault.refusal)),
        Some((200..=299, fault)) => {
            let later = Later::new(Obstacle::Unreachable, fault.refusal.to_string());
            Err(CallError::Later(later))
        }
        _ => web::read(result, convert::envelope),
    }
}

fn no_rows(query: &str, answer: &Answer) -> CallError {
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        let words = format!("query {query} was answered by nothing at all");
        return CallError::Later(Later::new(Obstacle::Unreachable, words));
    }
    if answer.body.trim_ascii_start().first() == Some(&b'<') {
        let words =
            format!("query {query} is answered in XML: the query service must take JSON/NONFILE and json_resp=true");
        return CallError::Refused(Refusal::new("not-json", words));
    }
    let words = format!("the answer to query {query} is none of the query service");
    CallError::Later(Later::new(Obstacle::Unreachable, words))
}

// ---- which documents changed -------------------------------------------------------------------------------------

/// A part of a scan: the documents of one kind in one business unit.
#[derive(Debug, Clone, Copy)]
struct Stretch<'a> {
    kind: Kind,
    business_unit: &'a str,
}

impl PeopleSoft {
    /// The heads that pass, in the order of a scan: kind by kind, business unit by business unit, by PeopleSoft's order of ids.
    pub(super) async fn heads(
        &self,
        scan: &Scan,
        passes: impl Fn(Kind, &Row) -> bool + Send + Sync,
    ) -> Result<Vec<DocumentHead>, CallError> {
        let mut last = scan.after.as_deref().and_then(Key::of_text);
        let stretches = self.stretches(last.as_ref());
        let limit = usize::from(scan.limit.max(1));
        let mut heads = Vec::new();
        for stretch in stretches {
            let within = last
                .take()
                .filter(|last| last.kind == stretch.kind && last.business_unit == stretch.business_unit);
            self.stretch(scan, stretch, within, &passes, limit, &mut heads).await?;
            if heads.len() >= limit {
                break;
            }
        }
        Ok(heads)
    }

    /// Every part of a scan that does not lie before this key.
    fn stretches(&self, after: Option<&Key>) -> Vec<Stretch<'_>> {
        let options = &self.settings.options;
        let all = options.documents.iter().flat_map(|kind| {
            let units = options.business_units.iter();
            units.map(|unit| Stretch {
                kind: *kind,
                business_unit: unit,
            })
        });
        let place = |stretch: &Stretch<'_>| (stretch.kind, stretch.business_unit.to_owned());
        let from = after.map(|key| (key.kind, key.business_unit.clone()));
        all.filter(|stretch| from.as_ref().is_none_or(|from| place(stretch) >= *from))
            .collect()
    }

    /// The documents of one part. Rows may be cut off without a word, so that it goes on until nothing new comes.
    async fn stretch(
        &self,
        scan: &Scan,
        stretch: Stretch<'_>,
        after: Option<Key>,
        passes: &(impl Fn(Kind, &Row) -> bool + Send + Sync),
        limit: usize,
        heads: &mut Vec<DocumentHead>,
    ) -> Result<(), CallError> {
        let mut last = after.map(|key| key.id);
        let mut seen: BTreeSet<String> = last.iter().cloned().collect();
        let mut unaskable = BTreeSet::new();
        loop {
            let rows = self.head_rows(scan, stretch, last.as_deref()).await?;
            let before = last.clone();
            for row in &rows {
                let Some(id) = row.get(stretch.kind.id_column()) else {
                    continue;
                };
                if before.as_deref() == Some(id) {
                    return Err(CallError::Refused(ignored("LAST_KEY", stretch.kind, self)));
                }
                if !convert::is_key(id) {
                    unaskable.insert(id.to_owned());
                    continue;
                }
                if !seen.insert(id.to_owned()) {
                    continue;
                }
                last = Some(id.to_owned());
                let key = Key::new(stretch.kind, stretch.business_unit, id);
                if self.is_within(scan, stretch, row) && passes(stretch.kind, row) {
                    heads.push(self.head(&key, row, scan));
                }
                if heads.len() >= limit {
                    warn_of(&unaskable, stretch);
                    return Ok(());
                }
            }
            if last == before {
                warn_of(&unaskable, stretch);
                return Ok(());
            }
        }
    }

    /// The next rows of a part. That more are counted than shown does no harm here: the scan goes on behind the last.
    async fn head_rows(&self, scan: &Scan, stretch: Stretch<'_>, last: Option<&str>) -> Result<Vec<Row>, CallError> {
        let options = &self.settings.options;
        let now = self.endpoint.clock.now();
        let until = now.saturating_add(AHEAD).unwrap_or(now);
        let window = convert::prompt(scan.since, options).zip(convert::prompt(until, options));
        let (from, to) = window.ok_or_else(|| {
            CallError::Refused(Refusal::new(
                "time-unwritable",
                "a time cannot be written by erp.datetime_format",
            ))
        })?;
        let values = [stretch.business_unit, from.as_str(), to.as_str(), last.unwrap_or(BLANK)];
        let asked = scan.limit.clamp(2, options.max_rows);
        let rows = self.query(stretch.kind.heads(), &values, asked).await?.rows;
        let ids = |row: &Row| row.get(stretch.kind.id_column()).is_some_and(convert::is_key);
        if rows.len() >= usize::from(asked) && !rows.iter().any(ids) {
            let words = format!(
                "{}s of business unit {} have ids with commas, {asked} of them in a row: none behind them can be asked for",
                stretch.kind.words(),
                stretch.business_unit
            );
            return Err(CallError::Refused(Refusal::new("comma-in-prompt", words)));
        }
        Ok(rows)
    }

    /// Whether a row is one that was asked for: a query may ignore its prompts. Only what is certainly older is left out.
    fn is_within(&self, scan: &Scan, stretch: Stretch<'_>, row: &Row) -> bool {
        let unit = row.get("BUSINESS_UNIT").unwrap_or(stretch.business_unit);
        let changed = row.get("LAST_DTTM_UPDATE");
        let older = changed.is_some_and(|text| convert::is_certainly_before(text, scan.since, &self.settings.options));
        unit == stretch.business_unit && !older
    }

    fn head(&self, key: &Key, row: &Row, scan: &Scan) -> DocumentHead {
        let changed = row.get("LAST_DTTM_UPDATE");
        DocumentHead {
            document: key.document(),
            modified: changed
                .and_then(|text| convert::moment(text, &self.settings.options))
                .unwrap_or(scan.since),
        }
    }
}

/// Documents that can never be read, because prompts are parted by commas.
fn warn_of(unaskable: &BTreeSet<String>, stretch: Stretch<'_>) {
    if !unaskable.is_empty() {
        let (kind, business_unit, documents) = (stretch.kind.code(), stretch.business_unit, unaskable.len());
        tracing::warn!(
            kind,
            business_unit,
            documents,
            "ids that no query can be asked for: they do not ship"
        );
    }
}

fn ignored(prompt: &str, kind: Kind, peoplesoft: &PeopleSoft) -> Refusal {
    let query = peoplesoft.settings.options.query(kind.heads());
    let words = format!(
        "query {query} does not heed its prompt {prompt}: its criterion must be {} > :4, ordered by it",
        kind.id_column()
    );
    Refusal::new("prompt-ignored", words)
}

// ---- what documents say ------------------------------------------------------------------------------------------

/// What a query of lines shows of one document.
pub(super) struct Lines {
    pub(super) rows: Vec<Row>,
    /// Whether there may be more.
    cut_off: bool,
}

impl PeopleSoft {
    /// The rows of a document's lines; those of another document are left out.
    pub(super) async fn lines_of(&self, key: &Key) -> Result<Lines, CallError> {
        let most = self.settings.options.max_rows;
        let Shown { mut rows, counts_more } = self
            .query(key.kind.lines(), &[&key.business_unit, &key.id], most)
            .await?;
        let cut_off = counts_more || rows.len() >= usize::from(most);
        rows.retain(|row| is_of(row, key));
        Ok(Lines { rows, cut_off })
    }

    pub(super) async fn read_one(&self, document: &DocumentId) -> Result<Option<Order>, CallError> {
        let Some(key) = Key::of(document) else { return Ok(None) };
        let lines = self.lines_of(&key).await?;
        if lines.rows.is_empty() {
            return Ok(None);
        }
        let options = &self.settings.options;
        let shown = self.numbers_shown(&key).await?;
        let needed = convert::needed(&key, &lines.rows, shown.is_some(), &self.select, options);
        self.read_reference(&needed).await?;
        let reference = self.known().clone();
        let read = Read {
            key: &key,
            rows: &lines.rows,
            cut_off: lines.cut_off,
            reference: &reference,
            tracking_shown: shown.as_deref(),
            select: &self.select,
            options,
            needs: &self.needs,
            today: self.today(),
        };
        let order = convert::order(&read);
        Ok(order.map(|order| Order {
            // As it was asked for: a requisition's id has a second spelling.
            document: document.clone(),
            ..order
        }))
    }

    /// What stands in the column of tracking numbers, where there is one.
    async fn numbers_shown(&self, key: &Key) -> Result<Option<String>, CallError> {
        if self.policy.store_only || self.policy.fields.tracking.is_none() {
            return Ok(None);
        }
        let rows = self.entries(key).await?;
        Ok(convert::numbers_shown(
            &rows,
            &self.policy.fields,
            &self.settings.options,
        ))
    }

    /// What we have written about a document.
    pub(super) async fn entries(&self, key: &Key) -> Result<Vec<Row>, CallError> {
        let values = [key.business_unit.as_str(), key.kind.code(), key.id.as_str()];
        let mut rows = self.all(&queries::TRACKING, &values).await?;
        rows.retain(|row| is_entry_of(row, key));
        Ok(rows)
    }

    /// Reads what is not known yet, each once.
    async fn read_reference(&self, needed: &Reference<()>) -> Result<(), CallError> {
        let [locations, vendors, items] = needed.without(&self.known());
        for id in locations {
            let rows = self.referred(&queries::LOCATION, &id).await?;
            self.known().locations.insert(id, rows);
        }
        for id in vendors {
            let rows = self.referred(&queries::VENDOR, &id).await?;
            self.known().vendors.insert(id, rows);
        }
        for id in items {
            let rows = self.referred(&queries::ITEM, &id).await?;
            self.known().items.insert(id, rows);
        }
        Ok(())
    }

    /// The rows of one location, vendor or item; the query's second prompt is the column that names it.
    pub(super) async fn referred(&self, query: &Query, id: &Id) -> Result<Vec<Row>, CallError> {
        let mut rows = self.all(query, &[&id.0, &id.1]).await?;
        let column = query.prompts.get(1).copied().unwrap_or_default();
        rows.retain(|row| {
            let same = |column: &str, wanted: &str| row.get(column).is_none_or(|given| same_id(given, wanted));
            same("SETID", &id.0) && same(column, &id.1)
        });
        Ok(rows)
    }

    fn known(&self) -> MutexGuard<'_, Reference> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The documents that a person's number names.
    pub(super) async fn look_up(&self, number: &str) -> Result<Vec<DocumentId>, CallError> {
        let options = &self.settings.options;
        let (unit, ids) = convert::numbers(number, &options.business_units);
        let mut found = Vec::new();
        for kind in &options.documents {
            let units = options.business_units.iter();
            for business_unit in units.filter(|known| unit.is_none_or(|unit| unit == known.as_str())) {
                for id in &ids {
                    let rows = self.query(kind.lines(), &[business_unit, id], 2).await?.rows;
                    let key = Key::new(*kind, business_unit, id);
                    let own = rows.iter().find(|row| is_of(row, &key));
                    // As PeopleSoft spells it, with its leading zeros.
                    let id = own.map(|row| {
                        row.get(kind.id_column())
                            .filter(|told| told.len() >= id.len())
                            .unwrap_or(id)
                    });
                    found.extend(id.map(|id| Key::new(*kind, business_unit, id).document()));
                }
            }
        }
        found.dedup();
        Ok(found)
    }
}

/// Whether a row is this document's: one without a name is taken at the query's word.
fn is_of(row: &Row, key: &Key) -> bool {
    let unit = row.get("BUSINESS_UNIT").is_none_or(|unit| unit == key.business_unit);
    unit && row.get(key.kind.id_column()).is_none_or(|id| same_id(id, &key.id))
}

fn is_entry_of(row: &Row, key: &Key) -> bool {
    let same = |column: &str, wanted: &str| row.get(column).is_none_or(|given| same_id(given, wanted));
    same("BUSINESS_UNIT", &key.business_unit) && same("DOC_TYPE", key.kind.code()) && same("DOC_ID", &key.id)
}

/// A tool that takes an id for a number drops its leading zeros.
fn same_id(given: &str, wanted: &str) -> bool {
    given == wanted || given.trim_start_matches('0') == wanted.trim_start_matches('0')
}
