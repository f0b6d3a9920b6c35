//! What `connection check` tries: nothing of it touches a document. Each failure says what to do.

use http::Method;
use jiff::{SignedDuration, Timestamp};

use super::client::PeopleSoft;
use super::convert::{self, Id, Key};
use super::queries::{self, Kind, Query};
use super::reading::BLANK;
use super::wire::Row;
use crate::domain::{ParcelRule, Standing};
use crate::ports::{CallError, Finding, Obstacle};

/// How far back documents are looked for.
const REACH: SignedDuration = SignedDuration::from_hours(24 * 365 * 5);

pub(super) async fn check(peoplesoft: &PeopleSoft) -> Vec<Finding> {
    let mut findings = access(peoplesoft).await;
    if findings.iter().any(|finding| finding.result.is_err()) {
        return findings;
    }
    for kind in &peoplesoft.settings.options.documents {
        findings.extend(documents(peoplesoft, *kind).await);
    }
    if !peoplesoft.policy.store_only {
        findings.push(writing(peoplesoft));
        findings.extend(room(peoplesoft));
    }
    findings
}

fn finding(what: impl Into<String>, result: Result<String, String>) -> Finding {
    let what = what.into();
    Finding { what, result }
}

/// The credential, then the first query with it.
async fn access(peoplesoft: &PeopleSoft) -> Vec<Finding> {
    let (account, base) = (&peoplesoft.settings.account, &peoplesoft.endpoint.base);
    let what = format!("the credential for PeopleSoft {account}");
    if let Err(error) = peoplesoft.auth.header(&Method::GET, base).await {
        let advice = "see erp.identity_url, token_path, scope and client_authentication, and enter the secret again with \
                      `waybill secret set`";
        return vec![finding(what, Err(format!("{error}: {advice}")))];
    }
    let kind = peoplesoft
        .settings
        .options
        .documents
        .first()
        .copied()
        .unwrap_or(Kind::PurchaseOrder);
    let unit = peoplesoft
        .settings
        .options
        .business_units
        .first()
        .map_or("", String::as_str);
    let called = window(peoplesoft, kind, unit, 2).await;
    let host = base.host_str().unwrap_or_default();
    let (credential, called) = match called {
        Ok(_) => (Ok("accepted".to_owned()), Ok("the query service answers".to_owned())),
        Err(CallError::Later(later)) if later.obstacle == Obstacle::Unauthorised => {
            return vec![finding(what, Err(format!("{later}: {NOT_LET_IN}")))];
        }
        Err(error) => (
            Ok("sent".to_owned()),
            Err(why_no_answer(peoplesoft, kind.heads(), &error)),
        ),
    };
    vec![finding(what, credential), finding(format!("calling {host}"), called)]
}

const NOT_LET_IN: &str = "PeopleSoft does not accept the user. See that the user id is in upper case, that the password has not \
                          ended and the account is not locked, and that the service operation asks for Basic Authentication \
                          and SSL. Nothing is tried again: a few failures lock the account";

fn why_no_answer(peoplesoft: &PeopleSoft, query: &Query, error: &CallError) -> String {
    let options = &peoplesoft.settings.options;
    let name = options.query(query);
    let words = error.to_string();
    let advice = if words.starts_with("status 404") {
        format!(
            "nothing is there: see that erp.base_url ends before /{}, that erp.node is the database's default local node \
             ({} now; case counts), and that the service operation behind {} is active",
            options.gateway, options.node, options.query_service
        )
    } else if words.starts_with("status 403") || words.contains("authori") {
        format!(
            "give the user's permission list the service operation behind {} and its queries",
            options.query_service
        )
    } else {
        match error {
            CallError::Refused(_) => format!(
                "see that the query {name} is there as {}, that the user's query security (access groups) covers its records, \
                 and that its prompts are named {}",
                options.query_owner,
                query
                    .prompts
                    .iter()
                    .map(|prompt| options.prompt(prompt))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            CallError::Later(_) => {
                "see that erp.base_url can be reached from here (VPN, firewall), and that its certificate \
                                    is trusted (erp.ca_certificate)"
                    .to_owned()
            }
        }
    };
    format!("{words}: {advice}")
}

/// Heads of a business unit that changed within reach.
async fn window(peoplesoft: &PeopleSoft, kind: Kind, business_unit: &str, rows: u16) -> Result<Vec<Row>, CallError> {
    let now = peoplesoft.endpoint.clock.now();
    let until = now + SignedDuration::from_hours(48);
    within(peoplesoft, kind, business_unit, now - REACH, until, rows).await
}

async fn within(
    peoplesoft: &PeopleSoft,
    kind: Kind,
    business_unit: &str,
    since: Timestamp,
    until: Timestamp,
    rows: u16,
) -> Result<Vec<Row>, CallError> {
    let options = &peoplesoft.settings.options;
    let from = convert::prompt(since, options).unwrap_or_default();
    let to = convert::prompt(until, options).unwrap_or_default();
    peoplesoft
        .query(kind.heads(), &[business_unit, &from, &to, BLANK], rows)
        .await
        .map(|shown| shown.rows)
}

/// The same documents behind one of them.
async fn behind(peoplesoft: &PeopleSoft, kind: Kind, business_unit: &str, last: &str) -> Result<Vec<Row>, CallError> {
    let options = &peoplesoft.settings.options;
    let now = peoplesoft.endpoint.clock.now();
    let from = convert::prompt(now - REACH, options).unwrap_or_default();
    let to = convert::prompt(now + SignedDuration::from_hours(48), options).unwrap_or_default();
    peoplesoft
        .query(kind.heads(), &[business_unit, &from, &to, last], options.max_rows)
        .await
        .map(|shown| shown.rows)
}

/// Everything about one kind of documents.
async fn documents(peoplesoft: &PeopleSoft, kind: Kind) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: Vec<Row> = Vec::new();
    for unit in &peoplesoft.settings.options.business_units {
        let what = format!("{}s of business unit {unit}", kind.words());
        let result = match window(peoplesoft, kind, unit, peoplesoft.settings.options.max_rows).await {
            Ok(rows) if rows.is_empty() => Err(format!("business unit {unit}: {NO_ROWS}")),
            Ok(rows)
                if rows
                    .iter()
                    .any(|row| row.get("BUSINESS_UNIT").is_some_and(|given| given != unit)) =>
            {
                Err(ignores(peoplesoft, kind.heads(), "BUSINESS_UNIT"))
            }
            Ok(rows) => {
                seen.extend(rows);
                Ok("readable".to_owned())
            }
            Err(error) => Err(why_no_answer(peoplesoft, kind.heads(), &error)),
        };
        findings.push(finding(what, result));
    }
    findings.push(impossible_window(peoplesoft, kind).await);
    findings.extend(order(peoplesoft, kind, &seen).await);
    findings.extend(times(peoplesoft, kind, &seen));
    findings.push(columns(peoplesoft, kind.heads(), &Ok(seen.clone())));
    findings.extend(canary(peoplesoft, kind, &seen).await);
    findings
}

const NO_ROWS: &str = "no document of five years is visible: either there is none, or the business unit is spelt otherwise \
                       (case counts), or the user's row-level security does not show it. PeopleSoft leaves out what a user may \
                       not see without saying so";

fn ignores(peoplesoft: &PeopleSoft, query: &Query, prompt: &str) -> String {
    let options = &peoplesoft.settings.options;
    format!(
        "query {} does not heed its prompt {}: see that the prompt has exactly this name and is used in a criterion",
        options.query(query),
        options.prompt(prompt)
    )
}

/// Nothing can have changed in a thousand years: rows mean that the prompts are ignored.
async fn impossible_window(peoplesoft: &PeopleSoft, kind: Kind) -> Finding {
    let what = format!("the dates that {}s are asked by", kind.words());
    let unit = peoplesoft
        .settings
        .options
        .business_units
        .first()
        .map_or("", String::as_str);
    let at = |days: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days);
    // In the last days of 2998.
    let result = match within(peoplesoft, kind, unit, at(375_840), at(375_841), 2).await {
        Ok(rows) if rows.is_empty() => Ok("heeded: a day far ahead shows nothing".to_owned()),
        Ok(_) => Err(ignores(peoplesoft, kind.heads(), "FROM_DTTM")),
        Err(error) => Err(why_no_answer(peoplesoft, kind.heads(), &error)),
    };
    finding(what, result)
}

/// Whether a scan goes on behind the last document that it has seen, and whether rows are cut off before that.
async fn order(peoplesoft: &PeopleSoft, kind: Kind, seen: &[Row]) -> Vec<Finding> {
    let (query, column) = (kind.heads(), kind.id_column());
    // The business unit of which most is seen.
    let units = &peoplesoft.settings.options.business_units;
    let of = |unit: &String| -> Vec<&Row> {
        seen.iter()
            .filter(|row| row.get("BUSINESS_UNIT").is_none_or(|own| own == unit))
            .collect()
    };
    let Some((unit, rows)) = units
        .iter()
        .map(|unit| (unit, of(unit)))
        .max_by_key(|(_, rows)| rows.len())
    else {
        return Vec::new();
    };
    let ids: Vec<&str> = rows.iter().filter_map(|row| row.get(column)).collect();
    let Some(last) = ids.iter().rev().find(|id| convert::is_key(id)) else {
        return Vec::new();
    };
    let what = format!("the order of {}s", kind.words());
    let name = peoplesoft.settings.options.query(query);
    let next = match behind(peoplesoft, kind, unit, last).await {
        Ok(next) => next,
        Err(error) => return vec![finding(what, Err(why_no_answer(peoplesoft, query, &error)))],
    };
    let again: Vec<&str> = next.iter().filter_map(|row| row.get(column)).collect();
    let result = if again.contains(last) {
        Err(ignores(peoplesoft, query, "LAST_KEY"))
    } else if again.iter().any(|id| ids.contains(id)) || !ascends(&ids) {
        Err(format!(
            "query {name} does not show the smallest {column} first, so that a scan would leave documents out: order it by {column}"
        ))
    } else {
        Ok(format!("the smallest {column} first, and LAST_KEY is heeded"))
    };
    let cut = cap(peoplesoft, name, rows.len(), &again);
    [finding(what, result)].into_iter().chain(cut).collect()
}

/// Whether ids ascend, as far as that can be said without the database's own order of letters.
fn ascends(ids: &[&str]) -> bool {
    let digits = |id: &&str| id.bytes().all(|byte| byte.is_ascii_digit());
    let comparable = |one: &&str, other: &&str| one.len() == other.len() && digits(one) && digits(other);
    ids.iter()
        .zip(ids.iter().skip(1))
        .all(|(one, other)| !comparable(one, other) || one <= other)
}

/// A limit of the user's below ours, by which lines of a document could be cut off without a word.
fn cap(peoplesoft: &PeopleSoft, name: &str, shown: usize, behind: &[&str]) -> Option<Finding> {
    let most = peoplesoft.settings.options.max_rows;
    if behind.is_empty() || shown >= usize::from(most) {
        return None;
    }
    let words = format!(
        "query {name} shows {shown} rows where {most} are asked for and there are more: the user's query profile allows no more. \
         Raise it, or set erp.max_rows = {shown}, so that a document that is cut off is recognised"
    );
    Some(finding("how many rows are shown", Err(words)))
}

/// Times that cannot be read: their documents would be taken for new at every poll.
fn times(peoplesoft: &PeopleSoft, kind: Kind, seen: &[Row]) -> Option<Finding> {
    let options = &peoplesoft.settings.options;
    let told: Vec<&str> = seen.iter().filter_map(|row| row.get("LAST_DTTM_UPDATE")).collect();
    let first = told.first()?;
    let unread = told.iter().find(|text| convert::moment(text, options).is_none());
    let column = options.column("LAST_DTTM_UPDATE");
    let result = match unread {
        Some(text) => Err(format!(
            "{column} says {text:?}, which cannot be read: set erp.datetime_format to how the server spells it, or have the query \
             show year, month, day and time in figures"
        )),
        None => Ok(format!("{column} can be read, such as {first}")),
    };
    Some(finding(format!("the times of {}s", kind.words()), result))
}

/// Whether the rows of a query have the columns that they should.
fn columns(peoplesoft: &PeopleSoft, query: &Query, rows: &Result<Vec<Row>, CallError>) -> Finding {
    let options = &peoplesoft.settings.options;
    let what = format!("the columns of query {}", options.query(query));
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return finding(what, Err(why_no_answer(peoplesoft, query, error))),
    };
    if rows.is_empty() {
        return finding(
            what,
            Ok("it answers, and has no row here by which its columns could be seen".to_owned()),
        );
    }
    let required = peoplesoft.needs.lacking(query, rows, options);
    let known = [query.sometimes, query.optional].concat();
    let unseen = known.iter().filter(|column| !rows.iter().any(|row| row.has(column)));
    let optional: Vec<&str> = unseen.map(|column| options.column(column)).collect();
    if required.is_empty() {
        let seen = if optional.is_empty() {
            "all are there".to_owned()
        } else {
            format!(
                "all that are needed; not known here for want of a column: {}",
                optional.join(", ")
            )
        };
        return finding(what, Ok(seen));
    }
    let words = format!(
        "it lacks {}: select them under exactly these unique field names, or name yours in erp.columns",
        required.join(", ")
    );
    finding(what, Err(words))
}

/// A document read as a poll reads it, with everything that its rows refer to.
async fn canary(peoplesoft: &PeopleSoft, kind: Kind, heads: &[Row]) -> Vec<Finding> {
    let Some(key) = choose(peoplesoft, kind, heads) else {
        return untried(peoplesoft, kind).await;
    };
    let rows = peoplesoft.lines_of(&key).await.map(|lines| lines.rows);
    let mut findings = vec![columns(peoplesoft, kind.lines(), &rows)];
    if let Ok(rows) = &rows {
        let referred = [
            (&queries::LOCATION, "SHIPTO_SETID", "SHIPTO_ID"),
            (&queries::VENDOR, "VENDOR_SETID", "VENDOR_ID"),
            (&queries::ITEM, "ITM_SETID", "INV_ITEM_ID"),
        ];
        for (query, set, id) in referred {
            let named = |row: &Row| Some((row.text(set)?, row.text(id)?));
            let id: Id = rows
                .iter()
                .find_map(named)
                .unwrap_or_else(|| (BLANK.to_owned(), BLANK.to_owned()));
            findings.push(columns(peoplesoft, query, &peoplesoft.referred(query, &id).await));
        }
    }
    if !peoplesoft.policy.store_only {
        findings.push(columns(peoplesoft, &queries::TRACKING, &peoplesoft.entries(&key).await));
    }
    findings.push(whole(peoplesoft, &key).await);
    findings
}

/// A document that may ship, where there is one among these.
fn choose(peoplesoft: &PeopleSoft, kind: Kind, heads: &[Row]) -> Option<Key> {
    let ships = |row: &&Row| convert::may_ship(kind, row, &peoplesoft.select, &peoplesoft.settings.options);
    let row = heads.iter().rev().find(ships).or_else(|| heads.last())?;
    Some(Key::new(kind, row.get("BUSINESS_UNIT")?, row.get(kind.id_column())?))
}

/// Without a document queries can only be asked for nothing.
async fn untried(peoplesoft: &PeopleSoft, kind: Kind) -> Vec<Finding> {
    let mut findings = Vec::new();
    for query in [
        kind.lines(),
        &queries::LOCATION,
        &queries::VENDOR,
        &queries::ITEM,
        &queries::TRACKING,
    ] {
        if *query == queries::TRACKING && peoplesoft.policy.store_only {
            continue;
        }
        let blanks = vec![BLANK; query.prompts.len()];
        let asked = peoplesoft.query(query, &blanks, 2).await.map(|shown| shown.rows);
        findings.push(columns(peoplesoft, query, &asked));
    }
    findings
}

async fn whole(peoplesoft: &PeopleSoft, key: &Key) -> Finding {
    let what = format!("a {} with its lines, items and address", key.kind.words());
    let name = format!("{}/{}", key.business_unit, key.id);
    let result = match peoplesoft.read_one(&key.document()).await {
        Ok(None) => Err(format!(
            "{name} is told of and shows no lines: the queries of heads and of lines must have the same security"
        )),
        Ok(Some(order)) if order.lines.is_empty() => Err(format!("{name} shows no lines: see its column LINE_NBR")),
        Ok(Some(order)) => match order.lines.iter().find_map(|line| line.flaw.as_ref()) {
            Some(flaw) => Err(format!("{name}: {flaw}")),
            None => Ok(match &order.standing {
                Standing::Waiting(why) => format!("{name} with {} lines; it does not ship: {why}", order.lines.len()),
                _ => format!("{name} with {} lines", order.lines.len()),
            }),
        },
        Err(error) => Err(why_no_answer(peoplesoft, key.kind.lines(), &error)),
    };
    finding(what, result)
}

/// How many tracking numbers the column takes; a number and what parts it from the next are twenty characters.
fn room(peoplesoft: &PeopleSoft) -> Option<Finding> {
    let limit = peoplesoft.settings.options.text_limit;
    let column = peoplesoft.policy.fields.tracking.as_ref()?;
    let numbers = (limit + 2) / 20;
    let many = match peoplesoft.packing {
        ParcelRule::PerOrder => "where more weighs than so many parcels carry",
        ParcelRule::PerLine => "where a document ships more lines at once (packing.rule = \"per-line\")",
        ParcelRule::PerPiece => "where a document ships more pieces at once (packing.rule = \"per-piece\")",
    };
    let words = format!(
        "{column} takes {numbers} of UPS's (erp.text_limit = {limit}): {many}, the write-back is refused and the job held, because a \
         number is never left out. Lengthen the column and raise erp.text_limit, if that may happen"
    );
    Some(finding("the room for tracking numbers", Ok(words)))
}

fn writing(peoplesoft: &PeopleSoft) -> Finding {
    let service = &peoplesoft.settings.options.write;
    let judged = if service.success.is_empty() {
        "after each write the record is looked at, because erp.write.success does not say what a success looks like"
    } else {
        "a success is what erp.write.success says"
    };
    let words = format!(
        "not tried, because trying it writes: the first shipment is written by {} to {}; see that the user may call it. {judged}",
        service.method, service.name
    );
    finding("the service that writes", Ok(words))
}
