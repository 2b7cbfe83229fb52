//! Statuses that come before it is recorded whose message they are of, and without our reference.

use domain::AnyEvent;
use domain::ids::RequestId;
use domain::outbound::{DeliveryStatus, OutboundMessage, Purpose};
use domain::request::RequestEvent;

use crate::harness::{Worker, World};
use crate::inputs::{accepted, client, message, request_of, status};

/// A client's request, and the invitation that it led to.
async fn invited(world: &World, engine: &Worker) -> (RequestId, OutboundMessage) {
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    (request, world.requested(Purpose::Invitation).await)
}

/// What the log has of how far messages got.
async fn told(world: &World) -> Vec<DeliveryStatus> {
    let told = world.events().await.into_iter().filter_map(|event| match event {
        AnyEvent::Request(RequestEvent::MessageStatusChanged { status, .. }) => Some(status),
        _ => None,
    });
    told.collect()
}

async fn is_told(world: &World, all: &[DeliveryStatus]) {
    world.until("it is told how far the message got", async |world| told(world).await == all).await;
}

#[tokio::test]
async fn a_status_that_comes_before_the_receipt_counts_once_that_is_there() {
    let world = World::new().await;
    let engine = world.start();
    let (request, invitation) = invited(&world, &engine).await;
    let now = world.clock.now();
    // In no order, and one of them twice.
    for told in [DeliveryStatus::Read, DeliveryStatus::Delivered, DeliveryStatus::Read] {
        engine.done(status(None, &invitation, told, now)).await;
    }
    assert_eq!(told(&world).await, []);
    engine.done(accepted(request, &invitation, now)).await;
    let is_read = async |world: &World| told(world).await.last() == Some(&DeliveryStatus::Read);
    world.until("the message is read", is_read).await;
    let before = told(&world).await;
    assert!(before.is_sorted(), "they only rise: {before:?}");
    engine.done(status(None, &invitation, DeliveryStatus::Delivered, now)).await;
    assert_eq!(told(&world).await, before);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn all_at_once_it_is_the_same() {
    let world = World::new().await;
    let engine = world.start();
    let (request, invitation) = invited(&world, &engine).await;
    let now = world.clock.now();
    let read = status(None, &invitation, DeliveryStatus::Read, now);
    engine.decide_all([read, accepted(request, &invitation, now)]).await;
    is_told(&world, &[DeliveryStatus::Read]).await;
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn whoever_takes_over_finds_it() {
    let world = World::new().await;
    let engine = world.start();
    let (request, invitation) = invited(&world, &engine).await;
    let now = world.clock.now();
    engine.done(status(None, &invitation, DeliveryStatus::Delivered, now)).await;
    engine.stop().await;
    let next = world.start();
    next.done(accepted(request, &invitation, now)).await;
    is_told(&world, &[DeliveryStatus::Delivered]).await;
    next.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn workers_that_take_turns_find_it_too() {
    let world = World::new().await;
    let (one, other) = (world.start(), world.start());
    let (request, invitation) = invited(&world, &one).await;
    let now = world.clock.now();
    // The first one has looked, and there was nothing.
    one.done(message(client(2), "hello")).await;
    other.done(status(None, &invitation, DeliveryStatus::Read, now)).await;
    one.done(accepted(request, &invitation, now)).await;
    is_told(&world, &[DeliveryStatus::Read]).await;
    one.stop().await;
    other.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_a_worker_did_not_come_back_to_its_next_one_does() {
    let world = World::new().await;
    let engine = world.start();
    let (request, invitation) = invited(&world, &engine).await;
    let now = world.clock.now();
    engine.done(accepted(request, &invitation, now)).await;
    engine.stop().await;
    // It died between the record of the receipt and the status that it had kept.
    let read = status(None, &invitation, DeliveryStatus::Read, now);
    let domain::input::Input::Status(early) = &read.input else { panic!("it is a status") };
    world.store.keep_early_statuses(&read.company, &[early]).await.unwrap();
    let next = world.start();
    next.done(message(client(2), "hello")).await;
    is_told(&world, &[DeliveryStatus::Read]).await;
    next.stop().await;
    // And again nothing follows from it.
    let last = world.start();
    last.done(message(client(3), "hello")).await;
    last.stop().await;
    assert_eq!(told(&world).await, [DeliveryStatus::Read]);
    world.checked().await;
}

#[tokio::test]
async fn what_nobody_knows_for_an_hour_is_forgotten() {
    let world = World::new().await;
    let engine = world.start();
    let (_, invitation) = invited(&world, &engine).await;
    let now = world.clock.now();
    for told in [DeliveryStatus::Sent, DeliveryStatus::Delivered] {
        engine.done(status(None, &invitation, told, now)).await;
    }
    sqlx::raw_sql("UPDATE early_statuses SET kept_at = kept_at - interval '61 minutes'")
        .execute(&world.pool)
        .await
        .unwrap();
    engine.done(status(None, &invitation, DeliveryStatus::Read, now)).await;
    let kept: Vec<String> = sqlx::query_scalar("SELECT status FROM early_statuses")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(kept, ["read"]);
    engine.stop().await;
    world.checked().await;
}
