//! What can be set about the simulated account: the habits that differ between NetSuite accounts, and those that
//! nobody has measured, so that a client can be shown to live with either.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How `transaction.status` reads in SuiteQL; public sources disagree, so clients must accept both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusForm {
    /// `B`
    Bare,
    /// `SalesOrd:B`
    WithType,
}

/// What a custom field of a transaction holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomFieldKind {
    /// Free text of at most 300 characters.
    Text,
    /// Text of at most 4,000 characters.
    TextArea,
    /// A decimal number.
    Number,
    /// `true` or `false`; `T` or `F` in SuiteQL.
    Checkbox,
    /// A day without a time, `2026-03-05`.
    Date,
}

/// A custom transaction body field that this account has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// The script id, such as `custbody_ship_status`.
    pub id: String,
    /// What it holds.
    pub kind: CustomFieldKind,
}

impl CustomField {
    /// A field that holds long text.
    pub fn text_area(id: &str) -> Self {
        Self {
            id: id.to_ascii_lowercase(),
            kind: CustomFieldKind::TextArea,
        }
    }
}

/// The script of the customer's that tells somebody of orders that people enter or change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHook {
    /// Where it posts to.
    pub url: String,
    /// With what it signs; without it, it does not.
    #[serde(default)]
    pub key: Option<String>,
}

/// The settings of a simulated account. All of them can be changed while it runs (`POST /_control/options`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The account id in its canonical spelling, such as `1234567_SB1`.
    pub account: String,
    /// The account's time zone, in minutes east of UTC; SuiteQL dates are read and printed in it.
    pub utc_offset_minutes: i32,
    /// How many requests may be in progress at once; more are refused with 429.
    pub concurrency: u32,
    /// How long every authenticated request takes, in milliseconds of real time.
    pub latency_ms: u64,
    /// How many turns of the scheduler every authenticated request takes: it is under way while others come, without any
    /// time passing.
    pub turns: u32,
    /// The life of an access token, in seconds.
    pub token_life_s: i64,
    /// Whether the token answer gives `expires_in` as a JSON string.
    pub expires_in_as_string: bool,
    /// The life of a refresh token, in seconds.
    pub refresh_life_s: i64,
    /// How `transaction.status` reads.
    pub status_form: StatusForm,
    /// Whether a line without a location can be fulfilled.
    pub require_line_location: bool,
    /// Whether stocked items can be fulfilled only as far as they are committed.
    pub limit_to_committed: bool,
    /// What `shipStatus` a new fulfilment has when the request does not say: `A`, `B` or `C`.
    pub default_ship_status: String,
    /// Whether a fulfilment that ships also makes the invoice of what it ships, as in accounts without Advanced Shipping.
    pub bills_at_once: bool,
    /// Whether rows come in a random order where the query does not order them.
    pub shuffle: bool,
    /// Operations that the role may not do; they are answered with 403.
    pub denied: BTreeSet<String>,
    /// Columns that the account does not show, whatever its tables hold.
    pub unknown_columns: BTreeSet<String>,
    /// The custom body fields that the account has.
    pub custom_fields: Vec<CustomField>,
    /// The custom fields of its customers.
    pub entity_fields: Vec<CustomField>,
    /// Columns that the role may not see: SuiteQL does not know them.
    pub unseen_columns: BTreeSet<String>,
    /// The script that tells of orders, where one is deployed.
    pub event_hook: Option<EventHook>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: "1234567_SB1".into(),
            utc_offset_minutes: -480,
            concurrency: 5,
            latency_ms: 0,
            turns: 0,
            token_life_s: 3600,
            expires_in_as_string: false,
            refresh_life_s: 7 * 86_400,
            status_form: StatusForm::WithType,
            require_line_location: true,
            limit_to_committed: true,
            default_ship_status: "A".into(),
            bills_at_once: false,
            shuffle: true,
            denied: BTreeSet::new(),
            unknown_columns: BTreeSet::new(),
            custom_fields: default_custom_fields(),
            entity_fields: vec![CustomField {
                id: "custentity_account_manager".into(),
                kind: CustomFieldKind::Text,
            }],
            unseen_columns: BTreeSet::new(),
            event_hook: None,
        }
    }
}

fn default_custom_fields() -> Vec<CustomField> {
    use CustomFieldKind::{Checkbox, Date, Number, Text, TextArea};
    let waybill = [
        ("status", Text),
        ("problem", TextArea),
        ("error", TextArea),
        ("tracking", TextArea),
        ("tracking_number", TextArea),
        ("cost", Number),
        ("service", Text),
        ("job", Text),
        ("label", TextArea),
        ("milestone", Text),
        ("delivered_at", Text),
        ("status_at", Text),
        ("place", Text),
        ("signed_by", Text),
        ("estimated", Date),
        ("hold", Checkbox),
    ];
    let ours = waybill.map(|(name, kind)| CustomField {
        id: format!("custbody_waybill_{name}"),
        kind,
    });
    let plain = [("custbody_ship_status", Text), ("custbody_ship_error", TextArea)]
        .map(|(id, kind)| CustomField { id: id.into(), kind });
    ours.into_iter().chain(plain).collect()
}

impl Options {
    /// The account id as a host label: `1234567_SB1` is `1234567-sb1`.
    pub fn slug(&self) -> String {
        self.account.to_ascii_lowercase().replace('_', "-")
    }

    /// The real REST host of the account.
    pub fn rest_host(&self) -> String {
        format!("{}.suitetalk.api.netsuite.com", self.slug())
    }

    /// The custom body field of that id.
    pub fn custom_field(&self, id: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| field.id == id)
    }
}
