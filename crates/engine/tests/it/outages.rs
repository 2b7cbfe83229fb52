//! Postgres goes away, and answers get lost.

use std::time::Duration;

use devservers::{Options, database_url};
use domain::input::{Input, LaneInput};

use crate::harness::{World, create, done, migrate, told};
use crate::inputs::{client, company, company_id, file, message, number, register};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inputs_wait_while_postgres_is_away_and_are_decided_once() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("outage-{}", std::process::id()));
    let options = Options { ignore_env: true, durable: false, ..Options::new(folder) };
    let server = devservers::postgres(&options, &|_| {}).await.unwrap();
    let url = create(server.url(), "").await;
    assert!(url.starts_with(database_url(server.url(), "").trim_end_matches('/')));
    migrate(&url).await;
    let world = World::at(&url).await;
    world.apply(&file(&["acme"], 3)).await;
    let engine = world.start();
    engine.done(message(client(0), "#michael")).await;

    let inputs: Vec<_> = (1..60)
        .map(|n| match n % 10 {
            0 => register(n.into(), &client(n), "anna"),
            _ => message(client(n % 20), "#michael"),
        })
        .collect();
    let mut waiting = vec![];
    for (n, input) in inputs.iter().enumerate() {
        if n == 20 {
            server.kill().await.unwrap();
        }
        waiting.push(engine.send(input.clone()).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.restart().await.unwrap();
    for settled in waiting {
        told(settled).await;
    }
    assert_eq!(world.count("onboarding-requested").await, 55);
    assert_eq!(world.count("room-reserved").await, 20 - 1);
    engine.stop().await;
    world.checked().await;
}

/// A world whose way to Postgres can be cut.
async fn behind_a_proxy(yaml: &str) -> (World, Proxy) {
    let direct = World::with(yaml).await;
    let proxy = Proxy::to(&direct.url).await;
    (World::at(&proxy.url(&direct.url)).await, proxy)
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_recognised() {
    let (world, proxy) = behind_a_proxy(&file(&["acme"], 3)).await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    proxy.cut_appends(1);
    let inputs = [
        message(client(1), "#michael"),
        message(client(2), "#michael"),
        message(client(1), "#michael"),
    ];
    assert_eq!(engine.decide_all(inputs).await, vec![done(); 3]);
    assert_eq!(proxy.cuts_left(), 0, "the answer was lost");
    assert_eq!(world.count("room-reserved").await, 2);
    proxy.cut_appends(1);
    let command = register(1, &client(3), "anna");
    let answer = engine.decide(command.clone()).await;
    assert_ne!(answer, done());
    assert_eq!(engine.decide(command).await, answer);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test]
async fn a_directory_version_counts_though_the_answer_to_its_commit_was_lost() {
    let (world, proxy) = behind_a_proxy(&file(&["acme"], 2)).await;
    // Already while the lane starts.
    proxy.cut_appends(1);
    let engine = world.start();
    engine.done(message(client(1), "#michael")).await;
    assert_eq!(proxy.cuts_left(), 0);
    proxy.cut_appends(1);
    world.apply(&format!("companies:\n{}", company("acme", 0, 2..3))).await;
    let version = LaneInput { company: company_id("acme"), input: Input::DirectoryVersion(2) };
    engine.done(version).await;
    engine.done(message(client(2), "#michael")).await;
    let rooms = sqlx::query_scalar::<_, String>("SELECT number FROM rooms WHERE number = $1")
        .bind(number(0, 3).as_str())
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(rooms.len(), 1, "the new version's only number");
    engine.stop().await;
    world.checked().await;
}
