//! An operator blocks clients.

use domain::ids::ProfileId;
use domain::profile::ProfileEvent;
use domain::request::Outcome;

use crate::harness::{World, answer};
use crate::inputs::{block, client, message, unblock};

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
