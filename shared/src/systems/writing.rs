//! What the writes of all ERPs have in common: a text that fits its field, and a failure before anything was written.

use crate::ports::{CallError, EffectError};

/// What a text ends with that does not fit into its field.
pub(in crate::systems) const CUT: char = '\u{2026}';

/// A text that fits a field, cut between letters.
pub(in crate::systems) fn truncated(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    format!("{kept}{CUT}")
}

/// A failure before anything was written.
pub(in crate::systems) fn before_writing(error: CallError) -> EffectError {
    match error {
        CallError::Later(later) => EffectError::NotSent(later),
        CallError::Refused(refusal) => EffectError::Rejected(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;
    use crate::ports::{Later, Obstacle};

    #[test]
    fn a_text_is_cut_between_letters_and_says_so() {
        assert_eq!(truncated("Süd 12", 6), "Süd 12");
        assert_eq!(truncated("Straße 12", 6), "Straß\u{2026}");
        assert_eq!(truncated("Süd", 0), "\u{2026}");
    }

    #[test]
    fn what_failed_before_a_write_wrote_nothing() {
        let later = Later::new(Obstacle::Unreachable, "down");
        assert_eq!(
            before_writing(CallError::Later(later.clone())),
            EffectError::NotSent(later)
        );
        let refusal = Refusal::new("NO", "no");
        assert_eq!(
            before_writing(CallError::Refused(refusal.clone())),
            EffectError::Rejected(refusal)
        );
    }
}
