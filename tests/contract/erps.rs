//! What every ERP owes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::dec;
use tests::world::Failure;
use waybill::domain::{
    CarrierShipmentId, Consignment, DeliveryStatus, DocumentId, Estimate, JobId, Milestone, Money, Offer, Order, Quote,
    Shipment, ShippedParcel, Standing, Unit, UnitPhase, Units,
};
use waybill::ports::{CallError, EffectError, Obstacle, OrderSource, Permit, Scan, WriteBack, Written};

use crate::Mishap;

/// The calls of an ERP that a mishap can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Anything that is read.
    Read,
    /// The write-back.
    WriteBack,
    /// What is told of a delivery.
    Tell,
}

/// An ERP with its simulator.
#[async_trait]
pub(crate) trait ErpUnderTest: Sized {
    /// Starts both.
    async fn start() -> Result<Self, Failure>;
    /// The ERP as the flows see it.
    fn source(&self) -> &dyn OrderSource;
    /// The time of both.
    fn now(&self) -> Timestamp;
    /// A person enters an order of one line that is ready to ship.
    fn enter(&self, quantity: u32) -> Result<DocumentId, Failure>;
    /// A document that was never entered.
    fn no_such_document(&self) -> DocumentId;
    /// A person cancels it.
    fn cancel(&self, document: &DocumentId) -> Result<(), Failure>;
    /// The next call of this kind goes wrong, or every one.
    fn strike(&self, on: On, mishap: Mishap);
    /// How often a shipment's number stands on the document, by its own books.
    fn written(&self, document: &DocumentId, number: &str) -> usize;
    /// The problem that people see on the document.
    fn problem(&self, document: &DocumentId) -> String;
    /// What people see of its delivery.
    fn delivery(&self, document: &DocumentId) -> Shown;
    /// How many requests have written into documents so far.
    fn writes(&self) -> u64;
}

/// What people see of a delivery on the document; what is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) status: String,
    pub(crate) at: String,
    pub(crate) place: String,
    pub(crate) signed_by: String,
    pub(crate) estimated: String,
}

pub(crate) fn on_its_way() -> DeliveryStatus {
    DeliveryStatus {
        milestone: Milestone::InTransit,
        text: "In transit".to_owned(),
        at: "2026-03-02T14:00:00Z".parse().unwrap(),
        place: Some("Louisville, KY, US".to_owned()),
        signed_by: None,
        estimate: Some(Estimate {
            date: jiff::civil::date(2026, 3, 5),
            until: None,
        }),
    }
}

pub(crate) fn delivered() -> DeliveryStatus {
    DeliveryStatus {
        milestone: Milestone::Delivered,
        text: "Delivered".to_owned(),
        at: "2026-03-04T09:30:00Z".parse().unwrap(),
        place: Some("New York, NY, US".to_owned()),
        signed_by: Some("MORGAN".to_owned()),
        estimate: None,
    }
}

async fn tell<E: ErpUnderTest>(test: &E, document: &DocumentId, status: &DeliveryStatus) -> Result<(), EffectError> {
    let until = test.now() + SignedDuration::from_mins(5);
    test.source().tell(document, status, Permit { until }).await.map(|_| ())
}

/// An order that was shipped, to be written back.
struct Shipped {
    job: JobId,
    order: Order,
    consignment: Consignment,
    shipment: Shipment,
    quote: Quote,
}

impl Shipped {
    async fn of<E: ErpUnderTest>(test: &E, quantity: u32) -> Result<Self, Failure> {
        let document = test.enter(quantity)?;
        let order = read(test, &document).await?.ok_or("the order cannot be read")?;
        let allotment = Units::none(document.clone(), "").allottable(&order, &[], &[]).remove(0);
        let consignment = Consignment::of(&order, &allotment.quantities, &Default::default());
        let number = format!("1ZA1B2C3{}", document.id);
        let cost = Money::new(dec!(8.64), "USD");
        Ok(Self {
            job: JobId::of(&"contract".parse()?, &document, 1),
            consignment: consignment.map_err(|gone| format!("{gone:?}"))?,
            shipment: Shipment {
                id: CarrierShipmentId::new(&number),
                parcels: vec![ShippedParcel {
                    tracking_number: number,
                }],
                service: Some("03".to_owned()),
                cost: Some(cost.clone()),
                remarks: Vec::new(),
            },
            quote: Quote {
                offer: Offer {
                    service: "03".to_owned(),
                    name: "Ground".to_owned(),
                    cost,
                    negotiated: true,
                    arrives: None,
                },
                taken_at: test.now(),
                account: None,
            },
            order,
        })
    }

    fn to_write(&self) -> WriteBack<'_> {
        WriteBack {
            job: &self.job,
            order: &self.order,
            consignment: &self.consignment,
            shipment: &self.shipment,
            quote: Some(&self.quote),
            labels: &[],
            label_link: None,
        }
    }

    /// The document's units, of which this one is written back.
    fn units(&self) -> Units {
        let unit = Unit {
            number: 1,
            job: self.job.clone(),
            quantities: self.consignment.quantities(),
            phase: UnitPhase::WrittenBack,
            tracking_numbers: vec![self.number().to_owned()],
            terms: None,
            reported: None,
        };
        Units {
            units: vec![unit],
            ..Units::none(self.order.document.clone(), self.order.number.clone())
        }
    }

    fn number(&self) -> &str {
        self.shipment.id.as_str()
    }

    async fn write<E: ErpUnderTest>(&self, test: &E) -> Result<(), EffectError> {
        let draft = test
            .source()
            .draft(&self.to_write(), &Written::Nothing)
            .map_err(EffectError::Rejected)?;
        let until = test.now() + SignedDuration::from_mins(5);
        test.source().write_back(&draft, Permit { until }).await.map(|_| ())
    }
}

async fn read<E: ErpUnderTest>(test: &E, document: &DocumentId) -> Result<Option<Order>, CallError> {
    Ok(test
        .source()
        .read(std::slice::from_ref(document))
        .await?
        .into_iter()
        .next())
}

/// P2: a scan by pages sees every document once, however the pages fall.
pub(crate) async fn a_scan_sees_every_document_once<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let entered: BTreeSet<String> = (0..23)
        .map(|_| test.enter(1).map(|one| one.id))
        .collect::<Result<_, _>>()?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let scan = Scan {
            since: test.now() - SignedDuration::from_mins(20),
            after: after.clone(),
            limit: 5,
        };
        let heads = test.source().changed(&scan).await?;
        assert!(heads.len() <= 5 && heads.iter().all(|head| head.modified >= scan.since));
        after = heads.last().map(|head| head.document.id.clone());
        let complete = heads.len() < 5;
        seen.extend(heads.into_iter().map(|head| head.document.id));
        if complete {
            break;
        }
    }
    assert_eq!(seen.len(), 23);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), entered);
    Ok(())
}

/// P4: a document reads as it stands; one that does not exist is missing.
pub(crate) async fn a_document_reads_as_it_stands<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let document = test.enter(3)?;
    let order = read(&test, &document).await?.unwrap();
    assert_eq!((&order.standing, order.lines.len()), (&Standing::Ready, 1));
    assert_eq!(
        (order.lines[0].ordered, order.lines[0].ready, order.lines[0].fulfilled),
        (dec!(3), dec!(3), dec!(0))
    );
    let line = &order.lines[0];
    assert!(line.weight.is_some() && !order.ship_to_of(line).lines.is_empty());
    assert_eq!(
        test.source().numbered(&order.number).await?,
        std::slice::from_ref(&document)
    );
    assert_eq!(test.source().numbered("no such number").await?, []);
    assert!(read(&test, &test.no_such_document()).await?.is_none());
    test.cancel(&document)?;
    assert_eq!(
        read(&test, &document).await?.map(|order| order.standing),
        Some(Standing::Cancelled)
    );
    test.strike(On::Read, Mishap::Gateway);
    assert!(matches!(read(&test, &document).await, Err(CallError::Later(_))));
    Ok(())
}

/// P15: what is written is found by our own reference, and a second time changes nothing.
pub(crate) async fn a_write_back_is_found_and_written_once<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let (shipped, other) = (Shipped::of(&test, 2).await?, Shipped::of(&test, 2).await?);
    assert_eq!(test.source().find(&shipped.to_write()).await?, Written::Nothing);
    for _ in 0..2 {
        shipped.write(&test).await?;
        assert!(matches!(
            test.source().find(&shipped.to_write()).await?,
            Written::Whole(_)
        ));
        assert_eq!(test.written(&shipped.order.document, shipped.number()), 1);
    }
    assert_eq!(
        test.source().find(&other.to_write()).await?,
        Written::Nothing,
        "another order's is not ours"
    );
    let order = read(&test, &shipped.order.document).await?.unwrap();
    let again = shipped.units().allottable(&order, &[], &[]);
    assert!(again.is_empty(), "what was shipped is not offered again: {again:?}");
    Ok(())
}

/// P20: the same three words decide what becomes of a lost write-back.
pub(crate) async fn a_failed_write_back_says_whether_anything_can_have_happened<E: ErpUnderTest>() -> Result<(), Failure>
{
    let unknown = [
        (Mishap::LostBefore, 0),
        (Mishap::Gateway, 0),
        (Mishap::LostAfter, 1),
        (Mishap::FailedAfter, 1),
    ];
    for (mishap, made) in unknown {
        let test = E::start().await?;
        let shipped = Shipped::of(&test, 1).await?;
        test.strike(On::WriteBack, mishap);
        let error = shipped.write(&test).await.unwrap_err();
        assert!(matches!(error, EffectError::Unknown(_)), "{mishap:?}: {error}");
        assert_eq!(
            test.source().find(&shipped.to_write()).await? != Written::Nothing,
            made == 1,
            "{mishap:?}"
        );
        let found = test.source().find(&shipped.to_write()).await?;
        let draft = test.source().draft(&shipped.to_write(), &found)?;
        let until = test.now() + SignedDuration::from_mins(5);
        test.source().write_back(&draft, Permit { until }).await?;
        assert!(
            matches!(test.source().find(&shipped.to_write()).await?, Written::Whole(_)),
            "{mishap:?}"
        );
        assert_eq!(test.written(&shipped.order.document, shipped.number()), 1, "{mishap:?}");
    }
    for (mishap, obstacle) in [
        (Mishap::Busy(Some(60)), Obstacle::Limited),
        (Mishap::Unauthorised, Obstacle::Unauthorised),
    ] {
        let test = E::start().await?;
        let shipped = Shipped::of(&test, 1).await?;
        test.strike(On::WriteBack, mishap);
        let Err(EffectError::NotSent(later)) = shipped.write(&test).await else {
            panic!("{mishap:?} is not sent")
        };
        assert_eq!(later.obstacle, obstacle);
        assert_eq!(test.written(&shipped.order.document, shipped.number()), 0);
    }
    Ok(())
}

/// What could ship is listed whenever it was modified, in pages by id; what was cancelled or has not been entered since is not.
pub(crate) async fn everything_that_waits_is_listed_in_pages<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let mut waiting = BTreeSet::new();
    for quantity in 1..=5 {
        waiting.insert(test.enter(quantity)?);
    }
    let cancelled = test.enter(1)?;
    test.cancel(&cancelled)?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let scan = Scan {
            since: test.now() - SignedDuration::from_hours(1),
            after,
            limit: 2,
        };
        let heads = test.source().waiting(&scan).await?;
        after = heads.last().map(|head| head.document.id.clone());
        seen.extend(heads.iter().map(|head| head.document.clone()));
        if heads.len() < 2 {
            break;
        }
    }
    assert_eq!(seen.len(), waiting.len(), "each once: {seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), waiting);
    let later = Scan {
        since: test.now() + SignedDuration::from_hours(1),
        after: None,
        limit: 9,
    };
    assert!(test.source().waiting(&later).await?.is_empty());
    Ok(())
}

/// What a write-back made is seen for many jobs at once, and what was never made is not.
pub(crate) async fn what_was_made_is_seen_for_many_jobs_at_once<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let (first, second) = (Shipped::of(&test, 1).await?, Shipped::of(&test, 2).await?);
    first.write(&test).await?;
    let asked = [first.job.clone(), second.job.clone()];
    let Some(made) = test.source().made(&asked).await? else {
        return Ok(());
    };
    assert_eq!(made, BTreeSet::from([first.job.clone()]));
    test.strike(On::Read, Mishap::Gateway);
    let failed = test.source().made(&asked).await;
    assert!(matches!(failed, Err(CallError::Later(_))), "{failed:?}");
    Ok(())
}

pub(crate) async fn nothing_is_written_without_enough_of_a_lease<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let shipped = Shipped::of(&test, 1).await?;
    let draft = test.source().draft(&shipped.to_write(), &Written::Nothing)?;
    let permit = Permit {
        until: test.now() + SignedDuration::from_secs(5),
    };
    let error = test.source().write_back(&draft, permit).await.unwrap_err();
    assert!(matches!(error, EffectError::NotSent(later) if later.obstacle == Obstacle::LeaseTooShort));
    assert_eq!(test.written(&shipped.order.document, shipped.number()), 0);
    Ok(())
}

/// P11: a token that has ended is renewed, and the write-back is made once.
pub(crate) async fn a_token_that_has_ended_is_renewed<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let shipped = Shipped::of(&test, 1).await?;
    test.strike(On::WriteBack, Mishap::TokenEnded);
    shipped.write(&test).await?;
    assert_eq!(test.written(&shipped.order.document, shipped.number()), 1);
    Ok(())
}

/// P12: a problem is seen on the document and is no change of it.
pub(crate) async fn a_flag_is_seen_and_is_no_change<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let document = test.enter(1)?;
    let before = read(&test, &document).await?;
    for _ in 0..2 {
        test.source().flag(&document, Some("the address is ambiguous")).await?;
        assert_eq!(test.problem(&document), "the address is ambiguous");
    }
    assert_eq!(read(&test, &document).await?, before);
    for _ in 0..2 {
        test.source().flag(&document, None).await?;
        assert_eq!(test.problem(&document), "");
    }
    Ok(())
}

/// P16, P40: how a delivery fares stands on the document, and what is no longer known of it does not; the same is not written
/// again.
pub(crate) async fn a_delivery_is_told_and_the_same_is_not_written_again<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let document = test.enter(1)?;
    let before = read(&test, &document).await?;
    let told = [
        (
            on_its_way(),
            Shown {
                status: "In transit".to_owned(),
                at: "2026-03-02T14:00:00Z".to_owned(),
                place: "Louisville, KY, US".to_owned(),
                signed_by: String::new(),
                estimated: "2026-03-05".to_owned(),
            },
        ),
        (
            delivered(),
            Shown {
                status: "Delivered".to_owned(),
                at: "2026-03-04T09:30:00Z".to_owned(),
                place: "New York, NY, US".to_owned(),
                signed_by: "MORGAN".to_owned(),
                estimated: String::new(),
            },
        ),
    ];
    for (status, shown) in told {
        let writes = test.writes();
        for _ in 0..2 {
            tell(&test, &document, &status).await?;
            assert_eq!(test.delivery(&document), shown);
            assert_eq!(test.writes(), writes + 1, "the same is not written again");
        }
    }
    assert_eq!(read(&test, &document).await?, before, "it is no change of the document");
    Ok(())
}

/// P16: a delivery that could not be told says whether it may have been; telling it again puts it right.
pub(crate) async fn a_failed_telling_says_whether_anything_can_have_happened<E: ErpUnderTest>() -> Result<(), Failure> {
    for (mishap, arrived) in [
        (Mishap::LostBefore, false),
        (Mishap::Gateway, false),
        (Mishap::LostAfter, true),
        (Mishap::FailedAfter, true),
    ] {
        let test = E::start().await?;
        let document = test.enter(1)?;
        test.strike(On::Tell, mishap);
        let error = tell(&test, &document, &delivered()).await.unwrap_err();
        assert!(matches!(error, EffectError::Unknown(_)), "{mishap:?}: {error}");
        assert_eq!(test.delivery(&document).status == "Delivered", arrived, "{mishap:?}");
        tell(&test, &document, &delivered()).await?;
        assert_eq!(test.delivery(&document).status, "Delivered");
    }
    let test = E::start().await?;
    let document = test.enter(1)?;
    test.strike(On::Tell, Mishap::Busy(Some(60)));
    let busy = tell(&test, &document, &delivered()).await.unwrap_err();
    assert!(matches!(busy, EffectError::NotSent(later) if later.obstacle == Obstacle::Limited));
    assert_eq!(test.delivery(&document), Shown::default());
    let test = E::start().await?;
    let document = test.enter(1)?;
    let until = test.now() + SignedDuration::from_secs(5);
    let short = test.source().tell(&document, &delivered(), Permit { until }).await;
    assert!(matches!(short, Err(EffectError::NotSent(later)) if later.obstacle == Obstacle::LeaseTooShort));
    assert_eq!(test.delivery(&document), Shown::default());
    Ok(())
}

/// P16: a document that is gone cannot be told of its delivery, and that is said once and for all.
pub(crate) async fn a_document_that_is_gone_is_told_nothing<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let told = tell(&test, &test.no_such_document(), &delivered()).await;
    assert!(
        matches!(&told, Err(EffectError::Rejected(refusal)) if !refusal.message.is_empty()),
        "{told:?}"
    );
    assert_eq!(test.writes(), 0);
    Ok(())
}

/// P15, P16: a write-back that is done again does not take back what was told of the delivery.
pub(crate) async fn a_write_back_done_again_keeps_what_was_told<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let shipped = Shipped::of(&test, 1).await?;
    let document = shipped.order.document.clone();
    shipped.write(&test).await?;
    let first = test.delivery(&document).status;
    assert!(!first.is_empty() && first != "Delivered", "{first}");
    tell(&test, &document, &delivered()).await?;
    let told = test.delivery(&document);
    let found = test.source().find(&shipped.to_write()).await?;
    assert!(matches!(found, Written::Whole(_)), "{found:?}");
    shipped.write(&test).await?;
    assert_eq!(test.delivery(&document), told);
    assert_eq!(test.written(&document, shipped.number()), 1);
    Ok(())
}

/// P27: a check tries what the connection needs, and touches nothing.
pub(crate) async fn a_check_finds_all_well_and_touches_nothing<E: ErpUnderTest>() -> Result<(), Failure> {
    let test = E::start().await?;
    let document = test.enter(1)?;
    let before = read(&test, &document).await?;
    let findings = test.source().check().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| finding.result.is_err()).collect();
    assert!(!findings.is_empty() && wrong.is_empty(), "{wrong:?}");
    assert_eq!(read(&test, &document).await?, before);
    Ok(())
}

/// The whole suite for one ERP.
macro_rules! suite {
    ($name:ident: $under_test:ty) => {
        mod $name {
            $crate::erps::tests_of!($under_test:
                a_scan_sees_every_document_once,
                a_document_reads_as_it_stands,
                everything_that_waits_is_listed_in_pages,
                what_was_made_is_seen_for_many_jobs_at_once,
                a_write_back_is_found_and_written_once,
                a_failed_write_back_says_whether_anything_can_have_happened,
                nothing_is_written_without_enough_of_a_lease,
                a_token_that_has_ended_is_renewed,
                a_flag_is_seen_and_is_no_change,
                a_delivery_is_told_and_the_same_is_not_written_again,
                a_failed_telling_says_whether_anything_can_have_happened,
                a_document_that_is_gone_is_told_nothing,
                a_write_back_done_again_keeps_what_was_told,
                a_check_finds_all_well_and_touches_nothing,
            );
        }
    };
}
pub(crate) use suite;

/// One test for each part of the suite.
macro_rules! tests_of {
    ($under_test:ty: $($part:ident,)*) => {
        $(
            #[tokio::test]
            async fn $part() -> Result<(), tests::world::Failure> {
                $crate::erps::$part::<$under_test>().await
            }
        )*
    };
}
pub(crate) use tests_of;
