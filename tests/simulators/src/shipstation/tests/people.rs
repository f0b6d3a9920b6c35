//! People, by the control routes: what another process drives the simulator with.

use serde_json::{Value, json};

use super::Stage;

async fn control(stage: &Stage, route: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/_control/{route}", stage.running.url);
    super::read(stage.http.post(url).json(body).send().await.unwrap()).await
}

async fn act(stage: &Stage, body: Value) -> Value {
    let (status, answer) = control(stage, "act", &body).await;
    assert_eq!(status, 200, "{body}: {answer}");
    answer
}

#[tokio::test]
async fn another_process_can_let_people_ship() {
    let stage = Stage::plain().await;
    let entered = act(
        &stage,
        json!({ "act": "enter", "number": "SO-1", "key": "ns:1",
            "items": [{ "sku": "W-1", "quantity": 2, "key": "1" }, { "sku": "W-2", "quantity": 1 }] }),
    )
    .await;
    let takes = json!([{ "item": "1", "quantity": 1 }]);
    let first = act(
        &stage,
        json!({ "act": "buy", "order": "SO-1", "takes": takes, "packages": 2 }),
    )
    .await;
    assert_eq!(
        (&first["order"], first["tracking_numbers"].as_array().unwrap().len()),
        (&entered["order"], 2)
    );
    let label = first["label"].to_string();
    act(&stage, json!({ "act": "scan", "label": label, "scan": "in_transit" })).await;
    act(
        &stage,
        json!({ "act": "deliver", "label": first["tracking_numbers"][0] }),
    )
    .await;
    act(&stage, json!({ "act": "return_label", "label": label })).await;
    let marked = json!({ "act": "mark_shipped", "order": "ns:1", "carrier": "ups", "tracking_number": "1ZX" });
    let fulfilments = act(&stage, marked.clone()).await;
    act(
        &stage,
        json!({ "act": "void_fulfilment", "fulfilment": fulfilments["fulfilments"][0] }),
    )
    .await;
    act(&stage, json!({ "act": "edit", "order": "SO-1", "number": "SO-1a" })).await;
    act(&stage, json!({ "act": "hold", "order": "SO-1a" })).await;
    assert_eq!(
        control(&stage, "act", &marked).await.0,
        200,
        "what is on hold may be marked"
    );
    assert_eq!(control(&stage, "act", &marked).await.0, 409, "once");

    act(
        &stage,
        json!({ "act": "enter", "number": "SO-2", "items": [{ "sku": "W-1", "quantity": 1 }] }),
    )
    .await;
    act(
        &stage,
        json!({ "act": "enter", "number": "SO-3", "items": [{ "sku": "W-1", "quantity": 1 }] }),
    )
    .await;
    act(&stage, json!({ "act": "tag", "order": "SO-2", "tag": "rush" })).await;
    let buys = json!([{ "order": "SO-2" }, { "order": "SO-3" }]);
    let both = act(&stage, json!({ "act": "buy_batch", "buys": buys })).await;
    assert_eq!(both[0]["batch"], both[1]["batch"]);
    act(&stage, json!({ "act": "void", "label": both[0]["label"].to_string() })).await;
    act(&stage, json!({ "act": "cancel", "order": "SO-2" })).await;
    act(&stage, json!({ "act": "product", "sku": "W-9", "name": "Gizmo" })).await;
    act(
        &stage,
        json!({ "act": "count", "sku": "W-9", "location": 5101, "on_hand": 7 }),
    )
    .await;

    let url = |route: &str| format!("{}/_control/{route}", stage.running.url);
    let books: Value = stage.http.get(url("books")).send().await.unwrap().json().await.unwrap();
    assert_eq!(books["orders"].as_array().unwrap().len(), 3);
    assert_eq!(books["labels"].as_array().unwrap().len(), 4);
    assert_eq!(books["stock"][0]["on_hand"], 7);
    let listed: Value = stage
        .http
        .get(url("orders"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let told: Vec<&Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|order| &order["status"])
        .collect();
    assert_eq!(told, ["shipped", "cancelled", "shipped"]);
    let (_, options) = control(&stage, "options", &json!({ "v2_calls": 3 })).await;
    assert_eq!((&options["v2_calls"], &options["v1_calls"]), (&json!(3), &json!(40)));
    assert_eq!(control(&stage, "options", &json!({ "v3_calls": 3 })).await.0, 400);
    control(&stage, "reset", &json!({})).await;
    assert!(stage.books().orders.is_empty());
    assert_eq!(stage.shipstation().state().options.v2_calls, 200);
}

#[tokio::test]
async fn nothing_is_bought_when_one_of_a_batch_cannot_be() {
    let stage = Stage::plain().await;
    stage.entered("SO-1", &[("W-1", 1)]);
    stage.entered("SO-2", &[("W-1", 1)]);
    let buys = json!([{ "order": "SO-1" }, { "order": "SO-2", "takes": [{ "item": "W-1", "quantity": 2 }] }]);
    let (status, _) = control(&stage, "act", &json!({ "act": "buy_batch", "buys": buys })).await;
    assert_eq!(status, 409);
    assert!(stage.books().labels.is_empty());
}

#[tokio::test]
async fn another_process_can_subscribe_and_take_the_notices() {
    let stage = Stage::plain().await;
    let hook = json!({ "api": 2, "event": "label_created_v2", "url": "http://127.0.0.1:9/hook" });
    assert!(control(&stage, "subscribe", &hook).await.1["id"].is_u64());
    let wrong = json!({ "api": 2, "event": "label_created_v2", "url": "http://127.0.0.1:9/hook", "secret": "x" });
    assert_eq!(control(&stage, "subscribe", &wrong).await.0, 422);
    let item = json!([{ "sku": "W-1", "quantity": 1 }]);
    act(
        &stage,
        json!({ "act": "enter", "number": "SO-1", "items": item, "standing": "awaiting_payment" }),
    )
    .await;
    assert_eq!(
        control(&stage, "act", &json!({ "act": "buy", "order": "SO-1" }))
            .await
            .0,
        409,
        "not paid"
    );
    act(&stage, json!({ "act": "release", "order": "SO-1" })).await;
    let moved = json!({ "name": "Jo Mover", "lines": ["1 Main St"], "city": "Reno", "state": "NV",
        "postal_code": "89501", "country": "US" });
    act(&stage, json!({ "act": "edit", "order": "SO-1", "ship_to": moved })).await;
    let bought = act(
        &stage,
        json!({ "act": "buy", "order": "SO-1", "carrier": "stamps_com" }),
    )
    .await;
    let (_, due) = control(&stage, "due_pushes", &json!({})).await;
    let due = due.as_array().unwrap();
    assert_eq!((due.len(), &due[0]["url"]), (1, &hook["url"]));
    let body: Value = serde_json::from_str(due[0]["body"].as_str().unwrap()).unwrap();
    assert!(
        body["resource_url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("batch_id=se-{}", bought["batch"]))
    );
    let label = stage.seen(&format!("/v2/labels/se-{}", bought["label"])).await;
    assert_eq!(
        (&label["ship_to"]["city_locality"], &label["carrier_code"]),
        (&json!("Reno"), &json!("stamps_com"))
    );

    let again = act(
        &stage,
        json!({ "act": "again", "containing": "LABEL_CREATED_V2", "times": 5 }),
    )
    .await;
    assert_eq!(again["sent"], 5);
    act(&stage, json!({ "act": "rotate_key" })).await;
    let (_, due) = control(&stage, "due_pushes", &json!({})).await;
    assert_eq!(due.as_array().unwrap().len(), 5);
    let page = stage
        .http
        .get(format!("{}/jwks", stage.running.url))
        .send()
        .await
        .unwrap();
    let page: Value = page.json().await.unwrap();
    let told = due[0]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .any(|header| header[1] == page["keys"][0]["kid"]);
    assert!(
        told && page["keys"].as_array().unwrap().len() == 1,
        "signed by the new key, the only one told"
    );
}
