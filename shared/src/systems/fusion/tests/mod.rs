//! The adapter against a pod in the same process.

mod access;
mod lookups;
mod ownership;
mod reading;
mod telling;
mod writing;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/fixtures/fusion/", $name))
    };
}
use fixture;

use super::fixture::{Line, always};

/// The order of the fixtures with everything that it refers to.
fn whole_pod() -> Vec<Line> {
    vec![
        always(
            "/purchaseOrders/00020000000EACED00051/child/DFF?",
            fixture!("flexfields/shipped.json"),
        ),
        always(
            "/purchaseOrders?q=POHeaderId = 300100555000111&",
            fixture!("orders/order.json"),
        ),
        always(
            "/locationsV2?q=LocationCode = 'ATL-DC'",
            fixture!("locations/atlanta.json"),
        ),
        always(
            "/locationsV2?q=LocationId = 300100021100001&",
            fixture!("locations/atlanta.json"),
        ),
        always("/itemsV2?q=ItemNumber = 'CB-100'", r#"{"items": [], "hasMore": false}"#),
        always(
            "/locationsV2?q=LocationId = 300100021100002&",
            fixture!("locations/new_york.json"),
        ),
        always(
            "/locationsV2?q=LocationCode = 'ATL-HQ'",
            fixture!("locations/headquarters.json"),
        ),
        always(
            "/itemsV2?q=ItemNumber = 'AS54888' and OrganizationId = ",
            fixture!("items/desktop.json"),
        ),
    ]
}
