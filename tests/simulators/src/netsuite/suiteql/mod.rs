//! SuiteQL run for real: the account's records as tables of an in-memory SQLite, queried through a rewrite of the
//! Oracle dialect.
//!
//! Quirks kept: every value comes back as a string, names of columns in lower case, NULLs left out; at most 1,000 rows
//! a page and 100,000 rows in all; `offset` must be a multiple of `limit`; rows without ORDER BY come in any order.

mod dialect;
mod functions;
mod tables;

use super::refusal::Refusal;
use super::world::World;
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, Error, Statement, params_from_iter};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// No query gives more rows than this, over all its pages.
pub const ROW_CAP: usize = 100_000;
/// No page has more rows than this.
pub const PAGE_CAP: usize = 1_000;

/// A query as it was asked.
#[derive(Debug, Clone)]
pub struct Query {
    /// The SuiteQL text.
    pub text: String,
    /// The values of its `?`.
    pub parameters: Vec<String>,
    /// Rows a page.
    pub limit: usize,
    /// Rows before this page.
    pub offset: usize,
    /// How far back the answer lags.
    pub stale_by: SignedDuration,
}

/// One page of an answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The rows: names of columns in lower case, values as strings.
    pub rows: Vec<Map<String, Value>>,
    /// Rows of the whole answer.
    pub total: usize,
}

/// The tables, kept in step with the books.
#[derive(Debug)]
pub struct Engine {
    db: Connection,
    shuffles: u64,
}

impl Engine {
    /// Tables with the records of the account.
    ///
    /// # Errors
    /// 500 when SQLite fails.
    pub fn new(world: &mut World) -> Result<Self, Refusal> {
        let all = [
            &world.customers.keys().copied().collect::<Vec<_>>(),
            &world.items.keys().copied().collect(),
        ]
        .into_iter()
        .flatten()
        .chain(world.locations.keys())
        .chain(world.ship_methods.keys())
        .chain(world.orders.keys())
        .chain(world.fulfilments.keys())
        .chain(world.invoices.keys())
        .copied()
        .collect();
        world.stale = all;
        world.stale_stock = world.stock.keys().copied().collect();
        Self::open(world).map_err(|error| internal(&error))
    }

    fn open(world: &World) -> rusqlite::Result<Self> {
        let db = Connection::open_in_memory()?;
        db.set_prepared_statement_cache_capacity(64);
        functions::register(&db)?;
        tables::create(&db, world)?;
        Ok(Self { db, shuffles: 0 })
    }

    /// Runs a query and gives the page that was asked for.
    ///
    /// # Errors
    /// 400 for a query that NetSuite would refuse.
    pub fn run(&mut self, world: &mut World, query: &Query, now: Timestamp) -> Result<Page, Refusal> {
        check_paging(query)?;
        let lags = query.stale_by.is_positive();
        if !lags {
            self.catch_up(world).map_err(|error| internal(&error))?;
        }
        self.db.execute_batch("BEGIN").map_err(|error| internal(&error))?;
        let hidden = if lags {
            self.hide_recent(world, query, now)
        } else {
            Ok(())
        };
        let answer = hidden
            .map_err(|error| internal(&error))
            .and_then(|()| self.answer(world, query, now));
        self.db.execute_batch("ROLLBACK").map_err(|error| internal(&error))?;
        answer
    }

    fn catch_up(&self, world: &mut World) -> rusqlite::Result<()> {
        let stale = std::mem::take(&mut world.stale);
        world.stale_stock_of(&stale);
        let stock = std::mem::take(&mut world.stale_stock);
        self.db.execute_batch("BEGIN")?;
        for id in stale {
            tables::refresh(&self.db, world, id)?;
        }
        if !stock.is_empty() {
            tables::refresh_stock(&self.db, world, &stock)?;
        }
        self.db.execute_batch("COMMIT")
    }

    /// An index that lags has neither the latest changes (they are not caught up) nor the latest records.
    fn hide_recent(&self, world: &World, query: &Query, now: Timestamp) -> rusqlite::Result<()> {
        let seen = functions::canonical(world.local(now.checked_sub(query.stale_by).unwrap_or(now)));
        let recent = r#"SELECT id FROM "transaction" WHERE createddate > ?1"#;
        self.db.execute(
            &format!(r#"DELETE FROM transactionline WHERE "transaction" IN ({recent})"#),
            [&seen],
        )?;
        self.db
            .execute(&format!(r#"DELETE FROM "transaction" WHERE id IN ({recent})"#), [&seen])?;
        Ok(())
    }

    fn answer(&mut self, world: &World, query: &Query, now: Timestamp) -> Result<Page, Refusal> {
        let clock = functions::canonical(world.local(now));
        let rewritten = dialect::rewrite(&query.text, &clock).map_err(invalid)?;
        let unseen = &world.options.unseen_columns;
        if let Some(name) = rewritten.words.iter().find(|word| unseen.contains(*word)) {
            return Err(invalid(format!(
                "Unknown identifier '{name}'. Available identifiers are: {{}}."
            )));
        }
        let shuffled = world.options.shuffle && !rewritten.ordered;
        // What is on no page that was asked for is only counted.
        let wanted = match shuffled {
            true => 0..ROW_CAP,
            false => query.offset..(query.offset + query.limit).min(ROW_CAP),
        };
        let (mut rows, found) = self
            .rows(&rewritten.sql, query, &wanted)
            .map_err(|error| refused(&error))?;
        let total = found.min(ROW_CAP);
        if shuffled {
            self.shuffles += 1;
            shuffle(&mut rows, self.shuffles);
            rows = rows.into_iter().skip(query.offset).take(query.limit).collect();
        }
        Ok(Page { rows, total })
    }

    fn rows(
        &self,
        sql: &str,
        query: &Query,
        wanted: &Range<usize>,
    ) -> rusqlite::Result<(Vec<Map<String, Value>>, usize)> {
        let mut statement = self.db.prepare_cached(sql)?;
        let columns = columns(&statement);
        let parameters = query.parameters.iter().map(|text| bound(text));
        let mut found = statement.query(params_from_iter(parameters))?;
        let (mut rows, mut count) = (Vec::new(), 0);
        while let Some(row) = found.next()? {
            count += 1;
            if !wanted.contains(&(count - 1)) {
                continue;
            }
            let mut values = Map::from_iter([("links".to_owned(), json!([]))]);
            for (index, column) in columns.iter().enumerate() {
                if let Some(text) = functions::shown(row.get_ref(index)?) {
                    let text = if column.is_date {
                        functions::account_format(&text)
                    } else {
                        text
                    };
                    values.insert(column.name.clone(), Value::String(text));
                }
            }
            rows.push(values);
        }
        Ok((rows, count))
    }
}

struct Column {
    name: String,
    is_date: bool,
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let describe = |(number, column): (usize, rusqlite::Column<'_>)| {
        let name = column.name().to_ascii_lowercase();
        let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        Column {
            name: if plain { name } else { format!("expr{number}") },
            is_date: column.decl_type() == Some("DATETIME"),
        }
    };
    (1..).zip(statement.columns()).map(describe).collect()
}

/// Numbers are compared with numbers even where no column says so; `007` stays a text.
fn bound(text: &str) -> SqlValue {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => SqlValue::Integer(number),
        _ => SqlValue::Text(text.to_owned()),
    }
}

fn check_paging(query: &Query) -> Result<(), Refusal> {
    if !(1..=PAGE_CAP).contains(&query.limit) {
        return Err(Refusal::parameter(
            "limit",
            "Provided limit is out of range. It must be between 1 and 1000.",
        ));
    }
    if !query.offset.is_multiple_of(query.limit) {
        return Err(Refusal::parameter(
            "offset",
            "Provided offset must be divisible by the limit.",
        ));
    }
    let too_far = query.offset + query.limit > ROW_CAP || query.offset / query.limit >= 1_000;
    if too_far {
        return Err(Refusal::parameter(
            "offset",
            "The requested page is beyond the maximum of results.",
        ));
    }
    Ok(())
}

/// What is said of a column that the account does not show.
pub fn unknown_column(name: &str) -> Refusal {
    invalid(format!("Unknown identifier '{name}'. Available identifiers are: {{}}."))
}

fn invalid(why: String) -> Refusal {
    let detail =
        format!("Invalid search query. Detailed unprocessed description follows. Search error occurred: {why}");
    Refusal::parameter("q", detail)
}

fn refused(error: &Error) -> Refusal {
    let text = match error {
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let last = |what: &str| what.rsplit('.').next().unwrap_or(what).to_owned();
    if let Some(name) = text.strip_prefix("no such column: ") {
        return unknown_column(&last(name));
    }
    if let Some(name) = text.strip_prefix("no such table: ") {
        return invalid(format!("Record '{name}' was not found."));
    }
    invalid(text)
}

fn internal(error: &Error) -> Refusal {
    Refusal::new(
        500,
        "UNEXPECTED_ERROR",
        format!("An unexpected error occurred. Error ID: {error}"),
    )
}

/// A shuffle that depends only on how many there were before.
fn shuffle<T>(rows: &mut [T], seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for last in (1..rows.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let chosen = usize::try_from(state % (last as u64 + 1)).unwrap_or_default();
        rows.swap(last, chosen);
    }
}
