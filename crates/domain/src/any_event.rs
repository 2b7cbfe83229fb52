//! Any event of any aggregate, and how a recorded one is read.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde::de::DeserializeOwned;

use crate::aggregate::AggregateType;
use crate::pool::PoolEvent;
use crate::profile::ProfileEvent;
use crate::record::RecordedEvent;
use crate::request::RequestEvent;

/// An event of one of the aggregates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyEvent {
    /// Of an onboarding request.
    Request(RequestEvent),
    /// Of a client profile.
    Profile(ProfileEvent),
    /// Of a pool.
    Pool(PoolEvent),
}

/// A recorded event, with its meaning if that is at hand: who has just decided it spares others the
/// parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event as it is recorded.
    pub recorded: RecordedEvent,
    /// What [`AnyEvent::read`] would give.
    pub meaning: Option<AnyEvent>,
}

impl From<RecordedEvent> for Told {
    fn from(recorded: RecordedEvent) -> Self {
        Self { recorded, meaning: None }
    }
}

impl AsRef<RecordedEvent> for Told {
    fn as_ref(&self) -> &RecordedEvent {
        &self.recorded
    }
}

/// Why a recorded event cannot be read. Reading stops there: an event that is
/// skipped is a decision made on half the truth.
#[derive(Clone, Debug, thiserror::Error)]
#[error("event {event_type} version {event_version} of {aggregate_type} cannot be read: {reason}")]
pub struct UnreadableEvent {
    /// The aggregate's kind.
    pub aggregate_type: String,
    /// The event's name.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// Why; never any of its content.
    pub reason: &'static str,
}

impl AnyEvent {
    /// The meaning of a recorded event, brought up to the current shape.
    ///
    /// # Errors
    /// If its aggregate, name or version is not known here, or its JSON does not fit.
    pub fn read(recorded: &RecordedEvent) -> Result<Self, UnreadableEvent> {
        let kind = AggregateType::ALL.iter().find(|t| t.as_str() == recorded.aggregate_type);
        let read = match kind {
            Some(AggregateType::OnboardingRequest) => {
                read(recorded, RequestEvent::TYPES, RequestEvent::from_json).map(Self::Request)
            }
            Some(AggregateType::ClientProfile) => {
                read(recorded, ProfileEvent::TYPES, |_, json| serde_json::from_str(json))
                    .map(Self::Profile)
            }
            Some(AggregateType::SecondaryNumberPool) => {
                read(recorded, PoolEvent::TYPES, |_, json| serde_json::from_str(json))
                    .map(Self::Pool)
            }
            None => Err(unreadable(recorded, "this program does not know the aggregate")),
        }?;
        // Else a row whose name was changed would be taken for what its JSON says.
        if read.event_type() == recorded.event_type {
            Ok(read)
        } else {
            Err(unreadable(recorded, "its JSON is that of another event"))
        }
    }

    const fn event_type(&self) -> &'static str {
        match self {
            Self::Request(event) => event.event_type(),
            Self::Profile(event) => event.event_type(),
            Self::Pool(event) => event.event_type(),
        }
    }
}

/// The steps that bring old shapes up to the current one. None yet: every event
/// is at its first version.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    vec![]
}

fn read<E: DeserializeOwned>(
    recorded: &RecordedEvent,
    types: &[&str],
    from_json: fn(&str, &str) -> serde_json::Result<E>,
) -> Result<E, UnreadableEvent> {
    if !types.contains(&recorded.event_type.as_str()) {
        return Err(unreadable(
            recorded,
            "this program does not know the event; is it older than the log?",
        ));
    }
    if recorded.event_version == CURRENT {
        return from_json(&recorded.event_type, &recorded.payload)
            .map_err(|_| unreadable(recorded, "its JSON does not have the shape of this version"));
    }
    let upcast = upcast(recorded)?;
    serde_json::from_value(upcast.payload)
        .map_err(|_| unreadable(recorded, "its JSON does not have the shape of this version"))
}

/// The version that every event has now.
const CURRENT: &str = "1";

fn upcast(recorded: &RecordedEvent) -> Result<SerializedEvent, UnreadableEvent> {
    let payload = serde_json::from_str(&recorded.payload)
        .map_err(|_| unreadable(recorded, "it is not JSON"))?;
    let mut event = SerializedEvent {
        aggregate_id: recorded.aggregate_id.clone(),
        sequence: usize::try_from(recorded.sequence).unwrap_or(usize::MAX),
        aggregate_type: recorded.aggregate_type.clone(),
        event_type: recorded.event_type.clone(),
        event_version: recorded.event_version.clone(),
        payload,
        metadata: serde_json::Value::Null,
    };
    for upcaster in upcasters() {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            event = upcaster.upcast(event);
        }
    }
    if event.event_version == CURRENT {
        Ok(event)
    } else {
        Err(unreadable(recorded, "this program does not know the version"))
    }
}

fn unreadable(recorded: &RecordedEvent, reason: &'static str) -> UnreadableEvent {
    UnreadableEvent {
        aggregate_type: recorded.aggregate_type.clone(),
        event_type: recorded.event_type.clone(),
        event_version: recorded.event_version.clone(),
        reason,
    }
}
