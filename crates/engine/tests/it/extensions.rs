//! An operator sets users' extensions.

use domain::request::Outcome;
use serde_json::{Value, json};

use crate::harness::{World, answer};
use crate::inputs::{client, message, set_extension};

#[tokio::test]
async fn the_next_message_of_the_lane_finds_the_user_by_the_new_extension() {
    let world = World::new().await;
    let engine = world.start();
    let inputs = [
        message(client(1), "#mike"),
        set_extension(1, "michael", Some("Mike")),
        message(client(2), "#mike"),
        set_extension(2, "anna", None),
        message(client(3), "#anna"),
    ];
    engine.decide_all(inputs).await;
    let outcomes = world.outcomes().await;
    assert_eq!(outcomes, [Outcome::UserNotFound, Outcome::UserNotFound], "the first and the last");
    assert_eq!(world.count("room-reserved").await, 1);

    let told = answer(engine.decide(set_extension(1, "michael", Some("Mike"))).await);
    let expected = json!({ "status": "done", "user_id": "michael", "directory_version": 2 });
    assert_eq!(told["directory_version"], expected["directory_version"], "{told}");
    let so = answer(engine.decide(set_extension(3, "michael", Some("mike"))).await);
    assert_eq!((&so["status"], &so["directory_version"]), (&"done".into(), &3.into()), "{so}");
    assert_eq!(world.directory.versions().await.unwrap().len(), 3);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let world = World::new().await;
    let engine = world.start();
    let taken = answer(engine.decide(set_extension(1, "anna", Some("michael"))).await);
    assert_eq!((&taken["status"], &taken["code"]), (&"refused".into(), &"extension-taken".into()));
    let nobody: Value = answer(engine.decide(set_extension(2, "zoe", None)).await);
    assert_eq!(nobody["code"], "unknown-user");
    assert_eq!(world.directory.versions().await.unwrap().len(), 1);
    engine.stop().await;
    world.checked().await;
}
