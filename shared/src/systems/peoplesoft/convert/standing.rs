//! Whether a document may ship, and which of its schedules do.

use rust_decimal::Decimal;

use crate::connection::{Selection, SelectionFacts};
use crate::domain::Standing;
use crate::systems::peoplesoft::options::Options;
use crate::systems::peoplesoft::queries::Kind;
use crate::systems::peoplesoft::wire::{Row, number};

/// One schedule of one line, with a row for each of its distributions.
#[derive(Debug, Clone)]
pub(in crate::systems::peoplesoft) struct Schedule<'a> {
    /// `LINE.SCHED`.
    pub(in crate::systems::peoplesoft) id: String,
    place: (Decimal, Decimal),
    pub(in crate::systems::peoplesoft) rows: Vec<&'a Row>,
}

/// What a schedule's own status lets it do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems::peoplesoft) enum Condition {
    Open,
    /// On hold or pending.
    Waiting,
    /// Nothing more comes of it.
    Closed,
    /// Nothing of it was wanted in the end.
    Cancelled,
    /// A status that nobody knows.
    Unknown(String),
}

impl Schedule<'_> {
    /// What the first distribution's row says; the columns of the schedule are the same in all of them.
    pub(in crate::systems::peoplesoft) fn get(&self, column: &str) -> Option<&str> {
        self.rows.iter().find_map(|row| row.get(column))
    }

    /// The same as a number.
    pub(in crate::systems::peoplesoft) fn number(&self, column: &str) -> Option<Decimal> {
        number(self.get(column)?)
    }

    /// What its status lets it do.
    pub(in crate::systems::peoplesoft) fn condition(&self) -> Condition {
        let Some(text) = self.get("CANCEL_STATUS") else {
            return Condition::Open;
        };
        match text.to_lowercase().as_str() {
            "a" | "active" | "o" | "open" => Condition::Open,
            "h" | "hold" | "on hold" | "p" | "pending" => Condition::Waiting,
            "c" | "closed" | "complete" | "completed" => Condition::Closed,
            "x" | "canceled" | "cancelled" | "d" | "denied" => Condition::Cancelled,
            _ => Condition::Unknown(text.to_owned()),
        }
    }

    /// Whether it ships through this connection.
    ///
    /// # Errors
    /// Why it does not, in plain words.
    pub(in crate::systems::peoplesoft) fn fits(&self, select: &Selection) -> Result<(), String> {
        let carried = ["SHIP_TYPE_ID", "CARRIER_ID"]
            .into_iter()
            .filter_map(|column| self.get(column));
        let asked = |wanted: &String| carried.clone().any(|given| given.eq_ignore_ascii_case(wanted));
        if !select.ship_methods.is_empty() && !select.ship_methods.iter().any(asked) {
            let named = carried.clone().next().unwrap_or("none");
            return Err(format!(
                "its ship method is {named}; this connection ships {}",
                select.ship_methods.join(", ")
            ));
        }
        let mut judged = self.rows.iter().map(|row| select.fits(&facts(row)));
        let first = judged.next().unwrap_or(Ok(()));
        if first.is_ok() || judged.any(|fits| fits.is_ok()) {
            Ok(())
        } else {
            first
        }
    }
}

fn facts(row: &Row) -> SelectionFacts {
    let all = |columns: &[&str]| columns.iter().filter_map(|column| row.text(column)).collect();
    SelectionFacts {
        carrier: all(&["CARRIER_ID", "SHIP_TYPE_ID"]),
        supplier: all(&["VENDOR_NAME", "VENDOR_ID"]),
        supplier_site: all(&["VNDR_LOC"]),
        fields: row
            .said()
            .map(|(column, value)| (column.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// The schedules of a document, in order. A row without a line belongs to none.
pub(in crate::systems::peoplesoft) fn schedules(rows: &[Row]) -> Vec<Schedule<'_>> {
    let mut schedules: Vec<Schedule<'_>> = Vec::new();
    for row in rows {
        let Some(line) = row.ordinal("LINE_NBR") else { continue };
        let number = row.ordinal("SCHED_NBR").unwrap_or_else(|| "1".to_owned());
        let id = format!("{line}.{number}");
        match schedules.iter_mut().find(|schedule| schedule.id == id) {
            Some(schedule) => schedule.rows.push(row),
            None => {
                let place = |column: &str| row.number(column).unwrap_or_default();
                schedules.push(Schedule {
                    id,
                    place: (place("LINE_NBR"), place("SCHED_NBR")),
                    rows: vec![row],
                });
            }
        }
    }
    schedules.sort_by_key(|schedule| schedule.place);
    schedules
}

/// A status as `select.statuses` spells it: of one kind of document (`PO:D`) or of any, as a code or by its long name.
pub(in crate::systems::peoplesoft) fn wanted_status(text: &str, options: &Options) -> Option<(Option<Kind>, String)> {
    let (kind, status) = match text.split_once(':') {
        Some((prefix, status)) => {
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.code().eq_ignore_ascii_case(prefix.trim()))?;
            (Some(kind), status)
        }
        None => (None, text),
    };
    Some((kind, options.status_code(status.trim())?))
}

/// The codes of the statuses in which documents of this kind ship.
pub(in crate::systems::peoplesoft) fn wanted_statuses(
    kind: Kind,
    select: &Selection,
    options: &Options,
) -> Vec<String> {
    let wanted = select
        .statuses
        .iter()
        .filter_map(|status| wanted_status(status, options));
    let own: Vec<String> = wanted
        .filter(|(of, _)| of.is_none_or(|of| of == kind))
        .map(|(_, code)| code)
        .collect();
    if own.is_empty() {
        vec![kind.usual_status().to_owned()]
    } else {
        own
    }
}

/// Whether a document may ship as far as its head says.
pub(in crate::systems::peoplesoft) fn of_head(
    kind: Kind,
    row: &Row,
    select: &Selection,
    options: &Options,
) -> Standing {
    let text = row.get(kind.status_column()).unwrap_or_default();
    let wanted = wanted_statuses(kind, select, options);
    match options.status_code(text).as_deref() {
        Some("X" | "PX") => Standing::Cancelled,
        Some("C") => Standing::Closed,
        Some(code) if wanted.iter().any(|wanted| wanted == code) => {
            let held = row
                .get("HOLD_STATUS")
                .is_some_and(|flag| matches!(flag.to_lowercase().as_str(), "y" | "yes" | "true"));
            if held {
                Standing::Waiting("it is on hold".to_owned())
            } else {
                Standing::Ready
            }
        }
        Some(code) => {
            let told = if code == text {
                code.to_owned()
            } else {
                format!("{text} ({code})")
            };
            Standing::Waiting(format!(
                "its status is {told}; this connection ships {}",
                wanted.join(", ")
            ))
        }
        None if text.is_empty() => Standing::Waiting("it shows no status".to_owned()),
        None => Standing::Waiting(format!(
            "its status is {text:?}, which is not known: say in erp.statuses which code that is"
        )),
    }
}

/// Whether a document may ship, by its head and its schedules.
pub(in crate::systems::peoplesoft) fn standing(
    kind: Kind,
    rows: &[Row],
    schedules: &[Schedule<'_>],
    select: &Selection,
    options: &Options,
) -> Standing {
    let Some(first) = rows.first() else {
        return Standing::Closed;
    };
    let head = of_head(kind, first, select, options);
    if head != Standing::Ready {
        return head;
    }
    let open: Vec<&Schedule<'_>> = schedules
        .iter()
        .filter(|one| one.condition() == Condition::Open)
        .collect();
    let judged: Vec<Result<(), String>> = open.iter().map(|schedule| schedule.fits(select)).collect();
    if judged.iter().any(Result::is_ok) {
        return Standing::Ready;
    }
    if let Some(Err(why)) = judged.into_iter().next() {
        return Standing::Waiting(why);
    }
    if schedules
        .iter()
        .any(|one| matches!(one.condition(), Condition::Waiting | Condition::Unknown(_)))
    {
        return Standing::Waiting("every schedule is on hold, pending or in a state that is not known".to_owned());
    }
    Standing::Ready
}

/// Whether a document may ship, as far as its head's row says: some that do not are told all the same.
pub(in crate::systems::peoplesoft) fn may_ship(kind: Kind, row: &Row, select: &Selection, options: &Options) -> bool {
    of_head(kind, row, select, options) == Standing::Ready
}
