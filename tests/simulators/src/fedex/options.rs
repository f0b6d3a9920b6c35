//! How the simulated FedEx behaves; changed while it runs by [`FedEx::configure`](super::FedEx::configure) or
//! `POST /_control/options`.

use serde::{Deserialize, Serialize};

use crate::carriers::pushes::Mishaps;

/// How the simulated FedEx behaves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The developer projects of the organisation.
    pub projects: Vec<Project>,
    /// Seconds a token lives.
    pub token_life_s: u32,
    /// Too many token requests are punished.
    pub limits_tokens: bool,
    /// Transactions of a project in a window of ten seconds.
    pub calls_per_window: u32,
    /// A 429 says in `Retry-After` when the window ends.
    pub tells_retry_after: bool,
    /// Transactions of all projects in a day.
    pub daily_quota: u32,
    /// Transactions of a project with Track in a day.
    pub track_daily_quota: u32,
    /// Seconds until Track knows a shipment of which no more than its label exists.
    pub index_lag_s: u32,
    /// So many tracking numbers are given out before they begin again; left out: they never do.
    pub distinct_numbers: Option<u32>,
    /// Seconds that an asynchronous shipment takes.
    pub job_s: u32,
    /// A shipment that allows it is always asynchronous, however few its packages.
    pub always_asynchronous: bool,
    /// What is answered while a job is at work.
    pub not_ready: NotReady,
    /// Cancelling words its outcome in `successMessage`, as it used to.
    pub old_cancel_message: bool,
    /// The ship answer carries no rates.
    pub omit_rates: bool,
    /// Some names in the ship answer are those of older captures.
    pub old_names: bool,
    /// How Track writes a package's references.
    pub identifiers: Identifiers,
    /// How Track writes its alerts.
    pub alerts: Alerts,
    /// Track writes times without their offset from GMT.
    pub dates_without_offset: bool,
    /// Look-ups by reference and of associated packages tell a scan's place as look-ups by number do.
    pub flat_locations: bool,
    /// Track writes counts and weights as numbers instead of strings.
    pub numbers_as_numbers: bool,
    /// Which key of a reference's window of ship dates Track reads the end from.
    pub end_date: EndDate,
    /// Track knows the customer's reference of an Express parcel as `SHIPPER_REFERENCE` only.
    pub reference_type_by_service: bool,
    /// Numbers with which Track refuses the whole question.
    pub refused_numbers: Vec<String>,
    /// Address validation writes its attributes as `"true"` and `"false"`.
    pub attributes_as_text: bool,
    /// Address validation writes its messages as texts instead of objects.
    pub messages_as_text: bool,
    /// Accounts that cannot be billed.
    pub unbillable_accounts: Vec<String>,
    /// Seconds between the steps of a parcel's journey; left out: parcels move only when told to.
    pub auto_progress_s: Option<u32>,
    /// The webhooks registered in the portal.
    pub webhooks: Vec<Webhook>,
    /// A push carries one result alone, without the envelope of a Track answer.
    pub push_bare: bool,
    /// Every so-manieth push is lost on its way.
    pub push_lose_every: Option<u32>,
    /// Every so-manieth push is sent twice.
    pub push_twice_every: Option<u32>,
    /// Seconds from an event to its push.
    pub push_delay_s: u32,
    /// Every so-manieth push is later than the others, and so overtaken by them.
    pub push_late_every: Option<u32>,
    /// By how many seconds it is later.
    pub push_late_s: u32,
}

/// A developer project with its own keys.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Project {
    /// The API key.
    pub key: String,
    /// The secret key.
    pub secret: String,
    /// What it may ask for.
    pub capabilities: Vec<Capability>,
    /// The shipping accounts that belong to it; empty: any.
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// What a project may ask for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Ship and Rate.
    Ship,
    /// Track.
    Track,
    /// Address Validation.
    AddressValidation,
}

/// What is answered while an asynchronous job is at work; FedEx does not say.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReady {
    /// HTTP 200 without shipments.
    #[default]
    Empty,
    /// HTTP 400 that names the job.
    Refused,
}

/// How Track writes a package's references.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifiers {
    /// `"values": ["..."]`, as captured.
    #[default]
    Values,
    /// `"value": ["..."]`, as in the file.
    ValueArray,
    /// `"value": "..."`, as in older samples.
    ValueText,
}

/// How Track writes its alerts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alerts {
    /// A text, as captured.
    #[default]
    Text,
    /// An array, as in the file.
    Array,
}

/// Which key of a reference's window of ship dates is read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndDate {
    /// Either of them.
    #[default]
    Either,
    /// `shipDateEnd`, as in the samples; the other is not looked at.
    ShipDateEnd,
    /// `shipDateEndDate`, as in the file; the other is not looked at.
    ShipDateEndDate,
}

/// A webhook as it is registered in FedEx's portal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where events are posted.
    pub url: String,
    /// The secret that pushes are signed with.
    pub security_token: String,
    /// The shipping accounts that it tells of; empty: all.
    #[serde(default)]
    pub accounts: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            projects: vec![Project::everything("fedex-key", "fedex-secret")],
            token_life_s: 3600,
            limits_tokens: true,
            calls_per_window: 1_400,
            tells_retry_after: false,
            daily_quota: 500_000,
            track_daily_quota: 100_000,
            index_lag_s: 300,
            distinct_numbers: None,
            job_s: 5,
            always_asynchronous: false,
            not_ready: NotReady::default(),
            old_cancel_message: false,
            omit_rates: false,
            old_names: false,
            identifiers: Identifiers::default(),
            alerts: Alerts::default(),
            dates_without_offset: false,
            flat_locations: false,
            numbers_as_numbers: false,
            end_date: EndDate::default(),
            reference_type_by_service: false,
            refused_numbers: Vec::new(),
            attributes_as_text: false,
            messages_as_text: false,
            unbillable_accounts: Vec::new(),
            auto_progress_s: None,
            webhooks: Vec::new(),
            push_bare: false,
            push_lose_every: None,
            push_twice_every: None,
            push_delay_s: 0,
            push_late_every: None,
            push_late_s: 0,
        }
    }
}

impl Options {
    /// What goes wrong with pushes.
    pub(super) fn mishaps(&self) -> Mishaps {
        Mishaps {
            lose_every: self.push_lose_every,
            twice_every: self.push_twice_every,
            delay_s: self.push_delay_s,
            late_every: self.push_late_every,
            late_s: self.push_late_s,
        }
    }
}

impl Project {
    /// A project that may ask for everything, for any account.
    pub fn everything(key: &str, secret: &str) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_owned(),
            capabilities: vec![Capability::Ship, Capability::Track, Capability::AddressValidation],
            accounts: Vec::new(),
        }
    }

    /// The same project with these capabilities only.
    #[must_use]
    pub fn only(mut self, capabilities: &[Capability]) -> Self {
        self.capabilities = capabilities.to_vec();
        self
    }

    pub(super) fn may_use(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|own| own == account)
    }
}

impl Capability {
    /// What a path belongs to.
    pub(super) fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("track") => Self::Track,
            Some("address") => Self::AddressValidation,
            _ => Self::Ship,
        }
    }
}

impl Webhook {
    /// Whether it tells of this account's parcels.
    pub(super) fn tells_of(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|own| own == account)
    }

    /// Why FedEx would not register it, if so. Addresses of this machine are let through, unlike at FedEx, for tests.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let has = |wanted: fn(char) -> bool| self.security_token.chars().any(wanted);
        let mixed = has(|one| one.is_ascii_uppercase())
            && has(|one| one.is_ascii_lowercase())
            && has(|one| one.is_ascii_digit());
        let local = url::Url::parse(&self.url).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            url.scheme() == "https" || host == "127.0.0.1" || host.ends_with("localhost")
        });
        if self.url.len() > 200 || !local {
            return Some("the URL is longer than 200 characters or not one of HTTPS");
        }
        let short = !(26..=100).contains(&self.security_token.len());
        (short || !mixed).then_some("the security token is not of 26 to 100 characters of all three kinds")
    }
}
