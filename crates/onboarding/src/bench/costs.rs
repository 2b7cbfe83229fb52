//! What an onboarding costs in things that can be counted: they are the same on every machine.

use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use super::Bench;
use super::backlog::Load;
use super::company::Company;
use super::counters::{Counters, Window};
use super::instructions::{self, Instructions};
use super::site::{Ground, Site};
use crate::cli::Role;
use crate::config::Config;
use crate::service::Service;

/// What is needed to measure an onboarding.
pub(super) const ROLES: [Role; 3] = [Role::Engine, Role::Relay, Role::Projector];

/// Onboardings before the measurement: plans are made, caches are warm.
const WARM: u64 = 2_000;
/// Onboardings a second at low load.
const LOW: u64 = 50;
/// Until everything that a start brings with it has passed.
const SETTLED: Duration = Duration::from_secs(3);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section(
        "Costs",
        "Counted, not timed, from INBOX to the read model, without putting the message into INBOX. \
         Low load: 50 a second, each alone (appends per onboarding show whether it was). High load: \
         a backlog less one of half the size, so that the start of the service drops out. SQL is \
         counted on the wire, WAL bytes by its position (without the full-page images that follow \
         a checkpoint), messages and bytes in and out by nats-server. What passes while nothing \
         happens stands as idle and is not counted as an onboarding's: SQL by its statements, the \
         rest by the time.",
    );
    if crate::allocator::allocated().is_none() {
        bench.report.remark(
            "Allocations are counted if the program is built with `--features count-allocations`.",
        );
    }
    let Bench { options, site, report, .. } = bench;
    for run in 1..=options.runs {
        report.run(run);
        let mut place = Place::at(site, Company::USUAL).await?;
        let idle = place.idle(options.seconds).await?;
        for (name, amount) in idle.each_second() {
            report.add(format!("idle: {name} per second"), amount);
        }
        for (name, amount) in place.low(options.seconds, &idle).await? {
            report.add(format!("low load: {name} per onboarding"), amount);
        }
        for (name, amount) in place.high(options.onboardings, &idle).await? {
            report.add(format!("high load: {name} per onboarding"), amount);
        }
        match instructions::per_onboarding(site, Company::USUAL).await {
            Ok(Instructions { low, high }) => {
                report.add("low load: instructions of the service per onboarding", low);
                report.add("high load: instructions of the service per onboarding", high);
            }
            Err(problem) => {
                report.remark(&format!("Instructions are not counted: {problem:#}."));
            }
        }
    }
    Ok(())
}

/// A ground with counters around it.
struct Place {
    ground: Ground,
    load: Load,
    counters: Counters,
    /// The ground's, on the way through the counters.
    config: Config,
}

/// Amounts by name.
type Amounts = Vec<(&'static str, f64)>;

impl Place {
    async fn at(site: &Site, company: Company) -> anyhow::Result<Self> {
        let ground = site.fresh(&company).await?;
        let load = Load::of(&ground, company).await?;
        let counters = Counters::of(&ground).await?;
        let mut config = ground.config.clone();
        config.database_url = counters.way(config.database_url.expose()).as_str().into();
        let mut place = Self { ground, load, counters, config };
        place.load.fill(WARM).await?;
        place.drain().await?;
        Ok(place)
    }

    /// What passes while nothing happens.
    async fn idle(&mut self, seconds: u64) -> anyhow::Result<Window> {
        let service = self.taking().await?;
        tokio::time::sleep(SETTLED).await;
        let before = self.counters.now().await?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let window = before.until(&self.counters.now().await?);
        service.stop().await;
        Ok(window)
    }

    /// Each onboarding alone.
    async fn low(&mut self, seconds: u64, idle: &Window) -> anyhow::Result<Amounts> {
        let many = LOW * seconds;
        // What the messages cost that are put there while no service runs.
        let before = self.counters.now().await?;
        self.put(many, None).await?;
        let put = before.until(&self.counters.now().await?);
        self.drain().await?;

        let rows = self.rows().await?;
        let service = self.taking().await?;
        tokio::time::sleep(SETTLED).await;
        let before = self.counters.now().await?;
        self.put(many, Some(LOW)).await?;
        self.all_visible().await?;
        let window = before.until(&self.counters.now().await?);
        service.stop().await;
        let rows = self.rows().await? - rows;

        let appends = window.times("append_events") as f64 / many as f64;
        anyhow::ensure!(
            (0.95..1.05).contains(&appends),
            "{appends} appends an onboarding: they were not each alone"
        );
        let own = window.without(idle);
        let of_put = put.amounts();
        let less = |name: &str| of_put.iter().find(|(of, _)| *of == name).map_or(0.0, |put| put.1);
        let each =
            |(name, amount): (&'static str, f64)| (name, (amount - less(name)) / many as f64);
        let mut amounts: Amounts = own.into_iter().map(each).collect();
        amounts.push(("appends", appends));
        // One more was there to see that the service takes messages.
        amounts.push(("rows written", rows as f64 / (many + 1) as f64));
        Ok(amounts)
    }

    /// As many at once as there is room for.
    async fn high(&mut self, onboardings: u64, idle: &Window) -> anyhow::Result<Amounts> {
        let half = onboardings / 2;
        let fewer = self.backlog(half, idle).await?;
        let more = self.backlog(onboardings, idle).await?;
        let each = |((name, more), (_, fewer)): (_, (_, f64))| {
            (name, (more - fewer) / (onboardings - half) as f64)
        };
        Ok(more.into_iter().zip(fewer).map(each).collect())
    }

    /// What draining so many costs, with the start of the service.
    async fn backlog(&mut self, many: u64, idle: &Window) -> anyhow::Result<Amounts> {
        self.load.fill(many).await?;
        let rows = self.rows().await?;
        let before = self.counters.now().await?;
        self.drain().await?;
        let window = before.until(&self.counters.now().await?);
        let mut amounts = window.without(idle);
        amounts.push(("appends", window.times("append_events") as f64));
        amounts.push(("rows written", (self.rows().await? - rows) as f64));
        Ok(amounts)
    }

    /// Puts messages into INBOX one by one, at a rate if one is given.
    async fn put(&mut self, many: u64, rate: Option<u64>) -> anyhow::Result<()> {
        let (publisher, begun) = (self.load.publisher(), Instant::now());
        for n in 0..many {
            if let Some(rate) = rate {
                let offset = Duration::from_secs_f64(n as f64 / rate as f64);
                tokio::time::sleep_until(begun + offset).await;
            }
            publisher.publish(vec![self.load.next()?]).await?;
        }
        Ok(())
    }

    /// The service decides all that is in INBOX.
    async fn drain(&self) -> anyhow::Result<()> {
        let service = self.start().await?;
        self.all_visible().await?;
        service.stop().await;
        Ok(())
    }

    /// A service that has taken a message: after a start INBOX gives it none for a while.
    async fn taking(&mut self) -> anyhow::Result<Service> {
        self.load.fill(1).await?;
        let service = self.start().await?;
        self.all_visible().await?;
        Ok(service)
    }

    async fn start(&self) -> anyhow::Result<Service> {
        Service::start(&self.config, &ROLES, self.ground.clock.clone()).await
    }

    async fn all_visible(&self) -> anyhow::Result<()> {
        all_visible(&self.ground, self.load.sent).await
    }

    /// Rows written so far. To be asked when no service runs: a backend of Postgres tells all that
    /// it did when it ends.
    async fn rows(&self) -> anyhow::Result<i64> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        sqlx::query_scalar(
            "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database \
             WHERE datname = current_database()",
        )
        .fetch_one(&self.ground.pool)
        .await
        .context("rows written")
    }
}

/// Waits until readers see so many rooms, and no more.
pub(super) async fn all_visible(ground: &Ground, many: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let rooms = ground.rooms().await?;
        if rooms >= many {
            anyhow::ensure!(rooms == many, "{rooms} rooms are visible, and not {many}");
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{rooms} of {many} rooms are visible only");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
