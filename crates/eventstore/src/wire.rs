//! An item as `append_events` (`migrations/0017`) takes it.

use domain::input::Timestamp;
use domain::{AggregateType, AnyEvent};
use serde::Serialize;
use uuid::Uuid;

use crate::append::AppendItem;
use crate::facts::Facts;

#[derive(Serialize)]
pub(crate) struct Item<'a> {
    company: &'a str,
    input_id: Uuid,
    at: Timestamp,
    correlation_id: Uuid,
    traceparent: Option<&'a str>,
    answer: Option<String>,
    metadata: &'a str,
    directory_version: Option<u64>,
    streams: Vec<Stream<'a>>,
    events: Vec<Event<'a>>,
    facts: Facts,
}

#[derive(Serialize)]
struct Stream<'a> {
    kind: &'static str,
    id: &'a str,
    expected: u64,
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'static str,
    id: &'a str,
    sequence: u64,
    event_id: Uuid,
    #[serde(rename = "type")]
    event_type: &'static str,
    version: &'static str,
    payload: String,
}

impl<'a> Item<'a> {
    /// Fails with the reason if the item contradicts itself.
    pub(crate) fn encode(item: &'a AppendItem, metadata: &'a str) -> Result<Self, String> {
        let mut events = vec![];
        let mut facts = Facts::new(item.at)?;
        for stream in &item.streams {
            for (sequence, (event_id, event)) in (stream.expected_version + 1..).zip(&stream.events)
            {
                if kind(event) != stream.kind {
                    return Err(format!("an event of another kind in {}", stream.kind.as_str()));
                }
                facts.learn(events.len(), &stream.id, event)?;
                events.push(Event {
                    kind: stream.kind.as_str(),
                    id: &stream.id,
                    sequence,
                    event_id: *event_id,
                    event_type: event_type(event),
                    version: event_version(event),
                    payload: payload(event).map_err(|_| "an event has no JSON".to_owned())?,
                });
            }
        }
        Ok(Self {
            company: item.company.as_str(),
            input_id: item.input_id.as_uuid(),
            at: item.at,
            correlation_id: item.correlation_id,
            traceparent: item.traceparent.as_deref().filter(|text| is_plain(text)),
            answer: item.answer.as_ref().map(ToString::to_string),
            metadata,
            directory_version: item.directory_version,
            streams: item
                .streams
                .iter()
                .map(|s| Stream { kind: s.kind.as_str(), id: &s.id, expected: s.expected_version })
                .collect(),
            events,
            facts,
        })
    }
}

const fn kind(event: &AnyEvent) -> AggregateType {
    match event {
        AnyEvent::Request(_) => AggregateType::OnboardingRequest,
        AnyEvent::Profile(_) => AggregateType::ClientProfile,
        AnyEvent::Pool(_) => AggregateType::SecondaryNumberPool,
    }
}

const fn event_type(event: &AnyEvent) -> &'static str {
    match event {
        AnyEvent::Request(event) => event.event_type(),
        AnyEvent::Profile(event) => event.event_type(),
        AnyEvent::Pool(event) => event.event_type(),
    }
}

const fn event_version(event: &AnyEvent) -> &'static str {
    match event {
        AnyEvent::Request(event) => event.event_version(),
        AnyEvent::Profile(event) => event.event_version(),
        AnyEvent::Pool(event) => event.event_version(),
    }
}

fn payload(event: &AnyEvent) -> serde_json::Result<String> {
    match event {
        AnyEvent::Request(event) => serde_json::to_string(event),
        AnyEvent::Profile(event) => serde_json::to_string(event),
        AnyEvent::Pool(event) => serde_json::to_string(event),
    }
}

/// What came with the input from outside is dropped if it is not what it claims to be.
fn is_plain(traceparent: &str) -> bool {
    traceparent.len() <= 128 && traceparent.bytes().all(|byte| byte.is_ascii_graphic())
}
