//! Clients whose identifiers change stay who they are.

use domain::Personal;
use domain::identity::Sender;
use domain::input::{Input, LaneInput};
use domain::request::Outcome;

use crate::harness::World;
use crate::inputs::{accepted, client, message, request_of};

fn known_as(bsuid: &str) -> Sender {
    Sender { bsuid: Some(Personal::new(bsuid.parse().unwrap())), ..Sender::default() }
}

/// WhatsApp tells that a client has another id.
fn changed(from: Sender, to: Sender) -> LaneInput {
    let LaneInput { company, input: Input::Message(mut message) } = message(from, "") else {
        panic!("no message")
    };
    message.kind = "system".to_owned();
    message.text = None;
    message.became = Some(Box::new(to));
    LaneInput { company, input: Input::Message(message) }
}

#[tokio::test]
async fn the_room_is_found_by_the_new_id() {
    let world = World::new().await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let invitation = world.requested(domain::outbound::Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;

    engine.done(changed(client(1), known_as("US.renamed"))).await;
    engine.done(message(known_as("US.renamed"), "#michael")).await;
    assert_eq!(world.outcomes().await, [Outcome::Ignored, Outcome::Joined]);
    assert_eq!(world.count("client-profile-created").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn in_one_batch_too_and_however_often_it_changes() {
    let world = World::new().await;
    let engine = world.start();
    let inputs = [
        message(client(1), "#michael"),
        changed(client(1), known_as("US.second")),
        changed(known_as("US.second"), known_as("US.third")),
        message(known_as("US.third"), "#michael"),
        message(client(1), "#michael"),
    ];
    engine.decide_all(inputs).await;
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.count("room-joined").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn who_is_told_of_first_by_a_change_is_one_client_too() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(changed(known_as("US.before"), known_as("US.after"))).await;
    engine.done(message(known_as("US.after"), "#michael")).await;
    engine.done(message(known_as("US.before"), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1);
    engine.stop().await;
    world.checked().await;
}
