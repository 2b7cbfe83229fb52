//! How many inputs a second: run it with `--release -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Instant;

use engine::Settlement;

use crate::harness::{World, told};
use crate::inputs::{client, file, message_to, number};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn inputs_a_second() {
    for companies in [1, 10] {
        for text in ["hello", "#michael"] {
            measure(companies, text, 4_000).await;
        }
    }
}

async fn measure(companies: u32, text: &'static str, inputs: u32) {
    let names: Vec<_> = (0..companies).map(|n| format!("company-{n}")).collect();
    let yaml = file(&names.iter().map(String::as_str).collect::<Vec<_>>(), 10);
    let world = World::with(&yaml).await;
    let engine = Arc::new(world.start());
    for (n, name) in (0..).zip(&names) {
        engine.done(message_to(name, number(n, 0), client(1_000_000), "hello")).await;
    }
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for (n, name) in (0..companies).zip(names) {
        let engine = engine.clone();
        tasks.spawn(async move {
            let each = inputs / companies;
            let mut waiting = std::collections::VecDeque::new();
            for i in 0..each {
                let from = client(1_000 + n * each + i);
                waiting.push_back(engine.send(message_to(&name, number(n, 0), from, text)).await);
                if waiting.len() >= 256 {
                    let settled = told(waiting.pop_front().unwrap()).await;
                    assert!(matches!(settled, Settlement::Done { .. }));
                }
            }
            for settled in waiting {
                assert!(matches!(told(settled).await, Settlement::Done { .. }));
            }
        });
    }
    tasks.join_all().await;
    let seconds = begun.elapsed().as_secs_f64();
    let events = world.position().await;
    println!(
        "{companies} companies, {text:?}: {:.0} inputs/s, {:.0} events/s",
        f64::from(inputs) / seconds,
        events as f64 / seconds
    );
}
