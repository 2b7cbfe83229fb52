//! One run: the site, the load, the faults, the drain, the check.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream;
use devservers::Progress;
use tokio::time::{Instant, interval};

use crate::check::{self, Evidence, Finding, Stores};
use crate::load::Load;
use crate::plan::Plan;
use crate::report::{Report, Tell};
use crate::schedule::Schedule;
use crate::site::Site;
use crate::telling::Telling;
use crate::{drain, inflict};

/// How often it is told how far the load is.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Statuses that are late come so much after the sender's grace time.
const LATE: Duration = Duration::from_secs(3);

/// Does it. `program` is this package's own binary, which is the service too.
///
/// # Errors
/// The site can't be built, or a fault can't be inflicted or healed. What is wrong with the service is
/// a finding and no error.
pub async fn run(program: &Path, plan: &Plan, say: &Progress<'_>) -> anyhow::Result<Report> {
    run_by(program, plan, &plan.schedule(), say).await
}

/// The same, with these faults instead of those that the plan draws.
///
/// # Errors
/// As [`run`].
pub async fn run_by(
    program: &Path,
    plan: &Plan,
    schedule: &Schedule,
    say: &Progress<'_>,
) -> anyhow::Result<Report> {
    let mut site = Site::start(program, plan, say).await?;
    if plan.keep {
        site.folder.keep()?;
    }
    let _planted = match plan.plant {
        Some(bug) => {
            say(&format!("a bug is planted: {bug}"));
            bug.keep_up(onboarding::nats_client(&site.stage.config).await?).await?
        }
        None => None,
    };
    let streams = jetstream::new(onboarding::nats_client(&site.stage.config).await?);
    let load = Load::draw_beside(schedule, &site.stage, plan.seed, plan.messages, plan.over)?;
    let telling = Telling::default();
    let begun = Instant::now();
    let tell = Tell { say, begun };
    let late = Duration::from_secs(plan.grace.into()) + LATE;
    let work = async {
        let faults = inflict::all(&site, &streams, schedule, begun, &tell).await?;
        tell.line("the last fault is healed; waiting until nothing is left to do");
        let healed = Instant::now();
        let outside = || left_outside(&site, &load, &telling);
        let left = drain::wait(&site.stage.pool, &streams, plan.drain, outside).await;
        anyhow::Ok((faults, healed.elapsed(), left))
    };
    let posting = async {
        load.post(&site.webhooks, begun).await;
        std::future::pending::<()>().await;
    };
    let (faults, drained, left) = tokio::select! {
        done = work => done?,
        ended = site.supervise(say) => {
            ended?;
            anyhow::bail!("nobody supervises the copies any more")
        }
        () = posting => anyhow::bail!("nobody waits for the posts any more"),
        () = telling.tell(&site.stage, &site.webhooks, late) => {
            anyhow::bail!("nobody tells statuses any more")
        }
        () = tell_progress(&load, &tell) => anyhow::bail!("nobody tells how far it is any more"),
    };

    tell.line("checking");
    let answers = load.answers();
    let evidence = Evidence {
        answered: answers.requests,
        received: site.stage.cloud.received(),
        told: telling.told(),
        clocks: site.clocks.history(),
        asked: load.asked,
    };
    let stores = Stores { program, config: &site.stage.config, pool: &site.stage.pool };
    let checked = check::all(&evidence, &stores).await.context("checking")?;
    let undrained = left.into_iter().map(|what| Finding::new("not-drained", what));
    let findings: Vec<Finding> = undrained.chain(checked.findings).collect();
    if !findings.is_empty() && plan.plant.is_none() {
        site.folder.keep()?;
    }
    Ok(Report {
        seed: plan.seed,
        faults,
        messages: evidence.asked.len(),
        posts: load.posts,
        posted_again: answers.refused,
        outcomes: checked.outcomes,
        events: checked.events,
        calls: evidence.received.len(),
        sent_again: checked.sent_again,
        commit_answers_lost: site.answers_lost(),
        ended_by_themselves: site.ended_by_themselves(),
        drained_seconds: drained.as_secs_f64(),
        drain_limit_seconds: plan.drain.as_secs_f64(),
        findings,
        left_out: plan.left_out(),
        kept: if site.folder.is_kept() { site.folder.places() } else { vec![] },
    })
}

/// What is left that no store knows of.
fn left_outside(site: &Site, load: &Load, telling: &Telling) -> Vec<String> {
    let unanswered = load.posts - load.answers().posts;
    let untold = site.stage.cloud.received_after(telling.count()).len();
    let mut left = vec![];
    for (count, what) in
        [(unanswered, "posts are not answered 200"), (untold, "messages' statuses are not told")]
    {
        if count > 0 {
            left.push(format!("{count} {what}"));
        }
    }
    left
}

async fn tell_progress(load: &Load, tell: &Tell<'_>) {
    let mut ticks = interval(TELL_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let answers = load.answers();
        let (posts, again) = (answers.posts, answers.refused);
        tell.line(&format!("{posts} of {} posts answered, {again} came again", load.posts));
    }
}
