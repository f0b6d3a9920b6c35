//! Why something is held, in the order's field for problems: fulfilments of one order share it, each with its number.
//!
//! What does not fit is shortened problem by problem, never the mark by which one is found again: else nobody could take it away.

use serde_json::{Value, json};

use crate::domain::DocumentId;
use crate::systems::netsuite::options::Options;
use crate::systems::writing::{CUT, truncated};

/// What stands between the problems of several documents.
const BETWEEN: &str = " | ";

/// What marks a fulfilment's problem among those that stand on its order: by it the problem is found when the fulfilment is gone.
pub(in crate::systems::netsuite) fn problem_mark(fulfilment: &DocumentId) -> String {
    format!(" [{}]: ", fulfilment.id)
}

/// The body that sets or clears the problem of one of several fulfilments that share a field.
pub(in crate::systems::netsuite) fn flag_among(
    field: &str,
    there: Option<&str>,
    (fulfilment, number): (&DocumentId, &str),
    problem: Option<&str>,
    options: &Options,
) -> Value {
    let mark = problem_mark(fulfilment);
    let head = format!("{number}{mark}");
    let is_ours = |text: &str| text.contains(&mark) || is_begun(text, &head);
    let parts = there.unwrap_or_default().split(BETWEEN).map(str::trim);
    let others = parts.filter(|text| !text.is_empty() && !is_ours(text));
    let mut all: Vec<String> = others.map(str::to_owned).collect();
    // What stands between problems is none of their own.
    all.extend(problem.map(|problem| format!("{head}{}", problem.replace('|', "/"))));
    let text = (!all.is_empty()).then(|| fitting(all, options.text_limit));
    flag_body(field, text.as_deref(), options)
}

/// Whether a text is the beginning of a problem's head, cut before the mark was whole.
fn is_begun(text: &str, head: &str) -> bool {
    text.strip_suffix(CUT).is_some_and(|begun| head.starts_with(begun))
}

/// As many problems as fit, each with its head; the longest are shortened.
fn fitting(mut problems: Vec<String>, limit: usize) -> String {
    while problems.len() > 1 {
        let separators = BETWEEN.len() * (problems.len() - 1);
        let room = limit.saturating_sub(separators);
        let length_at = |most: usize| -> usize {
            problems
                .iter()
                .map(|problem| shortened(problem, most).chars().count())
                .sum()
        };
        if let Some(most) = (1..=room).rev().find(|most| length_at(*most) <= room) {
            let shortened: Vec<String> = problems.iter().map(|problem| shortened(problem, most)).collect();
            return shortened.join(BETWEEN);
        }
        problems.pop();
    }
    problems.pop().unwrap_or_default()
}

/// A problem of at most so many characters, or as short as its head allows.
fn shortened(problem: &str, most: usize) -> String {
    let end = problem.find("]: ").map_or(0, |at| at + "]: ".len());
    let head = problem.get(..end).unwrap_or_default().chars().count();
    truncated(problem, most.max(head + 1))
}

/// The body that sets or clears the problem.
pub(in crate::systems::netsuite) fn flag_body(field: &str, problem: Option<&str>, options: &Options) -> Value {
    json!({ field: problem.map(|problem| truncated(problem, options.text_limit)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(there: Option<&str>, id: &str, problem: Option<&str>, limit: usize) -> Option<String> {
        let options = Options {
            text_limit: limit,
            ..Options::default()
        };
        let (document, number) = (DocumentId::fulfilment(id), format!("IF{id}"));
        let body = flag_among("custbody_p", there, (&document, &number), problem, &options);
        body["custbody_p"].as_str().map(str::to_owned)
    }

    #[test]
    fn each_fulfilment_has_its_own_problem_on_the_order() {
        let flag = |there, id, problem| flag(there, id, problem, 300);
        let one = flag(None, "1", Some("no such street")).unwrap();
        assert_eq!(one, "IF1 [1]: no such street");
        let both = flag(Some(&one), "12", Some("no weight")).unwrap();
        assert_eq!(both, "IF1 [1]: no such street | IF12 [12]: no weight");
        assert_eq!(flag(Some(&both), "1", None).as_deref(), Some("IF12 [12]: no weight"));
        assert_eq!(flag(Some("IF12 [12]: no weight"), "12", None), None);
        let changed = flag(Some(&both), "12", Some("no size")).unwrap();
        assert_eq!(changed, "IF1 [1]: no such street | IF12 [12]: no size");
        let odd = flag(Some(&both), "12", Some("the one | the other")).unwrap();
        assert_eq!(flag(Some(&odd), "12", None), Some(one));
    }

    /// What was cut goes away like everything else that we wrote.
    #[test]
    fn problems_that_were_cut_are_taken_away_whole() {
        let long = "the carrier does not know the street, and nothing like it is near";
        let one = flag(None, "1", Some(long), 60).unwrap();
        let both = flag(Some(&one), "12", Some(long), 60).unwrap();
        assert!(both.chars().count() <= 60, "{both}");
        assert!(
            both.contains("IF1 [1]: the") && both.contains(" | IF12 [12]: the"),
            "{both}"
        );
        let rest = flag(Some(&both), "1", None, 60).unwrap();
        assert!(rest.starts_with("IF12 [12]: the"), "{rest}");
        assert_eq!(flag(Some(&rest), "12", None, 60), None);
        for earlier in [
            "IF1 [1]: no street | IF12 [1\u{2026}",
            "IF1 [1]: no street | IF\u{2026}",
            "IF1 [1]: no street | \u{2026}",
        ] {
            let rest = flag(Some(earlier), "12", None, 60);
            assert_eq!(rest.as_deref(), Some("IF1 [1]: no street"), "{earlier}");
        }
        let many = (10..30).fold(None, |there: Option<String>, id| {
            flag(there.as_deref(), &id.to_string(), Some(long), 60)
        });
        let none = (10..30).fold(many, |there: Option<String>, id| {
            flag(there.as_deref(), &id.to_string(), None, 60)
        });
        assert_eq!(none, None, "whatever fitted is taken away");
    }
}
