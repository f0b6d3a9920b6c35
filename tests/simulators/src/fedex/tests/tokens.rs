//! Tokens: who is given one, for how long, for what, and how often.

use serde_json::json;

use super::super::{Capability, Options, Project};
use super::{ACCOUNT, RATE, RESOLVE, SHIP, Stage, TRACK, by_reference, code, domestic, numbers};

#[tokio::test]
async fn the_credentials_stand_in_the_form_and_must_be_right() {
    let stage = Stage::plain().await;
    let (status, answer) = stage.ask_token("fedex-key", "wrong").await;
    assert_eq!((status, code(&answer)), (401, "NOT.AUTHORIZED.ERROR"));
    let (status, answer) = stage
        .ask_token_with("client_id=fedex-key&client_secret=fedex-secret")
        .await;
    assert_eq!((status, code(&answer)), (400, "BAD.REQUEST.ERROR"));
    let (status, answer) = stage.ask_token("fedex-key", "fedex-secret").await;
    assert_eq!(status, 200);
    assert_eq!(
        (&answer["token_type"], &answer["expires_in"]),
        (&json!("bearer"), &json!(3600))
    );
}

/// The judge of P59: the token is good for its hour and no longer.
#[tokio::test]
async fn a_token_lives_for_an_hour() {
    let stage = Stage::plain().await;
    stage.advance(3599);
    assert_eq!(stage.post(TRACK, &numbers(&["794900000001"])).await.0, 200);
    stage.advance(1);
    let (status, answer) = stage.post(TRACK, &numbers(&["794900000001"])).await;
    assert_eq!((status, code(&answer)), (401, "NOT.AUTHORIZED.ERROR"));
}

#[tokio::test]
async fn tokens_can_be_made_to_end_early_and_unknown_ones_never_do() {
    let mut stage = Stage::plain().await;
    stage.fault("ship", crate::faults::FaultKind::ExpireTokens);
    assert_eq!(stage.ship(&domestic("A")).await.0, 401);
    assert!(stage.books().shipments.is_empty());
    assert!(stage.books().tokens["fedex-key"][0].revoked);
    stage.token = "made-up".to_owned();
    assert_eq!(stage.ship(&domestic("A")).await.0, 401);
}

#[tokio::test]
async fn a_project_does_only_what_it_may_and_for_its_own_accounts() {
    let ship = Project::everything("ship-key", "ship-secret").only(&[Capability::Ship]);
    let track = Project::everything("fedex-key", "fedex-secret").only(&[Capability::Track]);
    let options = Options {
        projects: vec![
            Project {
                accounts: vec!["111111111".to_owned()],
                ..ship
            },
            track,
        ],
        ..Options::default()
    };
    let mut stage = Stage::new(options).await;
    for path in [SHIP, RATE, RESOLVE] {
        let (status, answer) = stage.post(path, &domestic("A")).await;
        assert_eq!((status, code(&answer)), (403, "FORBIDDEN.ERROR"), "{path}");
    }
    assert_eq!(stage.post(super::BY_REFERENCE, &by_reference("A")).await.0, 200);
    stage.token = stage.good_token("ship-key", "ship-secret").await;
    assert_eq!(stage.post(TRACK, &numbers(&["1"])).await.0, 403);
    let (status, answer) = stage.ship(&domestic("A")).await;
    assert_eq!(
        (status, code(&answer)),
        (400, "SHIPMENT.USER.UNAUTHORIZED"),
        "{ACCOUNT} is not its own"
    );
}

/// The judge of P60: more than three token requests a second, five seconds in a row, cost ten minutes.
#[tokio::test]
async fn a_burst_of_token_requests_is_punished() {
    let stage = Stage::plain().await;
    stage.advance(10);
    for _ in 0..5 {
        for _ in 0..3 {
            assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 200);
        }
        stage.advance(1);
    }
    assert_eq!(stage.books().token_traffic.most_in_a_second, 3);
    for second in 0..5 {
        for request in 0..4 {
            let last = second == 4 && request == 3;
            let (status, answer) = stage.ask_token("fedex-key", "fedex-secret").await;
            assert_eq!(
                status,
                if last { 403 } else { 200 },
                "second {second}, request {request}: {answer}"
            );
        }
        stage.advance(1);
    }
    // The second in which the violation was begins the ten minutes; one has passed since.
    stage.advance(598);
    let (status, answer) = stage.ask_token("fedex-key", "fedex-secret").await;
    assert_eq!((status, code(&answer)), (403, "FORBIDDEN.ERROR"));
    stage.advance(1);
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 200);
    let traffic = stage.books().token_traffic;
    assert_eq!((traffic.most_in_a_second, traffic.refused), (4, 2));
}

/// The judge of P60: more than one token request a second over two minutes cost ten minutes, and each further violation
/// as many again.
#[tokio::test]
async fn too_many_token_requests_on_average_are_punished_and_more_of_them_again() {
    let stage = Stage::plain().await;
    for _ in 0..59 {
        stage.advance(1);
        for _ in 0..2 {
            assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 200);
        }
    }
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 200);
    assert_eq!(stage.books().token_traffic.most_in_120_s, 120);
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 403);
    let first = stage.books().token_traffic.blocked_until.unwrap();
    stage.advance(30);
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 403);
    let then = stage.books().token_traffic.blocked_until.unwrap();
    assert_eq!(then.duration_since(first).as_secs(), 30);
    stage.advance(300);
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 403);
    assert_eq!(
        stage.books().token_traffic.blocked_until,
        Some(then),
        "one request is no violation"
    );
    stage.advance(300);
    assert_eq!(stage.ask_token("fedex-key", "fedex-secret").await.0, 200);
}
