//! An operator has an invitation sent once more.

use domain::ids::RoomId;
use domain::outbound::Purpose;

use crate::harness::{World, answer};
use crate::inputs::{accepted, client, message, request_of, resend};

#[tokio::test]
async fn it_is_a_message_of_the_request_that_opened_the_room() {
    let world = World::new().await;
    let engine = world.start();
    let asked = message(client(1), "#michael");
    let request = request_of(&asked);
    engine.done(asked).await;
    let room = RoomId::opened_by(request);
    let early = answer(engine.decide(resend(1, room)).await);
    assert_eq!(early["code"], "invitation-under-way");

    let invitation = world.requested(Purpose::Invitation).await;
    engine.done(accepted(request, &invitation, world.clock.now())).await;
    let told = answer(engine.decide(resend(2, room)).await);
    assert_eq!((&told["status"], &told["room_id"]), (&"done".into(), &room.to_string().into()));
    assert_eq!(world.count("invitation-resent").await, 1);
    let events = world.store.events_by_correlation(request.as_uuid()).await.unwrap();
    let requested = events.iter().filter(|event| event.event_type == "message-requested");
    assert_eq!(requested.count(), 3, "two invitations and the user info");

    let nowhere = RoomId::from_uuid(uuid::Uuid::from_u128(9));
    assert_eq!(answer(engine.decide(resend(3, nowhere)).await)["code"], "unknown-chat-room");
    engine.stop().await;
    world.checked().await;
}
