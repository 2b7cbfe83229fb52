//! New versions of the directory enter the lane as inputs.

use domain::AnyEvent;
use domain::flow::Decision;
use domain::ids::PhoneNumberId;
use domain::input::{Input, LaneInput};
use domain::outbound::Purpose;
use domain::request::{Outcome, RequestEvent};

use crate::harness::{World, done};
use crate::inputs::{
    client, company, company_id, company_without_pool, file, given_up, message, number, request_of,
};

fn version(version: u64) -> LaneInput {
    LaneInput { company: company_id("acme"), input: Input::DirectoryVersion(version) }
}

/// The directory versions and the chosen numbers of all decisions, in order.
async fn decisions(world: &World) -> Vec<(u64, Option<PhoneNumberId>)> {
    let events = world.events().await.into_iter().filter_map(|event| match event {
        AnyEvent::Request(RequestEvent::DecisionMade { facts, decision }) => {
            let number = match *decision {
                Decision::OpenRoom { number, .. } => Some(number.number),
                _ => None,
            };
            Some((facts.company.directory_version, number))
        }
        _ => None,
    });
    events.collect()
}

fn only(secondaries: std::ops::Range<u32>) -> String {
    format!("companies:\n{}", company("acme", 0, secondaries))
}

#[tokio::test]
async fn a_version_counts_from_its_place_in_the_lane_on() {
    let world = World::with(&only(0..2)).await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    world.apply(&only(1..2)).await;
    // Whatever the timers bring: these three are decided in this order.
    let inputs = [message(client(2), "#michael"), version(2), message(client(3), "#michael")];
    assert_eq!(engine.decide_all(inputs).await, [done(), done(), done()]);
    let decided = decisions(&world).await;
    assert_eq!(decided[0], (1, Some(number(0, 1))));
    assert_eq!(decided[2], (2, Some(number(0, 2))), "the removed number is chosen no more");
    let events = world.recorded().await;
    let removed = events.iter().position(|event| event.event_type == "number-removed").unwrap();
    let second = events.iter().filter(|event| event.event_type == "decision-made").nth(1).unwrap();
    let by_version = if second.position > events[removed].position { 2 } else { 1 };
    assert_eq!(decided[1].0, by_version, "before it the old version, after it the new one");
    assert_eq!(engine.decide(version(1)).await, done(), "an old version comes late");
    assert_eq!(engine.decide(version(2)).await, done(), "and the new one twice");
    assert_eq!(world.count("number-removed").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_removed_number_that_still_carries_a_room_stays_removed_when_it_is_released() {
    let world = World::with(&only(0..1)).await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    world.apply(&only(1..2)).await;
    engine.done(version(2)).await;
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(given_up(request, &invitation, world.clock.now())).await;
    assert_eq!(world.count("number-released").await, 1);
    // A change elsewhere does not bring it back either.
    world.apply(&only(1..3)).await;
    engine.done(version(3)).await;
    engine.done(message(client(2), "#michael")).await;
    let decided = decisions(&world).await;
    assert_eq!(decided.last().unwrap(), &(3, Some(number(0, 2))));
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_running_engine_finds_new_versions_by_itself() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    world.apply(&file(&["acme"], 5)).await;
    world
        .until("the version counts", async |world| {
            world.store.lane(&company_id("acme")).await.unwrap() == Some(2)
        })
        .await;
    assert_eq!(world.count("number-added").await, 5);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_pool_that_the_file_dropped_while_the_engine_was_down_takes_no_new_rooms() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    engine.stop().await;
    world.apply(&format!("companies:\n{}", company_without_pool("acme"))).await;
    let engine = world.start();
    engine.done(message(client(2), "#michael")).await;
    assert_eq!(world.count("number-removed").await, 3);
    assert_eq!(decisions(&world).await.last().unwrap().0, 2);
    assert_eq!(world.count("room-reserved").await, 1);
    // And it comes back.
    world.apply(&file(&["acme"], 3)).await;
    engine.done(version(3)).await;
    engine.done(message(client(3), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_version_that_cannot_be_read_leaves_the_company_with_the_one_before() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    world.apply_unreadable("acme").await;
    let inputs = [version(2), message(client(2), "#michael")];
    let settled = engine.decide_all(inputs).await;
    assert_eq!(crate::harness::parked(&settled[0]), "unreadable-directory");
    assert_eq!(settled[1], done());
    engine.stop().await;
    // Also from the start on.
    let engine = world.start();
    engine.done(message(client(3), "#michael")).await;
    assert!(decisions(&world).await.iter().all(|(version, _)| *version == 1));
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn without_a_free_number_there_is_an_apology_and_no_room() {
    let world = World::with(&only(0..1)).await;
    let engine = world.start();
    let both = [message(client(1), "#michael"), message(client(1), "#anna")];
    engine.decide_all(both).await;
    assert_eq!(world.outcomes().await, [Outcome::NoSecondaryNumber]);
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.count("client-profile-created").await, 1);
    engine.stop().await;
    world.checked().await;
}
