//! What is written, and that nothing is told twice.

use jiff::civil;

use super::*;

const PUT: &str = "PUT /site/fs/PSIGW/RESTListeningConnector/PSFT_EP/X_SHIP_TRACK.v1/US001/PO/0000079262/";

fn document() -> DocumentId {
    DocumentId::purchase_order("US001.0000079262")
}

fn shipment(numbers: &[&str]) -> Shipment {
    let parcel = |number: &&str| ShippedParcel {
        tracking_number: (*number).to_owned(),
    };
    Shipment {
        id: CarrierShipmentId::new(numbers[0]),
        parcels: numbers.iter().map(parcel).collect(),
        service: Some("03".to_owned()),
        cost: Some(Money::new(dec!(18.40), "USD")),
        remarks: Vec::new(),
    }
}

/// A shipment of the order of the fixtures, ready to be written.
struct Desk {
    order: Order,
    consignment: Consignment,
    shipment: Shipment,
    job: JobId,
}

impl Desk {
    async fn new() -> Self {
        let bench = Bench::new(reference());
        let order = bench.peoplesoft.read(&[document()]).await.unwrap().remove(0);
        let quantities = Quantities::from([(LineId::new("1.1"), dec!(2))]);
        Self {
            consignment: Consignment::of(&order, &quantities, &Quantities::new()).unwrap(),
            shipment: shipment(&["1Z0001", "1Z0002"]),
            job: JobId::of(&bench.connection.id, &order.document, 1),
            order,
        }
    }

    fn write_back(&self) -> WriteBack<'_> {
        WriteBack {
            job: &self.job,
            order: &self.order,
            consignment: &self.consignment,
            shipment: &self.shipment,
            quote: None,
            labels: &[],
            label_link: None,
        }
    }

    fn entry(&self, numbers: &str) -> Value {
        json!({"A.BUSINESS_UNIT": "US001", "A.DOC_TYPE": "PO", "A.DOC_ID": "0000079262", "A.ENTRY": self.job.as_str(),
               "A.TRACKING": numbers, "A.STATUS": "Label created", "A.ERR_TEXT": " "})
    }
}

async fn sent(status: u16, body: &str) -> (Result<WriteBackRef, EffectError>, Bench) {
    sent_and_seen(status, body, &[]).await
}

/// What comes of a write after which the record shows these entries.
async fn sent_and_seen(status: u16, body: &str, there: &[Value]) -> (Result<WriteBackRef, EffectError>, Bench) {
    let desk = Desk::new().await;
    let bench = Bench::new(vec![once("PUT", status, body), always("X_SHIP_TRACK/", rows(there))]);
    let draft = bench.peoplesoft.draft(&desk.write_back(), &Written::Nothing).unwrap();
    (bench.peoplesoft.write_back(&draft, bench.permit()).await, bench)
}

#[tokio::test]
async fn a_write_back_is_one_entry_under_our_own_name() {
    let desk = Desk::new().await;
    let there = [desk.entry("1Z0001, 1Z0002")];
    let (result, bench) = sent_and_seen(200, fixture!("write/taken.json"), &there).await;
    assert_eq!(result.unwrap().id.as_deref(), Some(desk.job.as_str()));
    let [put] = bench.script.asked(PUT).try_into().unwrap();
    assert!(put.url.path().ends_with(desk.job.as_str()), "{}", put.url);
    assert_eq!(put.media.as_deref(), Some("application/json"));
    let expected = json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": desk.job.as_str(),
                          "TRACKING": "1Z0001, 1Z0002", "CARRIER": "UPS", "SERVICE": "03", "COST": 18.4,
                          "CURRENCY_CD": "USD", "STATUS": "Label created"});
    assert_eq!(put.json(), expected);
}

#[tokio::test]
async fn a_write_is_done_rejected_or_unknown_by_what_the_answer_says() {
    for (status, body) in [
        (200, fixture!("errors/rejected.json")),
        (422, fixture!("errors/rejected.json")),
        (200, fixture!("errors/security.xml")),
        (403, fixture!("errors/security.xml")),
    ] {
        let (result, _) = sent(status, body).await;
        assert!(
            matches!(result, Err(EffectError::Rejected(_))),
            "{status} {body}: {result:?}"
        );
    }
    for (status, body) in [
        (200, ""),
        (200, fixture!("errors/page.html")),
        (200, fixture!("errors/handler.xml")),
        (200, fixture!("errors/fault.xml")),
        (200, fixture!("errors/duplicate.json")),
        (409, fixture!("errors/duplicate.json")),
        (404, fixture!("errors/page.html")),
        (500, ""),
        (500, fixture!("errors/rejected.json")),
        (0, ""),
    ] {
        let (result, _) = sent(status, body).await;
        assert!(
            matches!(result, Err(EffectError::Unknown(_))),
            "{status} {body}: {result:?}"
        );
    }
    let (unknown, _) = sent(404, fixture!("errors/page.html")).await;
    let Err(EffectError::Unknown(words)) = unknown else {
        panic!("{unknown:?}")
    };
    for part in [
        "X_SHIP_TRACK.v1",
        "PSFT_EP",
        "/{business_unit}/{doc_type}/{doc_id}/{entry}",
    ] {
        assert!(words.contains(part), "{words}");
    }
    let (unknown, _) = sent(500, "ORA-00001:\nunique  constraint").await;
    assert!(
        matches!(&unknown, Err(EffectError::Unknown(words)) if words.contains("ORA-00001: unique constraint")),
        "{unknown:?}"
    );
    let (refused, bench) = sent(401, "").await;
    assert!(matches!(refused, Err(EffectError::NotSent(_))), "{refused:?}");
    assert_eq!(bench.script.asked("PUT").len(), 1);
}

/// Nothing that a service says proves that it wrote, unless the connection says so: the record does.
#[tokio::test]
async fn a_write_is_done_once_the_record_shows_it() {
    let desk = Desk::new().await;
    let (right, wrong) = (desk.entry("1Z0001, 1Z0002"), desk.entry("1Z0001"));
    for (status, body) in [
        (200, fixture!("write/taken.json")),
        (200, ""),
        (201, ""),
        (204, ""),
        (200, "ORA-01017: invalid username/password"),
        (200, "[{\"a\": 1}]"),
        (200, "{\"status\": "),
        (200, "OK"),
    ] {
        let (done, bench) = sent_and_seen(status, body, std::slice::from_ref(&right)).await;
        assert!(done.is_ok(), "{status} {body}: {done:?}");
        assert_eq!(bench.script.asked("X_SHIP_TRACK/").len(), 1, "one look");
        for there in [&[][..], std::slice::from_ref(&wrong)] {
            let (unknown, _) = sent_and_seen(status, body, there).await;
            let Err(EffectError::Unknown(words)) = unknown else {
                panic!("{status} {body}: {unknown:?}")
            };
            assert!(
                words.contains("does not show entry") && words.contains("erp.write.success"),
                "{words}"
            );
        }
    }
    let bench = Bench::new(vec![once("PUT", 200, "OK"), once("X_SHIP_TRACK/", 503, "")]);
    let draft = bench.peoplesoft.draft(&desk.write_back(), &Written::Nothing).unwrap();
    let blind = bench.peoplesoft.write_back(&draft, bench.permit()).await;
    assert!(matches!(blind, Err(EffectError::Unknown(_))), "{blind:?}");
    let told = Bench::new(vec![once("PUT", 200, "taken: Louisville, KY, US")]);
    let unknown = told.peoplesoft.tell(&document(), &on_its_way(), told.permit()).await;
    let Err(EffectError::Unknown(words)) = unknown else {
        panic!("{unknown:?}")
    };
    assert!(words.contains("taken: ...") && !words.contains("Louisville"), "{words}");
    let flagged = Bench::new(vec![once("PUT", 200, "OK")]);
    let result = flagged.peoplesoft.flag(&document(), Some("no weight")).await;
    assert!(matches!(result, Err(CallError::Later(_))), "{result:?}");
}

#[tokio::test]
async fn what_a_success_is_may_be_said_by_the_customer() {
    let desk = Desk::new().await;
    let judged = async |body: &str| {
        let bench = Bench::with(&basic(), vec![once("PUT", 200, body)], |connection| {
            connection.erp.options["write"] = json!({
                "success": [{"pointer": "/notification/code", "equals": 0}], "errors": [{"contains": "warning"}]
            });
        });
        let draft = bench.peoplesoft.draft(&desk.write_back(), &Written::Nothing).unwrap();
        bench.peoplesoft.write_back(&draft, bench.permit()).await
    };
    assert!(judged(r#"{"notification": {"code": 0}}"#).await.is_ok());
    for body in [
        r#"{"notification": {"code": 0, "text": "warning"}}"#,
        r#"{"notification": {"code": 1}}"#,
        "{}",
    ] {
        assert!(matches!(judged(body).await, Err(EffectError::Unknown(_))), "{body}");
    }
}

#[tokio::test]
async fn our_own_entry_is_found_whole_in_part_or_not_at_all() {
    let desk = Desk::new().await;
    let found = async |rows_seen: &[Value]| {
        let bench = Bench::new(vec![always("X_SHIP_TRACK", rows(rows_seen))]);
        bench.peoplesoft.find(&desk.write_back()).await.unwrap()
    };
    assert_eq!(found(&[]).await, Written::Nothing);
    let Written::Whole(there) = found(&[desk.entry("1Z0002,1Z0001 ,1Z9")]).await else {
        panic!("not whole")
    };
    assert_eq!(there.id.as_deref(), Some(desk.job.as_str()));
    assert!(there.place.contains("X_SHIP_TRACK"), "{}", there.place);
    assert!(matches!(found(&[desk.entry("1Z0001")]).await, Written::Partly(_)));
    assert!(matches!(found(&[desk.entry(" ")]).await, Written::Partly(_)));
    let mut others = desk.entry("1Z0001, 1Z0002");
    others["A.DOC_ID"] = json!("0000079263");
    assert_eq!(
        found(&[others]).await,
        Written::Nothing,
        "a query that ignores its prompts shows nothing of ours"
    );
    let bench = Bench::new(Vec::new());
    bench.peoplesoft.find(&desk.write_back()).await.unwrap();
    let asked = &bench.script.seen()[0];
    let prompts = ["BUSINESS_UNIT", "DOC_TYPE", "DOC_ID"].map(|prompt| asked.prompt(prompt));
    assert_eq!(prompts, ["US001", "PO", "0000079262"]);
}

#[tokio::test]
async fn a_connection_that_writes_nothing_asks_for_nothing() {
    let desk = Desk::new().await;
    let bench = Bench::with(&basic(), Vec::new(), |connection| {
        connection.write_back =
            serde_json::from_value(json!({"fulfilment": false, "store_only": true, "fields": {}})).unwrap();
    });
    let found = bench.peoplesoft.find(&desk.write_back()).await.unwrap();
    assert!(matches!(found, Written::Whole(there) if there.place.starts_with("our own store")));
    bench.peoplesoft.flag(&document(), Some("no weight")).await.unwrap();
    bench
        .peoplesoft
        .tell(&document(), &on_its_way(), bench.permit())
        .await
        .unwrap();
    assert!(bench.script.seen().is_empty());
    assert_eq!(bench.peoplesoft.made(&[]).await, Ok(None));
}

#[tokio::test]
async fn more_numbers_than_a_column_takes_are_refused_and_never_cut() {
    let mut desk = Desk::new().await;
    let numbers: Vec<String> = (0..20).map(|n| format!("1Z0000000000000{n:03}")).collect();
    desk.shipment = shipment(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = Bench::new(Vec::new())
        .peoplesoft
        .draft(&desk.write_back(), &Written::Nothing)
        .unwrap_err();
    assert!(refused.message.contains("erp.text_limit"), "{refused}");
}

#[tokio::test]
async fn the_same_problem_is_not_flagged_again() {
    let there = json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": "PROBLEM",
                       "TRACKING": " ", "STATUS": " ", "ERR_TEXT": "no weight"});
    let mut cleared = there.clone();
    cleared["ERR_TEXT"] = json!(" ");
    let bench = Bench::new(vec![
        once("X_SHIP_TRACK/", 200, rows(std::slice::from_ref(&there))),
        once("X_SHIP_TRACK/", 200, rows(std::slice::from_ref(&there))),
        once("PUT", 200, fixture!("write/taken.json")),
        always("X_SHIP_TRACK/", rows(&[cleared])),
    ]);
    bench.peoplesoft.flag(&document(), Some("no weight")).await.unwrap();
    bench.peoplesoft.flag(&document(), None).await.unwrap();
    // Nothing stands there any more.
    bench.peoplesoft.flag(&document(), None).await.unwrap();
    let [put] = bench.script.asked(PUT).try_into().unwrap();
    assert_eq!(
        (&put.json()["ERR_TEXT"], &put.json()["ERR_FLG"]),
        (&json!(""), &json!("N"))
    );
    let refused = Bench::new(vec![once("PUT", 200, fixture!("errors/rejected.json"))]);
    let result = refused.peoplesoft.flag(&document(), Some("no weight")).await;
    assert!(matches!(result, Err(CallError::Refused(_))), "{result:?}");
}

fn on_its_way() -> DeliveryStatus {
    DeliveryStatus {
        milestone: Milestone::InTransit,
        text: "In transit".to_owned(),
        at: "2026-03-02T14:00:00.75Z".parse().unwrap(),
        place: Some("Louisville, KY, US".to_owned()),
        signed_by: None,
        estimate: Some(Estimate {
            date: civil::date(2026, 3, 5),
            until: None,
        }),
    }
}

/// A delivery is told by the server's clock, and only where it has changed.
#[tokio::test]
async fn a_delivery_is_told_once() {
    let mut there = json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": "DELIVERY",
                           "TRACKING": " ", "STATUS": "In transit", "ERR_TEXT": " ", "STATUS_DTTM": "2026-03-02-08.00.00.000000",
                           "PLACE": "Louisville, KY, US", "SIGNED_BY": " ", "EST_DELIVERY": "2026-03-05 00:00:00"});
    let bench = Bench::new(vec![
        once("PUT", 201, ""),
        once("X_SHIP_TRACK/", 200, rows(&[])),
        always("X_SHIP_TRACK/", rows(std::slice::from_ref(&there))),
    ]);
    for _ in 0..2 {
        bench
            .peoplesoft
            .tell(&document(), &on_its_way(), bench.permit())
            .await
            .unwrap();
    }
    let [put] = bench.script.asked(PUT).try_into().unwrap();
    let expected = json!({"BUSINESS_UNIT": "US001", "DOC_TYPE": "PO", "DOC_ID": "0000079262", "ENTRY": "DELIVERY",
                          "STATUS": "In transit", "STATUS_DTTM": "2026-03-02 08:00:00", "PLACE": "Louisville, KY, US",
                          "SIGNED_BY": "", "EST_DELIVERY": "2026-03-05"});
    assert_eq!(put.json(), expected);
    there["SIGNED_BY"] = json!("MORGAN");
    let old = rows(std::slice::from_ref(&there));
    there["SIGNED_BY"] = json!(" ");
    let bench = Bench::new(vec![
        once("X_SHIP_TRACK/", 200, old),
        always("X_SHIP_TRACK/", rows(&[there])),
        once("PUT", 201, ""),
    ]);
    bench
        .peoplesoft
        .tell(&document(), &on_its_way(), bench.permit())
        .await
        .unwrap();
    assert_eq!(
        bench.script.asked(PUT).len(),
        1,
        "a name that is no longer known goes away"
    );
    let unread = Bench::new(vec![once("X_SHIP_TRACK/", 503, "")]);
    let result = unread
        .peoplesoft
        .tell(&document(), &on_its_way(), unread.permit())
        .await;
    assert!(matches!(result, Err(EffectError::NotSent(_))), "{result:?}");
}
