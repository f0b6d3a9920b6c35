//! FedEx's services and packagings.

use rust_decimal::Decimal;

use crate::carriers::places::Address;
pub(super) use crate::carriers::prices::{Lane, Load, PackagePrice, Quote, Service, lane, quote};

use Lane::{Domestic, Neighbour, Overseas, Territory};

const fn service(
    code: &'static str,
    name: &'static str,
    (base, per_pound): (i64, i64),
    days: Option<i32>,
    by: &'static str,
    lanes: &'static [Lane],
) -> Service {
    Service {
        code,
        name,
        base,
        per_pound,
        days,
        by,
        lanes,
    }
}

const ABROAD: &[Lane] = &[Territory, Neighbour, Overseas];
const END_OF_DAY: &str = "20:00:00";

const SERVICES: &[Service] = &[
    service(
        "FEDEX_GROUND",
        "FedEx Ground",
        (1_020, 29),
        None,
        END_OF_DAY,
        &[Domestic, Neighbour],
    ),
    service(
        "GROUND_HOME_DELIVERY",
        "FedEx Home Delivery",
        (1_090, 30),
        None,
        END_OF_DAY,
        &[Domestic],
    ),
    service(
        "SMART_POST",
        "FedEx Ground Economy",
        (870, 27),
        Some(5),
        END_OF_DAY,
        &[Domestic],
    ),
    service(
        "FEDEX_EXPRESS_SAVER",
        "FedEx Express Saver",
        (1_720, 125),
        Some(3),
        "17:00:00",
        &[Domestic],
    ),
    service(
        "FEDEX_2_DAY",
        "FedEx 2Day",
        (2_150, 172),
        Some(2),
        "17:00:00",
        &[Domestic],
    ),
    service(
        "FEDEX_2_DAY_AM",
        "FedEx 2Day AM",
        (2_510, 188),
        Some(2),
        "10:30:00",
        &[Domestic],
    ),
    service(
        "STANDARD_OVERNIGHT",
        "FedEx Standard Overnight",
        (3_580, 291),
        Some(1),
        "17:00:00",
        &[Domestic],
    ),
    service(
        "PRIORITY_OVERNIGHT",
        "FedEx Priority Overnight",
        (3_910, 308),
        Some(1),
        "10:30:00",
        &[Domestic],
    ),
    service(
        "FIRST_OVERNIGHT",
        "FedEx First Overnight",
        (7_480, 329),
        Some(1),
        "08:00:00",
        &[Domestic],
    ),
    service(
        "FEDEX_INTERNATIONAL_PRIORITY",
        "FedEx International Priority",
        (9_790, 515),
        Some(2),
        "18:00:00",
        ABROAD,
    ),
    service(
        "FEDEX_INTERNATIONAL_PRIORITY_EXPRESS",
        "FedEx International Priority Express",
        (10_480, 540),
        Some(2),
        "12:00:00",
        ABROAD,
    ),
    service(
        "INTERNATIONAL_FIRST",
        "FedEx International First",
        (13_510, 562),
        Some(1),
        "09:00:00",
        ABROAD,
    ),
    service(
        "INTERNATIONAL_ECONOMY",
        "FedEx International Economy",
        (7_610, 388),
        Some(5),
        END_OF_DAY,
        ABROAD,
    ),
    service(
        "FEDEX_INTERNATIONAL_CONNECT_PLUS",
        "FedEx International Connect Plus",
        (6_980, 352),
        Some(4),
        END_OF_DAY,
        &[Neighbour, Overseas],
    ),
];

/// The packagings that are FedEx's own.
const OWN_PACKAGINGS: &[&str] = &[
    "FEDEX_ENVELOPE",
    "FEDEX_PAK",
    "FEDEX_BOX",
    "FEDEX_SMALL_BOX",
    "FEDEX_MEDIUM_BOX",
    "FEDEX_LARGE_BOX",
    "FEDEX_EXTRA_LARGE_BOX",
    "FEDEX_10KG_BOX",
    "FEDEX_25KG_BOX",
    "FEDEX_TUBE",
];

/// The shipper's own packaging.
pub(super) const YOUR_PACKAGING: &str = "YOUR_PACKAGING";

/// Every service.
pub(super) fn every_service() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter()
}

/// The service of that name.
pub(super) fn service_named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.code == name)
}

/// Whether a service goes from one address to another.
pub(super) fn goes(service: &Service, from: &Address, to: &Address) -> bool {
    service.lanes.contains(&lane(from, to))
}

/// Whether FedEx Ground carries it.
pub(super) fn is_ground(service: &Service) -> bool {
    matches!(service.code, "FEDEX_GROUND" | "GROUND_HOME_DELIVERY" | "SMART_POST")
}

/// The operating company's code.
pub(super) fn carrier_code(service: &Service) -> &'static str {
    match service.code {
        "SMART_POST" => "FXSP",
        "FEDEX_GROUND" | "GROUND_HOME_DELIVERY" => "FDXG",
        _ => "FDXE",
    }
}

/// `GROUND`, `SMARTPOST` or `EXPRESS`.
pub(super) fn category(service: &Service) -> &'static str {
    match carrier_code(service) {
        "FXSP" => "SMARTPOST",
        "FDXG" => "GROUND",
        _ => "EXPRESS",
    }
}

/// The service's number.
pub(super) fn number_of(service: &Service) -> &'static str {
    match service.code {
        "FEDEX_GROUND" => "92",
        "GROUND_HOME_DELIVERY" => "90",
        "SMART_POST" => "SP",
        "PRIORITY_OVERNIGHT" => "01",
        "FEDEX_2_DAY" => "03",
        "STANDARD_OVERNIGHT" => "05",
        "FIRST_OVERNIGHT" => "06",
        "FEDEX_2_DAY_AM" => "49",
        "FEDEX_EXPRESS_SAVER" => "20",
        _ => "18",
    }
}

/// Whether there is a packaging of that name.
pub(super) fn is_packaging(name: &str) -> bool {
    name == YOUR_PACKAGING || OWN_PACKAGINGS.contains(&name)
}

/// `TWO_DAYS` as FedEx writes a number of days.
pub(super) fn days_in_words(days: i32) -> &'static str {
    match days {
        1 => "ONE_DAY",
        2 => "TWO_DAYS",
        3 => "THREE_DAYS",
        4 => "FOUR_DAYS",
        5 => "FIVE_DAYS",
        6 => "SIX_DAYS",
        7 => "SEVEN_DAYS",
        _ => "UNKNOWN",
    }
}

/// What an account pays of the list price.
pub(super) fn account_price(list: Decimal) -> Decimal {
    (list * Decimal::new(71, 2)).round_dp(2)
}
