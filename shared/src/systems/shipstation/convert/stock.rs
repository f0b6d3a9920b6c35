//! Stock: what is told, and what a refusal means.

use serde_json::{Value, json};

use crate::domain::{Level, Refusal};

/// Codes of an account that has no inventory.
const WITHOUT: [&str; 5] = [
    "subscription_inactive",
    "invalid_billing_plan",
    "forbidden",
    "trial_expired",
    "settings_not_supported",
];

/// What makes so many lie in a place: a figure, not a difference, so that telling it again changes nothing.
pub(crate) fn adjustment(level: &Level, place: &str) -> Result<Value, Refusal> {
    let quantity = level.quantity.max(rust_decimal::Decimal::ZERO).floor();
    Ok(json!({
        "transaction_type": "adjust",
        "inventory_location_id": place,
        "sku": level.sku,
        "quantity": super::whole(quantity, &level.sku)?,
        "reason": "ERP stock",
    }))
}

/// What a refusal of a level is about, by the code that the flows know. How ShipStation refuses an SKU that it does not know
/// is not documented: its field or its words name it.
pub(crate) fn refused(refusal: Refusal) -> Refusal {
    if WITHOUT.contains(&refusal.code.as_str()) {
        let words = "ShipStation keeps no inventory for this account: its plan needs the Inventory API";
        return Refusal::new("no-inventory", format!("{words} ({refusal})"));
    }
    let words = refusal.message.to_ascii_lowercase();
    let names = |words: &str, what: &[&str]| what.iter().any(|what| words.contains(what));
    if names(&words, &["sku", "product"]) {
        return Refusal::new("unknown-sku", refusal.to_string());
    }
    if names(&words, &["location", "warehouse"]) || refusal.code == "invalid_identifier" {
        return Refusal::new("unknown-place", refusal.to_string());
    }
    refusal
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::domain::LevelKey;

    /// P44: a level is told as a figure, of whole pieces, and never less than nothing.
    #[test]
    fn a_level_is_told_as_an_absolute_figure() {
        let told = |quantity| {
            let level = Level {
                key: LevelKey { item: 1, location: 2 },
                sku: "W-1".into(),
                quantity,
            };
            adjustment(&level, "se-7").unwrap()
        };
        let told_25 = told(dec!(25.0));
        assert_eq!(told_25["transaction_type"], "adjust");
        assert_eq!(
            (&told_25["sku"], &told_25["inventory_location_id"]),
            (&json!("W-1"), &json!("se-7"))
        );
        assert_eq!(told_25["quantity"], json!(25));
        assert_eq!(told(dec!(2.7))["quantity"], json!(2));
        assert_eq!(told(dec!(-3))["quantity"], json!(0));
    }

    #[test]
    fn a_refusal_says_whether_the_sku_the_place_or_the_plan_is_wrong() {
        let code = |code: &str, message: &str| refused(Refusal::new(code, message)).code;
        assert_eq!(code("invalid_field_value", "sku: not found"), "unknown-sku");
        assert_eq!(code("unspecified", "Product does not exist"), "unknown-sku");
        assert_eq!(
            code("invalid_field_value", "inventory_location_id: unknown"),
            "unknown-place"
        );
        assert_eq!(code("invalid_identifier", "not ours"), "unknown-place");
        assert_eq!(code("subscription_inactive", "no"), "no-inventory");
        assert_eq!(code("forbidden", "sku"), "no-inventory");
        assert_eq!(code("invalid_status", "busy"), "invalid_status");
    }
}
