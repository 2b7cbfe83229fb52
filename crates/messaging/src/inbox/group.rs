//! Group commit: what waits is stored together.
//!
//! While one group is on its way the next one gathers, so that groups are small when little comes
//! (nobody waits for others) and large when much does (the disk is synced once for up to a thousand
//! messages). A group that the server refuses is published again call by call: a call that is at
//! fault pays for itself alone.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use futures::future::join_all;
use tokio::sync::{mpsc, oneshot};

use crate::batch;
use crate::publish::{Outgoing, PublishFailure, pipelined};

/// What one group holds at most.
pub(super) const GROUP_MESSAGES: usize = batch::MOST;
pub(super) const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// Groups of up to this many messages are published message by message: the server keeps a batch in
/// files of its own until it is complete, and makes, syncs and removes them. (At 500 posts of two
/// messages a second, p50 until the answer: 7.9 and 10.9 ms with 1, 2.5 and 3.6 ms with 16.)
const FEW: usize = 16;
/// Unacknowledged messages of a call that is published message by message.
const PIPELINE: usize = 256;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages that somebody wants stored, and where to say so. Not `Debug`: they hold personal data.
pub(super) struct Call {
    pub(super) messages: Vec<Outgoing>,
    pub(super) done: oneshot::Sender<Result<(), PublishFailure>>,
}

/// Stores what comes until nobody can bring anything more.
pub(super) async fn run(client: Client, mut calls: mpsc::Receiver<Call>) {
    let js = ContextBuilder::new()
        .timeout(ACK_TIMEOUT)
        .max_ack_inflight(2 * GROUP_MESSAGES)
        .build(client.clone());
    let mut waiting = vec![];
    loop {
        if waiting.is_empty() && calls.recv_many(&mut waiting, GROUP_MESSAGES).await == 0 {
            return;
        }
        // Whoever gave up waiting will bring the same again.
        waiting.retain(|call| !call.done.is_closed());
        let group: Vec<Call> = waiting.drain(..first_group(&waiting)).collect();
        store(&client, &js, group).await;
    }
}

/// How many of the calls make one group.
fn first_group(calls: &[Call]) -> usize {
    let (mut messages, mut bytes) = (0, 0);
    let fits = |call: &&Call| {
        messages += call.messages.len();
        bytes += call.messages.iter().map(Outgoing::size).sum::<usize>();
        messages <= GROUP_MESSAGES && bytes <= GROUP_BYTES
    };
    calls.iter().take_while(fits).count().max(1).min(calls.len())
}

/// Stores a group and tells each call what became of it.
async fn store(client: &Client, js: &Context, group: Vec<Call>) {
    let count: usize = group.iter().map(|call| call.messages.len()).sum();
    if count > FEW {
        let messages = group.iter().flat_map(|call| call.messages.clone()).collect();
        match batch::publish(client, js, messages).await {
            // The same, again, would fail the same way or store it twice.
            outcome @ (Ok(()) | Err(PublishFailure::NotAcknowledged | PublishFailure::Closed)) => {
                for call in group {
                    // Nobody waits any more: whoever gave up brings the same again.
                    let _ = call.done.send(outcome.clone());
                }
                return;
            }
            Err(error) => {
                tracing::debug!(%error, count, "a batch is refused; its calls go one by one");
            }
        }
    }
    join_all(group.into_iter().map(|Call { messages, done }| async {
        let messages = messages.into_iter().map(Ok);
        let outcome = pipelined(js, PIPELINE, messages, |_| Ok(())).await;
        let _ = done.send(outcome);
    }))
    .await;
}
