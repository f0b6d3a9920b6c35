//! Between our words and ShipStation's, both ways, without I/O.

mod address;
mod despatch;
mod error;
mod keys;
mod limit;
mod milestone;
mod news;
mod order;
mod order_v1;
mod order_v2;
mod page;
mod pointer;
mod push;
mod pushed;
mod stock;
mod void;
mod when;

pub(crate) use despatch::{
    Priced, despatch_number, label_standing, of_label, of_shipment, of_v1_fulfilment, of_v2_fulfilment,
    shipment_standing, with_order, with_order_v1,
};
pub(crate) use error::{envelope, page_error, page_fault};
pub(crate) use keys::signing_keys;
pub(crate) use limit::near_limit;
pub(crate) use news::{delivered, legal_number, told};
pub(crate) use order::{key_of, said_by_v1, said_by_v2, store};
pub(crate) use order_v1::{as_taken, change_v1, create_v1, fixed_v1, goods_v1, has_goods_v1, lines_v1};
pub(crate) use order_v2::{change_v2, create_v2, created_v2, fixed_v2, goods_v2, lines_v2};
pub(crate) use page::{List, Place, query};
pub(crate) use pointer::{Holds, Pointer, follow};
pub(crate) use push::{BY_V1, BY_V2, push_elsewhere_v2, push_v1, push_v2, pushes_v1, pushes_v2};
pub(crate) use pushed::pushed;
pub(crate) use stock::{adjustment, refused};
pub(crate) use void::{Void, voided};
pub(crate) use when::{is_far_outside, pacific, pacific_stretch, utc, utc_stretch};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Number;

use crate::domain::Refusal;

/// A number as JSON writes it, without zeros that say nothing.
fn number(value: Decimal) -> Result<Number, Refusal> {
    let text = value.normalize().to_string();
    text.parse()
        .map_err(|_| Refusal::new("request", format!("{text} cannot be written as a number")))
}

/// A quantity, of which ShipStation counts whole pieces only.
fn whole(value: Decimal, of: &str) -> Result<i64, Refusal> {
    let whole = value.is_integer().then(|| value.to_i64()).flatten();
    whole.ok_or_else(|| {
        Refusal::new(
            "quantity",
            format!(
                "{} of {of} are no whole pieces, and ShipStation counts nothing else",
                value.normalize()
            ),
        )
    })
}
