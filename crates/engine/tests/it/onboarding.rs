//! One client, from the first message to the open room.

use std::time::Duration;

use domain::outbound::{DeliveryStatus, Purpose};
use domain::profile::{CloseReason, ProfileEvent};
use domain::request::Outcome;

use crate::harness::{World, done, told};
use crate::inputs::{accepted, client, given_up, message, request_of, status};

const ONBOARDED: [&str; 6] = [
    "onboarding-requested",
    "decision-made",
    "message-requested",
    "client-profile-created",
    "room-reserved",
    "number-reserved",
];

#[tokio::test]
async fn a_new_client_is_onboarded_in_one_append_to_three_streams() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "Hi #Michael, please call");
    let settled = engine.send(hello.clone()).await;
    let told = told(settled).await;
    // What is there at this moment was there before it was settled.
    let events = world.recorded().await;
    assert_eq!(told, done());
    let input = hello.input.id(&hello.company);
    let own: Vec<_> = events.iter().filter(|event| event.causation_id == input).collect();
    let mut names: Vec<_> = own.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(names.first(), Some(&"onboarding-requested"));
    names.sort_unstable();
    let mut expected = ONBOARDED;
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(own.windows(2).all(|two| two[0].position + 1 == two[1].position));
    assert!(own.iter().all(|event| event.recorded_at == own[0].recorded_at), "one append");
    assert!(own.iter().all(|event| event.correlation_id == request_of(&hello).as_uuid()));
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn nothing_is_settled_while_the_log_is_held() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    let before = world.position().await;
    let mut held = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *held).await.unwrap();
    let mut settled = engine.send(message(client(2), "#michael")).await;
    let early = tokio::time::timeout(Duration::from_millis(400), &mut settled).await;
    assert!(early.is_err(), "settled before it was committed");
    assert_eq!(world.position().await, before);
    held.rollback().await.unwrap();
    assert_eq!(told(settled).await, done());
    assert_eq!(world.names_after(before).await.len(), ONBOARDED.len());
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn the_invitation_and_then_the_user_info_are_accepted_and_the_room_is_active() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let before = world.position().await;
    let now = world.clock.now();

    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, now)).await;
    assert_eq!(
        world.names_after(before).await,
        ["message-accepted", "message-requested", "room-invited", "user-info-requested"]
    );
    let invited = world.position().await;
    let info = world.requested(Purpose::UserInfo).await;
    engine.done(accepted(request, &info, now)).await;
    assert_eq!(
        world.names_after(invited).await,
        ["message-accepted", "outcome-recorded", "user-assigned", "room-activated"]
    );
    assert_eq!(world.outcomes().await, [Outcome::Onboarded]);
    // Later the client asks again, and is reminded.
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.outcomes().await, [Outcome::Onboarded, Outcome::Reminded]);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_status_that_overtakes_the_receipt_does_its_work() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let now = world.clock.now();
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(status(Some(request), &invitation, DeliveryStatus::Delivered, now)).await;
    assert_eq!(world.count("room-invited").await, 1);
    let before = world.position().await;
    // The receipt comes after it, and an older status too.
    let late = status(Some(request), &invitation, DeliveryStatus::Sent, now);
    engine.decide_all([accepted(request, &invitation, now), late]).await;
    assert_eq!(world.position().await, before, "nothing is left to say");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_status_without_our_reference_is_matched_in_the_batch_of_its_receipt() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let now = world.clock.now();
    let invitation = world.requested(Purpose::Invitation).await;
    let receipt = accepted(request, &invitation, now);
    let delivered = status(None, &invitation, DeliveryStatus::Delivered, now);
    assert_eq!(engine.decide_all([receipt, delivered]).await, [done(), done()]);
    assert_eq!(world.count("message-status-changed").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn an_invitation_that_is_refused_closes_the_room_and_frees_the_number() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let before = world.position().await;
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(given_up(request, &invitation, world.clock.now())).await;
    assert_eq!(
        world.names_after(before).await,
        [
            "message-failed",
            "message-requested",
            "outcome-recorded",
            "room-closed",
            "number-released"
        ]
    );
    world.requested(Purpose::InvitationFailed).await;
    assert_eq!(world.outcomes().await, [Outcome::InvitationFailed]);
    let closed = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::RoomClosed { reason, quarantine_until, .. } => {
            Some((reason, quarantine_until))
        }
        _ => None,
    });
    assert_eq!(closed, Some((CloseReason::InvitationRefused, None)));
    engine.stop().await;
    world.checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_messages_at_once_open_one_room_on_one_number_with_one_invitation() {
    let world = World::new().await;
    let engine = world.start();
    let messages = (0..20).map(|_| message(client(1), "#michael"));
    let settled = engine.decide_all(messages).await;
    assert_eq!(settled, vec![done(); 20]);
    assert_eq!(world.count("room-reserved").await, 1);
    assert_eq!(world.count("number-reserved").await, 1);
    assert_eq!(world.count("client-profile-created").await, 1);
    assert_eq!(world.outcomes().await, [Outcome::Joined; 19]);
    world.requested(Purpose::Invitation).await;
    engine.stop().await;
    world.checked().await;
}
