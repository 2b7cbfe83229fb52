//! `onboarding parked`: inputs that could not be decided.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use domain::Personal;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use engine::Clock;
use eventstore::{EventStore, ParkedInput};
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher, parse};
use serde::Serialize;

use super::{nats, postgres, require_migrated};
use crate::cli::ParkedCommand;
use crate::config::Config;

/// One of them as it is listed: without its bytes, which may be personal data.
#[derive(Serialize)]
struct Listed {
    id: u64,
    parked_at: Timestamp,
    company: Option<CompanyId>,
    subject: String,
    code: String,
    reason: String,
    bytes: usize,
}

/// Lists, shows, retries or drops.
///
/// # Errors
/// There is no such input, it can't be retried as it is, or Postgres or NATS does not answer.
pub async fn run(config: &Config, command: ParkedCommand) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let store = EventStore::new(pool);
    match command {
        ParkedCommand::List { limit, json } => list(&store, limit, json).await?,
        ParkedCommand::Show { id } => {
            std::io::stdout().write_all(&find(&store, id).await?.input.payload)?;
        }
        ParkedCommand::Retry { id, actor } => {
            let parked = find(&store, id).await?;
            let body = again(&parked)?;
            let client = nats(config, "parked").await?;
            let source = "operator".parse().context("naming the source")?;
            let message = InboxMessage { body, source, traceparent: parked.input.traceparent };
            InboxPublisher::new(&client).publish(vec![message]).await?;
            // Only now: whoever dies in between retries it twice, and it is decided once.
            let (actor, now) = (Personal::new(actor), Clock::system().now());
            store.put_back_by_hand(id, &actor, now).await?;
            println!("{id} is back in its lane. If it can't be decided, it is parked again.");
        }
        ParkedCommand::Drop { id } => {
            anyhow::ensure!(store.forget_parked(id).await?, "there is no parked input {id}");
            println!("{id} is gone.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &EventStore, limit: u32, json: bool) -> anyhow::Result<()> {
    let listed: Vec<_> = store.parked(limit).await?.into_iter().map(Listed::from).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    if listed.is_empty() {
        println!("Nothing is parked.");
    }
    for one in listed {
        let company = one.company.as_ref().map_or("-", CompanyId::as_str);
        println!("{:>6}  {}  {company}  {}", one.id, one.parked_at.to_rfc3339(), one.subject);
        println!("        {}: {} ({} bytes)", one.code, one.reason, one.bytes);
    }
    Ok(())
}

async fn find(store: &EventStore, id: u64) -> anyhow::Result<ParkedInput> {
    store.parked_input(id).await?.with_context(|| {
        format!("there is no parked input {id}: `onboarding parked list` shows those that are")
    })
}

/// The input once more, byte for byte, if it is one.
fn again(parked: &ParkedInput) -> anyhow::Result<InboxBody> {
    let id = parked.id;
    parse(&parked.input.subject, &parked.input.payload).map_err(|malformed| {
        anyhow::anyhow!(
            "parked input {id} can never be decided as it is ({malformed}): publish what was \
             meant on its subject, then `onboarding parked drop {id}`"
        )
    })?;
    let (subject, payload) = (parked.input.subject.clone(), parked.input.payload.clone().into());
    Ok(InboxBody::Again { subject, payload })
}

impl From<ParkedInput> for Listed {
    fn from(parked: ParkedInput) -> Self {
        let ParkedInput { id, input } = parked;
        Self {
            id,
            parked_at: input.parked_at,
            company: input.company,
            subject: input.subject,
            code: input.code,
            reason: input.reason,
            bytes: input.payload.len(),
        }
    }
}
