//! An operator blocks clients.

use domain::ids::{ProfileId, RoomId};
use domain::outbound::Purpose;
use domain::profile::ProfileEvent;
use domain::request::Outcome;

use crate::harness::{World, answer};
use crate::inputs::{accepted, block, client, message, register, request_of, resend, unblock};

async fn profile(world: &World) -> ProfileId {
    let created = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::ClientProfileCreated { profile_id, .. } => Some(profile_id),
        _ => None,
    });
    created.unwrap()
}

#[tokio::test]
async fn who_is_blocked_is_recorded_and_not_answered_until_it_is_unblocked() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    let profile = profile(&world).await;
    let before = world.count("message-requested").await;

    let told = answer(engine.decide(block(1, profile)).await);
    assert_eq!(
        (&told["status"], &told["profile_id"]),
        (&"done".into(), &profile.to_string().into())
    );
    engine.done(message(client(1), "#anna")).await;
    engine.done(message(client(2), "hello")).await;
    assert_eq!(world.outcomes().await, [Outcome::Ignored, Outcome::ExtensionMissing]);
    assert_eq!(world.count("message-requested").await, before + 1, "the other client's reply");

    answer(engine.decide(unblock(2, profile)).await);
    let again = answer(engine.decide(unblock(3, profile)).await);
    assert_eq!(again["position"], serde_json::Value::Null, "it was so before");
    engine.done(message(client(1), "hello")).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::ExtensionMissing));
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_profile_of_nobody_cannot_be_blocked() {
    let world = World::new().await;
    let engine = world.start();
    let nobody = ProfileId::from_uuid(uuid::Uuid::from_u128(9));
    let refused = answer(engine.decide(block(1, nobody)).await);
    assert_eq!(refused["code"], "unknown-client-profile");
    assert_eq!(world.count("client-blocked").await, 0);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn any_profile_of_the_client_blocks_what_is_under_way() {
    let world = World::new().await;
    let engine = world.start();
    for operation in [1, 2] {
        answer(engine.decide(register(operation, &client(1), "michael")).await);
    }
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let recorded = world.recorded().await;
    let reserved = recorded.iter().find(|event| event.event_type == "room-reserved").unwrap();
    let created = recorded.iter().filter(|event| event.event_type == "client-profile-created");
    let other = created.map(|event| &event.aggregate_id).find(|id| **id != reserved.aggregate_id);
    answer(engine.decide(block(3, other.unwrap().parse().unwrap())).await);

    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;
    assert_eq!(world.count("room-invited").await, 1);
    assert_eq!(world.all_requested(Purpose::UserInfo).await.len(), 0);
    let refused = answer(engine.decide(resend(4, RoomId::opened_by(request))).await);
    assert_eq!(refused["code"], "client-blocked");

    // The room is activated by its deadline, as if the user info had been given up.
    world.advance(601);
    world.until("the room is active", async |world| world.count("room-activated").await == 1).await;
    engine.stop().await;
    world.checked().await;
}
