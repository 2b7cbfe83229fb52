//! `onboarding parked`: inputs that could not be decided.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use domain::ids::CompanyId;
use domain::input::{Input, LaneInput, Timestamp};
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
        ParkedCommand::Retry { id } => {
            let body = again(&find(&store, id).await?)?;
            let client = nats(config, "parked").await?;
            let source = "operator".parse().context("naming the source")?;
            let message = InboxMessage { body, source, traceparent: None };
            InboxPublisher::new(&client).publish(vec![message]).await?;
            // Only now: whoever dies in between retries it twice, and it is decided once.
            store.forget_parked(id).await?;
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

/// The input once more, if it is one.
fn again(parked: &ParkedInput) -> anyhow::Result<InboxBody> {
    let id = parked.id;
    let LaneInput { company, input } = parse(&parked.input.subject, &parked.input.payload)
        .map_err(|malformed| {
            anyhow::anyhow!(
                "parked input {id} can never be decided as it is ({malformed}): publish what was \
                 meant on its subject, then `onboarding parked drop {id}`"
            )
        })?;
    Ok(match input {
        Input::Message(message) => InboxBody::Message { company, message },
        Input::Status(status) => InboxBody::Status { company, status },
        Input::Receipt(receipt) => InboxBody::Receipt { company, receipt },
        Input::Command(command) => InboxBody::Command { company, command, reply_to: None },
        Input::DirectoryVersion(_) | Input::RoomDeadline(_) | Input::RoomReview(_) => {
            anyhow::bail!("parked input {id} is not one that is published: drop it")
        }
    })
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
