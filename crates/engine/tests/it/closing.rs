//! An operator closes rooms.

use domain::ids::RoomId;
use domain::outbound::Purpose;
use domain::profile::{CloseReason, ProfileEvent};
use engine::Settlement;
use serde_json::Value;

use crate::harness::{Worker, World};
use crate::inputs::{accepted, client, close, message, request_of};

/// A client's room is opened and activated.
async fn active_room(world: &World, engine: &Worker) -> RoomId {
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    RoomId::opened_by(request)
}

async fn answer(engine: &Worker, operation: u128, room_id: RoomId) -> Value {
    let settled = engine.decide(close(operation, room_id)).await;
    let Settlement::Done { answer: Some(answer) } = settled else { panic!("{settled:?}") };
    answer
}

#[tokio::test]
async fn a_closed_room_frees_its_number_and_makes_place_for_the_next() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    let told = answer(&engine, 1, room_id).await;
    assert_eq!(told["status"], "done");
    assert_eq!(told["room_id"], room_id.to_string());
    assert_eq!(told["position"], world.position().await);
    let closed = world.profile_events().await.into_iter().find_map(|event| match event {
        ProfileEvent::RoomClosed { reason, by, .. } => Some((reason, by)),
        _ => None,
    });
    let (reason, by) = closed.unwrap();
    assert_eq!((reason, by.unwrap().expose().as_str()), (CloseReason::Operator, "operator"));
    assert_eq!(world.count("number-released").await, 1);

    assert_eq!(answer(&engine, 1, room_id).await, told, "asked again");
    let later = answer(&engine, 2, room_id).await;
    assert_eq!((&later["status"], &later["position"]), (&"done".into(), &Value::Null), "closed");
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_closing_and_the_next_request_in_one_batch_are_decided_in_their_order() {
    let world = World::new().await;
    let engine = world.start();
    let room_id = active_room(&world, &engine).await;
    engine.decide_all([close(1, room_id), message(client(1), "#michael")]).await;
    assert_eq!(world.count("room-closed").await, 1);
    assert_eq!(world.count("room-reserved").await, 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_room_that_is_under_way_or_not_there_is_not_closed() {
    let world = World::new().await;
    let engine = world.start();
    let hello = message(client(1), "#michael");
    let room_id = RoomId::opened_by(request_of(&hello));
    assert_eq!(answer(&engine, 1, room_id).await["code"], "unknown-chat-room");
    engine.done(hello).await;
    let refused = answer(&engine, 2, room_id).await;
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&"refused".into(), &"room-under-way".into())
    );
    assert_eq!(world.count("room-closed").await, 0);
    engine.stop().await;
    world.checked().await;
}
