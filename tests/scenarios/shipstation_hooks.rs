//! ShipStation is told where to push, by its own API: once, elsewhere when the address changes, and no more when the hook ends. What
//! it pushes to others is theirs. And what a connection of people who ship themselves would do is told before it is started.

use jiff::SignedDuration;
use secrecy::SecretString;
use simulators::faults::{Fault, FaultKind, When};
use simulators::shipstation::Hook as Registered;
use tests::shipstation::{Api, HOOK, OTHER_STORE, STORE, Shop};
use tests::tracking::API;
use tests::world::{CONNECTION, Failure};
use waybill::flows::desk_hook::{self, Done, Outcome, OwnAddresses};
use waybill::flows::plan_desk::PlannedAtDesk;
use waybill::ports::{Finding, Hook};

/// The id in another address of the same hook.
const NEW: &str = "ffeeddccbbaa99887766554433221100";

/// The address of somebody else who listens to the same account.
const OTHERS: &str = "https://shop.example/shipstation?key=s3cret";

/// As long as a part of V1's limit, which takes five calls.
const PART: SignedDuration = SignedDuration::from_secs(10);

fn address(id: &str) -> String {
    format!("{API}/hooks/{id}")
}

/// The hook of this id, as the table knows it.
fn hook(id: &str) -> Result<Hook, Failure> {
    Ok(Hook {
        digest: Hook::digest_of(id),
        system: "shipstation".to_owned(),
        tenant: "acme".parse()?,
        credential: "waybill/test/acme/shipstation".to_owned(),
        secret: "waybill/test/acme/shipstation-hook".to_owned(),
        connections: vec![CONNECTION.parse()?],
        networks: Vec::new(),
        created_at: "2026-01-01T00:00:00Z".parse()?,
        retires_at: None,
    })
}

fn own(ids: &[&str]) -> Result<OwnAddresses, Failure> {
    let hooks: Vec<Hook> = ids.iter().map(|id| hook(id)).collect::<Result<_, _>>()?;
    Ok(OwnAddresses::of(&format!("{API}/"), &hooks))
}

async fn register(shop: &Shop, id: &str, ids: &[&str]) -> Result<Vec<Outcome>, Failure> {
    let desk = shop.desk().await?;
    let address = SecretString::from(address(id));
    shop.world.turn(PART);
    let told = desk_hook::register(desk.as_ref(), &own(ids)?, &address).await;
    told.map_err(|error| error.to_string().into())
}

async fn end(shop: &Shop, ids: &[&str]) -> Result<Vec<Outcome>, Failure> {
    shop.world.turn(PART);
    let ended = desk_hook::end(shop.desk().await?.as_ref(), &own(ids)?).await;
    ended.map_err(|error| error.to_string().into())
}

async fn check(shop: &Shop, ids: &[&str]) -> Result<Vec<Finding>, Failure> {
    shop.world.turn(PART);
    Ok(desk_hook::check(shop.desk().await?.as_ref(), &own(ids)?).await)
}

/// What stands at ShipStation, of us and of others: event and address.
fn there(shop: &Shop) -> Vec<(String, String)> {
    let mut hooks: Vec<(String, String)> = shop
        .books()
        .hooks
        .into_iter()
        .map(|hook: Registered| (hook.event, hook.url))
        .collect();
    hooks.sort();
    hooks
}

fn all_done(outcomes: &[Outcome], done: &Done) -> bool {
    !outcomes.is_empty() && outcomes.iter().all(|one| one.done == *done)
}

/// P41: ShipStation pushes to our address after it was told once; said again, nothing changes; a new address takes the place of the old
/// one, event by event; and in the end it pushes nothing to us. What others have set up stays, to the letter.
#[tokio::test]
async fn a_desk_is_told_where_to_push_and_where_no_more() -> Result<(), Failure> {
    for api in [Api::V1, Api::V2] {
        let shop = Shop::start(api).await?;
        let version = if api == Api::V1 { 1 } else { 2 };
        let before: Vec<(String, String)> = there(&shop);
        assert!(all_done(&end(&shop, &[HOOK]).await?, &Done::Ended), "{api:?}");
        assert!(
            there(&shop).is_empty() && end(&shop, &[HOOK]).await?.is_empty(),
            "{api:?}"
        );
        for (event, _) in &before {
            shop.shipstation.subscribe(version, event, OTHERS);
        }
        let others = there(&shop);

        assert!(all_done(&register(&shop, HOOK, &[HOOK]).await?, &Done::Told), "{api:?}");
        let told = there(&shop);
        let mut wanted: Vec<(String, String)> = before.iter().chain(&others).cloned().collect();
        wanted.sort();
        assert_eq!(told, wanted, "{api:?}");

        assert!(
            all_done(&register(&shop, HOOK, &[HOOK]).await?, &Done::Stands),
            "{api:?}"
        );
        assert_eq!(there(&shop), told, "{api:?}: what is there already is left");

        assert!(
            all_done(&register(&shop, NEW, &[HOOK, NEW]).await?, &Done::Moved),
            "{api:?}"
        );
        let moved = there(&shop);
        assert!(
            moved.iter().all(|(_, url)| *url == address(NEW) || url == OTHERS),
            "{moved:?}"
        );
        assert_eq!(moved.len(), told.len(), "{api:?}: nothing is pushed twice");

        let order = shop.ordered()?;
        shop.ship(&order.number)?;
        shop.world.turn(SignedDuration::from_mins(1));
        let pushed = shop.shipstation.due_pushes();
        assert!(pushed.iter().any(|push| push.url == address(NEW)), "{api:?}");
        assert!(pushed.iter().all(|push| push.url != address(HOOK)), "{api:?}");

        assert!(all_done(&end(&shop, &[HOOK, NEW]).await?, &Done::Ended), "{api:?}");
        assert_eq!(there(&shop), others, "{api:?}: what others have set up stays");
    }
    Ok(())
}

/// The hook of another credential of the same deployment, and one that somebody wants for one store alone, are left; what is left over
/// of ours, twice the same, goes.
#[tokio::test]
async fn what_is_not_ours_or_wanted_so_is_left() -> Result<(), Failure> {
    let shop = Shop::start(Api::V1).await?;
    let strange = address("0123456789abcdef0123456789abcdef");
    shop.shipstation.subscribe(1, "SHIP_NOTIFY", &strange);
    shop.shipstation.subscribe(1, "SHIP_NOTIFY", &address(HOOK));
    shop.shipstation.subscribe(1, "ORDER_NOTIFY", &address(HOOK));
    assert!(all_done(&register(&shop, HOOK, &[HOOK]).await?, &Done::Stands));
    let ships = there(&shop).into_iter().filter(|(event, _)| event == "SHIP_NOTIFY");
    let ships: Vec<String> = ships.map(|(_, url)| url).collect();
    assert_eq!(
        ships,
        [address(HOOK), strange.clone()],
        "the double is gone, the stranger stays"
    );
    assert!(
        there(&shop).iter().any(|(event, _)| event == "ORDER_NOTIFY"),
        "nobody asked for its end"
    );
    assert_eq!(
        end(&shop, &[HOOK]).await?.len(),
        3,
        "what ends is everything that leads to us"
    );
    assert_eq!(there(&shop), [("SHIP_NOTIFY".to_owned(), strange)]);
    Ok(())
}

/// What ShipStation does not do is told event by event, the rest is done; said again, it is made whole.
#[tokio::test]
async fn what_is_not_done_is_told_and_made_whole_later() -> Result<(), Failure> {
    for api in [Api::V1, Api::V2] {
        let shop = Shop::start(api).await?;
        end(&shop, &[HOOK]).await?;
        let (operation, event) = match api {
            Api::V1 => ("v1_webhooks", "FULFILLMENT_SHIPPED"),
            Api::V2 => ("v2_webhooks", "fulfillment_shipped_v2"),
        };
        shop.fault(Fault {
            operation: operation.to_owned(),
            kind: FaultKind::Status {
                code: 503,
                retry_after: None,
            },
            when: When::default(),
            body_contains: Some(event.to_owned()),
            max: Some(1),
        });
        let told = register(&shop, HOOK, &[HOOK]).await?;
        let failed: Vec<&str> = told
            .iter()
            .filter(|one| !one.is_done())
            .map(|one| one.event.as_str())
            .collect();
        assert_eq!(failed, [event]);
        assert!(told.iter().any(|one| one.done == Done::Told), "{told:?}");
        let findings = check(&shop, &[HOOK]).await?;
        let wrong: Vec<&Finding> = findings.iter().filter(|finding| finding.result.is_err()).collect();
        assert_eq!(wrong.len(), 1, "{findings:?}");
        assert!(wrong[0].what.contains(event) && format!("{wrong:?}").contains("waybill hook create"));
        let again = register(&shop, HOOK, &[HOOK]).await?;
        assert!(again.iter().all(Outcome::is_done), "{again:?}");
        assert!(
            check(&shop, &[HOOK])
                .await?
                .iter()
                .all(|finding| finding.result.is_ok())
        );
    }
    Ok(())
}

/// The check says whether our own hook is registered, and to whom else it is pushed, by the host alone: the rest of an address is
/// secret. Without a hook nothing is wrong, for the list is polled.
#[tokio::test]
async fn the_check_says_whether_our_hook_is_registered() -> Result<(), Failure> {
    let shop = Shop::start(Api::V2).await?;
    shop.shipstation.subscribe(2, "label_created_v2", OTHERS);
    let findings = check(&shop, &[HOOK]).await?;
    assert_eq!(findings.len(), 3);
    let words = format!("{findings:?}");
    assert!(findings.iter().all(|finding| finding.result.is_ok()), "{words}");
    assert!(
        words.contains("pushed to our hook (it is pushed to shop.example too)"),
        "{words}"
    );
    let stranger = check(&shop, &[NEW]).await?;
    assert!(stranger.iter().all(|finding| finding.result.is_err()), "{stranger:?}");
    let without = check(&shop, &[]).await?;
    assert!(without.iter().all(|finding| finding.result.is_ok()), "{without:?}");
    for words in [words, format!("{stranger:?}"), format!("{without:?}")] {
        assert!(!words.contains(HOOK) && !words.contains("s3cret"), "{words}");
    }
    Ok(())
}

// ---- the plan ----------------------------------------------------------------------------------------------------

fn becomes<'a>(planned: &'a PlannedAtDesk, number: &str) -> Vec<&'a str> {
    let own = planned.despatches.iter().filter(|one| one.order == number);
    own.map(|one| one.becomes.as_str()).collect()
}

/// P42, P52: where people ship themselves the plan tells what of theirs would be taken in and what would be told, and writes nothing
/// at all: the poll takes in afterwards what the plan said, and then the plan says that it is known.
#[tokio::test]
async fn the_plan_tells_what_would_be_taken_in_and_told() -> Result<(), Failure> {
    let shop = Shop::start(Api::V2).await?;
    let (whole, void) = (shop.ordered()?, shop.ordered()?);
    let open = shop.entered_in_the_erp()?;
    shop.ship(&whole.number)?;
    let voided = shop.ship(&void.number)?;
    shop.shipstation.void(&voided.label.to_string())?;
    shop.entered_at_the_desk("WEB-1", STORE)?;
    shop.ship("WEB-1")?;
    shop.entered_at_the_desk("ELSEWHERE-1", OTHER_STORE)?;
    shop.ship("ELSEWHERE-1")?;
    shop.world.turn(SignedDuration::from_mins(1));

    let before = format!("{:?}", shop.world.store.tables().units);
    let hooks = there(&shop);
    let planned = shop.plan(50).await?;
    let unit = format!("a unit of {}, found by ", whole.number);
    assert!(
        becomes(&planned, &whole.number)
            .iter()
            .any(|words| words.starts_with(&unit)),
        "{planned:#?}"
    );
    assert!(
        becomes(&planned, &void.number)
            .iter()
            .all(|words| words.contains("void")),
        "{planned:#?}"
    );
    assert!(
        becomes(&planned, "WEB-1").iter().all(|words| words.contains("parked")),
        "{planned:#?}"
    );
    assert!(
        becomes(&planned, "ELSEWHERE-1")
            .iter()
            .all(|words| words.contains("does not name")),
        "{planned:#?}"
    );
    assert_eq!(
        planned.despatches.len(),
        4,
        "a parcel that is told of twice is one: {planned:#?}"
    );
    assert!(planned.more.is_none(), "{planned:#?}");
    let stock = planned.stock.as_ref().ok_or("stock is told")?;
    assert!(stock.told > 0 && stock.more.is_none(), "{stock:?}");
    let orders = planned.orders.as_ref().ok_or("customers are told")?;
    assert!(orders.told >= 1 && orders.more.is_none(), "{orders:?} with {open:?}");

    assert!(shop.world.store.tables().jobs.is_empty() && shop.parked().is_empty());
    assert_eq!(
        format!("{:?}", shop.world.store.tables().units),
        before,
        "nothing is written here"
    );
    assert!(shop.fulfilled(whole.id)?.is_empty(), "nor in the ERP");
    assert_eq!(there(&shop), hooks, "nor at the desk");

    shop.pass(SignedDuration::from_mins(20)).await?;
    assert_eq!(shop.fulfilled(whole.id)?.len(), 1);
    let later = shop.plan(50).await?;
    assert!(
        becomes(&later, &whole.number)
            .iter()
            .all(|words| words.contains("known")),
        "{later:#?}"
    );
    let short = shop.plan(1).await?;
    assert_eq!(short.despatches.len(), 1);
    assert!(
        short.more.as_deref().is_some_and(|more| more.contains("only 1")),
        "{short:#?}"
    );
    Ok(())
}
