//! A client asks in vain again and again.

use domain::request::Outcome;

use crate::harness::World;
use crate::inputs::{client, message};

/// How many requests ended so.
async fn count(world: &World, outcome: Outcome) -> usize {
    world.outcomes().await.into_iter().filter(|one| *one == outcome).count()
}

#[tokio::test]
async fn who_tries_extensions_out_does_not_find_one() {
    let world = World::new().await;
    let engine = world.start();
    for n in 0..12 {
        engine.done(message(client(1), &format!("#guess{n}"))).await;
    }
    assert_eq!(count(&world, Outcome::UserNotFound).await, 10);
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(count(&world, Outcome::Ignored).await, 3, "the right one too");
    engine.done(message(client(2), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1, "others are served");

    world.advance(3_600);
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 2, "after an hour it may ask again");
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn the_same_wrong_extension_is_one() {
    let world = World::new().await;
    let engine = world.start();
    for _ in 0..12 {
        engine.done(message(client(1), "#Micheal")).await;
    }
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(world.count("room-reserved").await, 1);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_flood_is_answered_up_to_its_budget_even_in_one_batch() {
    let world = World::new().await;
    let engine = world.start();
    engine.decide_all((0..40).map(|n| message(client(1), &format!("hello {n}")))).await;
    assert_eq!(count(&world, Outcome::ExtensionMissing).await, 30);
    assert_eq!(count(&world, Outcome::Ignored).await, 10);
    engine.stop().await;
    world.checked().await;
}
