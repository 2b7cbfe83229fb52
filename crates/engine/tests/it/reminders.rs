//! A reminder fails.

use domain::ids::RequestId;
use domain::outbound::{Content, OutboundMessage, Purpose};
use domain::request::Outcome;

use crate::harness::{Worker, World};
use crate::inputs::{
    accepted, client, message, message_to, number, number_locked, request_of, window_closed,
};

/// A client is onboarded, writes into its room and asks once more: the reminder, with its request.
async fn reminded(world: &World, engine: &Worker) -> (RequestId, OutboundMessage) {
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;
    let user_info = world.requested(Purpose::UserInfo).await;
    engine.done(accepted(request, &user_info, world.clock.now())).await;
    engine.done(message_to("acme", invitation.from, client(1), "Hello")).await;
    engine.done(message(client(1), "#michael")).await;
    world.all_requested(Purpose::Reminder).await.remove(0)
}

#[tokio::test]
async fn free_text_into_a_closed_window_goes_out_as_the_template_once() {
    let world = World::new().await;
    let engine = world.start();
    let (request, reminder) = reminded(&world, &engine).await;
    assert!(matches!(reminder.content, Content::Text { .. }));
    for _ in 0..2 {
        engine.done(window_closed(request, &reminder, world.clock.now())).await;
    }
    let all = world.all_requested(Purpose::Reminder).await;
    assert_eq!(all.len(), 2, "the same told twice");
    let (of, template) = &all[1];
    assert_eq!(*of, request);
    let Content::Template { name, .. } = &template.content else { panic!("{template:?}") };
    assert_eq!(name, "resume_conversation");
    assert_eq!(world.count("room-reminded").await, 2);
    engine.done(accepted(request, template, world.clock.now())).await;
    assert_eq!(world.outcomes().await, [Outcome::Onboarded, Outcome::Reminded]);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_number_that_cannot_send_is_suspended_whatever_message_tells_it() {
    let world = World::new().await;
    let engine = world.start();
    let (request, reminder) = reminded(&world, &engine).await;
    engine.done(number_locked(request, &reminder, world.clock.now())).await;
    assert_eq!(world.count("number-service-changed").await, 1);
    assert_eq!(world.count("room-closed").await, 0, "the room goes on");

    let other = (1..=3).map(|i| number(0, i)).find(|one| *one != reminder.from).unwrap();
    let lost = message_to("acme", other, client(2), "Hello?");
    let request = request_of(&lost);
    engine.done(lost).await;
    let redirect = world.requested(Purpose::Redirect).await;
    engine.done(number_locked(request, &redirect, world.clock.now())).await;
    assert_eq!(world.count("number-service-changed").await, 2);

    // One of three is left.
    for n in 3..=4 {
        engine.done(message(client(n), "#michael")).await;
    }
    let invitations = world.all_requested(Purpose::Invitation).await;
    let [.., (_, third), (_, fourth)] = invitations.as_slice() else { panic!("{invitations:?}") };
    assert_eq!(third.from, fourth.from);
    assert!(third.from != reminder.from && third.from != redirect.from);
    engine.stop().await;
    world.checked().await;
}
