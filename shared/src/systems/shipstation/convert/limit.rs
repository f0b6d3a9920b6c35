//! What an answer says of the number of calls that are left: near the end everybody pauses, before anybody is refused.

use std::time::Duration;

use crate::http::Answer;

/// The number of calls where only what is left is told.
const USUAL: u32 = 40;

/// The length of the window where its end is not told.
const WINDOW: Duration = Duration::from_secs(60);

/// Of so many calls one is kept back: answers tell how it was when they were given, and others are under way.
const MARGIN: u32 = 20;

/// For how long everybody pauses, because hardly a call is left.
pub(crate) fn near_limit(answer: &Answer) -> Option<Duration> {
    let header = |name: &str| answer.header(name)?.trim().parse::<u32>().ok();
    let left = header("x-rate-limit-remaining")?;
    let margin = header("x-rate-limit-limit").unwrap_or(USUAL).div_ceil(MARGIN);
    (left < margin).then(|| answer.limit_reset().unwrap_or(WINDOW))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn pause(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let answer = Answer {
            status: 200,
            headers: HeaderMap::from_iter(headers),
            body: Bytes::new(),
        };
        near_limit(&answer).map(|pause| pause.as_secs())
    }

    /// P49: whichever family of headers comes, the account pauses before it is refused.
    #[test]
    fn hardly_a_call_left_is_a_pause_until_the_count_begins_anew() {
        let with = |left, reset| {
            pause(&[
                ("x-rate-limit-limit", "40"),
                ("x-rate-limit-remaining", left),
                ("x-rate-limit-reset", reset),
            ])
        };
        assert_eq!(with("0", "17"), Some(17));
        assert_eq!(with("1", "17"), Some(17));
        assert_eq!(with("2", "17"), None);
        assert_eq!(pause(&[("x-rate-limit-remaining", "0")]), Some(60));
        let large = [("x-rate-limit-limit", "200"), ("x-rate-limit-remaining", "9")];
        assert_eq!(pause(&large), Some(60));
        assert_eq!(with("0", "1795000000"), Some(60), "a time is no number of seconds");
        assert_eq!(pause(&[]), None);
        assert_eq!(with("few", "17"), None);
    }
}
