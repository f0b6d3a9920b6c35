//! Who may come in, and what is refused.

use super::*;

const NAMES: &str = "SETID,INV_ITEM_ID";
const VALUES: &str = "SHARE,PUMP-010";

impl Stage {
    async fn status_as(&self, user: &str, password: &str) -> u16 {
        let request = self.http.get(self.query_url("X_SHIP_ITEM", NAMES, VALUES));
        let answer = request.basic_auth(user, Some(password)).send().await.unwrap();
        answer.status().as_u16()
    }

    async fn status_with(&self, token: &str) -> u16 {
        let request = self.http.get(self.query_url("X_SHIP_ITEM", NAMES, VALUES));
        request.bearer_auth(token).send().await.unwrap().status().as_u16()
    }

    async fn token(&self, basic: Option<(&str, &str)>, form: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}{TOKEN_PATH}", self.serving.url()));
        let request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        let request = match basic {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        read(request.send().await.unwrap()).await
    }
}

/// The account is locked after five wrong passwords in a row, and the right one does not help then.
#[tokio::test]
async fn wrong_passwords_lock_the_account() {
    let stage = Stage::plain().await;
    for _ in 0..4 {
        assert_eq!(stage.status_as("WAYBILL", "wrong").await, 401);
    }
    assert_eq!(stage.status_as("WAYBILL", "correct horse").await, 200);
    for _ in 0..5 {
        assert_eq!(stage.status_as("WAYBILL", "wrong").await, 401);
    }
    assert_eq!(stage.status_as("WAYBILL", "correct horse").await, 401);
    assert_eq!(stage.peoplesoft.books().locked_users, ["WAYBILL"]);
    stage.peoplesoft.register(|access| access.unlock("WAYBILL"));
    assert_eq!(stage.status_as("WAYBILL", "correct horse").await, 200);
}

/// User ids are upper-case; a request without credentials is refused, or served as somebody who sees nothing.
#[tokio::test]
async fn strangers_are_refused() {
    let stage = Stage::plain().await;
    assert_eq!(stage.status_as("waybill", "correct horse").await, 401);
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    let url = stage.query_url("X_SHIP_PO_LINE", "BUSINESS_UNIT,PO_ID", &format!("{UNIT},{}", key.id));
    let anonymous = || async { read(stage.http.get(&url).send().await.unwrap()).await };
    assert_eq!(anonymous().await.0, 401);
    stage.configure(|options| options.silent_anonymous = true);
    let (status, body) = anonymous().await;
    assert_eq!((status, &body["data"]["query"]["numrows"]), (200, &json!(0)));
}

/// A permission list grants each operation by itself.
#[tokio::test]
async fn operations_are_granted_one_by_one() {
    let stage = Stage::plain().await;
    let key = stage.order(&NewDocument::of("PUMP-010", 1));
    let reader = User::new("WAYBILL", "correct horse").with_permissions([Permission::Query]);
    stage.peoplesoft.register(|access| access.add_user(reader));
    assert_eq!(stage.lines(&key).await.len(), 1);
    assert_eq!(stage.write(&key, ENTRY, &json!({})).await.0, 401);
    stage.configure(|options| options.no_permission_status = 403);
    assert_eq!(stage.write(&key, ENTRY, &json!({})).await.0, 403);
    assert_eq!(stage.peoplesoft.books().traffic.refused_permissions, 2);
}

/// Row-level security takes rows away without a word.
#[tokio::test]
async fn a_user_sees_the_rows_of_some_units_only() {
    let stage = Stage::plain().await;
    let seen = stage.order(&NewDocument::of("PUMP-010", 1));
    let unseen = stage.order(&NewDocument::of("PUMP-010", 1).for_unit(OTHER_UNIT));
    assert_eq!(stage.lines(&unseen).await.len(), 1);
    let user = User::new("WAYBILL", "correct horse").seeing(&[UNIT]);
    stage.peoplesoft.register(|access| access.add_user(user));
    assert_eq!(stage.lines(&seen).await.len(), 1);
    assert_eq!(stage.lines(&unseen).await.len(), 0);
}

/// A token of the identity provider stands for its user until it ends or is revoked.
#[tokio::test]
async fn tokens_open_the_door_for_their_hour() {
    let stage = Stage::plain().await;
    stage
        .peoplesoft
        .register(|access| access.add_client("waybill-app", "s3cret", "WAYBILL"));
    let form = "grant_type=client_credentials";
    let (status, body) = stage.token(Some(("waybill-app", "s3cret")), form).await;
    assert_eq!((status, &body["expires_in"]), (200, &json!(3600)), "{body}");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(stage.status_with(token).await, 200);
    stage.configure(|options| options.accepts = Accepts::Basic);
    assert_eq!(stage.status_with(token).await, 401);
    stage.configure(|options| options.accepts = Accepts::Bearer);
    assert_eq!(stage.status_as("WAYBILL", "correct horse").await, 401);
    stage.advance(3599);
    assert_eq!(stage.status_with(token).await, 200);
    stage.advance(1);
    assert_eq!(stage.status_with(token).await, 401);

    let (_, body) = stage.token(Some(("waybill-app", "s3cret")), form).await;
    stage.fault("item", FaultKind::ExpireTokens);
    assert_eq!(stage.status_with(body["access_token"].as_str().unwrap()).await, 401);
    assert_eq!(stage.peoplesoft.books().tokens.issued, 2);
}

/// The provider may want the client in a header or in the form, and a scope or none.
#[tokio::test]
async fn the_provider_has_its_habits() {
    let stage = Stage::plain().await;
    stage
        .peoplesoft
        .register(|access| access.add_client("waybill-app", "s3cret", "WAYBILL"));
    let basic = Some(("waybill-app", "s3cret"));
    let in_form = "grant_type=client_credentials&client_id=waybill-app&client_secret=s3cret";
    stage.configure(|options| options.client_auth = ClientAuth::Basic);
    assert_eq!(stage.token(None, in_form).await.0, 401);
    stage.configure(|options| options.client_auth = ClientAuth::Form);
    assert_eq!(stage.token(basic, "grant_type=client_credentials").await.0, 401);
    assert_eq!(stage.token(None, in_form).await.0, 200);
    stage.configure(|options| options.scope = Some("peoplesoft".into()));
    let (status, body) = stage.token(None, in_form).await;
    assert_eq!((status, body["error"].as_str()), (400, Some("invalid_scope")));
    assert_eq!(stage.token(None, &format!("{in_form}&scope=peoplesoft")).await.0, 200);
    assert_eq!(
        stage
            .token(None, &in_form.replace("client_credentials", "password"))
            .await
            .0,
        400
    );
}

/// Node, alias, version and prefix are exact.
#[tokio::test]
async fn a_wrong_address_is_not_found() {
    let stage = Stage::plain().await;
    let good = stage.query_url("X_SHIP_ITEM", NAMES, VALUES);
    let wrong = [
        ("PSFT_EP", "psft_ep"),
        ("PSFT_EP", "PSFT_HR"),
        ("ExecuteQuery.v1", "ExecuteQuery.v2"),
        ("ExecuteQuery.v1", "executequery.v1"),
        ("/PSIGW/", "/fin/PSIGW/"),
    ];
    for (right, other) in wrong {
        let answer = stage
            .request(Method::GET, &good.replace(right, other))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{other}");
    }
    let answer = stage
        .request(Method::GET, &good.replace("/JSON/NONFILE", "/JSON"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(stage.request(Method::POST, &good).send().await.unwrap().status(), 405);
    stage.configure(|options| {
        options.path_prefix = "/fin".into();
        options.node = "FS92PRD".into();
    });
    let moved = good.replace("/PSIGW/", "/fin/PSIGW/").replace("PSFT_EP", "FS92PRD");
    assert_eq!(stage.request(Method::GET, &moved).send().await.unwrap().status(), 200);
}
