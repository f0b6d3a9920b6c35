//! Control routes of this account beside the common ones: people at work, settings, credentials.
//!
//! | Route | Body | Does |
//! |---|---|---|
//! | `POST seed` | `{"orders":100,"seed":1}` | enters demo orders; answers their numbers, ids and kinds |
//! | `POST order` | [`NewOrder`] | enters one order |
//! | `GET orders` | | numbers, ids, status |
//! | `POST act` | `{"order":"SO10001","act":"cancel"}` | a person acts on an order, see [`Act`] |
//! | `POST weigh` | `{"item":"PUMP-010","weight":"1.5","unit":"lb"}` | a person weighs an item |
//! | `POST count` | `{"item":"PUMP-010","on_hand":"12"}`, with `location` where it is not the first | a person counts stock |
//! | `GET stock` | | what lies where |
//! | `POST customer` | [`NewCustomer`] | enters a customer; answers its id |
//! | `POST change_customer` | `{"id":120,"email":"..."}`, also `phone`, `company`, `parent` | changes a customer |
//! | `POST options` | any of the options | changes settings; answers all |
//! | `GET basics` | | ids of the basic items, warehouse and ship methods |
//! | `POST keypair` | `{"kind":"ES256","kid":"k","client_id":"c"}` | makes and registers a key; answers the private one |
//! | `POST certificate` | `{"kid":"k","client_id":"c","public_pem":"..."}` | registers a public key |
//! | `POST client` | `{"client_id":"c","secret":"s","redirect_uri":"..."}` | an integration for the code grant |
//! | `POST tba` | `{"consumer_key","consumer_secret","token_id","token_secret"}` | a token for OAuth 1.0a |
//! | `POST due_events` | | what the customer's script would post now; each once |
//! | `POST expire_tokens` | | every access token stops working |

use super::NetSuite;
use super::demo::demo_orders;
use super::keys::{KeyKind, PublicKey};
use super::model::{Address, Id, ShipStatus, WeightUnit};
use super::options::Options;
use super::people::NewOrder;
use super::refusal::Refusal;
use super::stock::NewCustomer;
use super::world::{PERSON, World};
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
    EditAddress { address: Address },
    EditFulfilmentAddress { fulfilment: Id, address: Address },
    EditShipMethod { ship_method: Id },
    EditQuantity { line: u32, quantity: Decimal },
    Commit { line: u32, quantity: Decimal },
    Approve,
    Cancel,
    Close,
    CloseLine { line: u32 },
    Reopen,
    Bill,
    Fulfil { tracking: Option<String> },
    Pick { lines: Vec<(u32, u32)>, status: ShipStatus },
    Mark { fulfilment: Id, status: ShipStatus },
    Invoice { fulfilments: Vec<Id> },
    Backdate { seconds: i64 },
    SetField { field: String, value: Value },
    NameExternally { external_id: String },
    CustomerNumber { number: String },
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
    unit: WeightUnit,
}

fn pounds() -> WeightUnit {
    WeightUnit::Lb
}

#[derive(Deserialize)]
struct Count {
    item: String,
    on_hand: Decimal,
    location: Option<Id>,
}

#[derive(Deserialize)]
struct CustomerChange {
    id: Id,
    company: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    parent: Option<Id>,
}

#[derive(Deserialize)]
struct KeyWanted {
    #[serde(default)]
    kind: KeyKind,
    kid: String,
    client_id: String,
}

#[derive(Deserialize)]
struct Certificate {
    kid: String,
    client_id: String,
    public_pem: String,
}

#[derive(Deserialize)]
struct NewClient {
    client_id: String,
    secret: String,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct NewToken {
    consumer_key: String,
    consumer_secret: String,
    token_id: String,
    token_secret: String,
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
pub(super) fn routes(netsuite: NetSuite) -> Router {
    Router::new()
        .route("/_control/seed", post(seed))
        .route("/_control/order", post(order))
        .route("/_control/orders", get(orders))
        .route("/_control/act", post(act))
        .route("/_control/weigh", post(weigh))
        .route("/_control/count", post(count))
        .route("/_control/stock", get(stock))
        .route("/_control/customer", post(customer))
        .route("/_control/change_customer", post(change_customer))
        .route("/_control/options", post(options))
        .route("/_control/basics", get(basics))
        .route("/_control/keypair", post(keypair))
        .route("/_control/certificate", post(certificate))
        .route("/_control/client", post(client))
        .route("/_control/tba", post(tba))
        .route("/_control/due_events", post(due_events))
        .route("/_control/expire_tokens", post(expire_tokens))
        .with_state(netsuite)
}

async fn seed(State(netsuite): State<NetSuite>, Json(wanted): Json<Seed>) -> Answer {
    let mut entered = Vec::new();
    for one in demo_orders(wanted.orders, wanted.seed) {
        let kind = one.kind;
        let id = netsuite.act(|world, now| one.enter(world, now))?;
        let number = netsuite.act(|world, _| world.orders.get(&id).map(|order| order.tran_id.clone()));
        entered.push(json!({ "id": id, "number": number, "kind": kind }));
    }
    Ok(Json(json!({ "orders": entered })))
}

async fn order(State(netsuite): State<NetSuite>, Json(new): Json<NewOrder>) -> Answer {
    let id = netsuite.act(|world, now| world.add_order(new, now))?;
    let number = netsuite.act(|world, _| world.orders.get(&id).map(|order| order.tran_id.clone()));
    Ok(Json(json!({ "id": id, "number": number })))
}

async fn orders(State(netsuite): State<NetSuite>) -> Json<Value> {
    let list = netsuite.act(|world, _| {
        let row = |order: &super::model::SalesOrder| {
            json!({ "id": order.id, "number": order.tran_id, "status": order.status().name() })
        };
        world.orders.values().map(row).collect::<Vec<_>>()
    });
    Json(json!({ "orders": list }))
}

async fn act(State(netsuite): State<NetSuite>, Json(wanted): Json<OrderAct>) -> Answer {
    let status = netsuite.act(|world, now| {
        let id = world.order_id(&wanted.order).ok_or_else(Refusal::nonexistent)?;
        wanted.act.perform(world, id, now)?;
        Ok::<_, Refusal>(world.orders.get(&id).map(|order| order.status().name()))
    })?;
    Ok(Json(json!({ "order": wanted.order, "status": status })))
}

impl Act {
    fn perform(self, world: &mut World, order: Id, now: Timestamp) -> Result<(), Refusal> {
        match self {
            Self::EditAddress { address } => world.edit_address(order, address, now),
            Self::EditFulfilmentAddress { fulfilment, address } => {
                world.change_fulfilment(fulfilment, now, |one| one.ship_address = address)
            }
            Self::EditShipMethod { ship_method } => world.edit_ship_method(order, ship_method, now),
            Self::EditQuantity { line, quantity } => world.edit_quantity(order, line, quantity, now),
            Self::Commit { line, quantity } => world.commit(order, line, quantity, now),
            Self::Approve => world.approve(order, now),
            Self::Cancel => world.cancel(order, now),
            Self::Close => world.close(order, now),
            Self::CloseLine { line } => world.close_line(order, line, now),
            Self::Reopen => world.reopen(order, now),
            Self::Bill => world.bill(order, now),
            Self::Fulfil { tracking } => world.fulfil_by_hand(order, tracking.as_deref(), now).map(|_| ()),
            Self::Pick { lines, status } => world.pick(order, &lines, status, now).map(|_| ()),
            Self::Mark { fulfilment, status } => world.mark(fulfilment, status, now),
            Self::Invoice { fulfilments } => {
                let all = || world.fulfilments_of(order).into_iter().map(|one| one.id).collect();
                let billed = if fulfilments.is_empty() { all() } else { fulfilments };
                world.invoice(order, &billed, now).map(|_| ())
            }
            Self::Backdate { seconds } => world.backdate(order, SignedDuration::from_secs(seconds), now),
            Self::NameExternally { external_id } => {
                world.change_order(order, now, |order| order.external_id = Some(external_id))
            }
            Self::CustomerNumber { number } => world.change_order(order, now, |order| order.other_ref_num = number),
            Self::SetField { field, value } => {
                world.set_order_field(order, &field, value, PERSON, now);
                Ok(())
            }
        }
    }
}

async fn weigh(State(netsuite): State<NetSuite>, Json(wanted): Json<Weighing>) -> Answer {
    netsuite.act(|world, _| {
        let found = world
            .items
            .values()
            .find(|item| item.sku == wanted.item)
            .map(|item| item.id);
        let id = found.ok_or_else(Refusal::nonexistent)?;
        world.weigh_item(id, wanted.weight, wanted.unit)
    })?;
    Ok(Json(json!({ "item": wanted.item, "weight": wanted.weight })))
}

async fn count(State(netsuite): State<NetSuite>, Json(wanted): Json<Count>) -> Answer {
    netsuite.act(|world, now| {
        let item = world.items.values().find(|item| item.sku == wanted.item);
        let item = item.map(|item| item.id).ok_or_else(Refusal::nonexistent)?;
        let place = wanted.location.or_else(|| world.locations.keys().next().copied());
        let place = place.filter(|id| world.locations.contains_key(id));
        world.count(item, place.ok_or_else(Refusal::nonexistent)?, wanted.on_hand, now);
        Ok::<_, Refusal>(())
    })?;
    Ok(Json(json!({ "item": wanted.item, "on_hand": wanted.on_hand })))
}

async fn stock(State(netsuite): State<NetSuite>) -> Json<Value> {
    let list = netsuite.act(|world, _| {
        let row = |((item, location), stock): (&(Id, Id), &super::model::Stock)| {
            let sku = world.items.get(item).map(|item| item.sku.clone());
            json!({ "item": sku, "location": location, "on_hand": stock.on_hand, "changed": stock.changed })
        };
        world.stock.iter().map(row).collect::<Vec<_>>()
    });
    Json(json!({ "stock": list }))
}

async fn customer(State(netsuite): State<NetSuite>, Json(new): Json<NewCustomer>) -> Json<Value> {
    let id = netsuite.act(|world, now| world.enter_customer(new, now));
    Json(json!({ "id": id }))
}

async fn change_customer(State(netsuite): State<NetSuite>, Json(wanted): Json<CustomerChange>) -> Answer {
    netsuite.act(|world, now| {
        world.change_customer(wanted.id, now, |customer| {
            customer.company = wanted.company.unwrap_or_else(|| customer.company.clone());
            customer.email = wanted.email.unwrap_or_else(|| customer.email.clone());
            customer.phone = wanted.phone.unwrap_or_else(|| customer.phone.clone());
            customer.parent = wanted.parent.or(customer.parent);
        })
    })?;
    Ok(Json(json!({ "id": wanted.id })))
}

/// The settings that the body names change; the others stay.
async fn options(State(netsuite): State<NetSuite>, Json(change): Json<Value>) -> Answer {
    let current = netsuite.act(|world, _| world.options.clone());
    let mut merged = serde_json::to_value(&current).map_err(|error| Wrong(error.to_string()))?;
    if let (Some(all), Some(named)) = (merged.as_object_mut(), change.as_object()) {
        all.extend(named.clone());
    }
    let wanted: Options = serde_json::from_value(merged.clone()).map_err(|error| Wrong(error.to_string()))?;
    netsuite.configure(|options| *options = wanted)?;
    Ok(Json(merged))
}

async fn basics(State(netsuite): State<NetSuite>) -> Json<Value> {
    Json(json!(netsuite.basics()))
}

async fn keypair(State(netsuite): State<NetSuite>, Json(wanted): Json<KeyWanted>) -> Answer {
    let made = netsuite.make_certificate(wanted.kind, &wanted.kid, &wanted.client_id);
    made.map(|key| Json(json!(key)))
        .map_err(|refused| Wrong(refused.to_string()))
}

async fn certificate(State(netsuite): State<NetSuite>, Json(new): Json<Certificate>) -> Answer {
    let key = PublicKey::from_pem(&new.public_pem).map_err(|refused| Wrong(refused.to_string()))?;
    netsuite.register(|access| access.register_certificate(&new.kid, &new.client_id, key));
    Ok(Json(json!({ "kid": new.kid })))
}

async fn client(State(netsuite): State<NetSuite>, Json(new): Json<NewClient>) -> Json<Value> {
    netsuite.register(|access| access.register_client(&new.client_id, &new.secret, &new.redirect_uri));
    Json(json!({ "client_id": new.client_id }))
}

async fn tba(State(netsuite): State<NetSuite>, Json(new): Json<NewToken>) -> Json<Value> {
    let consumer = (new.consumer_key.as_str(), new.consumer_secret.as_str());
    netsuite.register(|access| access.register_tba(consumer, (&new.token_id, &new.token_secret)));
    Json(json!({ "token_id": new.token_id }))
}

async fn due_events(State(netsuite): State<NetSuite>) -> Json<Value> {
    Json(json!({ "events": netsuite.due_events() }))
}

async fn expire_tokens(State(netsuite): State<NetSuite>) -> Json<Value> {
    netsuite.expire_tokens();
    Json(json!({ "expired": true }))
}
