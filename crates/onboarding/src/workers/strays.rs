//! Tells whose strays are: updates that were parked because no company had their number. Once the
//! directory has it, in the app by which they came, they are its company's to see, retry or drop.

use std::time::Duration;

use directory::DirectoryStore;
use eventstore::{EventStore, NewParkedInput};
use messaging::stray::{Stray, UNKNOWN_NUMBER};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pause;
use crate::owners::Owners;

/// How often it is looked for new strays, and at the directory.
const EVERY: Duration = Duration::from_secs(2);
/// How often all of them are looked at although the directory says the same: a row may become
/// visible after one with a higher number.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Strays in memory at a time. Each may be as large as NATS takes.
const AT_A_TIME: u32 = 16;

/// How far it was looked.
struct Looked {
    owners: Owners,
    begun: Instant,
    /// The last that was looked at.
    after: u64,
}

/// Runs until `cancel`.
pub async fn run(store: EventStore, directory: DirectoryStore, cancel: CancellationToken) {
    let mut looked = Looked { owners: Owners::default(), begun: Instant::now(), after: 0 };
    while pause(&cancel, EVERY).await {
        let looking = look(&store, &directory, &mut looked);
        if let Some(Err(error)) = cancel.run_until_cancelled(looking).await {
            let problem = format!("{error:#}");
            tracing::warn!(problem, "whose strays are can't be told; trying again");
        }
    }
}

async fn look(
    store: &EventStore,
    directory: &DirectoryStore,
    looked: &mut Looked,
) -> anyhow::Result<()> {
    let owners = Owners::read(directory).await?;
    if looked.owners != owners || looked.begun.elapsed() >= AGAIN {
        *looked = Looked { owners, begun: Instant::now(), after: 0 };
    }
    loop {
        let found = store.parked_of_nobody(UNKNOWN_NUMBER, looked.after, AT_A_TIME).await?;
        let Some(last) = found.last().map(|parked| parked.id) else { return Ok(()) };
        for parked in found {
            let NewParkedInput { subject, code, payload, .. } = &parked.input;
            let Some((app, stray)) = Stray::of_parked(subject, code, payload) else { continue };
            if let Ok(company) = looked.owners.of(&app, stray.number()) {
                store.parked_is_of(parked.id, company).await?;
                tracing::info!(id = parked.id, %company, "it is known whose a parked input is");
            }
        }
        looked.after = last;
    }
}
