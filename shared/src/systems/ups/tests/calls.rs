//! The adapter over HTTP: paths, headers, tokens, and how a look-up combines what it sees.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::stub::{Asked, Noon, Stub};
use super::{buyer, domestic, fixture, german, rating, reference};
use crate::domain::{AddressVerdict, CarrierShipmentId, JobId, LabelFormat, Shipment, ShippedParcel};
use crate::ports::{
    CallError, Carrier, Clock, Control, EffectError, LabelError, Obstacle, Permit, Purchased, VoidError,
};

const LEAD: &str = "1ZA1B2C30300000017";
const SECOND: &str = "1ZA1B2C30300000026";
const OTHER: &str = "1ZA1B2C30300000044";

fn canned(status: u16, name: &str) -> (u16, String) {
    (status, fixture(name).to_string())
}

fn is_token(asked: &Asked) -> bool {
    asked.line == "POST /security/v1/oauth/token"
}

/// Answers token requests, and everything else by `answers`.
async fn stub(answers: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Stub {
    Stub::new(move |asked| {
        if is_token(asked) {
            canned(200, "token/answer-texts")
        } else {
            answers(asked)
        }
    })
    .await
}

fn permit() -> Permit {
    Permit {
        until: Noon.now() + SignedDuration::from_secs(60),
    }
}

async fn buy(stub: &Stub) -> Result<Purchased, EffectError> {
    let ups = stub.ups(json!({}));
    let draft = ups.draft(&domestic()).unwrap();
    ups.create(&draft, permit()).await
}

#[tokio::test]
async fn a_purchase_is_one_call_with_the_drafted_body_and_our_headers() {
    let stub = stub(|_| canned(200, "ship/answer-two-parcels")).await;
    let bought = buy(&stub).await.unwrap();
    assert_eq!(bought.shipment.id.as_str(), LEAD);
    let asked = stub.asked();
    let ship = asked.last().unwrap();
    assert_eq!((asked.len(), ship.line.as_str()), (2, "POST /api/shipments/v2409/ship"));
    assert_eq!(ship.json(), fixture("ship/request-domestic"));
    assert_eq!(ship.header("authorization"), Some("Bearer token-1"));
    assert_eq!(ship.header("transactionsrc"), Some("waybill"));
    let transaction = ship.header("transid").unwrap();
    assert!(
        transaction.len() == 32 && transaction.chars().all(|c| c.is_ascii_hexdigit()),
        "{transaction}"
    );
}

#[tokio::test]
async fn an_unreadable_success_is_unknown() {
    for body in [
        "<html>OK</html>",
        "{}",
        "{\"ShipmentResponse\":{\"ShipmentResults\":{}}}",
    ] {
        let stub = stub(move |_| (200, body.to_owned())).await;
        assert!(matches!(buy(&stub).await, Err(EffectError::Unknown(_))), "{body}");
    }
}

/// P11: a token that has ended is renewed once, and the call is sent once more.
#[tokio::test]
async fn an_ended_token_is_renewed_once() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let stub = stub(move |_| match first.swap(false, std::sync::atomic::Ordering::SeqCst) {
        true => (
            401,
            json!({"response": {"errors": [{"code": "250002", "message": "Invalid"}]}}).to_string(),
        ),
        false => canned(200, "ship/answer-two-parcels"),
    })
    .await;
    assert_eq!(buy(&stub).await.unwrap().shipment.id.as_str(), LEAD);
    let lines: Vec<bool> = stub.asked().iter().map(is_token).collect();
    assert_eq!(lines, [true, false, true, false]);
}

/// P7: the merchant id is a header of the token request when it is set, and absent when it is not.
#[tokio::test]
async fn the_merchant_id_goes_with_the_token_request_when_it_is_set() {
    for (options, header) in [(json!({"merchant_id": "9f9f9f"}), Some("9F9F9F")), (json!({}), None)] {
        let stub = stub(|_| canned(200, "rate/answer-five-services")).await;
        stub.ups(options).offers(&rating()).await.unwrap();
        let asked = stub.asked();
        assert_eq!(asked[0].header("x-merchant-id"), header);
        assert_eq!(asked[0].header("authorization"), Some("Basic YXBwLTE6czNjcmV0"));
        assert_eq!(asked[0].body, "grant_type=client_credentials");
        assert_eq!(asked[1].header("x-merchant-id"), None);
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_ups_says_and_a_wrong_credential_is_final() {
    let mint = |status: u16, name: &'static str| async move {
        let stub = Stub::new(move |_| canned(status, name)).await;
        stub.ups(json!({}))
            .mint()
            .mint()
            .await
            .map(|minted| minted.lives_for.as_secs())
    };
    assert_eq!(mint(200, "token/answer-texts").await, Ok(3599));
    assert_eq!(mint(200, "token/answer-numbers").await, Ok(14399));
    assert!(matches!(
        mint(200, "token/answer-without-lifetime").await,
        Err(CallError::Later(_))
    ));
    assert!(
        matches!(mint(401, "token/refused-client").await, Err(CallError::Refused(refusal)) if refusal.code == "10401")
    );
    assert!(matches!(
        mint(403, "token/refused-merchant").await,
        Err(CallError::Refused(_))
    ));
    assert!(
        matches!(mint(429, "token/refused-quota").await, Err(CallError::Later(later)) if later.obstacle == Obstacle::Limited)
    );
}

/// P9: the figure that users were promised is what the ledger of token requests counts against.
#[tokio::test]
async fn the_issuer_names_its_daily_limit() {
    let stub = stub(|_| (500, String::new())).await;
    let ups = stub.ups(json!({"merchant_id": "9F9F9F"}));
    assert_eq!(ups.mint().daily_limit(), Some(250));
    let key = ups.token_key();
    assert_eq!((key.system.as_str(), key.merchant.as_deref()), ("ups", Some("9F9F9F")));
    assert!(!key.client.contains("app-1"), "{}", key.client);
}

#[tokio::test]
async fn countries_without_validation_are_not_asked() {
    let stub = stub(|_| canned(200, "validate/answer-valid")).await;
    let ups = stub.ups(json!({}));
    assert_eq!(ups.validate(&german()).await, Ok(AddressVerdict::NotCovered));
    assert!(stub.asked().is_empty());
    assert_eq!(
        ups.validate(&buyer()).await,
        Ok(AddressVerdict::Valid {
            residential: Some(true)
        })
    );
    assert_eq!(stub.asked()[1].line, "POST /api/addressvalidation/v2/3");
}

// ---- looking -----------------------------------------------------------------------------------------------------

/// What UPS says at a look: to a recovery by reference, to a recovery by each number, and to tracking.
struct Say {
    reference: (u16, &'static str),
    numbers: &'static [(&'static str, u16, &'static str)],
    track: (u16, &'static str),
}

const ABSENT: (u16, &str) = (400, "recover/refused-absent");
const UNTRACKED: (u16, &str) = (404, "track/refused-not-found");

impl Say {
    async fn stub(self) -> Stub {
        stub(move |asked| {
            let (status, name) = if asked.line.starts_with("GET /api/track/v1/") {
                self.track
            } else {
                let request = asked.json()["LabelRecoveryRequest"].clone();
                match request.get("TrackingNumber").and_then(Value::as_str) {
                    None => self.reference,
                    Some(number) => {
                        let known = self.numbers.iter().find(|(known, ..)| *known == number);
                        known.map_or(ABSENT, |(_, status, name)| (*status, *name))
                    }
                }
            };
            canned(status, name)
        })
        .await
    }

    /// The shipments found, each as its number and its parcels; `None` for "later".
    async fn found(self) -> Option<Vec<(String, Vec<String>)>> {
        let stub = self.stub().await;
        let sighting = stub.ups(json!({})).find(&reference(), None).await;
        assert!(!matches!(sighting, Err(CallError::Refused(_))), "{sighting:?}");
        let summary = |shipment: Shipment| {
            let parcels = shipment.tracking_numbers().map(str::to_owned).collect();
            (shipment.id.to_string(), parcels)
        };
        sighting
            .ok()
            .map(|sighting| sighting.found.into_iter().map(summary).collect())
    }
}

fn whole() -> (String, Vec<String>) {
    (LEAD.into(), vec![LEAD.into(), SECOND.into()])
}

#[tokio::test]
async fn a_lost_purchase_is_found_by_its_reference() {
    let found = Say {
        reference: (200, "recover/answer-two-parcels"),
        numbers: &[],
        track: UNTRACKED,
    }
    .found()
    .await;
    assert_eq!(found, Some(vec![whole()]));
}

#[tokio::test]
async fn a_look_asks_with_the_reference_and_the_account() {
    let stub = Say {
        reference: ABSENT,
        numbers: &[],
        track: UNTRACKED,
    }
    .stub()
    .await;
    let sighting = stub.ups(json!({})).find(&reference(), None).await.unwrap();
    assert_eq!((sighting.found.len(), sighting.control_seen), (0, false));
    let asked = stub.asked();
    let values = asked[1].json()["LabelRecoveryRequest"]["ReferenceValues"].clone();
    let own = reference();
    assert_eq!(
        values,
        json!({"ReferenceNumber": {"Value": own.as_str()}, "ShipperNumber": "A1B2C3"})
    );
    let track =
        format!("GET /api/track/v1/reference/details/{own}?locale=en_US&refNumType=SmallPackage&shipperNum=A1B2C3");
    assert_eq!(asked[2].line, track);
}

#[tokio::test]
async fn what_only_tracking_shows_is_found_under_the_number_of_its_shipment() {
    let numbers = &[
        (SECOND, 200, "recover/answer-second-parcel"),
        (LEAD, 200, "recover/answer-two-parcels"),
    ];
    let found = Say {
        reference: ABSENT,
        numbers,
        track: (200, "track/answer-two-parcels"),
    }
    .found()
    .await;
    assert_eq!(found, Some(vec![whole()]));
}

#[tokio::test]
async fn several_matches_are_each_found_under_their_own_number() {
    let numbers = &[
        (SECOND, 200, "recover/answer-second-parcel"),
        (LEAD, 200, "recover/answer-two-parcels"),
        (OTHER, 200, "recover/answer-other-shipment"),
    ];
    let found = Say {
        reference: (200, "recover/answer-candidates"),
        numbers,
        track: UNTRACKED,
    }
    .found()
    .await;
    assert_eq!(found, Some(vec![whole(), (OTHER.into(), vec![OTHER.into()])]));
}

#[tokio::test]
async fn a_voided_shipment_is_not_found() {
    let refused = Say {
        reference: (400, "recover/refused-voided"),
        numbers: &[],
        track: UNTRACKED,
    };
    assert_eq!(refused.found().await, Some(Vec::new()));
    let shown = Say {
        reference: (200, "recover/answer-collapsed"),
        numbers: &[],
        track: (200, "track/answer-voided"),
    };
    assert_eq!(shown.found().await, Some(Vec::new()));
    let numbers = &[(SECOND, 400, "recover/refused-voided")];
    let tracked = Say {
        reference: ABSENT,
        numbers,
        track: (200, "track/answer-two-parcels"),
    };
    assert_eq!(tracked.found().await, Some(Vec::new()));
}

#[tokio::test]
async fn a_shipment_that_is_voided_in_part_is_still_there() {
    let track = (200, "track/answer-voided-in-part");
    let known = Say {
        reference: (200, "recover/answer-two-parcels"),
        numbers: &[],
        track,
    };
    assert_eq!(known.found().await, Some(vec![whole()]));
    let numbers = &[
        (SECOND, 200, "recover/answer-second-parcel"),
        (LEAD, 400, "recover/refused-voided"),
    ];
    let shown = Say {
        reference: ABSENT,
        numbers,
        track,
    }
    .found()
    .await;
    assert_eq!(shown, Some(vec![(LEAD.into(), vec![SECOND.into()])]));
}

/// A label that is gone does not make its shipment gone.
#[tokio::test]
async fn a_delivered_shipment_is_found_by_its_parcels() {
    let numbers = &[(SECOND, 400, "recover/refused-delivered")];
    let reference = (400, "recover/refused-delivered");
    let found = Say {
        reference,
        numbers,
        track: (200, "track/answer-two-parcels"),
    }
    .found()
    .await;
    assert_eq!(found, Some(vec![(SECOND.into(), vec![SECOND.into(), LEAD.into()])]));
    assert_eq!(
        Say {
            reference,
            numbers,
            track: UNTRACKED
        }
        .found()
        .await,
        None
    );
}

/// Parcels of one shipment must never pass for several shipments: all but one would be voided as extra.
#[tokio::test]
async fn parcels_that_cannot_be_told_apart_are_no_finding() {
    let track = (200, "track/answer-parcel-by-parcel");
    assert_eq!(
        Say {
            reference: ABSENT,
            numbers: &[],
            track
        }
        .found()
        .await,
        None
    );
    let numbers = &[(LEAD, 200, "recover/answer-two-parcels")];
    assert_eq!(
        Say {
            reference: ABSENT,
            numbers,
            track
        }
        .found()
        .await,
        Some(vec![whole()])
    );
}

#[tokio::test]
async fn an_answer_that_says_neither_yes_nor_no_is_no_absence() {
    for reference in [
        (400, "recover/refused-transient"),
        (400, "recover/refused-not-processed"),
        (500, "error/empty"),
    ] {
        assert_eq!(
            Say {
                reference,
                numbers: &[],
                track: UNTRACKED
            }
            .found()
            .await,
            None,
            "{reference:?}"
        );
    }
    for track in [(400, "track/refused-other"), (503, "error/empty"), (200, "error/empty")] {
        assert_eq!(
            Say {
                reference: ABSENT,
                numbers: &[],
                track
            }
            .found()
            .await,
            None,
            "{track:?}"
        );
    }
}

#[tokio::test]
async fn the_control_counts_only_if_label_recovery_knows_it_at_the_same_look() {
    let known = JobId::of(
        &"acme-netsuite-ups".parse().unwrap(),
        &crate::domain::DocumentId::sales_order("4000"),
        1,
    );
    let bought_at: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    let control = Control {
        reference: known.clone(),
        shipment: CarrierShipmentId::new(OTHER),
        bought_at,
    };
    for (answer, track, seen) in [
        ((200, "recover/answer-other-shipment"), UNTRACKED, true),
        ((400, "recover/refused-delivered"), UNTRACKED, true),
        (ABSENT, UNTRACKED, false),
        (ABSENT, (200, "track/answer-two-parcels"), false),
    ] {
        let wanted = known.clone();
        let stub = stub(move |asked| {
            let of_control = asked.line.contains(wanted.as_str()) || asked.body.contains(wanted.as_str());
            let tracking = asked.line.starts_with("GET ");
            let (status, name) = match (of_control, tracking) {
                (true, true) => track,
                (true, false) => answer,
                (false, true) => UNTRACKED,
                (false, false) => ABSENT,
            };
            canned(status, name)
        })
        .await;
        let sighting = stub.ups(json!({})).find(&reference(), Some(&control)).await.unwrap();
        assert_eq!(
            (sighting.found.len(), sighting.control_seen),
            (0, seen),
            "{answer:?} {track:?}"
        );
        let lines: Vec<String> = stub.asked().into_iter().map(|asked| asked.line).collect();
        assert!(
            lines.iter().any(|line| line.ends_with("&fromPickUpDate=20261031")),
            "{lines:?}"
        );
    }
}

// ---- labels and voids --------------------------------------------------------------------------------------------

fn shipment() -> Shipment {
    Shipment {
        id: CarrierShipmentId::new(LEAD),
        parcels: [LEAD, SECOND]
            .map(|number| ShippedParcel {
                tracking_number: number.into(),
            })
            .to_vec(),
        service: None,
        cost: None,
        remarks: Vec::new(),
    }
}

#[tokio::test]
async fn labels_are_asked_for_parcel_by_parcel_unless_they_came_together() {
    let stub = stub(|asked| match asked.body.contains(SECOND) {
        true => canned(200, "recover/answer-second-parcel"),
        false => canned(200, "recover/answer-collapsed"),
    })
    .await;
    let labels = stub.ups(json!({})).labels(&shipment(), LabelFormat::Zpl).await.unwrap();
    let numbers: Vec<_> = labels
        .iter()
        .filter_map(|label| label.tracking_number.as_deref())
        .collect();
    assert_eq!(numbers, [LEAD, SECOND]);
    let together = self::stub(|_| canned(200, "recover/answer-two-parcels")).await;
    assert_eq!(
        together
            .ups(json!({}))
            .labels(&shipment(), LabelFormat::Zpl)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(together.asked().len(), 2);
    let missing = self::stub(|_| canned(200, "recover/answer-collapsed")).await;
    let result = missing.ups(json!({})).labels(&shipment(), LabelFormat::Zpl).await;
    assert_eq!(
        result.map(|labels| labels.len()),
        Ok(1),
        "what is missing is not waited for here"
    );
    let png = missing.ups(json!({})).labels(&shipment(), LabelFormat::Png).await;
    assert!(matches!(png, Err(LabelError::Gone(_))), "{png:?}");
}

#[tokio::test]
async fn a_void_names_the_shipment_in_its_path_and_nothing_else() {
    let stub = stub(|_| canned(200, "void/answer-junk")).await;
    let ups = stub.ups(json!({}));
    assert_eq!(ups.void(&CarrierShipmentId::new(LEAD)).await, Ok(()));
    assert_eq!(
        stub.asked()[1].line,
        format!("DELETE /api/shipments/v2409/void/cancel/{LEAD}")
    );
    let slip = ups.void(&CarrierShipmentId::new("../../ship")).await;
    assert!(matches!(slip, Err(VoidError::Refused(_))), "{slip:?}");
    assert_eq!(stub.asked().len(), 2);
}

// ---- checking ----------------------------------------------------------------------------------------------------

/// P27: each finding says what was tried, and each failure what to do.
#[tokio::test]
async fn a_check_tries_everything_without_buying_and_says_what_to_do() {
    let good = stub(|asked| match asked.line.as_str() {
        line if line.contains("rating") => canned(200, "rate/answer-five-services"),
        line if line.contains("recovery") => canned(400, "recover/refused-absent"),
        _ => canned(200, "validate/answer-valid"),
    })
    .await;
    let findings = good.ups(json!({})).check().await;
    assert!(findings.iter().all(|finding| finding.result.is_ok()), "{findings:?}");
    assert_eq!(findings.len(), 5);
    assert!(
        good.asked().iter().all(|asked| !asked.line.contains("/ship")),
        "nothing is bought"
    );

    let wrong = Stub::new(|_| canned(401, "token/refused-client"))
        .await
        .ups(json!({}))
        .check()
        .await;
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].result.as_ref().unwrap_err().contains("client id and secret"),
        "{wrong:?}"
    );

    let denied =
        json!({"response": {"errors": [{"code": "250002", "message": "Invalid Authentication Information."}]}});
    let shut = stub(move |_| (401, denied.to_string()))
        .await
        .ups(json!({}))
        .check()
        .await;
    assert!(
        shut[1].result.as_ref().unwrap_err().contains("Rating product"),
        "{shut:?}"
    );
    assert!(
        shut[2]
            .result
            .as_ref()
            .unwrap_err()
            .contains("Address Validation product"),
        "{shut:?}"
    );
    assert!(
        shut[3].result.as_ref().unwrap_err().contains("Shipping product"),
        "{shut:?}"
    );

    let foreign = json!({"response": {"errors": [{"code": "111580", "message": "Missing or invalid shipper number"}]}});
    let account = stub(move |_| (400, foreign.to_string()))
        .await
        .ups(json!({}))
        .check()
        .await;
    assert!(
        account[1].result.as_ref().unwrap_err().contains("`account`"),
        "{account:?}"
    );

    let busy = stub(|asked| match asked.line.contains("recovery") {
        true => canned(400, "recover/refused-transient"),
        false => canned(200, "rate/answer-five-services"),
    })
    .await
    .ups(json!({}))
    .check()
    .await;
    assert!(
        busy[3].result.as_ref().unwrap_err().contains("Try again later"),
        "{busy:?}"
    );
}
