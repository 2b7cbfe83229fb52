//! An operator archives profiles.

use domain::ids::ProfileId;
use domain::profile::ProfileEvent;
use engine::Settlement;
use serde_json::Value;

use crate::harness::{Worker, World};
use crate::inputs::{archive, client, message, register};

async fn answer(engine: &Worker, operation: u128, profile_id: ProfileId) -> Value {
    let settled = engine.decide(archive(operation, profile_id)).await;
    let Settlement::Done { answer: Some(answer) } = settled else { panic!("{settled:?}") };
    answer
}

async fn profiles(world: &World) -> Vec<ProfileId> {
    let created = world.profile_events().await.into_iter().filter_map(|event| match event {
        ProfileEvent::ClientProfileCreated { profile_id, .. } => Some(profile_id),
        _ => None,
    });
    created.collect()
}

#[tokio::test]
async fn the_clients_next_request_gets_another_profile() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(register(1, &client(1), "anna")).await;
    let first = profiles(&world).await[0];
    let told = answer(&engine, 2, first).await;
    assert_eq!((&told["status"], &told["profile_id"]), (&"done".into(), &first.to_string().into()));
    assert_eq!(told["position"], world.position().await);
    let again = answer(&engine, 3, first).await;
    assert_eq!((&again["status"], &again["position"]), (&"done".into(), &Value::Null));
    assert_eq!(world.count("client-profile-archived").await, 1);

    engine.done(message(client(1), "#michael")).await;
    assert_eq!(profiles(&world).await.len(), 2, "the archived one was taken");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_profile_of_nobody_is_refused() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    let nobody = ProfileId::from_uuid(uuid::Uuid::from_u128(9));
    let refused = answer(&engine, 1, nobody).await;
    assert_eq!(refused["code"], "unknown-client-profile");
    assert_eq!(world.count("client-profile-archived").await, 0);
    engine.stop().await;
    world.checked().await;
}
