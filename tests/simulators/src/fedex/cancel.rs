//! Cancelling shipments (`PUT /ship/v1/shipments/cancel`).
//!
//! Quirks: what FedEx has already, or what is cancelled already, is answered with HTTP 200 and a flag that says no; any
//! package's number cancels the whole shipment; the outcome's words stand in `message`, in older captures in
//! `successMessage`.

use axum::extract::State as Shared;
use serde_json::{Value, json};

use super::FedEx;
use super::answer::{Output, Refusal, Reply, put};
use super::call::Call;
use super::ship_rules::account_of;
use super::strict::{Field, Kind, shape};
use crate::carriers::read::text;

const FIELDS: &[Field] = &[
    ("accountNumber", Kind::Object),
    ("trackingNumber", Kind::Text),
    ("senderCountryCode", Kind::Text),
    ("deletionControl", Kind::Text),
    ("emailShipment", Kind::FlagOrText),
];

/// Cancels a shipment that FedEx does not have yet.
pub(super) async fn cancel(Shared(fedex): Shared<FedEx>, call: Call) -> Reply {
    let number = checked(&call.body)?;
    let account = account_of(&call.body)?;
    let now = fedex.now();
    let mut state = fedex.current();
    let shipment = state.with_number(number).next().ok_or_else(|| unknown(number))?;
    if shipment.account != account || !call.project.may_use(&account) {
        return Err(Refusal::bad(
            "SHIPMENT.USER.UNAUTHORIZED",
            "The shipment is not one of that account",
        ));
    }
    let (serial, refused) = (shipment.serial, shipment.is_cancelled() || shipment.is_tendered());
    if !refused {
        state.cancel(serial, now);
    }
    Ok(Output(answer(!refused, state.options.old_cancel_message)))
}

fn checked(body: &Value) -> Result<&str, Refusal> {
    shape(body, "body", FIELDS)?;
    if !matches!(text(body, "deletionControl"), None | Some("DELETE_ALL_PACKAGES")) {
        return Err(Refusal::bad(
            "DELETIONCONTROL.INVALID",
            "Only whole shipments can be cancelled",
        ));
    }
    text(body, "trackingNumber")
        .ok_or_else(|| Refusal::bad("TRACKING.TRACKINGNUMBER.EMPTY", "A tracking number is needed"))
}

fn unknown(number: &str) -> Refusal {
    Refusal::bad(
        "TRACKINGNUMBER.ENTERED.INVALID",
        "There is no shipment with that number",
    )
    .naming("trackingNumber", number)
}

fn answer(cancelled: bool, old: bool) -> Value {
    let words = if cancelled {
        "The shipment was cancelled"
    } else {
        "The shipment cannot be cancelled any more"
    };
    let mut answer = json!({ "cancelledShipment": cancelled, "cancelledHistory": cancelled, "alerts": [] });
    put(
        &mut answer,
        if old { "successMessage" } else { "message" },
        words.into(),
    );
    answer
}
