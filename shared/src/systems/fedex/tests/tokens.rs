//! Tokens: what is asked, what an answer means, and what a whole stack behind one address does to FedEx's count of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::calls::canned;
use super::stub::{Asked, Rings, Stub};
use super::two_secrets;
use crate::domain::{DocumentId, JobId};
use crate::flows::refresh::Refresh;
use crate::http::SharedTokens;
use crate::job::{self, Backoff};
use crate::memory::{AlwaysWorks, CountedNonces, Memory, TurnedClock, Vault};
use crate::ports::{
    CallError, Clock, Minted, Obstacle, Recorder, StoreError, TokenInUse, TokenRefresh, Tokens, TokensInUse,
};
use crate::systems::fedex::FedEx;
use crate::systems::fedex::token::ADDRESS;

async fn mint(said: (u16, &'static str)) -> (Result<Minted, CallError>, Stub) {
    let stub = Stub::new(move |_| canned(said.0, said.1)).await;
    let minted = stub.fedex(json!({})).mint_for(None).unwrap().mint().await;
    (minted, stub)
}

/// P59: a token lives as long as FedEx says; a wrong credential is final, and an outage is none.
#[tokio::test]
async fn a_token_lives_as_long_as_fedex_says_and_a_wrong_credential_is_final() {
    let lives = |said| async move { mint(said).await.0.map(|minted| minted.lives_for.as_secs()) };
    assert_eq!(lives((200, "token/answer")).await, Ok(3599));
    assert_eq!(lives((200, "token/answer-texts")).await, Ok(3600));
    assert!(matches!(
        lives((200, "token/answer-without-lifetime")).await,
        Err(CallError::Later(_))
    ));
    assert!(
        matches!(lives((401, "token/refused-client")).await, Err(CallError::Refused(refusal)) if refusal.code == "NOT.AUTHORIZED.ERROR")
    );
    assert!(matches!(
        lives((503, "token/unavailable")).await,
        Err(CallError::Later(_))
    ));
}

#[tokio::test]
async fn the_keys_go_in_the_form_and_nothing_in_a_header() {
    let (_, stub) = mint((200, "token/answer")).await;
    let asked = stub.asked();
    assert_eq!(asked[0].line, "POST /oauth/token");
    assert_eq!(
        asked[0].body,
        "grant_type=client_credentials&client_id=l7-ship&client_secret=s3cret"
    );
    assert_eq!(
        asked[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(stub.limits.counted(), [ADDRESS]);
}

/// P60: a 403 stops the token requests of every connection for ten minutes from the last one on, and refuses no
/// credential.
#[tokio::test]
async fn a_403_stops_all_token_requests_for_ten_minutes() {
    let status = Arc::new(AtomicU16::new(403));
    let said = status.clone();
    let stub = Stub::new(move |_| match said.load(Ordering::SeqCst) {
        200 => canned(200, "token/answer"),
        status => (status, b"<html>Forbidden</html>".to_vec()),
    })
    .await;
    let fedex = stub.fedex_with(json!({}), &two_secrets(), Recorder::default(), Vec::new());
    let (track, other) = (Some("track".to_owned()), stub.fedex(json!({})));
    let mints = [
        fedex.mint_for(None).unwrap(),
        fedex.mint_for(track.as_ref()).unwrap(),
        other.mint_for(None).unwrap(),
    ];
    let shut_out = |result: Result<Minted, CallError>| match result {
        Err(CallError::Later(later)) if later.obstacle == Obstacle::Limited => later.after.unwrap().as_secs(),
        other => panic!("{other:?}"),
    };
    assert_eq!(shut_out(mints[0].mint().await), 600);
    stub.clock.turn(SignedDuration::from_mins(4));
    for mint in &mints {
        assert_eq!(shut_out(mint.mint().await), 360);
        assert!(mint.ready().await.is_err());
    }
    assert_eq!(stub.asked().len(), 1, "nobody asks meanwhile");
    stub.clock.turn(SignedDuration::from_mins(6));
    assert_eq!(shut_out(mints[1].mint().await), 600, "a further one prolongs it");
    status.store(200, Ordering::SeqCst);
    assert_eq!(shut_out(mints[2].mint().await), 600);
    stub.clock.turn(SignedDuration::from_mins(10));
    assert!(mints[2].mint().await.is_ok());
}

/// P60: a project that FedEx gives no token stops everybody once, for it may be the address; then the others go on, and it
/// is locked by itself for longer each time, until it is let in.
#[tokio::test]
async fn a_project_that_is_refused_for_good_does_not_stop_the_others() {
    let good_again = Arc::new(AtomicU16::new(0));
    let mended = good_again.clone();
    let stub = Stub::new(move |asked: &Asked| {
        let barred = asked.body.contains("l7-ship") && mended.load(Ordering::SeqCst) == 0;
        match barred {
            true => canned(403, "track/refused-other"),
            false => canned(200, "token/answer"),
        }
    })
    .await;
    let fedex = stub.fedex_with(json!({}), &two_secrets(), Recorder::default(), Vec::new());
    let track = Some("track".to_owned());
    let (barred, other) = (fedex.mint_for(None).unwrap(), fedex.mint_for(track.as_ref()).unwrap());
    let waits = |result: Result<Minted, CallError>| match result {
        Err(CallError::Later(later)) => (later.obstacle, later.after.unwrap().as_secs() / 60),
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(barred.mint().await), (Obstacle::Limited, 10));
    assert_eq!(
        waits(other.mint().await),
        (Obstacle::Limited, 10),
        "it may be the address"
    );
    stub.clock.turn(SignedDuration::from_mins(10));
    assert!(barred.ready().await.is_err(), "others find out first");
    assert!(other.mint().await.is_ok());
    stub.clock.turn(SignedDuration::from_mins(5));
    for minutes in [30, 60, 60] {
        let before = stub.asked().len();
        assert_eq!(waits(barred.mint().await), (Obstacle::Unauthorised, minutes));
        assert!(other.mint().await.is_ok(), "nobody else is stopped");
        stub.clock
            .turn(SignedDuration::from_mins(i64::try_from(minutes).unwrap() - 1));
        assert!(matches!(barred.mint().await, Err(CallError::Later(_))));
        assert_eq!(stub.asked().len(), before + 2, "it is not asked for meanwhile");
        stub.clock.turn(SignedDuration::from_mins(1));
    }
    good_again.store(1, Ordering::SeqCst);
    assert!(barred.mint().await.is_ok());
    good_again.store(0, Ordering::SeqCst);
    assert_eq!(
        waits(barred.mint().await),
        (Obstacle::Limited, 10),
        "once let in, it may be the address again"
    );
}

/// P60: where nobody was let in meanwhile it may be the address still: everybody is stopped again. The alarm rings once.
#[tokio::test]
async fn while_nobody_is_let_in_everybody_is_stopped() {
    let rings = Rings::default();
    let _listening = metrics::set_default_local_recorder(&rings);
    let stub = Stub::new(|_| canned(403, "track/refused-other")).await;
    let barred = stub.fedex(json!({})).mint_for(None).unwrap();
    for minutes in [15, 30, 60] {
        assert!(barred.mint().await.is_err());
        let paused = stub.limits.paused(ADDRESS).unwrap();
        assert_eq!(paused.duration_since(stub.clock.now()).as_mins(), 10);
        stub.clock.turn(SignedDuration::from_mins(minutes));
    }
    assert_eq!((stub.asked().len(), rings.heard()), (3, 1));
}

/// One key for each project at each host, and never the key itself.
#[tokio::test]
async fn tokens_are_kept_by_secret_project_and_host() {
    let stub = Stub::new(|_| canned(200, "token/answer")).await;
    let fedex = stub.fedex_with(json!({}), &two_secrets(), Recorder::default(), Vec::new());
    let (ship, track) = (&fedex.ship.key, &fedex.track.key);
    assert_eq!(ship.owner(), "fedex#waybill/test/acme/fedex@127.0.0.1#-");
    assert_eq!(track.owner(), "fedex#waybill/test/acme/fedex@127.0.0.1#track");
    assert!(ship.client != track.client && !ship.client.contains("l7"));
    let plain = stub.fedex(json!({}));
    assert_eq!(plain.ship.key, plain.track.key, "one project, one token");
    assert!(plain.mint_for(Some(&"track".to_owned())).is_none());
}

// ---- a stack and its clock ---------------------------------------------------------------------------------------

/// A server of tokens, and the stack that asks it.
struct Stack {
    stub: Stub,
    store: Memory,
    tokens: Arc<SharedTokens>,
    requests: Arc<Mutex<Vec<Timestamp>>>,
}

impl Stack {
    async fn start() -> Self {
        let requests: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
        let seen = Arc::new(Mutex::new(None::<TurnedClock>));
        let (log, clock) = (requests.clone(), seen.clone());
        let stub = Stub::new(move |_| {
            let now = clock.lock().unwrap().as_ref().unwrap().now();
            log.lock().unwrap().push(now);
            canned(200, "token/answer")
        })
        .await;
        *seen.lock().unwrap() = Some(stub.clock.clone());
        let store = Memory::new(Arc::new(stub.clock.clone()), Arc::new(AlwaysWorks));
        let tokens = SharedTokens::new(
            Arc::new(store.clone()),
            Arc::new(Vault::default()),
            Arc::new(stub.clock.clone()),
            Arc::new(CountedNonces::default()),
        );
        Self {
            stub,
            store,
            tokens: Arc::new(tokens.without_rests()),
            requests,
        }
    }

    fn requests(&self) -> Vec<Timestamp> {
        self.requests.lock().unwrap().clone()
    }

    /// The most requests in any stretch of this length.
    fn most_in(&self, length: SignedDuration) -> usize {
        let all = self.requests();
        let within = |(first, start): (usize, &Timestamp)| {
            all[first..]
                .iter()
                .take_while(|at| at.duration_since(*start) < length)
                .count()
        };
        all.iter().enumerate().map(within).max().unwrap_or(0)
    }
}

/// P59: a day at a call a minute takes 25 tokens at most, each of them renewed before it ends and used for its whole
/// hour.
#[tokio::test]
async fn a_day_takes_twenty_five_tokens() {
    let stack = Stack::start().await;
    let fedex = stack
        .stub
        .sharing("acme", stack.tokens.clone(), Arc::new(stack.store.clone()));
    let project = &fedex.ship;
    for _ in 0..24 * 60 {
        let token = stack.tokens.bearer(&project.key, project.mint.as_ref()).await.unwrap();
        assert!(token.expires_at > stack.stub.clock.now(), "no ended token is used");
        stack.stub.clock.turn(SignedDuration::from_mins(1));
        let now = stack.stub.clock.now();
        for token in stack.store.in_use(now - SignedDuration::from_hours(1)).await.unwrap() {
            if token.expires_soon(now) {
                let renewed = stack
                    .tokens
                    .renew(&token.key, token.version, project.mint.as_ref())
                    .await;
                assert!(renewed.is_ok());
            }
        }
    }
    let asked = stack.requests().len();
    assert!((24..=25).contains(&asked), "{asked} token requests");
}

/// P60, P62: five hundred tenants start at once behind one address: never more than three token requests in a second
/// nor 119 in two minutes, and those who are told to come back do not come back together.
#[tokio::test]
async fn five_hundred_tenants_share_one_address() {
    let stack = Stack::start().await;
    let limits = Arc::new(stack.store.clone());
    let started = stack.stub.clock.now();
    let tenants: Vec<_> = (0..500)
        .map(|tenant| {
            stack
                .stub
                .sharing(&format!("t{tenant}"), stack.tokens.clone(), limits.clone())
        })
        .collect();
    let job = |tenant: usize| {
        let connection = format!("t{tenant}").parse().unwrap();
        JobId::of(&connection, &DocumentId::sales_order("1"), 1)
    };
    let mut due: BTreeMap<(Timestamp, usize), u32> = (0..500).map(|tenant| ((started, tenant), 0)).collect();
    let (mut visits, mut crowd) = (0_u32, BTreeMap::<i64, u32>::new());
    while let Some(((at, tenant), tries)) = due.pop_first() {
        stack.stub.clock.set(at.max(stack.stub.clock.now()));
        let now = stack.stub.clock.now();
        visits += 1;
        if tries > 0 {
            *crowd.entry(now.as_millisecond() / 100).or_default() += 1;
        }
        let project = &tenants[tenant].ship;
        let Err(error) = stack.tokens.bearer(&project.key, project.mint.as_ref()).await else {
            continue;
        };
        let CallError::Later(later) = error else {
            panic!("{error}")
        };
        assert_eq!(later.obstacle, Obstacle::Limited, "{later}");
        let hint = later.after.map(|after| SignedDuration::try_from(after).unwrap());
        let draw = job::draw(&job(tenant), u64::from(tries));
        let backoff = Backoff::default();
        let wait = backoff.wait(SignedDuration::from_mins(1), hint, tries, draw);
        due.insert((now + wait, tenant), backoff.counted(tries + 1));
    }
    assert_eq!(stack.requests().len(), 500, "every tenant has its token");
    let (second, minutes) = (
        stack.most_in(SignedDuration::from_secs(1)),
        stack.most_in(SignedDuration::from_mins(2)),
    );
    assert!(
        second <= 3 && minutes <= 119,
        "{second} in a second, {minutes} in two minutes"
    );
    let most = crowd.values().max().unwrap();
    assert!(*most < 120, "{most} of 500 come back within a tenth of a second");
    let took = stack.stub.clock.now().duration_since(started);
    assert!(took < SignedDuration::from_mins(60), "{took:?}, {visits} visits");
}

/// What the refresher renews, on a clock that a wait turns.
struct Renewing {
    store: Memory,
    tokens: Arc<SharedTokens>,
    clock: TurnedClock,
    tenants: Vec<FedEx>,
}

#[async_trait]
impl TokenRefresh for Renewing {
    async fn ending_soon(&self) -> Result<Vec<TokenInUse>, StoreError> {
        let now = self.clock.now();
        let mut tokens = self.store.in_use(now - SignedDuration::from_hours(1)).await?;
        tokens.retain(|token| token.expires_soon(now));
        Ok(tokens)
    }

    async fn refresh(&self, token: &TokenInUse) -> Result<(), CallError> {
        let of = |tenant: &&FedEx| tenant.ship.key.owner() == token.key.owner();
        let mint = self.tenants.iter().find(of).unwrap().ship.mint.clone();
        let renewed = self.tokens.renew(&token.key, token.version, mint.as_ref()).await;
        if let Err(CallError::Later(later)) = &renewed {
            self.clock.turn(SignedDuration::try_from(later.after.unwrap()).unwrap());
        }
        renewed.map(drop)
    }
}

/// P10, P60: tokens that end together are renewed in one run, one after another as the address may ask.
#[tokio::test]
async fn tokens_that_end_together_are_renewed_in_one_run() {
    let stack = Stack::start().await;
    let limits = Arc::new(stack.store.clone());
    let sharing = |tenant| {
        stack
            .stub
            .sharing(&format!("t{tenant}"), stack.tokens.clone(), limits.clone())
    };
    let renewing = Renewing {
        store: stack.store.clone(),
        tokens: stack.tokens.clone(),
        clock: stack.stub.clock.clone(),
        tenants: (0..3).map(sharing).collect(),
    };
    for tenant in &renewing.tenants {
        let token = stack.tokens.bearer(&tenant.ship.key, tenant.ship.mint.as_ref()).await;
        assert!(token.is_ok(), "{token:?}");
        stack.stub.clock.turn(SignedDuration::from_secs(2));
    }
    stack.stub.clock.turn(SignedDuration::from_secs(3570));
    let refresh = Refresh {
        clock: Arc::new(renewing.clock.clone()),
        tokens: Arc::new(renewing),
    };
    let report = refresh.run().await.unwrap();
    assert_eq!((report.ending, report.renewed), (3, 3), "{:?}", report.failures);
    assert_eq!(stack.requests().len(), 6);
    assert!(stack.most_in(SignedDuration::from_secs(1)) <= 3);
}
