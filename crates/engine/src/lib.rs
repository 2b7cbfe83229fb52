//! The engine: takes each company's inputs in order, decides them against what
//! is known, and commits what was decided.
//!
//! ```text
//! Submission ─▶ dispatcher ─▶ lane of its company ─▶ committer ─▶ Postgres
//!                               │  gather facts        (one append for all lanes)
//!                               │  domain::flow            │
//!                               ◀──────── verdict ─────────┘
//!                               └─▶ Settlement (only now)
//! ```
//!
//! **Invariants:** an input is settled only after its decision is committed. One
//! company's inputs are decided in order; other companies never wait for them. A
//! poison input is parked with its reason and costs the others nothing.
//!
//! Deliberately absent: NATS. An input comes as a [`Submission`], whose sender
//! hears the [`Settlement`].

mod clock;
mod committer;
mod decide;
mod dispatcher;
mod early;
mod gather;
mod lane;
mod met;
mod operators;
mod plans;
mod reassigning;
mod recent;
mod retries;
mod reviews;
mod round;
mod senders;
mod settling;
mod submission;
mod targets;
mod timers;
mod versions;
mod waiting;
mod what_if;
mod working_set;

use std::sync::Arc;

use directory::DirectoryStore;
use eventstore::EventStore;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use clock::Clock;
pub use recent::{Next, Recent};
pub use submission::{Settlement, Submission};
pub use what_if::WhatIfError;

/// How many inputs may wait in front of the engine. Beyond that whoever submits
/// waits too.
const QUEUE: usize = 2_048;

/// How many inputs may wait in front of one lane: more than the inbox ever has
/// on the way at once, because what finds its lane full is put off and comes
/// again behind inputs that are newer.
pub const LANE_QUEUE: usize = 8_192;

/// What the engine works with.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: EventStore,
    pub(crate) commits: EventStore,
    pub(crate) directory: Arc<DirectoryStore>,
    pub(crate) clock: Clock,
    pub(crate) committed: Arc<Recent>,
}

impl Engine {
    /// An engine over a store and a directory.
    pub fn new(store: EventStore, directory: DirectoryStore, clock: Clock) -> Self {
        let (commits, directory) = (store.clone(), Arc::new(directory));
        Self { store, commits, directory, clock, committed: Arc::default() }
    }

    /// The same, with connections of its own for commits. One is enough, as one commit follows the
    /// other, and it is better than any one of many: a backend of Postgres that has just written
    /// the log's last pages has them at hand.
    #[must_use]
    pub fn committing_through(self, commits: EventStore) -> Self {
        Self { commits, ..self }
    }

    /// What is committed from here on, for whoever publishes it.
    pub fn committed(&self) -> Arc<Recent> {
        self.committed.clone()
    }

    /// Starts the lanes, the committer and the timers. They end when `cancel` is
    /// called: what is decided by then is committed and settled, unless Postgres
    /// fails or takes longer than five seconds; the rest is not settled, and comes again.
    ///
    /// Gives where to submit inputs, and a handle that ends when everything has; before `cancel`
    /// only if a part of the engine broke.
    pub fn start(
        self,
        cancel: CancellationToken,
    ) -> (mpsc::Sender<Submission>, tokio::task::JoinHandle<()>) {
        let (submit, submissions) = mpsc::channel(QUEUE);
        let mut parts = JoinSet::new();
        parts.spawn(timers::run(self.clone(), submit.clone(), cancel.clone()));
        parts.spawn(dispatcher::run(self, submissions, cancel.clone()));
        let all = tokio::spawn(async move {
            while parts.join_next().await.is_some() {
                // Half an engine looks alive and decides nothing.
                if !cancel.is_cancelled() {
                    tracing::error!("a part of the engine ended by itself; restart the service");
                    parts.detach_all();
                    return;
                }
            }
        });
        (submit, all)
    }
}
