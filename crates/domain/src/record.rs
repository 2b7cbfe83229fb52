//! An event as it is recorded: what the store keeps, NATS carries and auditors read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{CompanyId, InputId};
use crate::input::Timestamp;

/// One recorded event, as it was written; [`crate::AnyEvent::read`] gives its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedEvent {
    /// Its place in the whole log: 1, 2, 3, … without holes, in commit order.
    pub position: u64,
    /// Its own id (UUIDv7).
    pub event_id: Uuid,
    /// The company whose event it is.
    pub company: CompanyId,
    /// `onboarding-request`, `client-profile` or `secondary-number-pool`.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: String,
    /// Its place in the aggregate's stream: 1, 2, 3, …
    pub sequence: u64,
    /// Its name, e.g. `room-reserved`.
    pub event_type: String,
    /// The version of its shape, e.g. `1`.
    pub event_version: String,
    /// Its JSON, byte for byte.
    pub payload: String,
    /// When the store took it.
    pub recorded_at: Timestamp,
    /// What it belongs to: the request or operation that began it all.
    pub correlation_id: Uuid,
    /// The input whose decision it is.
    pub causation_id: InputId,
    /// W3C trace context of that input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl AsRef<Self> for RecordedEvent {
    fn as_ref(&self) -> &Self {
        self
    }
}
