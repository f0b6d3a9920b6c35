//! How the pod is entered, and what its doors say.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair;
use data_encoding::BASE64;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use super::{fixture, whole_pod};
use crate::connection::Connection;
use crate::ports::*;
use crate::systems::fusion::fixture::{Line, Pod, Shared, always, basic, connection, fusion, once, ports};
use crate::systems::fusion::{Fusion, check_secret};

const TOKEN: &str = r#"{"access_token": "access", "expires_in": 3600, "token_type": "Bearer"}"#;
const NONE: &str = r#"{"items": [], "hasMore": false}"#;

fn identity(connection: &mut Connection) {
    connection.erp.options = json!({
        "identity_url": "http://idcs.test", "scope": "urn:opc:resource:fa:instanceid=1urn:opc:resource:consumer::all"
    });
}

fn form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// P38: a token of the pod's identity domain, its scope to the letter.
#[tokio::test]
async fn a_client_gets_a_token_of_its_identity_domain() {
    let pod = Pod::new(vec![
        once("POST idcs.test/oauth2/v1/token?", 200, TOKEN),
        once("/purchaseOrders?", 200, NONE),
    ]);
    let secret = json!({"kind": "client-credentials", "client_id": "client", "client_secret": "hush"});
    let fusion = fusion(&pod, &secret, identity);
    fusion.numbered("1").await.unwrap();
    let seen = pod.seen();
    assert_eq!(
        seen[0].header("authorization"),
        format!("Basic {}", BASE64.encode(b"client:hush"))
    );
    let form = form(&seen[0].body);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(
        form["scope"],
        "urn:opc:resource:fa:instanceid=1urn:opc:resource:consumer::all"
    );
    assert_eq!(seen[1].header("authorization"), "Bearer access");
    assert!(fusion.mint().is_some());
}

/// P38: a token that is refused is replaced once, and the call goes on.
#[tokio::test]
async fn a_401_takes_a_new_token() {
    let pod = Pod::new(vec![
        once("POST idcs.test/oauth2/v1/token?", 200, TOKEN),
        once(
            "POST idcs.test/oauth2/v1/token?",
            200,
            TOKEN.replace(r#""access""#, r#""second""#),
        ),
        once("/purchaseOrders?", 401, "<html>expired</html>"),
        once("/purchaseOrders?", 200, NONE),
    ]);
    let secret = json!({"kind": "client-credentials", "client_id": "client", "client_secret": "hush"});
    let fusion = fusion(&pod, &secret, identity);
    assert_eq!(fusion.numbered("1").await, Ok(Vec::new()));
    assert_eq!(pod.seen().len(), 4);
}

fn assertion() -> (Value, DecodingKey) {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64.encode(der.as_ref())
    );
    let secret = json!({"kind": "jwt-assertion", "client_id": "client", "client_secret": "hush", "user": "integration",
                        "private_key": pem, "certificate_alias": "waybill", "x5t": "thumb", "tenant": "acme"});
    (secret, DecodingKey::from_rsa_der(pair.public_key().as_ref()))
}

#[tokio::test]
async fn an_assertion_is_signed_as_an_identity_domain_wants_it() {
    let (secret, public) = assertion();
    let pod = Pod::new(vec![
        once("POST idcs.test/oauth2/v1/token?", 200, TOKEN),
        once("/purchaseOrders?", 200, NONE),
    ]);
    fusion(&pod, &secret, identity).numbered("1").await.unwrap();
    let seen = pod.seen();
    let form = form(&seen[0].body);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let jwt = &form["assertion"];
    let header = jsonwebtoken::decode_header(jwt).unwrap();
    assert_eq!(
        (header.kid.as_deref(), header.x5t.as_deref()),
        (Some("waybill"), Some("thumb"))
    );
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["https://identity.oraclecloud.com/"]);
    validation.set_issuer(&["client"]);
    let claims = jsonwebtoken::decode::<Value>(jwt, &public, &validation).unwrap().claims;
    assert_eq!(
        (&claims["sub"], &claims["prn"]),
        (&json!("integration"), &json!("integration"))
    );
    assert_eq!(claims["aud"], json!(["https://identity.oraclecloud.com/"]));
    assert_eq!(claims["user.tenant.name"], json!("acme"));
    let age = jiff::Timestamp::now().as_second() - claims["iat"].as_i64().unwrap();
    assert!((10..20).contains(&age), "it begins {age} s in the past");
}

#[test]
fn a_secret_is_refused_with_what_is_missing_and_without_what_is_there() {
    let told = |secret: Value| check_secret(&secret.to_string().into()).map_err(|refusal| refusal.message);
    assert_eq!(told(basic()), Ok(()));
    let (good, _) = assertion();
    assert_eq!(told(good.clone()), Ok(()));
    assert_eq!(
        told(json!({"kind": "jwt-assertion", "client_id": "hush"})),
        Err(
            "the Fusion secret of kind jwt-assertion lacks client_secret, user, private_key, certificate_alias"
                .to_owned()
        )
    );
    assert!(
        told(json!({"user": "hush"}))
            .unwrap_err()
            .contains("basic, client-credentials or jwt-assertion")
    );
    let mut broken = good;
    broken["private_key"] = json!("hush hush");
    let leak = told(broken).unwrap_err();
    assert!(leak.contains("RSA key") && !leak.contains("hush"), "{leak}");
    assert!(check_secret(&"no json".to_owned().into()).is_err());
}

#[test]
fn a_secret_of_oauth_needs_an_identity_domain() {
    let pod = Pod::new(Vec::new());
    let secret = json!({"kind": "client-credentials", "client_id": "client", "client_secret": "hush"});
    let connection = connection();
    let ports = ports(&pod, Arc::new(Shared::default()));
    let Err(refusal) = Fusion::new(&connection, &secret.to_string().into(), ports) else {
        panic!("it was opened")
    };
    assert!(refusal.message.contains("erp.identity_url"), "{refusal}");
}

/// A login page is no answer: neither as a redirect, which is never followed, nor as HTML.
#[tokio::test]
async fn a_login_page_is_no_answer() {
    let pod = Pod::new(vec![
        once("/purchaseOrders?", 302, ""),
        once("/purchaseOrders?", 200, fixture!("errors/login.html")),
        once("/purchaseOrders?", 403, fixture!("errors/login.html")),
    ]);
    let fusion = fusion(&pod, &basic(), |_| {});
    let led = fusion.numbered("1").await;
    let Err(CallError::Later(later)) = led else {
        panic!("{led:?}")
    };
    assert_eq!(later.obstacle, Obstacle::Unauthorised);
    assert!(later.reason.contains("login page"), "{later}");
    for _ in 0..2 {
        assert!(matches!(fusion.numbered("1").await, Err(CallError::Later(_))));
    }
    assert!(
        pod.seen().iter().all(|seen| seen.line.starts_with("GET pod.test/")),
        "{:#?}",
        pod.asked()
    );
}

fn told(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{}: {:?}", finding.what, finding.result);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// P27: everything that the connection needs is tried, and nothing is touched.
#[tokio::test]
async fn a_check_tries_everything_and_touches_nothing() {
    let mut lines = vec![
        always(
            "/purchaseOrders?limit=1&fields=POHeaderId,OrderNumber",
            r#"{"items": [{"POHeaderId": 1}]}"#,
        ),
        always(
            "/draftPurchaseOrders/describe",
            fixture!("describe/drafts.json").replace(
                "\"shipProblem\", \"type\": \"string\", \"updatable\": false",
                "\"shipProblem\", \"type\": \"string\", \"updatable\": true",
            ),
        ),
        always(
            "/purchaseOrders?q=LastUpdateDate",
            r#"{"items": [{"POHeaderId": 300100555000111}], "hasMore": true}"#,
        ),
        always(
            "/draftPurchaseOrders?q=POHeaderId = 300100555000111",
            fixture!("orders/draft.json"),
        ),
        always(
            "/locationsV2?limit=1&fields=LocationId",
            r#"{"items": [{"LocationId": 1}]}"#,
        ),
        always("/itemsV2?limit=1&fields=ItemId", r#"{"items": [{"ItemId": 1}]}"#),
    ];
    lines.extend(whole_pod());
    let pod = Pod::new(lines);
    let findings = fusion(&pod, &basic(), |_| {}).check().await;
    assert!(
        findings.iter().all(|finding| finding.result.is_ok()),
        "{}",
        told(&findings)
    );
    assert_eq!(findings.len(), 10, "{}", told(&findings));
    assert!(pod.sent().is_empty());
}

/// P27: each failure says what to do.
#[tokio::test]
async fn a_check_says_what_to_do() {
    let pod = Pod::new(vec![once("/purchaseOrders?limit=1&", 200, NONE)]);
    let findings = fusion(&pod, &basic(), |_| {}).check().await;
    assert!(
        told(&findings).contains("data access to the procurement business unit"),
        "{}",
        told(&findings)
    );
    let pod = Pod::new(vec![once("/purchaseOrders?limit=1&", 302, "")]);
    let findings = fusion(&pod, &basic(), |_| {}).check().await;
    assert!(
        told(&findings).contains("password has not expired"),
        "{}",
        told(&findings)
    );
    let mut lines = vec![
        always("/purchaseOrders?limit=1&", r#"{"items": [{"POHeaderId": 1}]}"#),
        always("/draftPurchaseOrders/describe", fixture!("describe/drafts.json")),
        always("/purchaseOrders/describe", fixture!("describe/orders.json")),
        always(
            "/purchaseOrders?q=LastUpdateDate",
            r#"{"items": [{"POHeaderId": 300100555000111}]}"#,
        ),
        Line {
            for_good: true,
            ..once("ATL-DC", 403, fixture!("errors/forbidden.json"))
        },
        Line {
            for_good: true,
            ..once("LocationId = 300100021100001&", 403, fixture!("errors/forbidden.json"))
        },
        once("/draftPurchaseOrders?q=", 403, fixture!("errors/forbidden.json")),
        once(
            "/suppliers?limit=1&fields=SupplierId",
            403,
            fixture!("errors/forbidden.json"),
        ),
        once("/suppliers?q=", 403, fixture!("errors/forbidden.json")),
    ];
    lines.extend(whole_pod());
    let pod = Pod::new(lines);
    let findings = fusion(&pod, &basic(), |connection| {
        connection.select.rules[0].fields = [("shipVia".to_owned(), vec!["UPS".to_owned()])].into();
        connection.select.rules.push(crate::connection::SelectionRule {
            carrier: vec!["UPS".to_owned()],
            ..Default::default()
        });
        connection.write_back.fields.cost = Some("shipCost".to_owned());
        connection.select.rules[0].supplier = vec!["1252".to_owned()];
    })
    .check()
    .await;
    let words = told(&findings);
    for advice in [
        "no segment shipCost",
        "shipProblem may not be updated",
        "no attribute and no segment shipVia",
        "erp.locations = ",
        "Edit Purchase Order",
        "View Supplier",
    ] {
        assert!(words.contains(advice), "{advice} is not in {words}");
    }
}

/// One secret that is used with two scopes or identity domains does not share a token.
#[test]
fn a_token_is_that_of_its_domain_and_scope() {
    use crate::systems::fusion::credentials::Credentials;
    use crate::systems::fusion::options::Options;
    let secret = json!({"kind": "client-credentials", "client_id": "client", "client_secret": "hush"});
    let credentials = Credentials::parse(&secret.to_string().into()).unwrap();
    let giver = |identity: &str, scope: &str| {
        credentials.giver(&Options {
            identity_url: Some(identity.parse().unwrap()),
            scope: Some(scope.to_owned()),
            ..Options::default()
        })
    };
    assert_eq!(giver("https://a.test", "one"), giver("https://a.test", "one"));
    assert_ne!(giver("https://a.test", "one"), giver("https://a.test", "two"));
    assert_ne!(giver("https://a.test", "one"), giver("https://b.test", "one"));
}
