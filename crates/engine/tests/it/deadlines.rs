//! Rooms that nothing moves.

use domain::outbound::Purpose;
use domain::profile::{ActivationCause, CloseReason, ProfileEvent};
use domain::request::Outcome;

use crate::harness::World;
use crate::inputs::{accepted, client, message, request_of};

#[tokio::test]
async fn past_its_deadline_a_reserved_room_is_closed_its_pair_rests_and_the_client_is_told() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    world.advance(8 * 3_600);
    world.until("the room is closed", async |world| world.count("room-closed").await == 1).await;
    let closed = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::RoomClosed { reason, quarantine_until, at, .. } => {
            Some((reason, quarantine_until.unwrap() > at))
        }
        _ => None,
    });
    assert_eq!(closed, Some((CloseReason::InvitationLost, true)));
    assert_eq!(world.outcomes().await, [Outcome::InvitationFailed]);
    world.requested(Purpose::InvitationFailed).await;
    assert_eq!(world.count("number-released").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn past_its_deadline_an_invited_room_is_activated_also_after_a_restart() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;
    engine.stop().await;
    world.advance(8 * 3_600);
    let engine = world.start();
    world.until("the room is active", async |world| world.count("room-activated").await == 1).await;
    let cause = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::RoomActivated { cause, .. } => Some(cause),
        _ => None,
    });
    assert_eq!(cause, Some(ActivationCause::Deadline));
    assert_eq!(world.outcomes().await, [Outcome::Onboarded]);
    assert_eq!(world.count("room-closed").await, 0);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn many_rooms_that_are_due_at_once_are_all_closed_once() {
    let world = World::new().await;
    let engine = world.start();
    engine.decide_all((0..300).map(|n| message(client(n), "#michael"))).await;
    world.advance(8 * 3_600);
    world.until("all are closed", async |world| world.count("room-closed").await == 300).await;
    assert_eq!(world.outcomes().await.len(), 300);
    // 600 events of one pool are not replayed at every start.
    world
        .until("the pool has a snapshot", async |world| {
            let snapshots = "SELECT max(sequence) FROM snapshots";
            let newest: Option<i64> =
                sqlx::query_scalar(snapshots).fetch_one(&world.pool).await.unwrap();
            newest.is_some_and(|sequence| sequence >= 200)
        })
        .await;
    engine.stop().await;
    let engine = world.start();
    engine.done(message(client(1), "#anna")).await;
    engine.stop().await;
    world.checked().await;
}
