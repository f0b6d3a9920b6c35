//! Filters at work: which attributes they may name, and which rows they let through.
//!
//! Quirks: a fault in a filter is a fault even where there are no rows; what is null passes no comparison.

use super::model::Id;
use super::options::{Options, TimeLiteral};
use super::query::{Comparison, Condition, Test, fits};
use super::refusal::Refusal;
use super::resources::{Attribute, Kind, Resource};
use super::shape::{Node, decimal, time};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;
use std::cmp::Ordering::{self, Equal, Greater, Less};
use std::ops::RangeInclusive;

/// Whether the filter can be asked of the resource at all; a fault in it is a fault even where there are no rows.
pub(super) fn check(condition: &Condition, resource: &'static Resource, options: &Options) -> Result<(), Refusal> {
    match condition {
        Condition::All(all) | Condition::Any(all) => all.iter().try_for_each(|one| check(one, resource, options)),
        Condition::Not(one) => check(one, resource, options),
        Condition::Test(test) => {
            let attribute = queried(&test.attribute, resource, options)?;
            test.values
                .iter()
                .try_for_each(|value| against(&Value::Null, value, attribute.kind, options).map(|_| ()))
        }
    }
}

fn queried(name: &str, resource: &'static Resource, options: &Options) -> Result<&'static Attribute, Refusal> {
    let found = match name.rsplit_once('.') {
        Some((path, name)) if options.child_filters => resource.at(path).and_then(|child| child.known(name, options)),
        Some(_) => None,
        None => resource.known(name, options),
    };
    let found =
        found.ok_or_else(|| Refusal::bad(format!("Attribute {name} in URL request parameter q is not known.")))?;
    if found.queryable && !options.not_queryable.contains(name) {
        Ok(found)
    } else {
        Err(Refusal::bad(format!(
            "Attribute {name} in URL request parameter q is not queryable."
        )))
    }
}

/// Whether the filter lets a row through.
pub(super) fn passes(condition: &Condition, node: &Node, options: &Options) -> Result<bool, Refusal> {
    match condition {
        Condition::All(all) => all
            .iter()
            .try_fold(true, |so_far, one| Ok(so_far && passes(one, node, options)?)),
        Condition::Any(all) => all
            .iter()
            .try_fold(false, |so_far, one| Ok(so_far || passes(one, node, options)?)),
        Condition::Not(one) => passes(one, node, options).map(|passed| !passed),
        Condition::Test(test) => tested(test, node, options),
    }
}

/// Within which orders a filter can find anything: what it says of ids and of changes by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    first: Id,
    last: Id,
    since: Timestamp,
}

impl Reach {
    const ALL: Self = Self {
        first: Id::MIN,
        last: Id::MAX,
        since: Timestamp::MIN,
    };

    /// The reach of a filter, or of none.
    pub(super) fn of(condition: Option<&Condition>, options: &Options) -> Self {
        let each = |all: &[Condition], join: fn(Self, Self) -> Self| {
            let reaches = all.iter().map(|one| Self::of(Some(one), options));
            reaches.reduce(join).unwrap_or(Self::ALL)
        };
        match condition {
            Some(Condition::All(all)) => each(all, Self::within_both),
            Some(Condition::Any(any)) => each(any, Self::within_either),
            Some(Condition::Test(test)) => Self::of_test(test, options).unwrap_or(Self::ALL),
            Some(Condition::Not(_)) | None => Self::ALL,
        }
    }

    fn within_both(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
            since: self.since.max(other.since),
        }
    }

    fn within_either(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            since: self.since.min(other.since),
        }
    }

    fn of_test(test: &Test, options: &Options) -> Option<Self> {
        let value = test.values.first()?;
        match (test.attribute.as_str(), test.comparison) {
            ("POHeaderId", Comparison::Equal) => {
                let id = value.parse().ok()?;
                Some(Self {
                    first: id,
                    last: id,
                    ..Self::ALL
                })
            }
            ("POHeaderId", Comparison::Greater) => Some(Self {
                first: value.parse().ok()?,
                ..Self::ALL
            }),
            ("LastUpdateDate", Comparison::GreaterOrEqual) => Some(Self {
                since: time_literal(value, options)?,
                ..Self::ALL
            }),
            _ => None,
        }
    }

    /// The ids, both ends included; none where the filter contradicts itself.
    pub(super) fn ids(&self) -> Option<RangeInclusive<Id>> {
        (self.first <= self.last).then_some(self.first..=self.last)
    }

    /// Whether what changed at `at` is within.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.since <= at
    }
}

fn tested(test: &Test, node: &Node, options: &Options) -> Result<bool, Refusal> {
    let attribute = queried(&test.attribute, node.resource, options)?;
    let values = values_at(node, &test.attribute);
    let holds = |value: &Value| -> Result<bool, Refusal> {
        let compare = |literal: &String| against(value, literal, attribute.kind, options);
        let is = |wanted: &[Ordering]| -> Result<bool, Refusal> {
            let first = test.values.first().map(compare).transpose()?.flatten();
            Ok(first.is_some_and(|found| wanted.contains(&found)))
        };
        match test.comparison {
            Comparison::Equal => is(&[Equal]),
            Comparison::NotEqual => is(&[Less, Greater]),
            Comparison::Less => is(&[Less]),
            Comparison::LessOrEqual => is(&[Less, Equal]),
            Comparison::Greater => is(&[Greater]),
            Comparison::GreaterOrEqual => is(&[Greater, Equal]),
            Comparison::Null => Ok(value.is_null()),
            Comparison::NotNull => Ok(!value.is_null()),
            Comparison::Like(wildcard) => {
                let pattern = test.values.first().map(String::as_str).unwrap_or_default();
                Ok(value.as_str().is_some_and(|text| fits(text, pattern, wildcard)))
            }
            Comparison::In => test
                .values
                .iter()
                .try_fold(false, |so_far, one| Ok(so_far || compare(one)? == Some(Equal))),
            Comparison::Between => {
                let low = test.values.first().map(compare).transpose()?.flatten();
                let high = test.values.get(1).map(compare).transpose()?.flatten();
                Ok(matches!(low, Some(Greater | Equal)) && matches!(high, Some(Less | Equal)))
            }
        }
    };
    values
        .into_iter()
        .try_fold(false, |so_far, value| Ok(so_far || holds(value)?))
}

fn values_at<'a>(node: &'a Node, path: &str) -> Vec<&'a Value> {
    match path.split_once('.') {
        None => vec![node.attributes.get(path).unwrap_or(&Value::Null)],
        Some((child, rest)) => {
            let children = node.children.get(child).into_iter().flatten();
            children.flat_map(|one| values_at(one, rest)).collect()
        }
    }
}

/// How a value stands to a literal; `None` where the value is null.
fn against(value: &Value, literal: &str, kind: Kind, options: &Options) -> Result<Option<Ordering>, Refusal> {
    let unfit = || {
        Refusal::bad(format!(
            "The value {literal} in URL request parameter q has not the attribute's type."
        ))
    };
    Ok(match kind {
        Kind::Integer | Kind::Number => {
            let literal: Decimal = literal.parse().map_err(|_| unfit())?;
            decimal(value).map(|value| value.cmp(&literal))
        }
        Kind::Time => {
            let literal = time_literal(literal, options).ok_or_else(unfit)?;
            time(value).map(|value| value.cmp(&literal))
        }
        Kind::Day => {
            let literal: Date = literal.parse().map_err(|_| unfit())?;
            value
                .as_str()
                .and_then(|text| text.parse::<Date>().ok())
                .map(|value| value.cmp(&literal))
        }
        Kind::Text => value.as_str().map(|value| value.cmp(literal)),
    })
}

fn time_literal(text: &str, options: &Options) -> Option<Timestamp> {
    let day = || {
        text.parse::<Date>()
            .ok()
            .filter(|_| text.len() == 10)
            .and_then(|day| options.midnight(day))
    };
    let exact = || text.parse::<Timestamp>().ok();
    match options.time_literal {
        TimeLiteral::Any => day().or_else(exact),
        TimeLiteral::Offset => exact(),
        TimeLiteral::Day => day(),
    }
}
