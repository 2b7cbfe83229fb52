//! Clients whose identifiers change stay who they are.

use domain::Personal;
use domain::identity::Sender;
use domain::input::{Input, LaneInput};
use domain::request::Outcome;

use crate::harness::World;
use crate::inputs::{accepted, client, message, message_to, number, request_of};

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

/// As `client(1)` is seen by its phone only, and by its bsuid only.
fn by_phone_and_by_bsuid() -> (Sender, Sender) {
    let Sender { bsuid, phone, .. } = client(1);
    (Sender { phone, ..Sender::default() }, Sender { bsuid, ..Sender::default() })
}

#[tokio::test]
async fn what_a_message_into_a_room_tells_of_its_client_is_remembered() {
    let world = World::new().await;
    let engine = world.start();
    let (by_phone, by_bsuid) = by_phone_and_by_bsuid();
    engine.done(message(by_phone, "#michael")).await;
    let secondary = world.requested(domain::outbound::Purpose::Invitation).await.from;
    engine.done(message_to("acme", secondary, client(1), "Good morning")).await;
    assert_eq!(world.count("identifiers-added").await, 1);

    engine.done(message(by_bsuid, "#michael")).await;
    assert_eq!(world.outcomes().await, [Outcome::Onboarded, Outcome::Reminded]);
    assert_eq!(world.count("client-profile-created").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn two_clients_that_turn_out_to_be_one_are_found_together_from_then_on() {
    let world = World::new().await;
    let engine = world.start();
    let (by_phone, by_bsuid) = by_phone_and_by_bsuid();
    engine.done(message(by_phone.clone(), "#michael")).await;
    engine.done(message(by_bsuid.clone(), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 2, "nobody can know");

    engine.done(message(client(1), "#anna")).await;
    assert_eq!(world.count("clients-linked").await, 1);
    assert_eq!(world.count("rooms-clashed").await, 1, "both are with Michael");
    assert_eq!(world.count("room-closed").await, 0, "that is for an operator to do");

    for known_by in [by_phone, by_bsuid] {
        engine.done(message(known_by, "#anna")).await;
    }
    assert_eq!(world.outcomes().await, [Outcome::Joined, Outcome::Joined]);
    engine.done(message(client(1), "#anna")).await;
    assert_eq!(world.count("clients-linked").await, 1, "once");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_comes_with_the_message_that_shows_it_is_decided_on_both() {
    let world = World::new().await;
    let engine = world.start();
    let (by_phone, by_bsuid) = by_phone_and_by_bsuid();
    engine
        .decide_all([
            message(by_phone.clone(), "hello"),
            message(by_bsuid.clone(), "#michael"),
            message(client(1), "hello"),
            message(by_phone, "#michael"),
            message(by_bsuid, "#michael"),
        ])
        .await;
    assert_eq!(world.count("clients-linked").await, 1);
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.count("room-joined").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_message_into_a_room_shows_it_too() {
    let world = World::new().await;
    let engine = world.start();
    let (by_phone, by_bsuid) = by_phone_and_by_bsuid();
    engine.done(message(by_bsuid.clone(), "hello")).await;
    engine.done(message(by_phone, "#michael")).await;
    let secondary = world.requested(domain::outbound::Purpose::Invitation).await.from;
    assert_ne!(secondary, number(0, 0));
    engine.done(message_to("acme", secondary, client(1), "Good morning")).await;
    assert_eq!(world.count("clients-linked").await, 1);

    engine.done(message(by_bsuid, "#michael")).await;
    let outcomes = [Outcome::ExtensionMissing, Outcome::Onboarded, Outcome::Reminded];
    assert_eq!(world.outcomes().await, outcomes);
    engine.stop().await;
    world.checked().await;
}

/// `client(1)`, who has another number and another id now.
fn moved() -> Sender {
    let phone = Some(Personal::new(crate::inputs::phone(77).parse().unwrap()));
    Sender { bsuid: known_as("US.moved").bsuid, phone, ..Sender::default() }
}

/// Somebody else, who is given the number of `client(1)`.
fn stranger() -> Sender {
    let Sender { phone, .. } = client(1);
    Sender { phone, bsuid: known_as("US.stranger").bsuid, ..Sender::default() }
}

/// So many seconds later.
fn later(input: LaneInput, seconds: i64) -> LaneInput {
    let LaneInput { company, input: Input::Message(mut message) } = input else {
        panic!("no message")
    };
    message.sent_at += chrono::TimeDelta::seconds(seconds);
    LaneInput { company, input: Input::Message(message) }
}

#[tokio::test]
async fn whoever_is_given_a_clients_old_number_is_somebody_else() {
    let world = World::new().await;
    let engine = world.start();
    let late = message(client(1), "#anna");
    engine.done(message(client(1), "#michael")).await;
    let secondary = world.requested(domain::outbound::Purpose::Invitation).await.from;
    engine.done(later(changed(client(1), moved()), 10)).await;
    assert_eq!(world.count("identifiers-left").await, 1);

    engine.done(later(message(stranger(), "#michael"), 20)).await;
    assert_eq!(world.count("identifiers-taken-over").await, 1);
    assert_eq!(world.count("room-reserved").await, 2, "a room of its own");
    assert_eq!(world.count("client-profile-created").await, 2, "in a profile of its own");
    engine.done(later(message_to("acme", secondary, stranger(), "Hello"), 30)).await;
    engine.done(later(message(moved(), "#michael"), 40)).await;
    engine.done(late).await;
    let outcomes = world.outcomes().await;
    let expected = [
        Outcome::Ignored,    // the notice of the change
        Outcome::Redirected, // the stranger in the room of the client
        Outcome::Joined,     // the client by its new number
        Outcome::Ignored,    // what comes late from the old one
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(world.count("clients-linked").await, 0, "nobody takes one for the other");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_number_that_its_client_has_left() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    let (_, invitation) =
        world.all_requested(domain::outbound::Purpose::Invitation).await.remove(0);
    engine.done(later(changed(client(1), moved()), 10)).await;
    let room = invitation.room_id.unwrap();
    let answer = crate::harness::answer(engine.decide(crate::inputs::resend(1, room)).await);
    assert_eq!(answer["code"], "client-moved", "{answer}");
    engine.stop().await;
    world.checked().await;
}
