//! Inputs that will never be decided: parked with their code, in nobody's way.

use std::time::Duration;

use domain::identity::Sender;
use domain::ids::MessageId;
use domain::input::Input;
use domain::outbound::Purpose;
use engine::Settlement;
use sqlx::raw_sql;

use crate::harness::{World, done, parked, told};
use crate::inputs::{
    accepted, client, company, file, message, message_to, number, register, request_of,
};

#[tokio::test]
async fn an_input_that_always_loses_is_put_off_and_the_others_are_decided() {
    let world = World::new().await;
    let from = client(1);
    for identifier in from.identifiers() {
        // It leads to a client who is not there: looked up it is nobody's, at the append another's.
        let leads_nowhere = "INSERT INTO client_identifiers (company, kind, value, client_id, position) \
             VALUES ('acme', $1, $2, gen_random_uuid(), 1)";
        sqlx::query(leads_nowhere)
            .bind(identifier.kind())
            .bind(identifier.value())
            .execute(&world.pool)
            .await
            .unwrap();
    }
    let engine = world.start();
    let hopeless = engine.send(message(from, "#michael")).await;
    assert_eq!(told(hopeless).await, Settlement::RetryAfter(Duration::from_secs(5)));
    engine.done(message(client(2), "#michael")).await;
    engine.stop().await;
}

#[tokio::test]
async fn poison_is_parked_with_its_code_and_the_inputs_around_it_are_decided() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let mut no_such_message = world.requested(Purpose::Invitation).await;
    no_such_message.message_id = MessageId::of(request, 7);
    let now = world.clock.now();
    let other = message(client(7), "#anna");
    let mut too_early = no_such_message.clone();
    too_early.message_id = MessageId::of(request_of(&other), 0);
    let settled = engine
        .decide_all([
            message(client(2), "#michael"),
            message_to("acme", "999".parse().unwrap(), client(3), "#michael"),
            message(client(4), "#michael"),
            message(Sender::default(), "#michael"),
            message(client(5), "#michael"),
            accepted(request, &no_such_message, now),
            message(client(6), "#michael"),
            accepted(request_of(&other), &too_early, now),
            other,
        ])
        .await;
    for (n, code) in
        [(1, "unknown-number"), (3, "no-sender"), (5, "rejected"), (7, "unknown-request")]
    {
        assert_eq!(parked(&settled[n]), code);
    }
    for n in [0, 2, 4, 6, 8] {
        assert_eq!(settled[n], done(), "input {n}");
    }
    assert_eq!(world.count("room-reserved").await, 6);
    engine.stop().await;
    world.checked().await;
}

/// A constraint that the store's checks know nothing of: the whole append fails.
async fn refuse_client_2(world: &World) {
    let refusal = "ALTER TABLE client_identifiers ADD CHECK (value <> 'US.client2')";
    raw_sql(refusal).execute(&world.pool).await.unwrap();
}

#[tokio::test]
async fn what_the_store_refuses_is_parked_alone() {
    let world = World::with(&file(&["acme", "beta"], 3)).await;
    refuse_client_2(&world).await;
    let engine = world.start();
    let inputs = (1..=5).map(|n| message(client(n), "#michael"));
    let others = (1..=5)
        .filter(|n| *n != 2)
        .map(|n| message_to("beta", number(1, 0), client(n), "#michael"));
    let settled = engine.decide_all(inputs.chain(others)).await;
    assert_eq!(parked(&settled[1]), "store-refused");
    let Settlement::Park { reason, .. } = &settled[1] else { panic!() };
    assert!(!reason.contains("client2"), "no personal data: {reason}");
    assert_eq!(settled.iter().filter(|s| **s == done()).count(), 8);
    assert_eq!(world.count("room-reserved").await, 8);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_costs_only_the_input_that_needs_it() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(register(1, &client(1), "anna")).await;
    // What a newer program may have written.
    raw_sql(
        "INSERT INTO events SELECT aggregate_type, aggregate_id, 99, 'from-the-future', \
         event_version, payload, metadata, 1000, gen_random_uuid(), recorded_at, company, \
         correlation_id, causation_id, traceparent, digest \
         FROM events WHERE event_type = 'client-profile-created'",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let settled = engine.decide_all((0..4).map(|n| message(client(n), "#michael"))).await;
    assert_eq!(parked(&settled[1]), "unreadable-store");
    assert_eq!(settled.iter().filter(|s| **s == done()).count(), 3);
    engine.stop().await;
}

#[tokio::test]
async fn a_panic_while_something_is_looked_up_costs_only_the_input_that_needs_it() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(register(1, &client(1), "anna")).await;
    // A moment that Postgres can keep and the library that reads it can't: it panics.
    raw_sql(
        "INSERT INTO events SELECT aggregate_type, aggregate_id, 99, event_type, event_version, \
         payload, metadata, 1000, gen_random_uuid(), 'infinity', company, correlation_id, \
         causation_id, traceparent, digest \
         FROM events WHERE event_type = 'client-profile-created'",
    )
    .execute(&world.pool)
    .await
    .unwrap();
    let settled = engine.decide_all((0..4).map(|n| message(client(n), "#michael"))).await;
    assert_eq!(parked(&settled[1]), "panicked");
    assert_eq!(settled.iter().filter(|s| **s == done()).count(), 3);
    engine.stop().await;
}

#[tokio::test]
async fn an_unknown_company_works_as_soon_as_the_directory_has_it() {
    let world = World::empty().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    assert_eq!(parked(&engine.decide(hello.clone()).await), "unknown-company");
    world.apply(&format!("companies:\n{}", company("acme", 0, 0..3))).await;
    // At once: nobody waits for a timer.
    assert_eq!(engine.decide(hello.clone()).await, done());
    let input = Input::DirectoryVersion(1).id(&hello.company);
    let known = world.store.decided(&hello.company, &[input]).await.unwrap();
    assert_eq!(known.len(), 1, "the version entered the lane as an input");
    engine.stop().await;
    world.checked().await;
}
