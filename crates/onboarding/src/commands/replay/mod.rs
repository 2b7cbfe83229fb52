//! `onboarding replay`: the whole history behind an id, and each decision made again.

mod find;
mod words;

use std::process::ExitCode;

use domain::AnyEvent;
use domain::flow;
use domain::record::RecordedEvent;
use domain::request::RequestEvent;
use eventstore::EventStore;
use serde_json::json;
use sqlx::PgPool;

pub use words::describe;

use super::{postgres, require_migrated};
use crate::config::Config;

/// Shows a history; exit status 0 only if every decision comes out the same again.
///
/// # Errors
/// Nothing has the id, or an event can't be read.
pub async fn run(config: &Config, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let store = EventStore::new(pool.clone());
    let events = find::history(&pool, &store, id).await?;
    anyhow::ensure!(
        !events.is_empty(),
        "nothing is recorded for {id}: give a request id, one of our message ids, a WhatsApp \
         message id or a room id"
    );
    let again = decide_again(&events)?;
    if json {
        print_json(&store, &events, &again).await?;
    } else {
        print_text(&store, &events, &again).await?;
    }
    let same = again.iter().all(|one| one.same);
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The decisions behind an id, each made again; none if nothing has it.
pub(crate) async fn again(
    pool: &PgPool,
    store: &EventStore,
    id: &str,
) -> anyhow::Result<Vec<Again>> {
    decide_again(&find::history(pool, store, id).await?)
}

/// One decision, made again from its recorded facts.
#[derive(Debug)]
pub struct Again {
    /// The position of the recorded decision.
    pub position: u64,
    /// Whether it came out the same.
    pub same: bool,
}

/// Makes every decision of a history again.
///
/// # Errors
/// An event can't be read.
pub fn decide_again(events: &[RecordedEvent]) -> anyhow::Result<Vec<Again>> {
    let mut message = None;
    let mut again = vec![];
    for event in events {
        match AnyEvent::read(event)? {
            AnyEvent::Request(RequestEvent::OnboardingRequested {
                request_id, message: m, ..
            }) => {
                message = Some((request_id, m));
            }
            AnyEvent::Request(RequestEvent::DecisionMade { facts, decision }) => {
                if let Some((request_id, message)) = &message {
                    let same = flow::decide(*request_id, message, &facts) == *decision;
                    again.push(Again { position: event.position, same });
                }
            }
            _ => {}
        }
    }
    Ok(again)
}

async fn print_text(
    store: &EventStore,
    events: &[RecordedEvent],
    again: &[Again],
) -> anyhow::Result<()> {
    for event in events {
        let when = event.recorded_at.format("%Y-%m-%d %H:%M:%S%.3f");
        println!("{:>8}  {when}  {}", event.position, event.event_type);
        let meaning = AnyEvent::read(event)?;
        for line in describe(&meaning) {
            println!("          {line}");
        }
        if let AnyEvent::Request(RequestEvent::OnboardingRequested { message, .. }) = &meaning
            && let Some(evidence) = &message.evidence
        {
            for arrival in store.arrivals(&evidence.post_sha256).await? {
                println!(
                    "          its post came {}",
                    arrival.received_at.format("%Y-%m-%d %H:%M:%S%.3f")
                );
            }
            let kept = store.evidence(&evidence.post_sha256).await?.map_or(0, |bytes| bytes.len());
            println!("          original post: {kept} bytes, sha256 {}", evidence.post_sha256);
        }
        if let Some(again) = again.iter().find(|one| one.position == event.position) {
            let verdict = if again.same { "the same" } else { "DIFFERENT" };
            println!("          decided again from these facts: {verdict}");
        }
    }
    Ok(())
}

async fn print_json(
    store: &EventStore,
    events: &[RecordedEvent],
    again: &[Again],
) -> anyhow::Result<()> {
    let mut shown = vec![];
    let mut posts = vec![];
    for event in events {
        let mut value = serde_json::to_value(event)?;
        value["payload"] = serde_json::from_str(&event.payload)?;
        if let Some(one) = again.iter().find(|one| one.position == event.position) {
            value["decided_again_the_same"] = one.same.into();
        }
        shown.push(value);
        if let AnyEvent::Request(RequestEvent::OnboardingRequested { message, .. }) =
            AnyEvent::read(event)?
            && let Some(evidence) = message.evidence
        {
            let arrivals = store.arrivals(&evidence.post_sha256).await?;
            let came: Vec<_> = arrivals.iter().map(|arrival| arrival.received_at).collect();
            let bytes = store.evidence(&evidence.post_sha256).await?;
            posts.push(json!({
                "sha256": evidence.post_sha256,
                "came": came,
                "post": bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            }));
        }
    }
    println!("{}", serde_json::to_string_pretty(&json!({ "events": shown, "posts": posts }))?);
    Ok(())
}
