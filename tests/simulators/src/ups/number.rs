//! 1Z tracking numbers: `1Z`, the shipper's account, the service, a serial and a check digit.

/// The tracking number of the `serial`th package that `account` ships with `service`.
pub(super) fn tracking_number(account: &str, service: &str, serial: u32) -> String {
    let body = format!(
        "{}{}{:07}",
        account.to_uppercase(),
        service.to_uppercase(),
        serial % 10_000_000
    );
    format!("1Z{body}{}", check_digit(&body))
}

/// The check digit: every second character counts double; a letter counts as the last digit of its place in ASCII
/// less 63.
fn check_digit(body: &str) -> u32 {
    let weight = |(place, character): (usize, char)| {
        let value = character
            .to_digit(10)
            .unwrap_or_else(|| u32::from(character).wrapping_sub(63) % 10);
        if place % 2 == 1 { value * 2 } else { value }
    };
    let sum: u32 = body.chars().enumerate().map(weight).sum();
    (10 - sum % 10) % 10
}

/// Whether a text is a 1Z number with the right check digit.
pub(super) fn is_tracking_number(text: &str) -> bool {
    let Some(body) = text
        .strip_prefix("1Z")
        .filter(|body| body.len() == 16 && body.is_ascii())
    else {
        return false;
    };
    let (counted, check) = body.split_at(15);
    let clean = counted
        .chars()
        .all(|character| character.is_ascii_digit() || character.is_ascii_uppercase());
    clean && check == check_digit(counted).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_the_check_digit_of_published_examples() {
        assert!(is_tracking_number("1Z999AA10123456784"));
        assert!(is_tracking_number("1Z204E380338943508"));
        assert!(!is_tracking_number("1Z999AA10123456785"));
        assert!(!is_tracking_number("1Z999AA1012345678"));
    }

    #[test]
    fn made_numbers_are_eighteen_characters_and_differ() {
        let first = tracking_number("A1B2C3", "03", 1);
        assert_eq!(first.len(), 18);
        assert!(first.starts_with("1ZA1B2C303") && is_tracking_number(&first));
        assert_ne!(first, tracking_number("A1B2C3", "03", 2));
    }
}
