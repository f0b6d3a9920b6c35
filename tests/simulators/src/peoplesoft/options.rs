//! What can be set about the simulated installation: the habits that differ between PeopleSoft customers, and those that the
//! reference could not verify, so that a client can be shown to live with either.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which credentials the gateway accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepts {
    /// A PeopleSoft user and password.
    Basic,
    /// A token of the identity provider.
    Bearer,
    /// Either.
    Both,
}

/// How a client says who it is to the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In a Basic header.
    Basic,
    /// As `client_id` and `client_secret` in the form.
    Form,
    /// Either.
    Either,
}

/// What the query service makes of prompts that do not fit the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadPrompt {
    /// A success without rows.
    NoRows,
    /// A success with every row, as if there were no criteria.
    AllRows,
    /// An error inside HTTP 200.
    Error,
}

/// How an answer says that there are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRows {
    /// `"rows":[]`
    Empty,
    /// No `rows` at all.
    Missing,
}

/// Which of the effective-dated rows a query selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectiveRows {
    /// The newest that is not in the future, active or not: the criterion that Query Manager adds by itself.
    Current,
    /// The newest that is not in the future among the active ones.
    CurrentActive,
    /// All of them, future and inactive ones too: the analyst has taken the criterion away.
    All,
}

/// How a date with a time is printed; always the database server's local time, never with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentForm {
    /// `2026-02-03T10:00:00`
    Iso,
    /// `2026-02-03 10:00:00`
    Spaced,
    /// `2026-02-03-10.00.00.000000`
    Dotted,
}

/// How a failure inside HTTP 200 is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorForm {
    /// A JSON object with `status` and `message`.
    Json,
    /// An `IBResponse` document.
    IbResponse,
    /// A SOAP fault.
    Fault,
}

/// The settings of a simulated installation. All of them can be changed while it runs (`POST /_control/options`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// What a reverse proxy puts before the gateway's path, such as `/fin`; empty: nothing.
    pub path_prefix: String,
    /// The gateway's path, with a slash before it and none after it.
    pub gateway: String,
    /// The default local node, case-sensitive.
    pub node: String,
    /// Alias and version of the query service's operation.
    pub query_operation: String,
    /// Alias and version of the custom write service's operation.
    pub write_operation: String,
    /// The database server's time zone.
    pub zone: String,
    /// How a date with a time is printed.
    pub moments: MomentForm,
    /// Whether a row's keys carry the record's correlation name, as in `A.PO_ID`.
    pub prefixed_keys: bool,
    /// Whether the count of rows stands under `numrows` and the query's name under `queryname=`, as older tools print it.
    pub old_name_key: bool,
    /// Whether numbers come as strings.
    pub numbers_as_strings: bool,
    /// Whether a single row comes as an object instead of a list.
    pub one_row_as_object: bool,
    /// How an answer says that there are no rows.
    pub no_rows: NoRows,
    /// Whether codes come as their long names, as in `Dispatched`.
    pub descriptions: bool,
    /// Whether a blank is one space, as it is stored; otherwise an empty string.
    pub blank_is_space: bool,
    /// Whether countries come with two letters, by a view of the customer's; otherwise with three, as they are stored.
    pub two_letter_countries: bool,
    /// Which of the effective-dated rows a query selects.
    pub effective_rows: EffectiveRows,
    /// What is made of prompts that do not fit the query.
    pub bad_prompt: BadPrompt,
    /// Queries that the analyst has built without criteria: they ask for prompts and ignore them.
    pub ignoring_prompts: BTreeSet<String>,
    /// Queries that the analyst has not built.
    pub missing_queries: BTreeSet<String>,
    /// Columns that the analyst has forgotten, by query.
    pub missing_columns: BTreeMap<String, BTreeSet<String>>,
    /// Whether `maxrows=0` means no limit; otherwise no rows.
    pub zero_is_unlimited: bool,
    /// The user's own cap of rows: cuts off without a word.
    pub row_cap: Option<usize>,
    /// How a failure of the query service inside HTTP 200 is told.
    pub query_errors: ErrorForm,
    /// Which credentials are accepted.
    pub accepts: Accepts,
    /// After how many wrong passwords in a row an account is locked.
    pub lock_after: u32,
    /// What a user without permission for the operation gets: 401 or 403.
    pub no_permission_status: u16,
    /// Whether a request without credentials is served as a user who sees no rows, instead of a 401.
    pub silent_anonymous: bool,
    /// How a client says who it is to the identity provider.
    pub client_auth: ClientAuth,
    /// The scope that the identity provider insists on.
    pub scope: Option<String>,
    /// The life of a token, in seconds.
    pub token_life_s: i64,
    /// Whether the token answer gives `expires_in` as a JSON string.
    pub expires_in_as_string: bool,
    /// If set, every write fails inside HTTP 200 in this form, without an effect.
    pub write_failure: Option<ErrorForm>,
    /// If set, a write whose answer is lost (the fault `drop_after`) lands only so many seconds later.
    pub lost_writes_land_after_s: Option<i64>,
    /// Lengths of columns of the written record that differ from the usual ones.
    pub track_lengths: BTreeMap<String, usize>,
    /// Whether receiving goods moves the order's `LAST_DTTM_UPDATE`.
    pub receiving_touches_header: bool,
    /// Whether the dispatch of an order moves its `LAST_DTTM_UPDATE`.
    pub dispatch_touches_header: bool,
    /// How long every authenticated request takes, in milliseconds of real time.
    pub latency_ms: u64,
    /// How many turns of the scheduler every authenticated request takes: it is under way while others come, without any
    /// time passing.
    pub turns: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path_prefix: String::new(),
            gateway: "/PSIGW/RESTListeningConnector".into(),
            node: "PSFT_EP".into(),
            query_operation: "ExecuteQuery.v1".into(),
            write_operation: "X_SHIP_TRACK.v1".into(),
            zone: "America/Chicago".into(),
            moments: MomentForm::Iso,
            prefixed_keys: false,
            old_name_key: false,
            numbers_as_strings: false,
            one_row_as_object: false,
            no_rows: NoRows::Empty,
            descriptions: false,
            blank_is_space: true,
            two_letter_countries: false,
            effective_rows: EffectiveRows::Current,
            bad_prompt: BadPrompt::NoRows,
            ignoring_prompts: BTreeSet::new(),
            missing_queries: BTreeSet::new(),
            missing_columns: BTreeMap::new(),
            zero_is_unlimited: true,
            row_cap: None,
            query_errors: ErrorForm::Json,
            accepts: Accepts::Both,
            lock_after: 5,
            no_permission_status: 401,
            silent_anonymous: false,
            client_auth: ClientAuth::Either,
            scope: None,
            token_life_s: 3600,
            expires_in_as_string: false,
            write_failure: None,
            lost_writes_land_after_s: None,
            track_lengths: BTreeMap::new(),
            receiving_touches_header: false,
            dispatch_touches_header: true,
            latency_ms: 0,
            turns: 0,
        }
    }
}

impl Options {
    /// The path under which the service operations lie, without a slash at the end.
    pub fn services(&self) -> String {
        format!("{}{}/{}", self.path_prefix, self.gateway, self.node)
    }

    /// Whether the analyst has left this column out of the query.
    pub fn lacks(&self, query: &str, column: &str) -> bool {
        self.missing_columns
            .get(query)
            .is_some_and(|columns| columns.contains(column))
    }
}
