//! Control routes of this pod beside the common ones: people at work, settings, credentials.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST seed` | `{"orders":100,"seed":1}` | enters demo orders; answers their numbers, ids and kinds |
//! | `POST order` | [`NewOrder`] | enters one order |
//! | `GET orders` | | numbers, ids, status |
//! | `POST act` | `{"order":"162901","act":"cancel"}` | a person acts on an order, see [`Act`] |
//! | `POST weigh` | `{"item":"PUMP-010","weight":"1.5","uom":"LBS"}` | a person weighs an item |
//! | `POST location` | `{"code":"GALENA_DC","address":{...}}` | defines a location or corrects its address |
//! | `POST options` | any of the options | changes settings; answers all |
//! | `GET basics` | | ids of the basic master data |
//! | `POST user` | [`User`] | a user of the pod |
//! | `POST client` | `{"client_id":"c","secret":"s"}` | a client of the identity domain |
//! | `POST keypair` | `{"alias":"k","client_id":"c"}` | makes and registers a key; answers the private one |
//! | `POST certificate` | `{"alias":"k","client_id":"c","public_pem":"..."}` | registers a public key |
//! | `POST fail_submit` | `{"result":"FAILURE"}` | the next submit fails inside a 200 |
//! | `POST expire_tokens` | | every access token stops working |

use super::Fusion;
use super::access::{Access, User};
use super::demo::demo_orders;
use super::entering::NewOrder;
use super::model::{Address, Id, Uom};
use super::options::Options;
use super::refusal::Refusal;
use super::world::World;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a person does with an order.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub(super) enum Act {
    EditQuantity { schedule: Id, quantity: Decimal },
    EditLocation { location: Id },
    Flag { carrier: Option<String> },
    BeginChange { note: String },
    FinishChange,
    AbandonChange,
    Approve,
    Reject,
    Cancel,
    CancelSchedule { schedule: Id },
    Hold,
    Reopen,
    Close,
    CloseFinally,
    Receive { schedule: Id, quantity: Decimal },
    Backdate { seconds: i64 },
}

#[derive(Deserialize)]
struct OrderAct {
    order: String,
    #[serde(flatten)]
    act: Act,
}

#[derive(Deserialize)]
struct Seed {
    orders: usize,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
struct Weighing {
    item: String,
    weight: Option<Decimal>,
    #[serde(default = "pounds")]
    uom: String,
}

fn pounds() -> String {
    "LBS".into()
}

#[derive(Deserialize)]
struct Place {
    code: String,
    address: Address,
}

#[derive(Deserialize)]
struct KeyWanted {
    alias: String,
    client_id: String,
}

#[derive(Deserialize)]
struct Certificate {
    alias: String,
    client_id: String,
    public_pem: String,
}

#[derive(Deserialize)]
struct NewClient {
    client_id: String,
    secret: String,
}

#[derive(Deserialize)]
struct Failure {
    result: String,
}

/// What a control route answers when it cannot.
struct Wrong(String);

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

type Answer = Result<Json<Value>, Wrong>;

/// The routes.
pub(super) fn routes(fusion: Fusion) -> Router {
    Router::new()
        .route("/_control/seed", post(seed))
        .route("/_control/order", post(order))
        .route("/_control/orders", get(orders))
        .route("/_control/act", post(act))
        .route("/_control/weigh", post(weigh))
        .route("/_control/location", post(location))
        .route("/_control/options", post(options))
        .route("/_control/basics", get(basics))
        .route("/_control/user", post(user))
        .route("/_control/client", post(client))
        .route("/_control/keypair", post(keypair))
        .route("/_control/certificate", post(certificate))
        .route("/_control/fail_submit", post(fail_submit))
        .route("/_control/expire_tokens", post(expire_tokens))
        .with_state(fusion)
}

async fn seed(State(fusion): State<Fusion>, Json(wanted): Json<Seed>) -> Answer {
    let mut made = Vec::new();
    for one in demo_orders(wanted.orders, wanted.seed) {
        let (entered, number) = fusion.act(|world, now| {
            let entered = one.enter(world, now)?;
            let number = world.orders.get(&entered.order).map(|order| order.number.clone());
            Ok::<_, Refusal>((entered, number))
        })?;
        made.push(json!({ "id": entered.order, "number": number, "kind": one.kind }));
    }
    Ok(Json(json!({ "orders": made })))
}

async fn order(State(fusion): State<Fusion>, Json(new): Json<NewOrder>) -> Answer {
    let id = fusion.act(|world, now| world.add_order(new, now))?;
    let number = fusion.act(|world, _| world.orders.get(&id).map(|order| order.number.clone()));
    Ok(Json(json!({ "id": id, "number": number })))
}

async fn orders(State(fusion): State<Fusion>) -> Json<Value> {
    let list = fusion.act(|world, _| {
        let row = |order: &super::model::Order| {
            json!({ "id": order.id, "number": order.number, "status": world.shown_status(order).code() })
        };
        world.orders.values().map(row).collect::<Vec<_>>()
    });
    Json(json!({ "orders": list }))
}

async fn act(State(fusion): State<Fusion>, Json(wanted): Json<OrderAct>) -> Answer {
    let status = fusion.act(|world, now| {
        let id = world.order_id(&wanted.order).ok_or_else(Refusal::missing)?;
        wanted.act.perform(world, id, now)?;
        Ok::<_, Refusal>(world.orders.get(&id).map(|order| order.status.code()))
    })?;
    Ok(Json(json!({ "order": wanted.order, "status": status })))
}

impl Act {
    fn perform(self, world: &mut World, order: Id, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::EditQuantity { schedule, quantity } => world.edit_quantity(order, schedule, quantity, now),
            Self::EditLocation { location } => world.edit_location(order, location, now),
            Self::Flag { carrier } => world.flag(order, carrier.as_deref(), now),
            Self::BeginChange { note } => {
                world.begin_change(order, now, |content| content.note_to_supplier = Some(note))
            }
            Self::FinishChange => world.finish_change(order, now),
            Self::AbandonChange => world.abandon_change(order, now),
            Self::Approve => world.approve(order, now),
            Self::Reject => world.reject(order, now),
            Self::Cancel => world.cancel(order, now),
            Self::CancelSchedule { schedule } => world.cancel_schedule(order, schedule, now),
            Self::Hold => world.hold(order, now),
            Self::Reopen => world.reopen(order, now),
            Self::Close => world.close(order, now),
            Self::CloseFinally => world.close_finally(order, now),
            Self::Receive { schedule, quantity } => world.receive(order, schedule, quantity, now),
            Self::Backdate { seconds } => world.backdate(order, SignedDuration::from_secs(seconds), now),
        }
    }
}

async fn weigh(State(fusion): State<Fusion>, Json(wanted): Json<Weighing>) -> Answer {
    let name = if wanted.uom == "LBS" {
        "Pound"
    } else {
        wanted.uom.as_str()
    };
    let weight = wanted.weight.map(|weight| (weight, Uom::new(&wanted.uom, name)));
    fusion.act(|world, _| world.weigh_item(&wanted.item, weight.as_ref()))?;
    Ok(Json(json!({ "item": wanted.item, "weight": wanted.weight })))
}

async fn location(State(fusion): State<Fusion>, Json(wanted): Json<Place>) -> Answer {
    let id = fusion.act(|world, _| {
        let known = world
            .locations
            .values()
            .find(|one| one.code == wanted.code)
            .map(|one| one.id);
        match known {
            Some(id) => world.correct_location(id, wanted.address).map(|()| id),
            None => Ok(world.add_location(&wanted.code, &wanted.code, wanted.address)),
        }
    })?;
    Ok(Json(json!({ "id": id, "code": wanted.code })))
}

/// The settings that the body names change; the others stay.
async fn options(State(fusion): State<Fusion>, Json(change): Json<Value>) -> Answer {
    let current = fusion.act(|world, _| world.options.clone());
    let mut merged = serde_json::to_value(&current).map_err(|error| Wrong(error.to_string()))?;
    if let (Some(all), Some(named)) = (merged.as_object_mut(), change.as_object()) {
        all.extend(named.clone());
    }
    let wanted: Options = serde_json::from_value(merged.clone()).map_err(|error| Wrong(error.to_string()))?;
    fusion.configure(|options| *options = wanted);
    Ok(Json(merged))
}

async fn basics(State(fusion): State<Fusion>) -> Json<Value> {
    Json(json!(fusion.basics()))
}

async fn user(State(fusion): State<Fusion>, Json(new): Json<User>) -> Json<Value> {
    let name = new.name.clone();
    fusion.register(|access| access.register_user(new));
    Json(json!({ "name": name }))
}

async fn client(State(fusion): State<Fusion>, Json(new): Json<NewClient>) -> Json<Value> {
    fusion.register(|access| access.register_client(&new.client_id, &new.secret));
    Json(json!({ "client_id": new.client_id }))
}

async fn keypair(State(fusion): State<Fusion>, Json(wanted): Json<KeyWanted>) -> Answer {
    let made = Access::make_key().map_err(|error| Wrong(error.to_string()))?;
    fusion
        .register(|access| access.register_certificate(&wanted.alias, &wanted.client_id, &made.public_pem))
        .map_err(|error| Wrong(error.to_string()))?;
    Ok(Json(json!(made)))
}

async fn certificate(State(fusion): State<Fusion>, Json(new): Json<Certificate>) -> Answer {
    fusion
        .register(|access| access.register_certificate(&new.alias, &new.client_id, &new.public_pem))
        .map_err(|error| Wrong(error.to_string()))?;
    Ok(Json(json!({ "alias": new.alias })))
}

async fn fail_submit(State(fusion): State<Fusion>, Json(wanted): Json<Failure>) -> Json<Value> {
    fusion.act(|world, _| world.fail_next_submit(&wanted.result));
    Json(json!({ "result": wanted.result }))
}

async fn expire_tokens(State(fusion): State<Fusion>) -> Json<Value> {
    fusion.expire_tokens();
    Json(json!({ "expired": true }))
}
