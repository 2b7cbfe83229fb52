//! An operator has parked inputs put back, or drops them.

use eventstore::NewParkedInput;

use crate::harness::{World, answer};
use crate::inputs::{company_id, drop_parked, retry_parked};

async fn parked(world: &World, code: &str, sequence: u64) -> u64 {
    let input = NewParkedInput {
        inbox_sequence: sequence,
        company: Some(company_id("acme")),
        subject: "wa.in.v1.acme.100009".to_owned(),
        code: code.to_owned(),
        reason: "it is so".to_owned(),
        payload: b"{}".to_vec(),
        parked_at: world.clock.now(),
        traceparent: None,
    };
    world.store.park(&input).await.unwrap();
    world.store.parked(1).await.unwrap()[0].id
}

#[tokio::test]
async fn the_wish_and_who_has_it_are_on_record_once() {
    let world = World::new().await;
    let engine = world.start();
    let id = parked(&world, "unknown-number", 1).await;
    let told = answer(engine.decide(retry_parked(1, id)).await);
    assert_eq!((&told["status"], &told["parked_input_id"]), (&"done".into(), &id.into()));
    assert_eq!(answer(engine.decide(retry_parked(1, id)).await), told, "asked again");
    assert_eq!(answer(engine.decide(retry_parked(2, id)).await), told, "another one asks");
    let wishes = sqlx::query_as("SELECT parked_id, actor FROM parked_retries");
    let wishes: Vec<(i64, String)> = wishes.fetch_all(&world.pool).await.unwrap();
    assert_eq!(wishes, [(id.cast_signed(), "operator".to_owned())]);
    let next = world.store.next_to_put_back().await.unwrap().unwrap();
    assert_eq!(next.id(), id);
    drop(next);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_cannot_be_put_back_is_refused() {
    let world = World::new().await;
    let engine = world.start();
    let part = parked(&world, "too-large", 1).await;
    let refused = answer(engine.decide(retry_parked(1, part)).await);
    assert_eq!(refused["code"], "not-retriable");
    let nothing = answer(engine.decide(retry_parked(2, part + 1)).await);
    assert_eq!(nothing["code"], "unknown-parked-input");
    assert!(world.store.next_to_put_back().await.unwrap().is_none());
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_is_dropped_is_answered_alike_and_recorded_once() {
    let world = World::new().await;
    let engine = world.start();
    let id = parked(&world, "malformed", 1).await;
    let told = answer(engine.decide(drop_parked(1, id)).await);
    assert_eq!((&told["status"], &told["parked_input_id"]), (&"done".into(), &id.into()));
    assert_eq!(answer(engine.decide(drop_parked(1, id)).await), told, "asked again");
    assert_eq!(answer(engine.decide(drop_parked(2, id)).await), told, "another one asks");
    let kept = sqlx::query_as("SELECT parked_id, outcome, actor, why FROM parked_outcomes");
    let kept: Vec<(i64, String, String, String)> = kept.fetch_all(&world.pool).await.unwrap();
    let expected = ["dropped", "operator", "nobody needs it"].map(str::to_owned);
    let [outcome, actor, why] = expected;
    assert_eq!(kept, [(id.cast_signed(), outcome, actor, why)]);
    let nothing = answer(engine.decide(drop_parked(3, id + 1)).await);
    assert_eq!(nothing["code"], "unknown-parked-input");
    let gone = answer(engine.decide(retry_parked(4, id)).await);
    assert_eq!(gone["code"], "unknown-parked-input", "there is nothing to put back");

    let wanted = parked(&world, "unknown-number", 2).await;
    answer(engine.decide(retry_parked(5, wanted)).await);
    let refused = answer(engine.decide(drop_parked(6, wanted)).await);
    assert_eq!(refused["code"], "retry-under-way");
    engine.stop().await;
    world.checked().await;
}
