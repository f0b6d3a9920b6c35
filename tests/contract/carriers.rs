//! What every carrier owes.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tests::world::Failure;
use waybill::domain::{
    Address, AddressVerdict, CarrierShipmentId, JobId, LabelFormat, ListEntry, Meaning, Milestone, Progress,
    ShipmentRequest, Stretch, fold,
};
use waybill::ports::{
    CallError, Carrier, Control, EffectError, LabelError, Moved, Obstacle, Permit, Purchased, VoidError,
};

use crate::Mishap;

/// The calls of a carrier that a mishap can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// A purchase.
    Create,
    /// A request for prices.
    Offers,
    /// Asking for labels again, and looking for shipments.
    Labels,
    /// A void.
    Void,
    /// The carrier's own list.
    List,
    /// Asking where a parcel is.
    Track,
}

/// Addresses of each kind, as the carrier's simulator judges them.
pub(crate) struct Addresses {
    /// It stands.
    pub(crate) good: Address,
    /// Several could be meant.
    pub(crate) ambiguous: Address,
    /// There is none like it.
    pub(crate) unknown: Address,
    /// In a country that the carrier does not validate, if there is one.
    pub(crate) abroad: Option<Address>,
}

/// A carrier with its simulator.
#[async_trait]
pub(crate) trait CarrierUnderTest: Sized {
    /// Starts both.
    async fn start() -> Result<Self, Failure>;
    /// The carrier as the flows see it.
    fn carrier(&self) -> &dyn Carrier;
    /// The time of both.
    fn now(&self) -> Timestamp;
    /// The next call of this kind goes wrong, or every one.
    fn strike(&self, on: On, mishap: Mishap);
    /// How often it was asked to sell.
    fn asked_to_sell(&self) -> u64;
    /// Unvoided shipments under a reference, by its own books.
    fn sold(&self, reference: &JobId) -> usize;
    /// The parcel comes so far now, one after the other; with [`Milestone::Delivered`] somebody signs.
    fn comes_to(&self, number: &str, milestones: &[Milestone]);
    /// Numbers as the carrier gives them, that it has not given to anybody.
    fn unknown_number(&self) -> String;
    /// Addresses of each kind.
    fn addresses(&self) -> Addresses;
    /// One parcel to a good address.
    fn request(&self, reference: &JobId) -> ShipmentRequest;
}

pub(crate) fn reference(number: u32) -> JobId {
    let document = waybill::domain::DocumentId::sales_order(number.to_string());
    JobId::of(&"contract".parse().unwrap(), &document, 1)
}

fn permit<C: CarrierUnderTest>(test: &C) -> Permit {
    Permit {
        until: test.now() + SignedDuration::from_mins(5),
    }
}

async fn buy<C: CarrierUnderTest>(test: &C, number: u32) -> Result<Purchased, EffectError> {
    let draft = test.carrier().draft(&test.request(&reference(number))).unwrap();
    test.carrier().create(&draft, permit(test)).await
}

fn control(number: u32, bought: &Purchased, at: Timestamp) -> Control {
    Control {
        reference: reference(number),
        shipment: bought.shipment.id.clone(),
        bought_at: at,
    }
}

pub(crate) async fn a_purchase_is_one_shipment_with_a_number_and_a_label_for_each_parcel<C: CarrierUnderTest>()
-> Result<(), Failure> {
    let test = C::start().await?;
    let bought = buy(&test, 1).await?;
    assert_eq!(test.sold(&reference(1)), 1);
    assert_eq!(bought.shipment.parcels.len(), test.request(&reference(1)).parcels.len());
    assert!(bought.shipment.cost.as_ref().is_some_and(|cost| cost.amount > 0.into()));
    for number in bought.shipment.tracking_numbers() {
        let label = bought
            .labels
            .iter()
            .find(|label| label.tracking_number.as_deref() == Some(number));
        assert!(
            label.is_some_and(|label| !label.bytes.is_empty()),
            "{number} has no label"
        );
    }
    Ok(())
}

/// P20: the three words that decide money.
pub(crate) async fn a_failed_purchase_says_whether_anything_can_have_happened<C: CarrierUnderTest>()
-> Result<(), Failure> {
    let unknown = [
        (Mishap::LostBefore, 0),
        (Mishap::LostAfter, 1),
        (Mishap::FailedAfter, 1),
        (Mishap::Unreadable, 1),
        (Mishap::Gateway, 0),
    ];
    for (mishap, sold) in unknown {
        let test = C::start().await?;
        test.strike(On::Create, mishap);
        let error = buy(&test, 1).await.unwrap_err();
        assert!(matches!(error, EffectError::Unknown(_)), "{mishap:?}: {error}");
        assert_eq!(test.sold(&reference(1)), sold, "{mishap:?}");
        assert_eq!(test.asked_to_sell(), 1, "{mishap:?}: nobody repeats a purchase");
    }
    for (mishap, obstacle) in [
        (Mishap::Busy(Some(77)), Obstacle::Limited),
        (Mishap::Busy(None), Obstacle::Limited),
        (Mishap::Unauthorised, Obstacle::Unauthorised),
    ] {
        let test = C::start().await?;
        test.strike(On::Create, mishap);
        let Err(EffectError::NotSent(later)) = buy(&test, 1).await else {
            panic!("{mishap:?} is not sent")
        };
        assert_eq!((later.obstacle, test.sold(&reference(1))), (obstacle, 0), "{mishap:?}");
        if mishap == Mishap::Busy(Some(77)) {
            assert_eq!(later.after, Some(Duration::from_secs(77)));
        }
    }
    Ok(())
}

pub(crate) async fn a_token_that_has_ended_is_renewed_and_the_purchase_made_once<C: CarrierUnderTest>()
-> Result<(), Failure> {
    let test = C::start().await?;
    buy(&test, 1).await?;
    test.strike(On::Create, Mishap::TokenEnded);
    buy(&test, 2).await?;
    assert_eq!((test.sold(&reference(1)), test.sold(&reference(2))), (1, 1));
    Ok(())
}

pub(crate) async fn nothing_is_bought_without_enough_of_a_lease<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let draft = test.carrier().draft(&test.request(&reference(1)))?;
    for left in [-60, 0, 5] {
        let permit = Permit {
            until: test.now() + SignedDuration::from_secs(left),
        };
        let Err(EffectError::NotSent(later)) = test.carrier().create(&draft, permit).await else {
            panic!("sent with {left} seconds left")
        };
        assert_eq!(later.obstacle, Obstacle::LeaseTooShort);
    }
    assert_eq!(test.asked_to_sell(), 0);
    Ok(())
}

pub(crate) async fn a_look_finds_what_is_there_and_knows_whether_it_can_see<C: CarrierUnderTest>() -> Result<(), Failure>
{
    let test = C::start().await?;
    let (carrier, at) = (test.carrier(), test.now());
    let (first, second) = (buy(&test, 1).await?, buy(&test, 2).await?);
    let known = control(1, &first, at);
    let seen = carrier.find(&reference(2), Some(&known)).await?;
    let found: Vec<&CarrierShipmentId> = seen.found.iter().map(|shipment| &shipment.id).collect();
    assert_eq!(found, [&second.shipment.id]);

    let absent = carrier.find(&reference(3), Some(&known)).await?;
    assert_eq!((absent.found.len(), absent.control_seen), (0, carrier.absence_proves()));
    let blind = carrier.find(&reference(3), None).await?;
    assert!(blind.found.is_empty() && !blind.control_seen);
    let unknown = Control {
        reference: reference(9),
        ..known.clone()
    };
    assert!(!carrier.find(&reference(3), Some(&unknown)).await?.control_seen);

    carrier.void(&second.shipment.id).await?;
    let seen = carrier.find(&reference(2), Some(&known)).await?;
    assert!(seen.found.is_empty(), "a voided shipment is none");
    test.strike(On::Labels, Mishap::LostBefore);
    assert!(
        carrier.find(&reference(2), Some(&known)).await.is_err(),
        "a look that failed is no absence"
    );
    Ok(())
}

/// A carrier that gives no label a second time says so for good.
pub(crate) async fn labels_can_be_had_again_or_are_said_to_be_gone<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let bought = buy(&test, 1).await?;
    let labels = match test.carrier().labels(&bought.shipment, LabelFormat::Zpl).await {
        Err(LabelError::Gone(refusal)) => {
            assert!(!refusal.message.is_empty());
            return Ok(());
        }
        labels => labels?,
    };
    let mut numbers: Vec<&str> = labels
        .iter()
        .filter_map(|label| label.tracking_number.as_deref())
        .collect();
    numbers.sort_unstable();
    let mut wanted: Vec<&str> = bought.shipment.tracking_numbers().collect();
    wanted.sort_unstable();
    assert_eq!(numbers, wanted);
    assert!(labels.iter().all(|label| !label.bytes.is_empty()));
    test.strike(On::Labels, Mishap::Gateway);
    let failed = test.carrier().labels(&bought.shipment, LabelFormat::Zpl).await;
    assert!(matches!(failed, Err(LabelError::Later(_))), "{failed:?}");
    Ok(())
}

pub(crate) async fn a_void_can_be_repeated<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let bought = buy(&test, 1).await?;
    test.strike(On::Void, Mishap::LostAfter);
    let lost = test.carrier().void(&bought.shipment.id).await;
    assert!(matches!(lost, Err(VoidError::Later(_))), "{lost:?}");
    for _ in 0..2 {
        test.carrier().void(&bought.shipment.id).await?;
    }
    assert_eq!(test.sold(&reference(1)), 0);
    Ok(())
}

/// The whole list of a stretch, page by page.
async fn whole_list<C: CarrierUnderTest>(test: &C) -> Result<(Vec<ListEntry>, Vec<Moved>), CallError> {
    let (to, mut entries, mut moved, mut page) = (test.now(), Vec::new(), Vec::new(), None);
    let from = to - SignedDuration::from_hours(24);
    loop {
        let answer = test.carrier().list(Stretch { from, to }, page.as_deref()).await?;
        entries.extend(answer.entries);
        moved.extend(answer.moved);
        page = answer.next;
        if page.is_none() {
            return Ok((entries, moved));
        }
    }
}

/// P18: the carrier's own list holds every shipment with its parcels under our reference, and says what is void, however
/// often it was read before. A carrier without a list says so.
pub(crate) async fn the_list_holds_everything_sold_and_says_what_is_void<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    if let Err(why) = test.carrier().listing() {
        assert!(!why.is_empty());
        return Ok(());
    }
    let mut sold = Vec::new();
    for number in 1..=5 {
        sold.push((reference(number), buy(&test, number).await?));
    }
    test.carrier().void(&sold[1].1.shipment.id).await?;
    for _ in 0..2 {
        let (entries, _) = whole_list(&test).await?;
        for (reference, bought) in &sold {
            for parcel in bought.shipment.tracking_numbers() {
                let of_parcel = |entry: &&ListEntry| entry.names(parcel);
                let mut own = entries.iter().filter(of_parcel);
                assert!(
                    own.any(|entry| !entry.voided && entry.reference.as_ref() == Some(reference)),
                    "{parcel}: {entries:?}"
                );
                let voided = entries.iter().filter(of_parcel).any(|entry| entry.voided);
                assert_eq!(voided, *reference == sold[1].0, "{parcel}");
            }
        }
    }
    for mishap in [
        Mishap::LostBefore,
        Mishap::Gateway,
        Mishap::Unreadable,
        Mishap::Busy(None),
    ] {
        test.strike(On::List, mishap);
        let failed = whole_list(&test).await;
        assert!(matches!(failed, Err(CallError::Later(_))), "{mishap:?}: {failed:?}");
    }
    Ok(())
}

/// How far a parcel has come, by everything that the carrier tells of it.
async fn progress<C: CarrierUnderTest>(test: &C, number: &str) -> Result<Option<Progress>, CallError> {
    let news = test.carrier().track(number).await?;
    let events = news.map(|news| news.events).unwrap_or_default();
    assert!(events.iter().all(|event| event.is_possible(test.now())), "{events:?}");
    assert!(
        events.iter().all(|event| event.meaning != Meaning::Unknown),
        "{events:?}"
    );
    Ok(fold(&events))
}

/// P16: a parcel is where the carrier says that it is, from the label to the signature, and its neighbour is not.
pub(crate) async fn a_parcel_is_followed_from_its_label_to_the_signature<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    assert_eq!(test.carrier().track(&test.unknown_number()).await?, None);
    let bought = buy(&test, 1).await?.shipment;
    let numbers: Vec<&str> = bought.tracking_numbers().collect();
    let (own, neighbour) = (numbers[0], numbers[1]);
    let labelled = progress(&test, own).await?.map(|progress| progress.milestone);
    assert_eq!(labelled, Some(Milestone::LabelCreated));
    for milestone in [
        Milestone::PickedUp,
        Milestone::InTransit,
        Milestone::Exception,
        Milestone::OutForDelivery,
        Milestone::AvailableForPickup,
        Milestone::Delivered,
    ] {
        test.comes_to(own, &[milestone]);
        let progress = progress(&test, own).await?.unwrap();
        assert_eq!(progress.milestone, milestone);
        assert!(progress.spot.words().is_some(), "{progress:?}");
        assert_eq!(
            progress.signed_by.is_some(),
            milestone == Milestone::Delivered,
            "{progress:?}"
        );
    }
    let labelled = progress(&test, neighbour).await?.map(|progress| progress.milestone);
    assert_eq!(labelled, Some(Milestone::LabelCreated));
    Ok(())
}

/// P16: a parcel that goes back comes back, and one whose label is void never travels.
pub(crate) async fn a_parcel_can_come_back_and_can_be_void<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let bought = buy(&test, 1).await?.shipment;
    let number = bought.id.as_str();
    for milestone in [Milestone::PickedUp, Milestone::Returning, Milestone::Returned] {
        test.comes_to(number, &[milestone]);
        let come = progress(&test, number).await?.map(|progress| progress.milestone);
        assert_eq!(come, Some(milestone));
    }
    let void = buy(&test, 2).await?.shipment;
    test.carrier().void(&void.id).await?;
    let come = progress(&test, void.id.as_str())
        .await?
        .map(|progress| progress.milestone);
    assert_eq!(come, Some(Milestone::Voided));
    Ok(())
}

/// That the carrier cannot be asked is not that it knows nothing.
pub(crate) async fn a_failed_question_for_a_parcel_is_no_absence<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let bought = buy(&test, 1).await?.shipment;
    for mishap in [
        Mishap::LostBefore,
        Mishap::LostAfter,
        Mishap::Gateway,
        Mishap::Unreadable,
        Mishap::Busy(None),
    ] {
        test.strike(On::Track, mishap);
        let failed = test.carrier().track(bought.id.as_str()).await;
        assert!(matches!(failed, Err(CallError::Later(_))), "{mishap:?}: {failed:?}");
    }
    let malformed = test.carrier().track("../void").await;
    assert!(matches!(malformed, Err(CallError::Refused(_))), "{malformed:?}");
    Ok(())
}

/// P18: the carrier's own list says of which parcels there are news, and the same again when it is read again.
pub(crate) async fn the_list_says_of_which_parcels_there_are_news<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    if test.carrier().listing().is_err() {
        return Ok(());
    }
    let (void, still) = (buy(&test, 1).await?.shipment, buy(&test, 2).await?.shipment);
    test.carrier().void(&void.id).await?;
    let first = whole_list(&test).await?.1;
    let of = |number: &str| first.iter().filter(|one| one.number == number).count();
    assert!(void.tracking_numbers().all(|number| of(number) == 1), "{first:?}");
    assert!(still.tracking_numbers().all(|number| of(number) == 0), "{first:?}");
    assert_eq!(whole_list(&test).await?.1, first);
    Ok(())
}

/// A person's number leads to the whole shipment, whichever parcel it is of, or the carrier remarks that it may not be the whole:
/// the number of the shipment itself always does. One that is void, or cannot be a number, is
/// refused, and a carrier that cannot be asked says so.
pub(crate) async fn a_shipment_is_known_by_its_number<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let (bought, carrier) = (buy(&test, 1).await?.shipment, test.carrier());
    for number in bought.tracking_numbers() {
        let known = carrier.shipment(&CarrierShipmentId::new(number)).await?;
        let known = known.ok_or_else(|| format!("{number} is not known"))?;
        let whole = known.id == bought.id && known.parcels == bought.parcels;
        let said = number != bought.id.as_str() && !known.remarks.is_empty();
        assert!(whole || said, "{known:?} of {bought:?}");
    }
    let malformed = carrier.shipment(&CarrierShipmentId::new("../void")).await;
    assert!(matches!(malformed, Err(CallError::Refused(_))), "{malformed:?}");
    test.strike(On::Labels, Mishap::Gateway);
    let unasked = carrier.shipment(&bought.id).await;
    assert!(matches!(unasked, Err(CallError::Later(_))), "{unasked:?}");
    carrier.void(&bought.id).await?;
    let void = carrier.shipment(&bought.id).await;
    assert!(matches!(void, Err(CallError::Refused(_))), "{void:?}");
    Ok(())
}

/// P12: a verdict for every kind of address.
pub(crate) async fn every_kind_of_address_has_its_verdict<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let (carrier, addresses) = (test.carrier(), test.addresses());
    let good = carrier.validate(&addresses.good).await?;
    assert!(
        matches!(good, AddressVerdict::Valid { .. } | AddressVerdict::Corrected { .. }),
        "{good:?}"
    );
    let ambiguous = carrier.validate(&addresses.ambiguous).await?;
    assert!(
        matches!(&ambiguous, AddressVerdict::Ambiguous { candidates } if !candidates.is_empty()),
        "{ambiguous:?}"
    );
    assert_eq!(carrier.validate(&addresses.unknown).await?, AddressVerdict::NotFound);
    if let Some(abroad) = &addresses.abroad {
        assert_eq!(carrier.validate(abroad).await?, AddressVerdict::NotCovered);
    }
    Ok(())
}

/// P13: offers with their prices, and any of them can be bought at its price.
pub(crate) async fn what_is_offered_can_be_bought<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let request = test.request(&reference(1));
    let rates = waybill::domain::RateRequest {
        ship_from: request.ship_from.clone(),
        ship_to: request.ship_to.clone(),
        parcels: request.parcels.clone(),
        billing: request.billing.clone(),
        ship_date: request.ship_date,
        customs: request.customs.clone(),
    };
    let offers = test.carrier().offers(&rates).await?;
    assert!(offers.len() > 1);
    for (number, offer) in (10..).zip(&offers) {
        let request = ShipmentRequest {
            service: offer.service.clone(),
            ..test.request(&reference(number))
        };
        let draft = test.carrier().draft(&request)?;
        let bought = test.carrier().create(&draft, permit(&test)).await?;
        assert_eq!(bought.shipment.cost.as_ref(), Some(&offer.cost), "{}", offer.name);
    }
    test.strike(On::Offers, Mishap::LostBefore);
    let failed = test.carrier().offers(&rates).await;
    assert!(matches!(failed, Err(CallError::Later(_))), "{failed:?}");
    Ok(())
}

/// P27: a check tries what the connection needs, and buys nothing.
pub(crate) async fn a_check_finds_all_well_and_buys_nothing<C: CarrierUnderTest>() -> Result<(), Failure> {
    let test = C::start().await?;
    let findings = test.carrier().check().await;
    assert!(
        !findings.is_empty() && findings.iter().all(|finding| finding.result.is_ok()),
        "{findings:?}"
    );
    assert_eq!(test.asked_to_sell(), 0);
    Ok(())
}

/// The whole suite for one carrier.
macro_rules! suite {
    ($name:ident: $under_test:ty) => {
        mod $name {
            $crate::carriers::tests_of!($under_test:
                a_purchase_is_one_shipment_with_a_number_and_a_label_for_each_parcel,
                a_failed_purchase_says_whether_anything_can_have_happened,
                a_token_that_has_ended_is_renewed_and_the_purchase_made_once,
                nothing_is_bought_without_enough_of_a_lease,
                a_look_finds_what_is_there_and_knows_whether_it_can_see,
                labels_can_be_had_again_or_are_said_to_be_gone,
                a_void_can_be_repeated,
                the_list_holds_everything_sold_and_says_what_is_void,
                a_parcel_is_followed_from_its_label_to_the_signature,
                a_parcel_can_come_back_and_can_be_void,
                a_failed_question_for_a_parcel_is_no_absence,
                the_list_says_of_which_parcels_there_are_news,
                a_shipment_is_known_by_its_number,
                every_kind_of_address_has_its_verdict,
                what_is_offered_can_be_bought,
                a_check_finds_all_well_and_buys_nothing,
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
                $crate::carriers::$part::<$under_test>().await
            }
        )*
    };
}
pub(crate) use tests_of;
