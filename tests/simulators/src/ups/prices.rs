//! Services, zones, prices and transit times: plausible, and always the same for the same shipment.

use jiff::civil::{Date, Weekday};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::places::Address;

/// A service as priced here.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// Cents for any parcel.
    base: i64,
    /// Cents per pound at the nearest zone.
    per_pound: i64,
    /// Business days; ground and standard depend on the zone.
    days: Option<i32>,
    /// Local time of delivery, `HHMMSS`.
    pub(super) by: &'static str,
    lanes: &'static [Lane],
}

/// The kinds of way between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lane {
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

const SERVICES: &[Service] = &[
    Service {
        code: "01",
        name: "UPS Next Day Air",
        base: 3920,
        per_pound: 310,
        days: Some(1),
        by: "103000",
        lanes: &[Domestic, Territory],
    },
    Service {
        code: "02",
        name: "UPS 2nd Day Air",
        base: 2180,
        per_pound: 170,
        days: Some(2),
        by: "230000",
        lanes: &[Domestic, Territory],
    },
    Service {
        code: "03",
        name: "UPS Ground",
        base: 1035,
        per_pound: 28,
        days: None,
        by: "230000",
        lanes: &[Domestic, Territory],
    },
    Service {
        code: "12",
        name: "UPS 3 Day Select",
        base: 1690,
        per_pound: 120,
        days: Some(3),
        by: "230000",
        lanes: &[Domestic],
    },
    Service {
        code: "13",
        name: "UPS Next Day Air Saver",
        base: 3610,
        per_pound: 290,
        days: Some(1),
        by: "150000",
        lanes: &[Domestic],
    },
    Service {
        code: "14",
        name: "UPS Next Day Air Early",
        base: 7450,
        per_pound: 330,
        days: Some(1),
        by: "080000",
        lanes: &[Domestic],
    },
    Service {
        code: "59",
        name: "UPS 2nd Day Air A.M.",
        base: 2490,
        per_pound: 190,
        days: Some(2),
        by: "103000",
        lanes: &[Domestic],
    },
    Service {
        code: "07",
        name: "UPS Worldwide Express",
        base: 9850,
        per_pound: 520,
        days: Some(2),
        by: "120000",
        lanes: &[Neighbour, Overseas],
    },
    Service {
        code: "08",
        name: "UPS Worldwide Expedited",
        base: 7640,
        per_pound: 390,
        days: Some(5),
        by: "230000",
        lanes: &[Neighbour, Overseas],
    },
    Service {
        code: "11",
        name: "UPS Standard",
        base: 2390,
        per_pound: 75,
        days: None,
        by: "230000",
        lanes: &[Neighbour],
    },
    Service {
        code: "54",
        name: "UPS Worldwide Express Plus",
        base: 13480,
        per_pound: 560,
        days: Some(1),
        by: "090000",
        lanes: &[Neighbour, Overseas],
    },
    Service {
        code: "65",
        name: "UPS Worldwide Saver",
        base: 9120,
        per_pound: 480,
        days: Some(3),
        by: "230000",
        lanes: &[Neighbour, Overseas],
    },
];

/// Service codes of the published list that exist but go nowhere from here.
const OTHER_CODES: &[&str] = &[
    "17", "70", "71", "72", "74", "75", "82", "83", "84", "85", "86", "96", "M2", "M3", "M4", "M5", "M6", "M7", "C6",
    "C7", "C8", "T0", "T1",
];

/// A parcel for pricing, in pounds and inches.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) pounds: Decimal,
    /// Longest side first; nought when no dimensions were given.
    pub(super) inches: [Decimal; 3],
}

/// A price with its parts.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    pub(super) service: &'static Service,
    pub(super) zone: String,
    pub(super) billing_pounds: Decimal,
    pub(super) packages: Vec<PackagePrice>,
    pub(super) business_days: i32,
}

/// One parcel's share.
#[derive(Clone, Debug)]
pub(super) struct PackagePrice {
    pub(super) base: Decimal,
    pub(super) fuel: Decimal,
    pub(super) options: Decimal,
    pub(super) billing_pounds: Decimal,
}

impl PackagePrice {
    pub(super) fn transportation(&self) -> Decimal {
        self.base + self.fuel
    }

    pub(super) fn total(&self) -> Decimal {
        self.transportation() + self.options
    }
}

impl Quote {
    pub(super) fn sum(&self, part: impl Fn(&PackagePrice) -> Decimal) -> Decimal {
        self.packages.iter().map(part).sum()
    }

    pub(super) fn total(&self) -> Decimal {
        self.sum(PackagePrice::total)
    }

    /// What an account with a contract pays.
    pub(super) fn negotiated(&self) -> Decimal {
        (self.total() * Decimal::new(68, 2)).round_dp(2)
    }
}

impl Load {
    /// Longer or heavier than goes on the belt.
    pub(super) fn needs_handling(&self) -> bool {
        let [longest, ..] = self.inches;
        longest > Decimal::from(48) || self.pounds > Decimal::from(50)
    }

    fn billing_pounds(&self) -> Decimal {
        let [length, width, height] = self.inches;
        let dimensional = (length * width * height / Decimal::from(139)).ceil();
        self.pounds.ceil().max(dimensional).max(Decimal::ONE)
    }
}

/// The kind of way from one address to another.
pub(super) fn lane(from: &Address, to: &Address) -> Lane {
    match (from.territory(), to.territory()) {
        ("US", "US") | ("PR", "PR") => Domestic,
        ("US", "PR") | ("PR", "US") => Territory,
        ("US", "CA" | "MX") | ("CA" | "MX", "US") => Neighbour,
        (here, there) if here == there => Neighbour,
        (here, there) if super::places::in_european_union(here) && super::places::in_european_union(there) => Neighbour,
        _ => Overseas,
    }
}

/// The services that go from one address to another.
pub(super) fn services(from: &Address, to: &Address) -> impl Iterator<Item = &'static Service> {
    let lane = lane(from, to);
    SERVICES.iter().filter(move |service| service.lanes.contains(&lane))
}

/// Whether UPS has a service of that code at all.
pub(super) fn is_service(code: &str) -> bool {
    SERVICES.iter().any(|service| service.code == code) || OTHER_CODES.contains(&code)
}

/// The price of parcels from one address to another.
pub(super) fn quote(
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
pub(super) fn business_days_after(start: Date, days: i32) -> Date {
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

/// `9.10` as UPS writes money.
pub(super) fn money(amount: Decimal) -> serde_json::Value {
    serde_json::json!({ "CurrencyCode": "USD", "MonetaryValue": format!("{amount:.2}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(zip: &str, state: &str, country: &str) -> Address {
        Address {
            postal: zip.into(),
            state: state.into(),
            country: country.into(),
            ..Address::default()
        }
    }

    fn load(pounds: i64) -> Load {
        Load {
            pounds: Decimal::from(pounds),
            inches: [Decimal::ZERO; 3],
        }
    }

    #[test]
    fn farther_heavier_and_faster_cost_more() {
        let (md, ga, ca) = (
            place("21093", "MD", "US"),
            place("30005", "GA", "US"),
            place("94043", "CA", "US"),
        );
        let price = |code: &str, to: &Address, pounds: i64| {
            let service = services(&md, to).find(|service| service.code == code).unwrap();
            quote(service, &md, to, &[load(pounds)], false).total()
        };
        assert!(price("03", &ca, 5) > price("03", &ga, 5));
        assert!(price("03", &ga, 50) > price("03", &ga, 5));
        assert!(price("01", &ga, 5) > price("03", &ga, 5));
        assert_eq!(price("03", &ga, 5), price("03", &ga, 5));
    }

    #[test]
    fn services_go_with_the_lane() {
        let (md, de) = (place("21093", "MD", "US"), place("10115", "", "DE"));
        assert!(services(&md, &de).all(|service| service.code != "03"));
        assert!(services(&md, &place("00907", "PR", "US")).any(|service| service.code == "03"));
    }

    #[test]
    fn business_days_leave_the_weekend_out() {
        let friday: Date = "2026-07-24".parse().unwrap();
        assert_eq!(business_days_after(friday, 1), "2026-07-27".parse().unwrap());
    }
}
