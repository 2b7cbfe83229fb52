//! `onboarding parked`: inputs that could not be decided.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use directory::DirectoryStore;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use domain::{Personal, Reason};
use engine::Clock;
use eventstore::{DropRequest, Dropping, EventStore, ListedInput, ParkedFilter, ParkedInput};
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher, parse};
use messaging::stray::Stray;
use serde::Serialize;

use super::{nats, postgres, require_migrated};
use crate::cli::ParkedCommand;
use crate::config::Config;
use crate::owners::Owners;

/// One of them as it is listed: without its bytes, which may be personal data.
#[derive(Serialize)]
struct Listed {
    id: u64,
    parked_at: Timestamp,
    company: Option<CompanyId>,
    subject: String,
    code: String,
    reason: String,
    bytes: u64,
    tries: u64,
    retry_requested_at: Option<Timestamp>,
    retry_failed: Option<Done>,
    dropped: Option<Done>,
}

/// One of them with its history.
#[derive(Serialize)]
struct Inspected {
    #[serde(flatten)]
    listed: Listed,
    inbox_sequence: u64,
    payload_sha256: String,
    traceparent: Option<String>,
    history: Vec<Step>,
}

/// What ended a wish, or the input.
#[derive(Serialize)]
struct Done {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Personal<String>>,
    why: Personal<String>,
}

#[derive(Serialize)]
struct Step {
    at: Timestamp,
    step: String,
    actor: Personal<String>,
    detail: Option<Personal<String>>,
}

/// Lists, shows, retries or drops.
///
/// # Errors
/// There is no such input, it can't be retried or dropped as it is, or Postgres or NATS does not
/// answer.
pub async fn run(config: &Config, command: ParkedCommand) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let (store, directory) = (EventStore::new(pool.clone()), DirectoryStore::new(pool));
    match command {
        ParkedCommand::List { company, code, dropped, before, limit, json } => {
            let dropped = Some(dropped);
            let filter = ParkedFilter { company, id: None, code, dropped, before };
            list(&store, &filter, limit, json).await?;
        }
        ParkedCommand::Inspect { id, json } => inspect(&store, id, json).await?,
        ParkedCommand::Show { id } => {
            std::io::stdout().write_all(&find(&store, id).await?.input.payload)?;
        }
        ParkedCommand::Retry { id, actor } => {
            let parked = find(&store, id).await?;
            let body = again(&parked, &directory).await?;
            let client = nats(config, "parked").await?;
            let source = "operator".parse().context("naming the source")?;
            let message = InboxMessage { body, source, traceparent: parked.input.traceparent };
            InboxPublisher::new(&client).publish(vec![message]).await?;
            // Only now: whoever dies in between retries it twice, and it is decided once.
            let (actor, now) = (Personal::new(actor), Clock::system().now());
            store.put_back_by_hand(id, &actor, now).await?;
            println!("{id} is back in its lane. If it can't be decided, it is parked again.");
        }
        ParkedCommand::Drop { id, reason, actor } => drop_one(&store, id, reason, actor).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn drop_one(
    store: &EventStore,
    id: u64,
    reason: Reason,
    actor: String,
) -> anyhow::Result<()> {
    let (actor, reason) = (Personal::new(actor), Personal::new(reason));
    let at = Clock::system().now();
    let dropping = Dropping { operation_id: None, actor: &actor, reason: &reason, at };
    match store.drop_parked(None, id, &dropping).await? {
        DropRequest::Dropped => {
            println!("{id} is dropped. `onboarding parked inspect {id}` tells what it was.");
            Ok(())
        }
        DropRequest::DroppedBefore => anyhow::bail!(
            "{id} was dropped before: `onboarding parked inspect {id}` tells by whom and why"
        ),
        DropRequest::NoSuchInput => anyhow::bail!("there is no parked input {id}"),
        DropRequest::RetryUnderWay => anyhow::bail!(
            "{id} is about to be put back, as an operator asked for; look again in a moment"
        ),
    }
}

async fn list(
    store: &EventStore,
    filter: &ParkedFilter,
    limit: u32,
    json: bool,
) -> anyhow::Result<()> {
    let found = store.parked_list(filter, limit).await?;
    let listed: Vec<_> = found.into_iter().map(Listed::from).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    if listed.is_empty() {
        println!(
            "Nothing {}.",
            if filter.dropped == Some(true) { "was dropped" } else { "is parked" }
        );
    }
    for one in &listed {
        print(one);
    }
    Ok(())
}

async fn inspect(store: &EventStore, id: u64, json: bool) -> anyhow::Result<()> {
    let filter = ParkedFilter { id: Some(id), ..ParkedFilter::default() };
    let found = store.parked_list(&filter, 1).await?.pop();
    let found = found.with_context(|| format!("there is no parked input {id}, and never was"))?;
    let history = store.parked_history(&found).await?.into_iter().map(|done| Step {
        at: done.at,
        step: done.step,
        actor: done.actor,
        detail: done.detail,
    });
    let inspected = Inspected {
        inbox_sequence: found.inbox_sequence,
        payload_sha256: hex::encode(&found.payload_sha256),
        traceparent: found.traceparent.clone(),
        history: history.collect(),
        listed: Listed::from(found),
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&inspected)?);
        return Ok(());
    }
    print(&inspected.listed);
    println!("        sha256 {}", inspected.payload_sha256);
    println!("        INBOX  {}", inspected.inbox_sequence);
    println!("        trace  {}", inspected.traceparent.as_deref().unwrap_or("-"));
    for Step { at, step, actor, detail } in &inspected.history {
        let detail =
            detail.as_ref().map_or_else(String::new, |detail| format!(": {}", detail.expose()));
        println!("        {}  {step} by {}{detail}", at.to_rfc3339(), actor.expose());
    }
    Ok(())
}

fn print(one: &Listed) {
    let company = one.company.as_ref().map_or("-", CompanyId::as_str);
    println!("{:>6}  {}  {company}  {}", one.id, one.parked_at.to_rfc3339(), one.subject);
    println!("        {}: {} ({} bytes)", one.code, one.reason, one.bytes);
    if one.tries > 0 {
        println!("        put back {} time(s) before", one.tries);
    }
    if let Some(failed) = &one.retry_failed {
        println!("        can't be put back: {} ({})", failed.why.expose(), failed.at.to_rfc3339());
    }
    if let Some(dropped) = &one.dropped {
        let by = dropped.actor.as_ref().map_or("-", |actor| actor.expose().as_str());
        let (at, why) = (dropped.at.to_rfc3339(), dropped.why.expose());
        println!("        dropped {at} by {by}: {why}");
    }
}

async fn find(store: &EventStore, id: u64) -> anyhow::Result<ParkedInput> {
    store.parked_input(id).await?.with_context(|| {
        format!("there is no parked input {id}: `onboarding parked list` shows those that are")
    })
}

/// The input once more, byte for byte, if it is one; what came before the directory had its number,
/// as the input that it would have been.
async fn again(parked: &ParkedInput, directory: &DirectoryStore) -> anyhow::Result<InboxBody> {
    let ParkedInput { id, input } = parked;
    if let Some((app, stray)) = Stray::of_parked(&input.subject, &input.code, &input.payload) {
        let owners = Owners::read(directory).await?;
        let owner = owners.of(&app, stray.number());
        let owner = owner.with_context(|| format!("parked input {id} can't be put back yet"))?;
        return Ok(stray.into_input(owner.clone()));
    }
    parse(&input.subject, &input.payload).map_err(|malformed| {
        anyhow::anyhow!(
            "parked input {id} can never be decided as it is ({malformed}): publish what was \
             meant on its subject, then `onboarding parked drop {id} --reason …`"
        )
    })?;
    let (subject, payload) = (input.subject.clone(), input.payload.clone().into());
    Ok(InboxBody::Again { subject, payload })
}

impl From<ListedInput> for Listed {
    fn from(found: ListedInput) -> Self {
        let failed = |failed: eventstore::RetryFailed| Done {
            at: failed.at,
            actor: None,
            why: Personal::new(failed.problem),
        };
        let dropped = |dropped: eventstore::Dropped| Done {
            at: dropped.at,
            actor: Some(dropped.actor),
            why: dropped.reason,
        };
        Self {
            id: found.id,
            parked_at: found.parked_at,
            company: found.company,
            subject: found.subject,
            code: found.code,
            reason: found.reason,
            bytes: found.bytes,
            tries: found.tries,
            retry_requested_at: found.retry_requested_at,
            retry_failed: found.retry_failed.map(failed),
            dropped: found.dropped.map(dropped),
        }
    }
}
