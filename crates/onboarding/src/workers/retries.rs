//! Puts parked inputs back into their lanes that operators want retried.
//!
//! The wish is a row that the engine wrote. It goes, with the parked input, only once INBOX has
//! acknowledged: whoever dies in between has it done again, and the lane recognises what was decided.
//! What INBOX will never take, or what is of a number that is not the company's any more, stays
//! parked, and the list tells why.

use std::time::Duration;

use directory::DirectoryStore;
use domain::ids::AppId;
use engine::Clock;
use eventstore::{EventStore, PuttingBack};
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use messaging::stray::Stray;
use messaging::{Client, PublishFailure};
use tokio_util::sync::CancellationToken;

use super::pause;
use crate::owners::Owners;

/// How often it is looked for wishes.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `cancel`.
pub async fn run(
    store: EventStore,
    directory: DirectoryStore,
    client: Client,
    clock: Clock,
    cancel: CancellationToken,
) {
    let inbox = InboxPublisher::new(&client);
    while pause(&cancel, EVERY).await {
        loop {
            match put_back(&store, &directory, &inbox, &clock).await {
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
    directory: &DirectoryStore,
    inbox: &InboxPublisher,
    clock: &Clock,
) -> Result<bool, String> {
    let next = store.next_to_put_back().await.map_err(|error| error.to_string())?;
    let Some(next) = next else { return Ok(false) };
    let id = next.id();
    let body = match Stray::of_parked(&next.subject, &next.code, &next.payload) {
        Some((app, stray)) => {
            let owners = Owners::read(directory).await.map_err(|error| error.to_string())?;
            input_of(&next, &app, stray, &owners)
        }
        None => Ok(as_it_came(&next)),
    };
    let body = match body {
        Ok(body) => body,
        Err(problem) => return give_up(next, &problem, clock).await,
    };
    let message = InboxMessage {
        body,
        source: "operator".parse().map_err(|_| "naming the source".to_owned())?,
        traceparent: next.traceparent.clone(),
    };
    match inbox.publish(vec![message]).await {
        Ok(()) => {
            tracing::info!(id, "a parked input is back in its lane");
            next.done(clock.now()).await.map_err(|error| error.to_string())?;
            Ok(true)
        }
        Err(error) if is_at_fault(&error.kind) => give_up(next, &error.to_string(), clock).await,
        Err(error) => Err(error.to_string()),
    }
}

fn as_it_came(next: &PuttingBack) -> InboxBody {
    InboxBody::Again { subject: next.subject.clone(), payload: next.payload.clone().into() }
}

/// A stray goes into the lane of who wants it, if the number is still theirs.
fn input_of(
    next: &PuttingBack,
    app: &AppId,
    stray: Stray,
    owners: &Owners,
) -> Result<InboxBody, String> {
    let owner = owners.of(app, stray.number()).map_err(|nobody| nobody.to_string())?.clone();
    if next.company.as_ref() == Some(&owner) {
        return Ok(stray.into_input(owner));
    }
    let number = stray.number();
    Err(format!("the phone_number_id {number} is another company's by now"))
}

/// It stays parked, and that is the end of this wish.
async fn give_up(next: PuttingBack, problem: &str, clock: &Clock) -> Result<bool, String> {
    let id = next.id();
    tracing::error!(id, problem, "a parked input can't be put back as it is; it stays parked");
    metrics::counter!("onboarding_parked_retries_failed_total").increment(1);
    next.give_up(problem, clock.now()).await.map_err(|error| error.to_string())?;
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
