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

use std::borrow::Cow;
use std::future::Future;

use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent, UnreadableEvent};
use sqlx::PgConnection;

pub use outbound_messages::MessageState;
pub(crate) use send_queue::address;

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
}

/// How far a batch led one projection.
pub(crate) struct Progress {
    pub(crate) projection: Projection,
    /// The position of the last event that is applied.
    pub(crate) last: u64,
    /// How many events had been applied before.
    pub(crate) skipped: usize,
    /// Why it ended before the end of the batch.
    pub(crate) stop: Option<ProjectError>,
}

/// Applies events to several projections, to each what comes after its own last position, up to
/// the first event that stops it. An event whose meaning is not given is parsed once for all of them.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    projections: &[(Projection, u64)],
    events: impl Iterator<Item = (&RecordedEvent, Option<&AnyEvent>)> + Send,
) -> Result<Vec<Progress>, sqlx::Error> {
    let mut all: Vec<_> = projections.iter().map(|(p, last)| Applying::new(*p, *last)).collect();
    for (recorded, meaning) in events {
        let mut parsed = meaning.map(|event| Ok(Cow::Borrowed(event)));
        for one in &mut all {
            one.take(recorded, &mut parsed);
        }
    }
    let mut progress = Vec::with_capacity(all.len());
    for one in all {
        if one.progress.last > one.from {
            one.changes.write(connection).await?;
        }
        progress.push(one.progress);
    }
    Ok(progress)
}

/// One projection while a batch is folded.
struct Applying {
    from: u64,
    progress: Progress,
    changes: AnyChanges,
}

type Parsed<'a> = Result<Cow<'a, AnyEvent>, UnreadableEvent>;

impl Applying {
    fn new(projection: Projection, last: u64) -> Self {
        let progress = Progress { projection, last, skipped: 0, stop: None };
        Self { from: last, progress, changes: AnyChanges::of(projection) }
    }

    fn take(&mut self, recorded: &RecordedEvent, parsed: &mut Option<Parsed<'_>>) {
        let progress = &mut self.progress;
        if progress.stop.is_some() {
            return;
        }
        let projection = progress.projection.name();
        let (expected, found) = (progress.last + 1, recorded.position);
        if found < expected {
            progress.skipped += 1;
        } else if found > expected {
            progress.stop = Some(ProjectError::Hole { projection, expected, found });
        } else if let Err(source) = self.changes.add(recorded, parsed) {
            let position = recorded.position;
            progress.stop = Some(ProjectError::Unreadable { projection, position, source });
        } else {
            progress.last = found;
        }
    }
}

/// The changes of one batch to the rows of one projection.
trait Changes: Default + Send {
    /// The aggregate whose events matter. Those of the others are not even parsed.
    const AGGREGATE: AggregateType;

    /// Adds what one event changes.
    fn add(&mut self, recorded: &RecordedEvent, event: &AnyEvent) -> Result<(), UnreadableEvent>;

    /// Writes them all.
    fn write(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

/// The changes of any projection.
enum AnyChanges {
    ChatRooms(chat_rooms::Changes),
    Reminders(reminders::Changes),
    OnboardingRequests(onboarding_requests::Changes),
    OutboundMessages(outbound_messages::Changes),
    SendQueue(send_queue::Changes),
}

impl AnyChanges {
    fn of(projection: Projection) -> Self {
        match projection {
            Projection::View(View::ChatRooms) => Self::ChatRooms(Default::default()),
            Projection::View(View::Reminders) => Self::Reminders(Default::default()),
            Projection::View(View::OnboardingRequests) => {
                Self::OnboardingRequests(Default::default())
            }
            Projection::View(View::OutboundMessages) => Self::OutboundMessages(Default::default()),
            Projection::SendQueue => Self::SendQueue(Default::default()),
        }
    }

    fn add(
        &mut self,
        recorded: &RecordedEvent,
        parsed: &mut Option<Parsed<'_>>,
    ) -> Result<(), UnreadableEvent> {
        match self {
            Self::ChatRooms(changes) => add(changes, recorded, parsed),
            Self::Reminders(changes) => add(changes, recorded, parsed),
            Self::OnboardingRequests(changes) => add(changes, recorded, parsed),
            Self::OutboundMessages(changes) => add(changes, recorded, parsed),
            Self::SendQueue(changes) => add(changes, recorded, parsed),
        }
    }

    async fn write(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        match self {
            Self::ChatRooms(changes) => changes.write(connection).await,
            Self::Reminders(changes) => changes.write(connection).await,
            Self::OnboardingRequests(changes) => changes.write(connection).await,
            Self::OutboundMessages(changes) => changes.write(connection).await,
            Self::SendQueue(changes) => changes.write(connection).await,
        }
    }
}

fn add<C: Changes>(
    changes: &mut C,
    recorded: &RecordedEvent,
    parsed: &mut Option<Parsed<'_>>,
) -> Result<(), UnreadableEvent> {
    let of_another = AggregateType::ALL
        .iter()
        .any(|kind| *kind != C::AGGREGATE && kind.as_str() == recorded.aggregate_type);
    if of_another {
        return Ok(());
    }
    match parsed.get_or_insert_with(|| AnyEvent::read(recorded).map(Cow::Owned)) {
        Ok(event) => changes.add(recorded, event),
        Err(unreadable) => Err(unreadable.clone()),
    }
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
