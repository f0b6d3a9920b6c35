//! Links to labels: who opens what, until when, and what ends a link before its day.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::world::{Failure, LABEL_KEY, LABEL_KEYS, World};
use waybill::domain::{JobId, LabelFormat, ParcelRule};
use waybill::flows::label_link::{Answer, Followed, LabelLink, SEALS_ON, after, good_until};
use waybill::flows::operate::OperateError;
use waybill::job::{HoldReason, Job};
use waybill::memory::{Fate, Switch};
use waybill::ports::LabelLinks;

/// As the connection of every story says.
const DAYS: u32 = 80;

const OTHER_KEY: &str = "another-key-of-label-links-that-nobody-guesses";

async fn shipped(world: &World, pumps: u32) -> Result<Job, Failure> {
    let order = world.enter(world.plain(pumps))?;
    world.poll_and_work().await?;
    let job = world.job(order)?;
    assert!(job.write_back.done().is_some(), "{job:?}");
    Ok(job)
}

/// The link that the write-back gets.
async fn link(world: &World, job: &Job) -> Result<String, Failure> {
    let link = world.label_links().link(job, good_until(job, DAYS)).await?;
    Ok(link.ok_or("there is no link")?)
}

fn token(link: &str) -> &str {
    link.strip_prefix("https://api.waybill.test/labels/").unwrap()
}

async fn follow(door: &LabelLink, token: &str, number: Option<&str>) -> Answer {
    let followed = Followed {
        token: token.to_owned().into(),
        number: number.map(str::to_owned),
    };
    door.run(followed).await
}

/// What is answered to a link that was never one.
async fn nothing(world: &World) -> Answer {
    let answer = follow(&world.label_door(), "", None).await;
    assert!(
        matches!(&answer, Answer::Page { status: 404, html } if html.contains("waybill job label")),
        "{answer:?}"
    );
    answer
}

fn opens(answer: &Answer, key: &str) -> bool {
    matches!(answer, Answer::Elsewhere(address) if address.contains(key))
}

fn reload(world: &World, id: &JobId) -> Job {
    world.store.tables().jobs.get(id).cloned().unwrap()
}

/// P56: the link that is written into the ERP opens the label long after the carrier's own address of it has ended (a day), and
/// until its last moment; and whenever it is asked for, it is the same text, short enough for any field.
#[tokio::test]
async fn a_link_opens_its_label_until_its_last_moment() -> Result<(), Failure> {
    let world = World::start().await?;
    let job = shipped(&world, 1).await?;
    let (link, label) = (link(&world, &job).await?, job.labels.done().unwrap()[0].clone());
    assert!(link.len() < 120, "{link}");
    for hours in [0, 25, 24 * 30] {
        world.turn(SignedDuration::from_hours(hours));
        let answer = follow(&world.label_door(), token(&link), None).await;
        assert!(opens(&answer, &label.key), "after {hours} more hours: {answer:?}");
        assert_eq!(self::link(&world, &job).await?, link);
    }
    let Answer::Elsewhere(address) = follow(&world.label_door(), token(&link), Some("1")).await else {
        panic!("it opens by its number too");
    };
    let until = world.now().as_second() + 300;
    assert!(
        address.contains(&format!("until={until}")),
        "{address}: the store's own address lives for minutes"
    );
    let number = label.tracking_number.unwrap();
    assert!(
        address.ends_with(&format!("attachment; filename=\"{}-{number}.zpl\"", job.number)),
        "{address}: no browser shows ZPL"
    );

    let end = good_until(&job, DAYS);
    assert_eq!(end, after(job.bought_at(), DAYS));
    world.clock.set(end - SignedDuration::from_secs(1));
    assert!(opens(
        &follow(&world.label_door(), token(&link), None).await,
        &label.key
    ));
    world.clock.set(end);
    assert_eq!(
        follow(&world.label_door(), token(&link), None).await,
        nothing(&world).await
    );
    Ok(())
}

/// What browsers know they show.
#[tokio::test]
async fn a_picture_is_shown_where_it_is_opened() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.label = LabelFormat::Gif);
    let job = shipped(&world, 1).await?;
    let link = link(&world, &job).await?;
    let answer = follow(&world.label_door(), token(&link), None).await;
    assert!(opens(&answer, "#image/gif; inline; filename=\"SO"), "{answer:?}");
    Ok(())
}

/// P56: whatever keeps a link from opening, strangers learn nothing from the answer: it is the same for a link that was touched, one
/// that was put together from two, one of a job that there is not, and one that was never one.
#[tokio::test]
async fn links_that_are_none_look_all_alike() -> Result<(), Failure> {
    let world = World::start().await?;
    let (job, other) = (shipped(&world, 1).await?, shipped(&world, 2).await?);
    let (own, others) = (link(&world, &job).await?, link(&world, &other).await?);
    let (own, others) = (token(&own).to_owned(), token(&others).to_owned());
    let (nothing, door) = (nothing(&world).await, world.label_door());
    assert!(opens(&follow(&door, &own, None).await, job.id.as_str()));
    assert!(opens(&follow(&door, &others, None).await, other.id.as_str()));

    let swapped = format!("1{}{}", other.id, &own[27..]);
    assert_eq!(swapped.len(), own.len());
    let later = own.replace(&own[33..34], if &own[33..34] == "z" { "y" } else { "z" });
    let mut gone = job.clone();
    gone.id = "OB3XG5DVNZXW64DFOJ2HA3DPNU".parse()?;
    let gone = link(&world, &gone).await?;
    for stranger in [
        swapped.as_str(),
        &later,
        token(&gone),
        &own[..58],
        "1",
        "../labels",
        "é",
        &"1".repeat(4096),
    ] {
        assert_eq!(follow(&door, stranger, None).await, nothing, "{stranger}");
        assert_eq!(follow(&door, stranger, Some("1")).await, nothing, "{stranger}");
    }
    for number in ["0", "2", "-1", "x", "", "99999999999999999999"] {
        assert_eq!(follow(&door, &own, Some(number)).await, nothing, "{number}");
    }
    Ok(())
}

/// Who revokes is recorded; what was given out before opens nothing any more, what is made afterwards does, and no other job's
/// links are touched.
#[tokio::test]
async fn revoked_links_are_dead_and_new_ones_open() -> Result<(), Failure> {
    let world = World::start().await?;
    let (job, other) = (shipped(&world, 1).await?, shipped(&world, 2).await?);
    let (first, others) = (link(&world, &job).await?, link(&world, &other).await?);
    let revoked = world.operator().revoke_label_links(&job.id, "ann").await?;
    assert_eq!((revoked.label_generation, revoked.version), (1, job.version + 1));
    assert!(revoked.finished(), "nothing else is to do because of that");
    let door = world.label_door();
    assert_eq!(follow(&door, token(&first), None).await, nothing(&world).await);
    assert!(opens(&follow(&door, token(&others), None).await, other.id.as_str()));
    let second = link(&world, &reload(&world, &job.id)).await?;
    assert_ne!(first, second);
    assert!(opens(&follow(&door, token(&second), None).await, job.id.as_str()));
    let told = world.story(&job.id);
    assert!(
        told.iter()
            .any(|entry| entry.by == "ann" && entry.text == "revoked the links to the labels"),
        "{told:?}"
    );

    world.operator().revoke_label_links(&job.id, "ann").await?;
    let third = link(&world, &reload(&world, &job.id)).await?;
    for dead in [&first, &second] {
        assert_eq!(follow(&door, token(dead), None).await, nothing(&world).await);
    }
    assert!(opens(&follow(&door, token(&third), None).await, job.id.as_str()));

    let unbought = world.enter(world.plain(1))?;
    world.poll().await?;
    let early = world
        .operator()
        .revoke_label_links(&world.job(unbought)?.id, "ann")
        .await;
    assert!(
        matches!(early, Err(OperateError::NotNow(_))),
        "it has no links: {early:?}"
    );
    Ok(())
}

/// While a key is rotated every link opens, whatever a process has read before; a key that is ended takes its links along.
#[tokio::test]
async fn a_rotation_breaks_no_link_until_the_old_key_is_ended() -> Result<(), Failure> {
    let world = World::start().await?;
    let job = shipped(&world, 1).await?;
    let old = link(&world, &job).await?;
    let door = world.label_door();
    assert!(opens(&follow(&door, token(&old), None).await, job.id.as_str()));

    world
        .secret(LABEL_KEYS, &json!({ "key": OTHER_KEY, "older": [LABEL_KEY] }))
        .await?;
    let new = link(&world, &job).await?;
    assert_ne!(old, new, "the newest key seals");
    world.turn(SignedDuration::from_secs(3));
    for one in [&old, &new] {
        assert!(opens(&follow(&door, token(one), None).await, job.id.as_str()), "{one}");
    }

    world.secret(LABEL_KEYS, &json!({ "key": OTHER_KEY })).await?;
    world.turn(SignedDuration::from_secs(61));
    assert_eq!(follow(&door, token(&old), None).await, nothing(&world).await);
    assert!(opens(&follow(&door, token(&new), None).await, job.id.as_str()));
    Ok(())
}

/// A process that has made a link a moment ago goes on with the key that it knows, but not for longer than the old key's end is put
/// off: nothing is sealed with a key that was ended.
#[tokio::test]
async fn no_link_is_sealed_with_a_key_that_was_ended() -> Result<(), Failure> {
    let world = World::start().await?;
    let job = shipped(&world, 1).await?;
    let (links, until) = (world.label_links(), good_until(&job, DAYS));
    let old = links.link(&job, until).await?.ok_or("no link")?;
    world
        .secret(LABEL_KEYS, &json!({ "key": OTHER_KEY, "older": [LABEL_KEY] }))
        .await?;
    assert_eq!(links.link(&job, until).await?.ok_or("no link")?, old);
    world.turn(SEALS_ON.try_into()?);
    world.secret(LABEL_KEYS, &json!({ "key": OTHER_KEY })).await?;
    let new = links.link(&job, until).await?.ok_or("no link")?;
    assert_ne!(old, new);
    let door = world.label_door();
    assert!(opens(&follow(&door, token(&new), None).await, job.id.as_str()));
    assert_eq!(follow(&door, token(&old), None).await, nothing(&world).await);
    Ok(())
}

/// A shipment that is to be void has no links, so that nobody sticks its label on a parcel; if the carrier refuses, the label is good
/// and its links open again.
#[tokio::test]
async fn a_void_shipments_links_are_dead() -> Result<(), Failure> {
    let world = World::start().await?;
    let (job, kept) = (shipped(&world, 1).await?, shipped(&world, 2).await?);
    let (link_of_void, link_of_kept) = (link(&world, &job).await?, link(&world, &kept).await?);
    world.operator().void(&job.id, "ann").await?;
    let door = world.label_door();
    assert_eq!(follow(&door, token(&link_of_void), None).await, nothing(&world).await);
    world.work().await?;
    assert!(reload(&world, &job.id).closed.is_some());
    assert_eq!(follow(&door, token(&link_of_void), None).await, nothing(&world).await);
    let end = world.now() + SignedDuration::from_hours(1);
    assert_eq!(world.label_links().link(&reload(&world, &job.id), end).await?, None);

    world.ups.configure(|options| options.void_window_days = 0);
    world.turn(SignedDuration::from_mins(1));
    world.operator().void(&kept.id, "ann").await?;
    assert_eq!(follow(&door, token(&link_of_kept), None).await, nothing(&world).await);
    world.work().await?;
    let held = reload(&world, &kept.id).hold.map(|hold| hold.reason);
    assert_eq!(held, Some(HoldReason::VoidRefused));
    assert!(opens(
        &follow(&door, token(&link_of_kept), None).await,
        kept.id.as_str()
    ));
    Ok(())
}

/// A job whose personal data was erased has no labels, and no links to any.
#[tokio::test]
async fn an_erased_jobs_links_are_dead() -> Result<(), Failure> {
    let world = World::start().await?;
    let job = shipped(&world, 1).await?;
    let link = link(&world, &job).await?;
    world.operator().forget(&job.id, "ann").await?;
    assert_eq!(
        follow(&world.label_door(), token(&link), None).await,
        nothing(&world).await
    );
    let forgotten = reload(&world, &job.id);
    assert_eq!(world.label_links().link(&forgotten, Timestamp::MAX).await?, None);
    Ok(())
}

/// Several parcels are a page with a link for each; each link opens the label of its own parcel.
#[tokio::test]
async fn several_parcels_are_a_page_to_choose_from() -> Result<(), Failure> {
    let world = World::start().await?;
    world.configure(|connection| connection.packing.rule = ParcelRule::PerPiece);
    let job = shipped(&world, 3).await?;
    let link = link(&world, &job).await?;
    let (door, token) = (world.label_door(), token(&link));
    let Answer::Page { status: 200, html } = follow(&door, token, None).await else {
        panic!("three labels are a page");
    };
    assert!(html.contains(&format!("<h1>Labels of {}</h1>", job.number)), "{html}");
    let labels = job.labels.done().unwrap();
    assert_eq!((labels.len(), html.matches("<li>").count()), (3, 3));
    for (number, label) in (1..).zip(labels) {
        let tracking = label.tracking_number.clone().unwrap();
        let item = format!("<a href=\"{token}/{number}\">Label of parcel {tracking} (ZPL)</a>");
        assert!(html.contains(&item), "{html}");
        let answer = follow(&door, token, Some(&number.to_string())).await;
        assert!(opens(&answer, &label.key), "{answer:?}");
    }
    assert!(
        !html.contains("Hudson") && !html.contains("5th Ave"),
        "a page names nobody: {html}"
    );
    assert_eq!(follow(&door, token, Some("4")).await, nothing(&world).await);
    Ok(())
}

/// While nobody can say whether a link opens, that is what is said: a link is not called dead because our store is not there.
#[tokio::test]
async fn a_store_that_fails_kills_no_link() -> Result<(), Failure> {
    struct Down;
    #[async_trait::async_trait]
    impl Switch for Down {
        async fn before(&self, _call: &'static str) -> Fate {
            Fate::LoseAnswer
        }
    }
    let world = World::start().await?;
    let job = shipped(&world, 1).await?;
    let link = link(&world, &job).await?;
    let down = Arc::new(world.store.behind(Arc::new(Down)));
    let closed_door = LabelLink {
        door: down.clone(),
        ..world.label_door()
    };
    let without_jobs = LabelLink {
        jobs: down,
        ..world.label_door()
    };
    for door in [closed_door, without_jobs] {
        let answer = follow(&door, token(&link), None).await;
        assert!(
            matches!(&answer, Answer::Page { status: 503, html } if html.contains("Try again")),
            "{answer:?}"
        );
    }
    world.secret(LABEL_KEYS, &json!({ "key": "short" })).await?;
    let answer = follow(&world.label_door(), token(&link), None).await;
    assert!(matches!(answer, Answer::Page { status: 503, .. }), "{answer:?}");
    Ok(())
}

/// P56: a connection that wants the link written is not written back without one; whoever does not want it needs no key.
#[tokio::test]
async fn a_write_back_that_wants_a_link_waits_for_the_key() -> Result<(), Failure> {
    let world = World::start().await?;
    world.secret(LABEL_KEYS, &json!({})).await?;
    shipped(&world, 1).await?;

    world.configure(|connection| {
        connection.write_back.fields.label_link = Some("custbody_waybill_label".to_owned());
    });
    let order = world.enter(world.plain(2))?;
    world.poll().await?;
    let id = world.job(order)?.id;
    let failed = world.worker().run(&id).await.unwrap_err();
    assert!(failed.0.contains("waybill label rotate-key"), "{failed}");
    let job = world.job(order)?;
    assert!(
        job.purchase.done().is_some() && job.write_back.done().is_none(),
        "{job:?}"
    );
    assert!(world.page(order)?.fulfilments.is_empty());

    world.secret(LABEL_KEYS, &json!({ "key": LABEL_KEY })).await?;
    world.worker().run(&id).await?;
    assert!(world.job(order)?.write_back.done().is_some());
    assert_eq!((world.page(order)?.fulfilments.len(), world.billed().len()), (1, 2));
    Ok(())
}
