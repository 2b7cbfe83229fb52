//! Two engines on one database at once: the database is the fence.

use std::collections::HashSet;

use domain::input::{Input, LaneInput};
use domain::profile::ProfileEvent;
use engine::Settlement;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::harness::{Worker, World, done};
use crate::inputs::{client, company, company_id, file, message, message_to, number, register};

/// Hands everything in, in an order of its own, until all is decided.
async fn decide_all(engine: &Worker, mut left: Vec<LaneInput>) {
    while !left.is_empty() {
        let settled = engine.decide_all(left.clone()).await;
        let undecided =
            left.into_iter().zip(settled).filter_map(|(input, settled)| match settled {
                Settlement::Done { .. } => None,
                Settlement::RetryAfter(_) => Some(input),
                parked @ Settlement::Park { .. } => panic!("{parked:?}"),
            });
        left = undecided.collect();
    }
}

/// `known`: each client has written before.
async fn both_get_the_same(seed: u64, known: bool) {
    let world = World::with(&file(&["acme", "beta"], 3)).await;
    if known {
        let first = world.start();
        first.decide_all((0..25).map(|n| message(client(n), "hello"))).await;
        let hello = |n| message_to("beta", number(1, 0), client(n), "hello");
        first.decide_all((0..25).map(hello)).await;
        first.stop().await;
    }
    let before = world.position().await;
    let random = &mut StdRng::seed_from_u64(seed);
    let inputs: Vec<_> = (0..120)
        .map(|n| {
            let from = client(random.random_range(0..25));
            let texts = ["#michael", "#anna", "#michael", "hello", "#nobody", "STOP", "START"];
            let text = texts[random.random_range(0..7)];
            match random.random_range(0..12) {
                0 => register(n, &from, "anna"),
                1 => message_to("beta", number(1, 0), from, text),
                2 => message_to("acme", number(0, 1), from, text),
                _ => message(from, text),
            }
        })
        .collect();
    let (one, other) = (world.start(), world.start());
    let mut shuffled = inputs.clone();
    shuffled.shuffle(random);
    tokio::join!(decide_all(&one, inputs.clone()), decide_all(&other, shuffled));
    one.stop().await;
    other.stop().await;

    let messages: HashSet<_> = inputs
        .iter()
        .filter_map(|input| match &input.input {
            Input::Message(_) => Some(input.input.id(&input.company)),
            _ => None,
        })
        .collect();
    let decided = world.store.events_after(before, 100_000).await.unwrap();
    let decided = decided.iter().filter(|event| event.event_type == "onboarding-requested");
    let decided: Vec<_> = decided.map(|event| event.causation_id).collect();
    let once: HashSet<_> = decided.iter().copied().collect();
    assert_eq!(decided.len(), once.len(), "seed {seed}: decided twice");
    assert!(once.is_subset(&messages));
    no_double_room(&world, seed).await;
    world.checked().await;
}

/// By whom the client is to others, not only by our own id of it: no client has
/// two open rooms with one user, or on one number.
async fn no_double_room(world: &World, seed: u64) {
    let doubles: Vec<(String,)> = sqlx::query_as(
        "SELECT a.room_id::text FROM rooms a
         JOIN profile_identifiers ia ON ia.profile_id = a.profile_id
         JOIN profile_identifiers ib
           ON ib.company = ia.company AND ib.kind = ia.kind AND ib.value = ia.value
         JOIN rooms b ON b.profile_id = ib.profile_id AND b.room_id <> a.room_id
         WHERE a.phase <> 'closed' AND b.phase <> 'closed'
           AND (a.user_id = b.user_id OR a.number = b.number) AND a.company = b.company",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert!(doubles.is_empty(), "seed {seed}: {doubles:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_with_the_same_inputs_decide_each_once() {
    for _ in 0..4 {
        both_get_the_same(rand::rng().random(), true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_never_take_one_new_client_for_two() {
    for _ in 0..4 {
        both_get_the_same(rand::rng().random(), false).await;
    }
}

/// Each has the other half of one new client's messages: neither may take it
/// for two clients and open two rooms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_open_one_room_for_a_new_client() {
    let world = World::new().await;
    let (one, other) = (world.start(), world.start());
    for n in 0..30 {
        let (a, b) = (message(client(n), "#michael"), message(client(n), "#michael"));
        let (a, b) = tokio::join!(one.decide(a), other.decide(b));
        assert_eq!((a, b), (done(), done()));
    }
    one.stop().await;
    other.stop().await;
    assert_eq!(world.count("room-reserved").await, 30);
    no_double_room(&world, 0).await;
    world.checked().await;
}

#[tokio::test]
async fn a_version_that_another_worker_took_counts_here_too() {
    let world = World::new().await;
    let (one, other) = (world.start(), world.start());
    one.done(message(client(1), "#michael")).await;
    other.done(message(client(2), "#michael")).await;
    world.apply(&format!("companies:\n{}", company("acme", 0, 2..3))).await;
    let version = LaneInput { company: company_id("acme"), input: Input::DirectoryVersion(2) };
    one.done(version.clone()).await;
    other.done(version).await;
    other.done(message(client(3), "#michael")).await;
    let mut rooms = world.profile_events().await.into_iter().filter_map(|event| match event {
        ProfileEvent::RoomReserved { number, .. } => Some(number),
        _ => None,
    });
    assert_eq!(rooms.next_back(), Some(number(0, 3)), "the only number of the new version");
    one.stop().await;
    other.stop().await;
    world.checked().await;
}

/// What a worker has in its cache is old when it takes over again.
#[tokio::test]
async fn a_worker_that_takes_over_again_does_not_trust_its_memory() {
    use crate::inputs::{given_up, request_of};
    use domain::outbound::Purpose;
    let world = World::new().await;
    let (one, other) = (world.start(), world.start());
    one.done(message(client(1), "hello")).await;
    one.done(message(client(1), "#nobody")).await;
    // The first worker knows the pool without load, the other one fills it.
    let version = LaneInput { company: company_id("acme"), input: Input::DirectoryVersion(1) };
    one.done(version).await;
    let hello = message(client(2), "#michael");
    let request = request_of(&hello);
    other.done(hello).await;
    let invitation = world.requested(Purpose::Invitation).await;
    one.done(given_up(request, &invitation, world.clock.now())).await;
    assert_eq!(world.count("number-released").await, 1);
    one.stop().await;
    other.stop().await;
    world.checked().await;
}
