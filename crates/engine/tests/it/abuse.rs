//! A client asks in vain again and again.

use domain::request::Outcome;
use eventstore::FindingKind;

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

#[tokio::test]
async fn who_takes_over_goes_on_counting() {
    let world = World::new().await;
    let engine = world.start();
    for n in 0..10 {
        engine.done(message(client(1), &format!("#guess{n}"))).await;
    }
    for n in 0..30 {
        engine.done(message(client(2), &format!("hello {n}"))).await;
    }
    engine.stop().await;
    let next = world.start();
    next.done(message(client(1), "#michael")).await;
    next.done(message(client(2), "hello")).await;
    assert_eq!(count(&world, Outcome::Ignored).await, 2);
    world.advance(3_600);
    next.done(message(client(1), "#michael")).await;
    next.done(message(client(2), "hello")).await;
    assert_eq!(count(&world, Outcome::Onboarded).await, 0, "it is under way");
    assert_eq!(world.count("room-reserved").await, 1, "after an hour it may ask again");
    assert_eq!(count(&world, Outcome::ExtensionMissing).await, 31);
    next.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_is_an_hour_old_is_cleaned_away_by_what_comes() {
    let world = World::new().await;
    let engine = world.start();
    for n in 0..10 {
        engine.done(message(client(n), "#nobody")).await;
    }
    assert_eq!(remembered(&world).await, 10);
    world.advance(3_601);
    for n in 10..16 {
        engine.done(message(client(n), "hello")).await;
    }
    assert_eq!(remembered(&world).await, 6);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn what_the_log_does_not_have_is_found() {
    for damage in [
        "UPDATE asked_in_vain SET replied = NOT replied",
        "UPDATE asked_in_vain SET at = at + interval '1 second'",
        "UPDATE asked_in_vain SET wrong_extension = 'another'",
        "UPDATE asked_in_vain SET client_id = gen_random_uuid()",
        "UPDATE asked_in_vain SET company = 'another'",
        "UPDATE asked_in_vain SET request_id = gen_random_uuid()",
    ] {
        let world = World::new().await;
        let engine = world.start();
        engine.done(message(client(1), "#nobody")).await;
        engine.stop().await;
        world.checked().await;
        sqlx::raw_sql(damage).execute(&world.pool).await.unwrap();
        let findings = world.store.check(|_| {}).await.unwrap();
        let kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [FindingKind::AskedInVain], "{damage}");
    }
}

/// How many rows the table has.
async fn remembered(world: &World) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM asked_in_vain");
    count.fetch_one(&world.pool).await.unwrap()
}
