//! Control routes of this installation beside the common ones: people at work, settings, credentials.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST seed` | `{"orders":100,"seed":1}` | enters demo documents; answers their numbers and kinds |
//! | `POST order` | [`NewDocument`] | enters one purchase order |
//! | `POST requisition` | [`NewDocument`] | enters one requisition |
//! | `GET documents` | | numbers, kinds, status |
//! | `POST act` | `{"document":"0000079262","act":"cancel"}` | a person acts on a document, see [`Act`] |
//! | `POST weigh` | `{"item":"PUMP-010","weight":"1.5","unit":"LB"}` | a person weighs an item |
//! | `POST location` | `{"location":"BISBEE","place":{..}}` | a person corrects a location, as of today or of `"from"` |
//! | `POST options` | any of the options | changes settings; answers all |
//! | `GET basics` | | business units, locations, items, vendors |
//! | `POST user` | `{"oprid":"WAYBILL","password":"s","permissions":["query","write"]}` | a PeopleSoft user |
//! | `POST unlock` | `{"oprid":"WAYBILL"}` | unlocks the account |
//! | `POST client` | `{"client_id":"c","secret":"s","oprid":"WAYBILL"}` | a client of the identity provider |
//! | `POST expire_tokens` | | every token stops working |

use super::PeopleSoft;
use super::access::User;
use super::basics::UNIT;
use super::demo::demo_orders;
use super::model::{Dated, DocKey, DocType, Place};
use super::options::Options;
use super::people::NewDocument;
use super::world::{Nonexistent, World};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a person does with a document.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub(super) enum Act {
    Cancel,
    CancelLine { line: i64 },
    CloseLine { line: i64 },
    ChangeQuantity { line: i64, quantity: Decimal },
    ChangeShipTo { location: String },
    ChangeCarrier { carrier: String },
    SetStatus { status: String },
    Dispatch,
    Hold { hold: bool },
    Receive { line: i64, quantity: Decimal },
    Backdate { seconds: i64 },
    TurnIntoOrder,
}

#[derive(Deserialize)]
struct DocumentAct {
    document: String,
    #[serde(flatten)]
    act: Act,
}

#[derive(Deserialize)]
struct Seed {
    orders: usize,
    #[serde(default)]
    seed: u64,
}

fn first_unit() -> String {
    UNIT.into()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Weighing {
    #[serde(default = "first_unit")]
    business_unit: String,
    item: String,
    weight: Decimal,
    unit: String,
}

#[derive(Deserialize)]
struct Moving {
    #[serde(default = "first_unit")]
    business_unit: String,
    location: String,
    place: Place,
    from: Option<Date>,
    #[serde(default = "yes")]
    active: bool,
}

#[derive(Deserialize)]
struct Named {
    oprid: String,
}

#[derive(Deserialize)]
struct NewClient {
    client_id: String,
    secret: String,
    oprid: String,
}

/// What a control route answers when it cannot.
struct Wrong(String);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

impl From<Nonexistent> for Wrong {
    fn from(missing: Nonexistent) -> Self {
        Self(missing.to_string())
    }
}

type Answer = Result<Json<Value>, Wrong>;

/// The routes.
pub(super) fn routes(peoplesoft: PeopleSoft) -> Router {
    Router::new()
        .route("/_control/seed", post(seed))
        .route("/_control/order", post(order))
        .route("/_control/requisition", post(requisition))
        .route("/_control/documents", get(documents))
        .route("/_control/act", post(act))
        .route("/_control/weigh", post(weigh))
        .route("/_control/location", post(location))
        .route("/_control/options", post(options))
        .route("/_control/basics", get(basics))
        .route("/_control/user", post(user))
        .route("/_control/unlock", post(unlock))
        .route("/_control/client", post(client))
        .route("/_control/expire_tokens", post(expire_tokens))
        .with_state(peoplesoft)
}

fn shown(key: &DocKey) -> Value {
    json!({ "business_unit": key.business_unit, "doc_type": key.doc_type.code(), "number": key.id })
}

async fn seed(State(peoplesoft): State<PeopleSoft>, Json(wanted): Json<Seed>) -> Answer {
    let mut entered = Vec::new();
    for one in demo_orders(wanted.orders, wanted.seed) {
        let key = peoplesoft.act(|world, now| one.enter(world, now))?;
        entered.push(json!({ "document": shown(&key), "kind": one.kind }));
    }
    Ok(Json(json!({ "documents": entered })))
}

async fn order(State(peoplesoft): State<PeopleSoft>, Json(new): Json<NewDocument>) -> Answer {
    let key = peoplesoft.act(|world, now| world.enter_order(&new, now))?;
    Ok(Json(shown(&key)))
}

async fn requisition(State(peoplesoft): State<PeopleSoft>, Json(new): Json<NewDocument>) -> Answer {
    let key = peoplesoft.act(|world, now| world.enter_requisition(&new, now))?;
    Ok(Json(shown(&key)))
}

async fn documents(State(peoplesoft): State<PeopleSoft>) -> Json<Value> {
    let list = peoplesoft.act(|world, _| {
        let all = world.documents.values();
        all.map(|document| json!({ "document": shown(&document.key), "status": document.status }))
            .collect::<Vec<_>>()
    });
    Json(json!({ "documents": list }))
}

async fn act(State(peoplesoft): State<PeopleSoft>, Json(wanted): Json<DocumentAct>) -> Answer {
    let (key, status) = peoplesoft.act(|world, now| {
        let key = world
            .named(&wanted.document)
            .ok_or_else(|| Nonexistent::of(&wanted.document))?;
        let key = wanted.act.perform(world, key, now)?;
        let status = world.document(&key)?.status.clone();
        Ok::<_, Nonexistent>((key, status))
    })?;
    Ok(Json(json!({ "document": shown(&key), "status": status })))
}

impl Act {
    /// Acts, and answers the document that the act was about in the end.
    fn perform(self, world: &mut World, key: DocKey, now: Timestamp) -> Result<DocKey, Nonexistent> {
        match self {
            Self::Cancel => world.cancel(&key, now),
            Self::CancelLine { line } => world.cancel_line(&key, line, now),
            Self::CloseLine { line } => world.close_line(&key, line, now),
            Self::ChangeQuantity { line, quantity } => world.change_quantity(&key, line, quantity, now),
            Self::ChangeShipTo { location } => world.change_ship_to(&key, &location, now),
            Self::ChangeCarrier { carrier } => world.change_carrier(&key, &carrier, now),
            Self::SetStatus { status } => world.set_status(&key, &status, now),
            Self::Dispatch => world.dispatch(&key, now),
            Self::Hold { hold } => world.hold(&key, hold, now),
            Self::Receive { line, quantity } => world.receive(&key, line, quantity, now),
            Self::Backdate { seconds } => world.backdate(&key, SignedDuration::from_secs(seconds)),
            Self::TurnIntoOrder if key.doc_type == DocType::Req => return world.turn_into_order(&key, now),
            Self::TurnIntoOrder => Err(Nonexistent::of(format!("requisition {}", key.id))),
        }?;
        Ok(key)
    }
}

async fn weigh(State(peoplesoft): State<PeopleSoft>, Json(wanted): Json<Weighing>) -> Answer {
    let (unit, item) = (&wanted.business_unit, &wanted.item);
    peoplesoft.act(|world, now| world.weigh_item(unit, item, wanted.weight, &wanted.unit, now))?;
    Ok(Json(json!({ "item": item, "weight": wanted.weight })))
}

async fn location(State(peoplesoft): State<PeopleSoft>, Json(wanted): Json<Moving>) -> Answer {
    peoplesoft.act(|world, now| {
        let row = Dated {
            from: wanted.from.unwrap_or_else(|| world.today(now)),
            active: wanted.active,
            value: wanted.place,
        };
        world.put_location(&wanted.business_unit, &wanted.location, row)
    })?;
    Ok(Json(json!({ "location": wanted.location })))
}

/// The settings that the body names change; the others stay.
async fn options(State(peoplesoft): State<PeopleSoft>, Json(change): Json<Value>) -> Answer {
    let current = peoplesoft.act(|world, _| world.options.clone());
    let mut merged = serde_json::to_value(&current).map_err(|error| Wrong(error.to_string()))?;
    if let (Some(all), Some(named)) = (merged.as_object_mut(), change.as_object()) {
        all.extend(named.clone());
    }
    let wanted: Options = serde_json::from_value(merged.clone()).map_err(|error| Wrong(error.to_string()))?;
    peoplesoft.configure(|options| *options = wanted);
    Ok(Json(merged))
}

async fn basics(State(peoplesoft): State<PeopleSoft>) -> Json<Value> {
    peoplesoft.act(|world, _| {
        let ids = |keys: Vec<&(String, String)>| keys.into_iter().map(|key| key.1.clone()).collect::<Vec<_>>();
        Json(json!({
            "business_units": world.business_units.keys().collect::<Vec<_>>(),
            "locations": ids(world.locations.keys().collect()),
            "items": ids(world.items.keys().collect()),
            "vendors": ids(world.vendors.keys().collect()),
        }))
    })
}

async fn user(State(peoplesoft): State<PeopleSoft>, Json(user): Json<User>) -> Json<Value> {
    let oprid = user.oprid.clone();
    peoplesoft.register(|access| access.add_user(user));
    Json(json!({ "oprid": oprid }))
}

async fn unlock(State(peoplesoft): State<PeopleSoft>, Json(named): Json<Named>) -> Json<Value> {
    peoplesoft.register(|access| access.unlock(&named.oprid));
    Json(json!({ "oprid": named.oprid }))
}

async fn client(State(peoplesoft): State<PeopleSoft>, Json(new): Json<NewClient>) -> Json<Value> {
    peoplesoft.register(|access| access.add_client(&new.client_id, &new.secret, &new.oprid));
    Json(json!({ "client_id": new.client_id }))
}

async fn expire_tokens(State(peoplesoft): State<PeopleSoft>) -> Json<Value> {
    peoplesoft.expire_tokens();
    Json(json!({ "expired": true }))
}
