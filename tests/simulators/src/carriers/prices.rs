//! Zones, prices and transit times by a carrier's table of services: plausible, and always the same for the same
//! shipment.

use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::places::Address;

/// A service as priced here.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    /// Cents for any parcel.
    pub(crate) base: i64,
    /// Cents per pound at the nearest zone.
    pub(crate) per_pound: i64,
    /// Business days; ground and standard depend on the zone.
    pub(crate) days: Option<i32>,
    /// Local time of delivery, `HHMMSS`.
    pub(crate) by: &'static str,
    pub(crate) lanes: &'static [Lane],
}

/// The kinds of way between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lane {
    /// Within the US or within Puerto Rico.
    Domestic,
    /// Between the US and Puerto Rico.
    Territory,
    /// Overland to a neighbour, or within one country or union outside the US.
    Neighbour,
    /// Anywhere else.
    Overseas,
}

use Lane::{Domestic, Neighbour, Overseas, Territory};

/// A parcel for pricing, in pounds and inches.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) pounds: Decimal,
    /// Longest side first; nought when no dimensions were given.
    pub(crate) inches: [Decimal; 3],
}

/// A price with its parts.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    pub(crate) service: &'static Service,
    pub(crate) zone: String,
    pub(crate) billing_pounds: Decimal,
    pub(crate) packages: Vec<PackagePrice>,
    pub(crate) business_days: i32,
}

/// One parcel's share.
#[derive(Clone, Debug)]
pub(crate) struct PackagePrice {
    pub(crate) base: Decimal,
    pub(crate) fuel: Decimal,
    pub(crate) options: Decimal,
    pub(crate) billing_pounds: Decimal,
}

impl PackagePrice {
    pub(crate) fn transportation(&self) -> Decimal {
        self.base + self.fuel
    }

    pub(crate) fn total(&self) -> Decimal {
        self.transportation() + self.options
    }
}

impl Quote {
    pub(crate) fn sum(&self, part: impl Fn(&PackagePrice) -> Decimal) -> Decimal {
        self.packages.iter().map(part).sum()
    }

    pub(crate) fn total(&self) -> Decimal {
        self.sum(PackagePrice::total)
    }

    /// What an account with a contract pays.
    pub(crate) fn negotiated(&self) -> Decimal {
        (self.total() * Decimal::new(68, 2)).round_dp(2)
    }
}

impl Load {
    /// Longer or heavier than goes on the belt.
    pub(crate) fn needs_handling(&self) -> bool {
        let [longest, ..] = self.inches;
        longest > Decimal::from(48) || self.pounds > Decimal::from(50)
    }

    /// Pounds that are charged: those of the weight or of the size, whichever are more.
    pub(crate) fn billing_pounds(&self) -> Decimal {
        let [length, width, height] = self.inches;
        let dimensional = (length * width * height / Decimal::from(139)).ceil();
        self.pounds.ceil().max(dimensional).max(Decimal::ONE)
    }
}

/// The kind of way from one address to another.
pub(crate) fn lane(from: &Address, to: &Address) -> Lane {
    match (from.territory(), to.territory()) {
        ("US", "US") | ("PR", "PR") => Domestic,
        ("US", "PR") | ("PR", "US") => Territory,
        ("US", "CA" | "MX") | ("CA" | "MX", "US") => Neighbour,
        (here, there) if here == there => Neighbour,
        (here, there) if super::places::in_european_union(here) && super::places::in_european_union(there) => Neighbour,
        _ => Overseas,
    }
}

/// The price of parcels from one address to another.
pub(crate) fn quote(
    service: &'static Service,
    from: &Address,
    to: &Address,
    loads: &[Load],
    residential: bool,
) -> Quote {
    let distance = distance(from, to);
    let packages: Vec<PackagePrice> = loads
        .iter()
        .map(|load| price(service, distance, load, residential))
        .collect();
    Quote {
        service,
        zone: zone(from, to, distance),
        billing_pounds: packages.iter().map(|package| package.billing_pounds).sum(),
        business_days: service
            .days
            .unwrap_or_else(|| i32::try_from(distance).unwrap_or(5).clamp(1, 5)),
        packages,
    }
}

fn price(service: &Service, distance: i64, load: &Load, residential: bool) -> PackagePrice {
    let billing_pounds = load.billing_pounds();
    let pounds = billing_pounds.to_i64().unwrap_or(i64::MAX / 100_000);
    let base = Decimal::new(service.base + service.per_pound * pounds * (4 + distance) / 5, 2);
    let residence = if residential {
        Decimal::new(595, 2)
    } else {
        Decimal::ZERO
    };
    let handling = if load.needs_handling() {
        Decimal::new(2875, 2)
    } else {
        Decimal::ZERO
    };
    PackagePrice {
        base,
        fuel: (base * Decimal::new(165, 3)).round_dp(2),
        options: residence + handling,
        billing_pounds,
    }
}

/// How far it is, 1 (near) to 7 (far).
fn distance(from: &Address, to: &Address) -> i64 {
    match lane(from, to) {
        Domestic => 1 + ((from.zip3() - to.zip3()).abs() / 130).min(6),
        Territory | Neighbour => 5,
        Overseas => 7,
    }
}

fn zone(from: &Address, to: &Address, distance: i64) -> String {
    match lane(from, to) {
        Domestic => (distance + 1).to_string(),
        Territory => "45".to_owned(),
        Neighbour => "81".to_owned(),
        Overseas => "904".to_owned(),
    }
}

/// The day that lies so many business days after another.
pub(crate) fn business_days_after(start: Date, days: i32) -> Date {
    let mut date = start;
    let mut left = days;
    while left > 0 {
        date = date.tomorrow().unwrap_or(date);
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn business_days_leave_the_weekend_out() {
        let friday: Date = "2026-07-24".parse().unwrap();
        assert_eq!(business_days_after(friday, 1), "2026-07-27".parse().unwrap());
    }
}
