//! An operator says whether numbers take new rooms.

use domain::ids::PhoneNumberId;
use domain::pool::Service;
use engine::Settlement;
use serde_json::Value;

use crate::harness::{Worker, World};
use crate::inputs::{client, file, message, number, set_service};

async fn answer(
    engine: &Worker,
    operation: u128,
    number: &PhoneNumberId,
    service: Service,
) -> Value {
    let settled = engine.decide(set_service(operation, number, service)).await;
    let Settlement::Done { answer: Some(answer) } = settled else { panic!("{settled:?}") };
    answer
}

#[tokio::test]
async fn a_suspended_number_takes_no_room_until_it_is_back() {
    let world = World::with(&file(&["acme"], 1)).await;
    let engine = world.start();
    let only = number(0, 1);
    let told = answer(&engine, 1, &only, Service::Suspended).await;
    assert_eq!((&told["status"], &told["number"]), (&"done".into(), &only.as_str().into()));
    assert_eq!(told["position"], world.position().await);
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 0);
    answer(&engine, 2, &only, Service::InService).await;
    engine.done(message(client(2), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_primary_and_a_number_of_nobody_are_refused() {
    let world = World::new().await;
    let engine = world.start();
    for (operation, number) in [(1, number(0, 0)), (2, number(9, 9))] {
        let refused = answer(&engine, operation, &number, Service::Draining).await;
        assert_eq!(refused["code"], "unknown-number");
    }
    assert_eq!(world.count("number-service-changed").await, 0);
    engine.stop().await;
    world.checked().await;
}
