//! The same input again: the same answer, and nothing new.

use chrono::TimeDelta;
use domain::input::{Input, LaneInput};
use engine::Settlement;

use crate::harness::{World, done};
use crate::inputs::{client, message, register};

#[tokio::test]
async fn an_input_that_comes_twice_is_decided_once() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let settled = engine.decide_all(vec![hello.clone(); 3]).await;
    assert_eq!(settled, vec![done(); 3], "in one batch");
    let once = world.position().await;
    assert_eq!(engine.decide(hello.clone()).await, done(), "in a later batch");
    engine.stop().await;
    let engine = world.start();
    assert_eq!(engine.decide(hello.clone()).await, done(), "after a restart");
    let mixed = [hello.clone(), message(client(2), "hello"), hello];
    assert_eq!(engine.decide_all(mixed).await, vec![done(); 3], "among others");
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.names_after(once).await.len(), 4, "only the other client's request");
    engine.stop().await;
    world.checked().await;
}

async fn asked_again_gives_the_same(world: &World, command: LaneInput, status: &str) {
    let engine = world.start();
    let both = engine.decide_all([command.clone(), command.clone()]).await;
    let Settlement::Done { answer: Some(answer) } = &both[0] else { panic!("{both:?}") };
    assert_eq!(answer["status"], status);
    let position = world.position().await;
    assert_eq!(both[1], both[0], "in one batch");
    assert_eq!(engine.decide(command.clone()).await, both[0], "in a later batch");
    engine.stop().await;
    let engine = world.start();
    assert_eq!(engine.decide(command).await, both[0], "after a restart");
    engine.stop().await;
    assert_eq!(world.position().await, position);
}

#[tokio::test]
async fn an_operator_who_asks_again_gets_the_stored_answer() {
    let world = World::new().await;
    asked_again_gives_the_same(&world, register(1, &client(1), "anna"), "done").await;
    assert_eq!(world.count("client-profile-created").await, 1);
    world.checked().await;
}

#[tokio::test]
async fn an_operator_who_was_refused_is_refused_again_though_the_reason_is_gone() {
    let world = World::new().await;
    asked_again_gives_the_same(&world, register(1, &client(1), "nobody"), "refused").await;
    world.checked().await;
}

#[tokio::test]
async fn a_registered_client_gets_its_room_in_the_registered_profile() {
    let world = World::new().await;
    let engine = world.start();
    // In one batch: the message must see what the command is about to write.
    let inputs = [register(1, &client(1), "anna"), message(client(1), "#anna")];
    engine.decide_all(inputs).await;
    assert_eq!(world.count("client-profile-created").await, 1);
    assert_eq!(world.count("room-reserved").await, 1);
    engine.stop().await;
    world.checked().await;
}

/// Its request's id begins with the moment, so the copy would be another request; what recognises it
/// is its input's id, also while the first one is on its way to the log.
#[tokio::test]
async fn a_message_that_comes_again_with_another_moment_is_decided_once() {
    let world = World::new().await;
    let engine = world.start();
    let again = |input: &LaneInput| {
        let mut copy = input.clone();
        let Input::Message(message) = &mut copy.input else { panic!("no message") };
        message.sent_at += TimeDelta::seconds(1);
        copy
    };
    // More than one round takes.
    let messages: Vec<_> = (0..600).map(|n| message(client(n), "#michael")).collect();
    let copies: Vec<_> = [0, 300, 599].map(|n| again(&messages[n])).into();
    let settled = engine.decide_all(messages.into_iter().chain(copies)).await;
    assert!(settled.iter().all(|one| matches!(one, Settlement::Done { .. })), "{settled:?}");
    assert_eq!(world.count("onboarding-requested").await, 600);
    engine.stop().await;
    world.checked().await;
}
