//! UPS's services, and prices as UPS writes them.

use rust_decimal::Decimal;

use super::places::Address;
pub(super) use crate::carriers::prices::{Lane, Load, PackagePrice, Quote, Service, business_days_after, lane, quote};

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

/// The services that go from one address to another.
pub(super) fn services(from: &Address, to: &Address) -> impl Iterator<Item = &'static Service> {
    let lane = lane(from, to);
    SERVICES.iter().filter(move |service| service.lanes.contains(&lane))
}

/// Whether UPS has a service of that code at all.
pub(super) fn is_service(code: &str) -> bool {
    SERVICES.iter().any(|service| service.code == code) || OTHER_CODES.contains(&code)
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
}
