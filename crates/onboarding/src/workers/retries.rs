//! Puts parked inputs back into their lanes that operators want retried.
//!
//! The wish is a row that the engine wrote. It goes, with the parked input, only once INBOX has
//! acknowledged: whoever dies in between has it done again, and the lane recognises what was decided.
//! What INBOX will never take stays parked, and the list tells why.

use std::time::Duration;

use engine::Clock;
use eventstore::EventStore;
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use messaging::{Client, PublishFailure};
use tokio_util::sync::CancellationToken;

use super::pause;

/// How often it is looked for wishes.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `cancel`.
pub async fn run(store: EventStore, client: Client, clock: Clock, cancel: CancellationToken) {
    let inbox = InboxPublisher::new(&client);
    while pause(&cancel, EVERY).await {
        loop {
            match put_back(&store, &inbox, &clock).await {
                Ok(true) if !cancel.is_cancelled() => {}
                Ok(_) => break,
                Err(problem) => {
                    tracing::warn!(problem, "a parked input could not be put back; trying again");
                    break;
                }
            }
        }
    }
}

/// Puts the next one back; `false` if there is none.
async fn put_back(
    store: &EventStore,
    inbox: &InboxPublisher,
    clock: &Clock,
) -> Result<bool, String> {
    let next = store.next_to_put_back().await.map_err(|error| error.to_string())?;
    let Some(next) = next else { return Ok(false) };
    let id = next.id();
    let (subject, payload) = (next.subject.clone(), next.payload.clone().into());
    let message = InboxMessage {
        body: InboxBody::Again { subject, payload },
        source: "operator".parse().map_err(|_| "naming the source".to_owned())?,
        traceparent: next.traceparent.clone(),
    };
    let settled = match inbox.publish(vec![message]).await {
        Ok(()) => {
            tracing::info!(id, "a parked input is back in its lane");
            next.done(clock.now()).await
        }
        Err(error) if is_at_fault(&error.kind) => {
            tracing::error!(id, %error, "a parked input can't be put back as it is; it stays parked");
            metrics::counter!("onboarding_parked_retries_failed_total").increment(1);
            next.give_up(&error.to_string(), clock.now()).await
        }
        Err(error) => return Err(error.to_string()),
    };
    settled.map_err(|error| error.to_string())?;
    Ok(true)
}

/// Whether the input itself will never be taken. All else passes, a process that stops included.
const fn is_at_fault(failure: &PublishFailure) -> bool {
    match failure {
        PublishFailure::TooLarge | PublishFailure::Unfit(_) => true,
        PublishFailure::NoStream
        | PublishFailure::Full
        | PublishFailure::NotAcknowledged
        | PublishFailure::WrongSequence
        | PublishFailure::Refused(_)
        | PublishFailure::Closed => false,
    }
}
