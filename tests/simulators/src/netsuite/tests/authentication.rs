//! The three ways in, and what is refused.

use super::*;
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;

const TIME: &str = "/services/rest/system/v1/serverTime";

/// Assertions signed with each kind of key get a token that works.
#[tokio::test]
async fn each_kind_of_key_opens_the_door() {
    let stage = Stage::plain().await;
    let kinds = [
        (KeyKind::P256, Algorithm::ES256),
        (KeyKind::P384, Algorithm::ES384),
        (KeyKind::Rsa3072, Algorithm::PS256),
    ];
    for (kind, algorithm) in kinds {
        let key = stage.netsuite.make_certificate(kind, "another", "client-2").unwrap();
        let assertion = assertion(algorithm, "another", &claims("client-2", stage.now()), &key);
        let (status, body) = stage.ask_token(&assertion).await;
        assert_eq!((status, &body["expires_in"]), (200, &json!(3600)), "{kind:?} {body}");
        assert!(body.get("refresh_token").is_none());
    }
    let books = stage.netsuite.books();
    assert_eq!((books.tokens.issued, books.tokens.refused), (4, 0));
}

/// What an assertion must not be.
#[tokio::test]
async fn wrong_assertions_are_refused() {
    let stage = Stage::plain().await;
    let now = stage.now();
    let good = claims("client-1", now);
    let stranger = super::super::keys::generate(KeyKind::P256).unwrap();
    let rsa = stage
        .netsuite
        .make_certificate(KeyKind::Rsa3072, "rsa", "client-1")
        .unwrap();
    let changed = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        assertion(Algorithm::ES256, "certificate-1", &claims, &stage.key)
    };
    let wrong = [
        (
            "signed by a stranger",
            assertion(Algorithm::ES256, "certificate-1", &good, &stranger),
        ),
        (
            "unknown certificate",
            assertion(Algorithm::ES256, "certificate-9", &good, &stage.key),
        ),
        ("RS256", assertion(Algorithm::RS256, "rsa", &good, &rsa)),
        ("valid for an hour", changed("exp", json!(now - 10 + 3600))),
        ("expired", changed("exp", json!(now - 1))),
        ("issued in the future", changed("iat", json!(now + 500))),
        (
            "other audience",
            changed("aud", json!("https://1234567-sb1.suitetalk.api.netsuite.com/")),
        ),
        ("other scope", changed("scope", json!(["restlets"]))),
        ("other issuer", changed("iss", json!("client-2"))),
    ];
    for (why, assertion) in wrong {
        let (status, body) = stage.ask_token(&assertion).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (400, Some("invalid_grant")),
            "{why}: {body}"
        );
    }
    assert_eq!(stage.netsuite.books().tokens.refused, 9);
}

/// A token lives for an hour and no longer.
#[tokio::test]
async fn a_token_dies_after_its_hour() {
    let stage = Stage::plain().await;
    let time = || async { read(stage.request(Method::GET, TIME).send().await.unwrap()).await };
    stage.advance(3599);
    assert_eq!(time().await.1["serverTime"], "2026-02-03T18:59:59.000Z");
    stage.advance(1);
    let (status, body) = time().await;
    assert_eq!((status, code(&body)), (401, "INVALID_LOGIN"));
}

#[tokio::test]
async fn expires_in_may_be_a_string_and_tokens_can_be_revoked() {
    let mut stage = Stage::plain().await;
    stage
        .netsuite
        .configure(|options| options.expires_in_as_string = true)
        .unwrap();
    let assertion = assertion(
        Algorithm::ES256,
        "certificate-1",
        &claims("client-1", stage.now()),
        &stage.key,
    );
    assert_eq!(stage.ask_token(&assertion).await.1["expires_in"], "3600");
    stage.token = stage.mint().await;
    stage.fault("server_time", FaultKind::ExpireTokens);
    assert_eq!(stage.request(Method::GET, TIME).send().await.unwrap().status(), 401);
    stage.token = stage.mint().await;
    assert_eq!(stage.request(Method::GET, TIME).send().await.unwrap().status(), 200);
}

const BACK: &str = "http://localhost:9/back";

/// A person's browser on the page that asks for consent.
async fn consent(stage: &Stage, challenge: &str, state: &str) -> Response {
    let query = format!(
        "response_type=code&client_id=app&redirect_uri={}&scope=rest_webservices&state={state}\
         &code_challenge={challenge}&code_challenge_method=S256",
        tba::encode(BACK)
    );
    let url = format!("{}/app/login/oauth2/authorize.nl?{query}", stage.serving.url());
    stage.http.get(url).send().await.unwrap()
}

/// The code that the browser carries back.
async fn allowed(stage: &Stage, challenge: &str) -> String {
    let answer = consent(stage, challenge, "s1").await;
    let target = answer.headers()["location"].to_str().unwrap();
    assert!(
        target.starts_with(&format!("{BACK}?code=")) && target.ends_with("&state=s1"),
        "{target}"
    );
    target.split(['=', '&']).nth(1).unwrap().to_owned()
}

/// The code grant: PKCE is checked, the refresh token rotates, the old one dies.
#[tokio::test]
async fn a_person_allows_access() {
    let mut stage = Stage::plain().await;
    stage
        .netsuite
        .register(|access| access.register_client("app", "app-secret", BACK));
    let verifier = "a-verifier-of-sufficient-length-0123456789-abc";
    let challenge = BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref());
    let (first, second) = (allowed(&stage, &challenge).await, allowed(&stage, &challenge).await);
    assert_eq!(consent(&stage, &challenge, "").await.status(), 400);

    let basic = Some(("app", "app-secret"));
    let grant = |code: &str, verifier: &str| {
        [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", BACK.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ]
    };
    let borrow = |form: &[(&'static str, String); 4]| form.clone().map(|(name, value)| (name, value.leak() as &str));
    assert_eq!(
        stage
            .token_form(&borrow(&grant(&first, "another verifier")), basic)
            .await
            .0,
        400
    );
    assert_eq!(
        stage
            .token_form(&borrow(&grant(&second, verifier)), Some(("app", "wrong")))
            .await
            .0,
        401
    );
    let (status, tokens) = stage.token_form(&borrow(&grant(&second, verifier)), basic).await;
    assert_eq!(status, 200, "{tokens}");

    let old = tokens["refresh_token"].as_str().unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", old)];
    let (status, renewed) = stage.token_form(&refresh, basic).await;
    assert_eq!(status, 200);
    assert_ne!(renewed["refresh_token"], old);
    assert_eq!(stage.token_form(&refresh, basic).await.1["error"], "invalid_grant");
    stage.token = renewed["access_token"].as_str().unwrap().to_owned();
    assert_eq!(stage.request(Method::GET, TIME).send().await.unwrap().status(), 200);
}

fn signed(stage: &Stage, url: &str, query: &str, nonce: &str, at: i64, realm: &str) -> String {
    let mut oauth = tba::Parameters::from([
        ("oauth_consumer_key".to_owned(), "ck".to_owned()),
        ("oauth_token".to_owned(), "ti".to_owned()),
        ("oauth_signature_method".to_owned(), "HMAC-SHA256".to_owned()),
        ("oauth_timestamp".to_owned(), at.to_string()),
        ("oauth_nonce".to_owned(), nonce.to_owned()),
        ("oauth_version".to_owned(), "1.0".to_owned()),
    ]);
    let base = tba::base_string("GET", url, query, &oauth);
    oauth.insert("oauth_signature".into(), tba::sign(&base, "cs", "ts"));
    assert!(!stage.token.is_empty());
    let fields: Vec<String> = oauth
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", tba::encode(value)))
        .collect();
    format!("OAuth realm=\"{realm}\",{}", fields.join(","))
}

/// Token-based authentication, signed for the real host or for the one that was called.
#[tokio::test]
async fn a_signature_is_checked_and_works_once() {
    let stage = Stage::plain().await;
    stage
        .netsuite
        .register(|access| access.register_tba(("ck", "cs"), ("ti", "ts")));
    let order = stage.order(&[(stage.basics().light, 1, 1)]);
    let path = format!("{RECORD}/salesOrder/{order}");
    let real = format!("https://1234567-sb1.suitetalk.api.netsuite.com{path}");
    let called = format!("{}{path}", stage.serving.url());
    let now = stage.now();
    let query = "expandSubResources=true";
    let cases = [
        ("real host", signed(&stage, &real, query, "n1", now, "1234567_SB1"), 200),
        (
            "the same again",
            signed(&stage, &real, query, "n1", now, "1234567_SB1"),
            401,
        ),
        (
            "called host",
            signed(&stage, &called, query, "n2", now, "1234567_SB1"),
            200,
        ),
        (
            "query not signed",
            signed(&stage, &real, "", "n3", now, "1234567_SB1"),
            401,
        ),
        (
            "lower-case realm",
            signed(&stage, &real, query, "n4", now, "1234567-sb1"),
            401,
        ),
        (
            "an hour ago",
            signed(&stage, &real, query, "n5", now - 3600, "1234567_SB1"),
            401,
        ),
    ];
    for (why, header, expected) in cases {
        let request = stage
            .http
            .get(format!("{called}?{query}"))
            .header("Authorization", header);
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{why}");
    }
    assert_eq!(stage.netsuite.books().traffic.refused_logins, 4);
}

#[tokio::test]
async fn the_role_may_lack_a_permission() {
    let stage = Stage::plain().await;
    let order = stage.order(&[(stage.basics().light, 1, 1)]);
    stage
        .netsuite
        .configure(|options| _ = options.denied.insert("transform".into()))
        .unwrap();
    let answer = stage.transform(order, "", &json!({})).send().await.unwrap();
    let (status, body) = read(answer).await;
    assert_eq!((status, code(&body)), (403, "INSUFFICIENT_PERMISSION"));
}
