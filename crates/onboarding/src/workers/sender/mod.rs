//! Sends requested messages through WhatsApp.
//!
//! The attempt is recorded before the call and its result after it, both through
//! the company's lane. If the process dies between call and record, the message
//! waits for a status webhook to tell what became of it, and is sent again only
//! after [`Settings::grace`], and once the lane has decided all that INBOX held
//! before the new attempt was recorded: however long the lane is, what somebody
//! told in time is heard.
//!
//! `limits` says how fast messages may go, `portfolios` when a template to one more client may;
//! `calling` delivers one.

mod calling;
mod limits;
mod portfolios;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use directory::DirectoryStore;
use domain::ids::AppId;
use engine::Clock;
use eventstore::EventStore;
use messaging::inbox::InboxPublisher;
use readmodel::SendQueue;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use whatsapp::client::{AccessToken, CloudApi};

use self::calling::Calling;
pub(crate) use self::limits::paces;
use super::pause;

/// How long the sender waits for word of new messages before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often the template is tried that waits for the next place of its portfolio.
const TRY_EVERY: Duration = Duration::from_secs(10);

/// How often settled rows are pruned, how old they must be, and how many at once.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
const KEEP: TimeDelta = TimeDelta::days(7);
const PRUNE_MOST: u32 = 10_000;

/// How the sender works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many calls may be under way at once.
    pub concurrency: u32,
    /// How long a status webhook may tell what became of a message whose answer is lost.
    pub grace: Duration,
    /// How long one call may take: less than the grace time.
    pub call_timeout: Duration,
    /// How often a message is tried at most.
    pub attempts: u32,
    /// To how many different clients the portfolio of an app may begin to write within 24 hours, of
    /// those apps that have such a limit.
    pub unique_clients_per_day: HashMap<AppId, u32>,
    /// Pause before the second attempt; doubled each time, with jitter.
    pub back_off: TimeDelta,
}

/// What the sender works with.
pub struct Sender {
    /// The messages to send.
    pub queue: SendQueue,
    /// The log: tells what the lane has decided.
    pub store: EventStore,
    /// WhatsApp.
    pub cloud: CloudApi,
    /// Tokens by app.
    pub tokens: HashMap<AppId, AccessToken>,
    /// Which app a number belongs to.
    pub directory: DirectoryStore,
    /// Where receipts go.
    pub inbox: InboxPublisher,
    /// Now.
    pub clock: Clock,
    /// Told when messages were requested.
    pub requested: Arc<Notify>,
    /// How it works.
    pub settings: Settings,
}

impl Sender {
    /// Runs until `cancel`, then finishes the calls that are under way.
    pub async fn run(self, cancel: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.settings.concurrency.max(1) as usize));
        let calls = TaskTracker::new();
        let calling = Arc::new(Calling::new(self, cancel.clone()));
        calls.spawn(prune(calling.clone(), cancel.clone()));
        calls.spawn(try_first_waiting(calling.clone(), cancel.clone()));
        calling.hold_unresolved().await;
        calling.portfolios.try_waiting(&calling.sender.queue, calling.sender.clock.now()).await;
        while !cancel.is_cancelled() {
            let free = slots.available_permits() as u32;
            let (claimed, claimed_at) = calling.claim(free).await;
            let idle = claimed.is_empty();
            for message in claimed {
                let Ok(slot) = slots.clone().acquire_owned().await else { return };
                let calling = calling.clone();
                let id = message.message_id();
                let trace = message.traceparent.as_deref().unwrap_or("-");
                let span = tracing::info_span!("send", message = %id, trace);
                let call = async move {
                    calling.deliver_once(message, claimed_at).await;
                    calling.sender.requested.notify_one();
                    drop(slot);
                };
                calls.spawn(call.instrument(span));
            }
            if idle {
                let word = tokio::time::timeout(LOOK_EVERY, calling.sender.requested.notified());
                let _ = cancel.run_until_cancelled(word).await;
            }
        }
        calls.close();
        calls.wait().await;
    }
}

/// Tries what waits for the next place of a portfolio, now and then.
async fn try_first_waiting(calling: Arc<Calling>, cancel: CancellationToken) {
    let Sender { queue, clock, .. } = &calling.sender;
    while pause(&cancel, TRY_EVERY).await {
        calling.portfolios.try_first_waiting(queue, clock.now()).await;
    }
}

/// Removes rows of messages that were settled long ago.
async fn prune(calling: Arc<Calling>, cancel: CancellationToken) {
    let Sender { queue, clock, .. } = &calling.sender;
    while pause(&cancel, PRUNE_EVERY).await {
        if let Err(error) = queue.prune(clock.now() - KEEP, PRUNE_MOST).await {
            tracing::warn!(%error, "settled messages could not be pruned; trying again");
        }
        if let Err(error) = queue.forget_paces(clock.now()).await {
            tracing::warn!(%error, "paces that have passed could not be forgotten; trying again");
        }
        calling.portfolios.forget_the_past(queue, clock.now()).await;
    }
}
