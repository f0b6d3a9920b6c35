//! Tracking numbers in each carrier's form.

/// The tracking number of the `serial`th package with this carrier.
pub(super) fn tracking_number(carrier: &str, serial: u64) -> String {
    match carrier {
        "ups" => {
            // An account of its own: the simulated UPS numbers the parcels of A1B2C3.
            let body = format!("W4Y5E703{:07}", serial % 10_000_000);
            format!("1Z{body}{}", check_digit(&body))
        }
        "fedex" => format!("7949{:08}", serial % 100_000_000),
        _ => format!("9400111899{:012}", serial % 1_000_000_000_000),
    }
}

/// Where people follow it.
pub(super) fn tracking_url(carrier: &str, number: &str) -> String {
    match carrier {
        "ups" => format!("https://www.ups.com/track?tracknum={number}"),
        "fedex" => format!("https://www.fedex.com/fedextrack/?trknbr={number}"),
        _ => format!("https://tools.usps.com/go/TrackConfirmAction?tLabels={number}"),
    }
}

/// UPS's check digit: every second character counts double; a letter counts as the last digit of its place in ASCII
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ups_number_carries_the_check_digit_of_a_published_example() {
        assert_eq!(check_digit("999AA1012345678"), 4);
        assert_eq!(tracking_number("ups", 7).len(), 18);
    }
}
