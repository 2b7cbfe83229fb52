//! An operator adds numbers to a pool and takes them out of it.

use domain::outbound::Purpose;
use domain::profile::{CloseReason, ProfileEvent};
use domain::request::Outcome;
use serde_json::Value;

use crate::harness::{World, answer};
use crate::inputs::{
    accepted, add_number, client, file, message, number, phone, remove_number, request_of,
};

#[tokio::test]
async fn the_next_message_of_the_lane_finds_the_number_that_was_added() {
    let world = World::with(&file(&["acme"], 1)).await;
    let engine = world.start();
    let (more, display) = (number(0, 9), phone(699));
    let inputs = [
        message(client(1), "#michael"),
        message(client(1), "#anna"),
        add_number(1, &more, &display),
        message(client(1), "#anna"),
    ];
    engine.decide_all(inputs).await;
    assert_eq!(world.outcomes().await, [Outcome::NoSecondaryNumber], "the second message");
    assert_eq!(world.count("room-reserved").await, 2);
    assert_eq!(world.count("number-added").await, 2, "the file's, and this one");

    let told = answer(engine.decide(add_number(1, &more, &display)).await);
    assert_eq!((&told["status"], &told["directory_version"]), (&"done".into(), &2.into()));
    assert_eq!(told["number"], more.as_str());
    let so = answer(engine.decide(add_number(2, &more, &display)).await);
    assert_eq!((&so["directory_version"], &so["position"]), (&2.into(), &Value::Null), "{so}");
    let other = answer(engine.decide(add_number(3, &more, &phone(698))).await);
    assert_eq!(other["code"], "number-exists");
    assert_eq!(world.directory.versions().await.unwrap().len(), 2);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn the_rooms_of_a_number_that_is_removed_end() {
    let world = World::with(&file(&["acme"], 1)).await;
    let engine = world.start();
    let only = number(0, 1);
    let hello = message(client(1), "#michael");
    let request = request_of(&hello);
    engine.done(hello).await;
    for purpose in [Purpose::Invitation, Purpose::UserInfo] {
        let sent = world.requested(purpose).await;
        engine.done(accepted(request, &sent, world.clock.now())).await;
    }
    let primary = answer(engine.decide(remove_number(1, &number(0, 0))).await);
    assert_eq!(primary["code"], "number-is-primary");
    let nobodys = answer(engine.decide(remove_number(2, &number(9, 9))).await);
    assert_eq!(nobodys["code"], "unknown-number");

    let told = answer(engine.decide(remove_number(3, &only)).await);
    assert_eq!((&told["status"], &told["directory_version"]), (&"done".into(), &2.into()));
    world.until("the room is closed", async |world| world.count("room-closed").await == 1).await;
    let reasons = world.profile_events().await.into_iter().filter_map(|event| match event {
        ProfileEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [CloseReason::NumberRemoved]);
    assert_eq!(world.count("number-removed").await, 1);
    engine.done(message(client(2), "#michael")).await;
    assert_eq!(world.outcomes().await.last(), Some(&Outcome::NoSecondaryNumber));
    engine.stop().await;
    world.checked().await;
}
