//! However the same events come, a parcel stands where they say, and what an order shows of its parcels follows from that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use waybill::domain::{DeliveryStatus, Milestone, Progress, TrackingEvent, fold};
use waybill_fuzz::Happened;

fuzz_target!(|happened: Happened| {
    let Happened(events) = happened;
    the_order_of_news_does_not_count(&events);
    tellings_are_joined_alike(&events);
    an_order_is_as_far_as_its_parcels(&events);
});

fn the_order_of_news_does_not_count(events: &[TrackingEvent]) {
    let folded = fold(events);
    let backwards: Vec<TrackingEvent> = events.iter().rev().cloned().collect();
    assert_eq!(fold(&backwards), folded, "backwards");
    let (odd, even): (Vec<_>, Vec<_>) = events.iter().cloned().enumerate().partition(|(at, _)| at % 2 == 1);
    let mixed: Vec<TrackingEvent> = odd.into_iter().chain(even).map(|(_, event)| event).collect();
    assert_eq!(fold(&mixed), folded, "mixed");
    let twice = [mixed, events.to_vec()].concat();
    assert_eq!(fold(&twice), folded, "twice");
}

fn tellings_are_joined_alike(events: &[TrackingEvent]) {
    for one in events {
        assert_eq!(one.joined(one), *one, "idempotent");
        for other in events.iter().filter(|other| other.key() == one.key()) {
            let joined = one.joined(other);
            assert_eq!(joined, other.joined(one), "commutative");
            assert_eq!(joined.joined(other), joined, "nothing is added twice");
            assert_eq!(joined.key(), one.key(), "still the same event");
        }
    }
}

fn an_order_is_as_far_as_its_parcels(events: &[TrackingEvent]) {
    let parcels: Vec<Option<Progress>> = events.chunks(3).map(fold).collect();
    let Some(status) = DeliveryStatus::of(parcels.iter().map(Option::as_ref)) else {
        return;
    };
    let arrived = |one: &Option<Progress>| one.as_ref().is_some_and(|one| one.milestone == Milestone::Delivered);
    let void = |one: &Option<Progress>| one.as_ref().is_some_and(|one| one.milestone == Milestone::Voided);
    let all = parcels.iter().all(|one| arrived(one) || void(one)) && parcels.iter().any(arrived);
    assert_eq!(status.milestone == Milestone::Delivered, all, "{parcels:?}");
    let _ = status.given_up();
}
