//! What events mean for rows. Each projection folds a batch, purely, into at most one change
//! a row, then writes the changes with one statement a table.
//!
//! As in the domain, an event that cannot follow (for a room that is not there, say) changes
//! nothing.

mod chat_rooms;
mod decision;
mod onboarding_requests;
mod outbound_messages;
mod reminders;
mod send_queue;

use std::future::Future;

use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent, UnreadableEvent};
use sqlx::PgConnection;

pub use outbound_messages::MessageState;

use crate::error::ProjectError;
use crate::view::View;

/// Everything that has a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Projection {
    View(View),
    SendQueue,
}

impl Projection {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::View(view) => view.as_str(),
            Self::SendQueue => "send-queue",
        }
    }

    /// Applies what comes after `last`, up to the first event that stops it.
    pub(crate) async fn apply(
        self,
        connection: &mut PgConnection,
        last: u64,
        events: &[RecordedEvent],
    ) -> Result<Progress, sqlx::Error> {
        match self {
            Self::View(View::ChatRooms) => {
                apply::<chat_rooms::Changes>(self, connection, last, events).await
            }
            Self::View(View::Reminders) => {
                apply::<reminders::Changes>(self, connection, last, events).await
            }
            Self::View(View::OnboardingRequests) => {
                apply::<onboarding_requests::Changes>(self, connection, last, events).await
            }
            Self::View(View::OutboundMessages) => {
                apply::<outbound_messages::Changes>(self, connection, last, events).await
            }
            Self::SendQueue => apply::<send_queue::Changes>(self, connection, last, events).await,
        }
    }
}

/// How far a batch led.
pub(crate) struct Progress {
    /// The position of the last event that is applied.
    pub(crate) last: u64,
    /// How many events had been applied before.
    pub(crate) skipped: usize,
    /// Why it ended before the end of the batch.
    pub(crate) stop: Option<ProjectError>,
}

/// The changes of one batch to the rows of one projection.
trait Changes: Default + Send {
    /// The aggregate whose events matter. Those of the others are not even parsed.
    const AGGREGATE: AggregateType;

    /// Adds what one event changes.
    fn add(&mut self, recorded: &RecordedEvent, event: AnyEvent) -> Result<(), UnreadableEvent>;

    /// Writes them all.
    fn write(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

async fn apply<C: Changes>(
    projection: Projection,
    connection: &mut PgConnection,
    last: u64,
    events: &[RecordedEvent],
) -> Result<Progress, sqlx::Error> {
    let mut changes = C::default();
    let mut progress = Progress { last, skipped: 0, stop: None };
    for recorded in events {
        let expected = progress.last + 1;
        if recorded.position < expected {
            progress.skipped += 1;
            continue;
        }
        let projection = projection.name();
        if recorded.position > expected {
            let found = recorded.position;
            progress.stop = Some(ProjectError::Hole { projection, expected, found });
            break;
        }
        if let Err(source) = add(&mut changes, recorded) {
            let position = recorded.position;
            progress.stop = Some(ProjectError::Unreadable { projection, position, source });
            break;
        }
        progress.last = recorded.position;
    }
    if progress.last > last {
        changes.write(connection).await?;
    }
    Ok(progress)
}

fn add<C: Changes>(changes: &mut C, recorded: &RecordedEvent) -> Result<(), UnreadableEvent> {
    let of_another = AggregateType::ALL
        .iter()
        .any(|kind| *kind != C::AGGREGATE && kind.as_str() == recorded.aggregate_type);
    if of_another { Ok(()) } else { changes.add(recorded, AnyEvent::read(recorded)?) }
}

/// The id of an event's aggregate.
fn aggregate_id<T: std::str::FromStr>(recorded: &RecordedEvent) -> Result<T, UnreadableEvent> {
    recorded.aggregate_id.parse().map_err(|_| UnreadableEvent {
        aggregate_type: recorded.aggregate_type.clone(),
        event_type: recorded.event_type.clone(),
        event_version: recorded.event_version.clone(),
        reason: "its aggregate's id is not one",
    })
}
