//! What the query `events` (`qry.onboarding.v1.events`) is asked and answers: recorded events as
//! they stand in the log, by place, stream, correlation or time. Consumers fill holes with it, and
//! this crate shows histories. Whoever has the event store answers it.

use domain::input::Timestamp;
use domain::record::RecordedEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The query's name: the last token of its subject.
pub const NAME: &str = "events";

/// Which events. `{"by": "position", "after": 41, "limit": 100}`,
/// `{"by": {"correlation_id": "…"}}`, `{"by": {"stream": {"aggregate_type": "…", "aggregate_id":
/// "…"}}}`, `{"by": {"time": {"from": "…", "to": "…"}}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// By what they are looked for.
    pub by: EventsBy,
    /// Only events after this position: 0, or the `next_after` of the page before.
    #[serde(default)]
    pub after: u64,
    /// How many at most, 1 to 1,000. The answerer may give fewer, so that a page stays below the
    /// server's `max_payload`.
    #[serde(default = "default_limit")]
    pub limit: u32,
}

/// The longest page, in events.
pub const MAX_LIMIT: u32 = 1_000;

const fn default_limit() -> u32 {
    200
}

/// By what events are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EventsBy {
    /// All of them.
    Position,
    /// Those of one aggregate.
    Stream {
        /// `onboarding-request`, `client-profile` or `secondary-number-pool`.
        aggregate_type: String,
        /// Which one.
        aggregate_id: String,
    },
    /// Those that one request or operation led to.
    CorrelationId(Uuid),
    /// Those recorded in a span of time.
    Time {
        /// At this moment or later.
        from: Timestamp,
        /// Before this moment.
        to: Timestamp,
    },
}

impl EventsQuery {
    /// The first page.
    pub const fn new(by: EventsBy) -> Self {
        Self { by, after: 0, limit: default_limit() }
    }
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsPage {
    /// The events, in the order of their positions.
    pub events: Vec<RecordedEvent>,
    /// What to ask `after` for the next page; none if there is none.
    pub next_after: Option<u64>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_are_written_as_documented() {
        let id = Uuid::from_u128(7);
        let stream = EventsBy::Stream { aggregate_type: "a".into(), aggregate_id: "b".into() };
        let (from, to): (Timestamp, Timestamp) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-02T00:00:00Z".parse().unwrap());
        for (by, json) in [
            (EventsBy::Position, json!("position")),
            (stream, json!({ "stream": { "aggregate_type": "a", "aggregate_id": "b" } })),
            (EventsBy::CorrelationId(id), json!({ "correlation_id": id })),
            (
                EventsBy::Time { from, to },
                json!({ "time": { "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z" } }),
            ),
        ] {
            let query = EventsQuery::new(by);
            let whole = json!({ "by": json, "after": 0, "limit": 200 });
            assert_eq!(serde_json::to_value(&query).unwrap(), whole);
            let short = json!({ "by": json });
            assert_eq!(serde_json::from_value::<EventsQuery>(short).unwrap(), query);
        }
    }
}
