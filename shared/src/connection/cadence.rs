//! How far apart two ticks of a schedule are at most, by its own words: whoever waits for one longer than that waits for something that
//! should have been.
//!
//! EventBridge Scheduler's expressions: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>. What is not read here
//! (the last day of a month, the second Monday) is taken for once a month.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::Schedule;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
const MONTH: u32 = 31 * DAY;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Schedule {
    /// The longest time between two ticks, in minutes' precision and without changes of the clock; a day where the expression is none.
    pub fn longest_interval(&self) -> SignedDuration {
        let minutes = || longest_of_cron(&self.expression).map(|minutes| SignedDuration::from_mins(minutes.into()));
        self.interval()
            .or_else(minutes)
            .unwrap_or(SignedDuration::from_hours(24))
    }
}

fn longest_of_cron(expression: &str) -> Option<u32> {
    let fields = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [minute, hour, day, month, weekday, _] = fields.as_slice() else {
        return None;
    };
    let (minutes, hours) = (values(minute, 0, 59, &[])?, values(hour, 0, 23, &[])?);
    if values(month, 1, 12, &MONTHS)?.len() < MONTHS.len() {
        return Some(366 * DAY);
    }
    let times: Vec<u32> = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
        .collect();
    let (days, period) = match (is_every(day), is_every(weekday)) {
        (true, true) => (Some(BTreeSet::from([1])), DAY),
        (true, false) => (values(weekday, 1, 7, &WEEKDAYS), WEEK),
        (false, _) => (values(day, 1, 31, &[]), MONTH),
    };
    let Some(days) = days else {
        return Some(MONTH + WEEK);
    };
    let ticks: BTreeSet<u32> = days
        .iter()
        .flat_map(|day| times.iter().map(move |time| (day - 1) * DAY + time))
        .collect();
    let first = ticks.first()?;
    let next = ticks.iter().skip(1).copied().chain([first + period]);
    ticks.iter().zip(next).map(|(one, next)| next - one).max()
}

fn is_every(field: &str) -> bool {
    field == "*" || field == "?"
}

/// The values of a field, at least one.
fn values(field: &str, least: u32, most: u32, names: &[&str]) -> Option<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (value(from, least, names)?, value(to, least, names)?),
            None if is_every(range) => (least, most),
            None if part.contains('/') => (value(range, least, names)?, most),
            None => (value(range, least, names)?, value(range, least, names)?),
        };
        if from < least || from.max(to) > most {
            return None;
        }
        // FRI-MON goes over the end.
        let end = if to < from { to + most - least + 1 } else { to };
        let steps = (from..=end).step_by(usize::try_from(step).ok()?);
        all.extend(steps.map(|value| {
            if value > most {
                value - (most - least + 1)
            } else {
                value
            }
        }));
    }
    (!all.is_empty()).then_some(all)
}

fn value(text: &str, least: u32, names: &[&str]) -> Option<u32> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    match named {
        Some(index) => u32::try_from(index).ok().map(|index| index + least),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P46, P53: how long to wait for a run follows from the customer's own schedule, whichever way it is written.
    #[test]
    fn the_longest_interval_follows_from_the_expression() {
        let hours = |expression: &str| {
            let schedule = Schedule {
                expression: expression.to_owned(),
                time_zone: "UTC".to_owned(),
            };
            schedule.longest_interval().as_mins() / 60
        };
        for (expression, expected) in [
            ("rate(3 hours)", 3),
            ("cron(0 2 * * ? *)", 24),
            ("cron(0/30 * * * ? *)", 0),
            ("cron(0 6,18 * * ? *)", 12),
            ("cron(15 8-18 * * ? *)", 14),
            ("cron(0 */4 * * ? *)", 4),
            ("cron(0 6 ? * MON-FRI *)", 72),
            ("cron(0 6 ? * fri-mon *)", 96),
            ("cron(0 6 ? * 2 *)", 168),
            ("cron(0 6 1,15 * ? *)", 17 * 24),
            ("cron(0 6 L * ? *)", 38 * 24),
            ("cron(0 6 ? * 6L *)", 38 * 24),
            ("cron(0 6 1 JAN ? *)", 366 * 24),
            ("cron(61 6 1 1 ? *)", 24),
            ("whenever", 24),
        ] {
            assert_eq!(hours(expression), expected, "{expression}");
        }
    }
}
