//! The three ways in, and what is refused.

use super::*;
use crate::fusion::access::Access;
use crate::fusion::options::LoginAnswer;
use crate::netsuite::keys::MadeKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

const CLIENT: &str = "client-1";
const SECRET: &str = "secret-1";
const SCOPE: &str = "urn:opc:resource:fa:instanceid=1234567urn:opc:resource:consumer::all";
const USER_ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl Stage {
    async fn with_client() -> Self {
        let stage = Self::plain().await;
        stage.fusion.register(|access| access.register_client(CLIENT, SECRET));
        stage
    }

    async fn token(&self, form: &[(&str, &str)], secret: &str) -> (u16, Value) {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self
            .http
            .post(self.url(TOKEN_PATH))
            .header("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8");
        read(
            request
                .basic_auth(CLIENT, Some(secret))
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    async fn by_token(&self, token: &str) -> u16 {
        let request = self
            .http
            .get(self.url(&format!("{ROOT}/purchaseOrders")))
            .bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    fn certificate(&self) -> MadeKey {
        let key = Access::make_key().unwrap();
        let registered = self
            .fusion
            .register(|access| access.register_certificate("waybill-cert", CLIENT, &key.public_pem));
        registered.unwrap();
        key
    }

    fn claims(&self) -> Value {
        let now = self.fusion.base.clock.now().as_second();
        json!({ "iss": CLIENT, "sub": USER, "aud": [AUDIENCE], "iat": now, "exp": now + 300, "jti": "1" })
    }
}

fn signed(alias: &str, algorithm: Algorithm, claims: &Value, key: &MadeKey) -> String {
    let header = Header {
        kid: Some(alias.into()),
        ..Header::new(algorithm)
    };
    let key = EncodingKey::from_rsa_pem(key.private_pem.as_bytes()).unwrap();
    encode(&header, claims, &key).unwrap()
}

#[tokio::test]
async fn a_service_user_comes_in_with_the_right_password() {
    let stage = Stage::plain().await;
    let (status, body) = stage.get(&format!("{ROOT}/purchaseOrders")).await;
    assert_eq!((status, &body["count"]), (200, &json!(0)));
    let wrong = stage
        .http
        .get(stage.url(&format!("{ROOT}/purchaseOrders")))
        .basic_auth(USER, Some("wrong"));
    let answer = wrong.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    stage.fusion.register(|access| access.expire_password(USER));
    assert_eq!(stage.get(&format!("{ROOT}/purchaseOrders")).await.0, 401);
    assert_eq!(stage.fusion.books().traffic.refused_logins, 2);
}

#[tokio::test]
async fn client_credentials_need_a_user_of_the_clients_name() {
    let stage = Stage::with_client().await;
    let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let (status, body) = stage.token(&form, SECRET).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(3600)));
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(stage.by_token(token).await, 401);
    stage
        .fusion
        .register(|access| access.register_user(User::named(CLIENT)));
    assert_eq!(stage.by_token(token).await, 200);
    stage.advance(3600);
    assert_eq!(stage.by_token(token).await, 401);
}

#[tokio::test]
async fn a_revoked_token_is_refused() {
    let stage = Stage::with_client().await;
    stage.fusion.configure(|options| options.client_user_required = false);
    let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let (_, body) = stage.token(&form, SECRET).await;
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(stage.by_token(token).await, 200);
    stage.fusion.expire_tokens();
    assert_eq!(stage.by_token(token).await, 401);
}

#[tokio::test]
async fn the_scope_is_exact_and_the_secret_right() {
    let stage = Stage::with_client().await;
    let spaced = SCOPE.replace("1234567urn", "1234567 urn");
    let (status, body) = stage
        .token(&[("grant_type", "client_credentials"), ("scope", &spaced)], SECRET)
        .await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")));
    let (status, body) = stage
        .token(&[("grant_type", "client_credentials"), ("scope", SCOPE)], "wrong")
        .await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    let (status, body) = stage
        .token(&[("grant_type", "password"), ("scope", SCOPE)], SECRET)
        .await;
    assert_eq!((status, &body["error"]), (400, &json!("unsupported_grant_type")));
    let books = stage.fusion.books();
    assert_eq!((books.tokens.issued, books.tokens.refused), (0, 3));
}

#[tokio::test]
async fn a_user_assertion_acts_as_the_user() {
    let stage = Stage::with_client().await;
    let key = stage.certificate();
    let assertion = signed("waybill-cert", Algorithm::RS256, &stage.claims(), &key);
    let form = [
        ("grant_type", USER_ASSERTION),
        ("assertion", &assertion),
        ("scope", SCOPE),
    ];
    let (status, body) = stage.token(&form, SECRET).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(stage.by_token(body["access_token"].as_str().unwrap()).await, 200);
}

/// A client may prove itself by a signature instead of its secret.
#[tokio::test]
async fn a_client_assertion_stands_in_for_the_secret() {
    let stage = Stage::with_client().await;
    let key = stage.certificate();
    let mut claims = stage.claims();
    claims["sub"] = json!(CLIENT);
    let ask = async |claims: &Value| {
        let assertion = signed("waybill-cert", Algorithm::RS256, claims, &key);
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", SCOPE),
            ("client_id", CLIENT),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = stage
            .http
            .post(stage.url(TOKEN_PATH))
            .header("Content-Type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&claims).await, 200);
    assert_eq!(ask(&stage.claims()).await, 401, "another subject");
}

#[tokio::test]
async fn wrong_assertions_are_refused() {
    let stage = Stage::with_client().await;
    let key = stage.certificate();
    let stranger = Access::make_key().unwrap();
    let good = stage.claims();
    let changed = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        signed("waybill-cert", Algorithm::RS256, &claims, &key)
    };
    let wrong = [
        signed("waybill-cert", Algorithm::RS256, &good, &stranger),
        signed("another", Algorithm::RS256, &good, &key),
        signed("waybill-cert", Algorithm::PS256, &good, &key),
        changed("iss", json!("client-2")),
        changed("sub", json!("nobody")),
        changed("aud", json!([stage.serving.url()])),
        changed("exp", json!(start().as_second() - 1)),
        changed("iat", json!(start().as_second() + 600)),
    ];
    for assertion in wrong {
        let form = [
            ("grant_type", USER_ASSERTION),
            ("assertion", &assertion),
            ("scope", SCOPE),
        ];
        let (status, body) = stage.token(&form, SECRET).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));
    }
}

#[tokio::test]
async fn a_pod_refuses_in_the_form_of_its_single_sign_on() {
    let stage = Stage::plain().await;
    let anonymous = || {
        stage
            .http
            .get(stage.url(&format!("{ROOT}/purchaseOrders")))
            .header("REST-Framework-Version", "4")
    };
    stage
        .fusion
        .configure(|options| options.login_answer = LoginAnswer::Redirect);
    let answer = anonymous().send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert!(answer.headers().contains_key("Location"));
    stage
        .fusion
        .configure(|options| options.login_answer = LoginAnswer::Json);
    let (status, body) = read(anonymous().send().await.unwrap()).await;
    assert_eq!((status, &body["status"]), (401, &json!("401")));
}

/// Data that a user may not see is absent; it is not forbidden.
#[tokio::test]
async fn a_user_without_data_access_sees_nothing() {
    let stage = Stage::plain().await;
    let order = stage.enter(NewOrder::pumps(1));
    let draft = stage.draft(order).await;
    let other = stage
        .fusion
        .act(|world, _| world.add_business_unit("US2 Business Unit"));
    let user = User::named(USER).with_password(PASSWORD).seeing([other]);
    stage.fusion.register(|access| access.register_user(user));
    let (status, body) = stage.get(&format!("{ROOT}/purchaseOrders")).await;
    assert_eq!((status, &body["count"], &body["items"]), (200, &json!(0), &json!([])));
    assert_eq!(stage.patch(&draft, json!({ "Carrier": "FedEx" })).await.0, 404);
}
