//! How fast signed posts are taken in, and how many at most.
//!
//! At a rate the whole service runs; saturation is measured at the gateway alone (as it is deployed
//! beside workers), because what it takes in is more than one lane decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use messaging::Streams;
use tokio::task::JoinSet;
use whatsapp::fake::Webhook;

use super::backlog::Load;
use super::company::Company;
use super::histogram::Latencies;
use super::load::open::FIRST;
use super::load::{DECIDING, start};
use super::progress::Progress;
use super::report::Report;
use super::site::{Ground, Site};
use super::{Bench, posts};
use crate::cli::Role;

const ABOUT: &str = "\
Signed posts of new clients' texts over HTTP; INBOX with `sync_interval: always`. *Webhook to 200 at \
a rate*: the roles gateway, engine, relay and projector run; posts are sent at fixed moments, \
whether or not answers came, and the time counts from the moment at which a post should have been \
sent. *At saturation*: the gateway alone, and so many posts under way all the time, from an HTTP \
client on the same two cores. Every post has to be answered 200, and afterwards INBOX is counted: it \
holds every post and every update.";

/// Posts a second at which latency is measured.
const RATE: f64 = 500.0;
/// Sent before anything counts: connections are made, plans too.
const WARM: Duration = Duration::from_secs(1);

/// A saturation: its name, updates in a post, posts under way.
const SATURATIONS: [(&str, usize, usize); 2] =
    [("single messages", 1, 128), ("posts of 100 updates", 100, 16)];

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section("Webhook", ABOUT);
    let seconds = Duration::from_secs(bench.options.seconds);
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        at_a_rate(&bench.site, &mut bench.report, seconds).await?;
        for (name, updates, under_way) in SATURATIONS {
            let (posts, latencies) = saturated(&bench.site, updates, under_way, seconds).await?;
            let rate = posts / seconds.as_secs_f64();
            bench.report.add(format!("{name}: posts/s"), rate);
            bench.report.add(format!("{name}: updates/s"), rate * updates as f64);
            bench.report.add_latencies(&format!("{name}, {under_way} under way"), &latencies);
        }
    }
    Ok(())
}

/// A ground whose gateway knows the companies' numbers, which engines write down.
async fn ground(site: &Site) -> anyhow::Result<(Ground, Load)> {
    let ground = site.fresh(&Company::USUAL).await?;
    let mut load = Load::of(&ground, Company::USUAL).await?;
    load.fill(1_000).await?;
    let progress = Progress::of_next_service()?;
    let service = start(&ground, &DECIDING).await?;
    progress.settled(&ground).await?;
    service.stop().await;
    Ok((ground, load))
}

async fn at_a_rate(site: &Site, report: &mut Report, seconds: Duration) -> anyhow::Result<()> {
    let (ground, mut load) = ground(site).await?;
    let progress = Progress::of_next_service()?;
    let roles = [&[Role::Gateway], &DECIDING[..]].concat();
    let service = start(&ground, &roles).await?;
    let webhook = posts::webhook_of(&service).await?;
    // A service takes some seconds until INBOX gives it the place of the one before.
    load.fill(FIRST).await?;
    progress.settled(&ground).await?;
    let begun = tokio::time::Instant::now();
    let mut posting = JoinSet::new();
    for sent in 0.. {
        let due = begun + Duration::from_secs_f64(f64::from(sent) / RATE);
        if due >= begun + WARM + seconds {
            break;
        }
        let post = posts::of(&[load.next()?])?;
        tokio::time::sleep_until(due).await;
        let webhook = webhook.clone();
        posting.spawn(async move {
            let status = webhook.post(post).await?;
            anyhow::ensure!(status == 200, "a post was answered {status}");
            Ok((due >= begun + WARM).then(|| due.elapsed()))
        });
    }
    let mut latencies = Latencies::new();
    while let Some(latency) = posting.join_next().await {
        latency??.into_iter().for_each(|latency| latencies.add(latency));
    }
    progress.settled(&ground).await?;
    service.stop().await;
    report.add_latencies(&format!("webhook to 200 at {RATE}/s"), &latencies);
    site.discard(ground).await
}

/// How many posts were answered in the time, and how long each took.
async fn saturated(
    site: &Site,
    updates: usize,
    under_way: usize,
    seconds: Duration,
) -> anyhow::Result<(f64, Latencies)> {
    let (ground, load) = ground(site).await?;
    let client = crate::nats_client(&ground.config).await?;
    let streams = Streams::new(&client, crate::commands::doctor::settings(&ground.config));
    let before = inbox(&streams).await?;
    let service = start(&ground, &[Role::Gateway]).await?;
    let webhook = posts::webhook_of(&service).await?;
    let load = Arc::new(std::sync::Mutex::new(load));
    let sent = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut posting = JoinSet::new();
    for _ in 0..under_way {
        let (webhook, load, sent) = (webhook.clone(), load.clone(), sent.clone());
        posting.spawn(async move {
            let mut latencies = vec![];
            while begun.elapsed() < WARM + seconds {
                let at = Instant::now();
                post(&webhook, &load, updates).await?;
                sent.fetch_add(1, Ordering::Relaxed);
                let counts = at >= begun + WARM && begun.elapsed() < WARM + seconds;
                latencies.extend(counts.then(|| at.elapsed()));
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Latencies::new();
    while let Some(taken) = posting.join_next().await {
        taken??.into_iter().for_each(|latency| latencies.add(latency));
    }
    let stored = inbox(&streams).await? - before;
    let wanted = (sent.load(Ordering::Relaxed) * (1 + updates)) as u64;
    anyhow::ensure!(stored == wanted, "INBOX holds {stored} messages and not {wanted}");
    service.stop().await;
    site.discard(ground).await?;
    Ok((latencies.len() as f64, latencies))
}

async fn post(
    webhook: &Webhook,
    load: &std::sync::Mutex<Load>,
    updates: usize,
) -> anyhow::Result<()> {
    let messages: anyhow::Result<Vec<_>> = {
        let mut load = load.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (0..updates).map(|_| load.next()).collect()
    };
    let status = webhook.post(posts::of(&messages?)?).await?;
    anyhow::ensure!(status == 200, "a post was answered {status}");
    Ok(())
}

async fn inbox(streams: &Streams) -> anyhow::Result<u64> {
    let usage = streams.usage().await?;
    Ok(usage.iter().find(|usage| usage.stream == "INBOX").map_or(0, |usage| usage.messages))
}
