//! One append as columns, the way `append_events` (`migrations/0066`) takes it: Postgres unfolds
//! arrays several times faster than JSON, and whatever an onboarding writes comes in one call.

use std::collections::{HashMap, HashSet};

use domain::ids::InputId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use uuid::Uuid;

use crate::append::{AppendItem, StreamAppend};
use crate::digest;
use crate::facts::{Facts, whole_microseconds};

/// Most bytes of an event's JSON. The log is published: one that NATS does not take (1 MiB with its
/// headers, unless a server is told otherwise) would hold up all that come after it. An inbound
/// message that may come in fits.
const MOST_BYTES: usize = 1_016 * 1_024;

/// The items of one call.
#[derive(Default)]
pub(crate) struct Columns {
    items: Items,
    streams: Streams,
    events: Events,
    facts: Facts,
    /// Items may stand in each other's way: Postgres looks at them one by one.
    one_by_one: bool,
}

/// One entry an item.
#[derive(Default)]
struct Items {
    company: Vec<String>,
    input_id: Vec<Uuid>,
    at: Vec<Timestamp>,
    answer: Vec<Option<String>>,
    correlation_id: Vec<Uuid>,
    directory_version: Vec<Option<i64>>,
    last_event: Vec<i32>,
}

/// One entry a stream of an item.
#[derive(Default)]
struct Streams {
    item: Vec<i32>,
    kind: Vec<&'static str>,
    id: Vec<String>,
    expected: Vec<i64>,
    again: Vec<bool>,
    fresh: Vec<bool>,
}

/// One entry an event.
#[derive(Default)]
struct Events {
    kind: Vec<&'static str>,
    id: Vec<String>,
    sequence: Vec<i64>,
    event_id: Vec<Uuid>,
    event_type: Vec<&'static str>,
    version: Vec<&'static str>,
    payload: Vec<String>,
    metadata: Vec<String>,
    company: Vec<String>,
    correlation_id: Vec<Uuid>,
    causation_id: Vec<Uuid>,
    traceparent: Vec<Option<String>>,
    content: Vec<[u8; 32]>,
}

/// A row of the answer: verdict, first and last position, time, detail.
pub(crate) type Row =
    (String, Option<i64>, Option<i64>, Timestamp, Option<sqlx::types::Json<serde_json::Value>>);

pub(crate) type Query<'q> = QueryAs<'q, Postgres, Row, PgArguments>;

impl Columns {
    /// Fails with the reason if an item contradicts itself. `metadata` is cqrs-es', as JSON.
    pub(crate) fn of(items: &[AppendItem], metadata: &str) -> Result<Self, String> {
        let mut columns = Self::default();
        let mut versions: HashMap<(AggregateType, &str), u64> = HashMap::new();
        for (n, item) in (1..).zip(items) {
            let mut seen = HashSet::new();
            for stream in &item.streams {
                if !seen.insert((stream.kind, stream.id.as_str())) {
                    return Err("an item names a stream twice".to_owned());
                }
                columns.add_stream(n, item, stream, metadata, &mut versions)?;
            }
            columns.add_item(item)?;
        }
        columns.one_by_one |= columns.facts.may_clash();
        columns.one_by_one |= {
            let mut inputs = HashSet::new();
            !columns.items.input_id.iter().all(|id| inputs.insert(*id))
        };
        Ok(columns)
    }

    fn add_item(&mut self, item: &AppendItem) -> Result<(), String> {
        whole_microseconds(item.at)?;
        let version = item.directory_version.map(i64::try_from).transpose();
        let version = version.map_err(|_| "a directory version is too large".to_owned())?;
        let last = i32::try_from(self.events.kind.len());
        self.items.company.push(item.company.to_string());
        self.items.input_id.push(item.input_id.as_uuid());
        self.items.at.push(item.at);
        self.items.answer.push(item.answer.as_ref().map(ToString::to_string));
        self.items.correlation_id.push(item.correlation_id);
        self.items.directory_version.push(version);
        self.items.last_event.push(last.map_err(|_| "too many events in one call".to_owned())?);
        Ok(())
    }

    fn add_stream<'a>(
        &mut self,
        n: i32,
        item: &AppendItem,
        stream: &'a StreamAppend,
        metadata: &str,
        versions: &mut HashMap<(AggregateType, &'a str), u64>,
    ) -> Result<(), String> {
        let expected = stream.expected_version;
        let after = expected + stream.events.len() as u64;
        let before = versions.insert((stream.kind, &stream.id), after);
        self.one_by_one |= before.is_some_and(|before| before != expected);
        self.streams.item.push(n);
        self.streams.kind.push(stream.kind.as_str());
        self.streams.id.push(stream.id.clone());
        self.streams.expected.push(expected.cast_signed());
        self.streams.again.push(before.is_some());
        self.streams.fresh.push(expected == 0 && !stream.events.is_empty());
        for (sequence, (event_id, event)) in (expected + 1..).zip(&stream.events) {
            if kind(event) != stream.kind {
                return Err(format!("an event of another kind in {}", stream.kind.as_str()));
            }
            let number = self.events.add(item, stream, sequence, *event_id, event, metadata)?;
            self.facts.learn((n, number), item, &stream.id, event)?;
        }
        Ok(())
    }

    /// The call of `append_events`, whose parameters come in the order of [`APPEND`].
    pub(crate) fn query(&self) -> Query<'_> {
        let Self { items, streams, events, facts, one_by_one } = self;
        let content: Vec<&[u8]> = events.content.iter().map(<[u8; 32]>::as_slice).collect();
        let query = sqlx::query_as(APPEND)
            .bind(&items.company)
            .bind(&items.input_id)
            .bind(&items.at)
            .bind(&items.answer)
            .bind(&items.correlation_id)
            .bind(&items.directory_version)
            .bind(&items.last_event)
            .bind(&streams.item)
            .bind(&streams.kind)
            .bind(&streams.id)
            .bind(&streams.expected)
            .bind(&streams.again)
            .bind(&streams.fresh)
            .bind(&events.kind)
            .bind(&events.id)
            .bind(&events.sequence)
            .bind(&events.event_id)
            .bind(&events.event_type)
            .bind(&events.version)
            .bind(&events.payload)
            .bind(&events.metadata)
            .bind(&events.company)
            .bind(&events.correlation_id)
            .bind(&events.causation_id)
            .bind(&events.traceparent)
            .bind(content);
        let query = facts.bind(query).bind(*one_by_one).bind(facts.open_rooms_of_others());
        query.bind(facts.rare())
    }

    /// The events of item `n` (from 0) as they are recorded now, the first at this position.
    pub(crate) fn recorded(
        &mut self,
        n: usize,
        item: &AppendItem,
        first: u64,
        recorded_at: Timestamp,
    ) -> Vec<RecordedEvent> {
        let end = self.items.last_event[n] as usize;
        let start = n.checked_sub(1).map_or(0, |before| self.items.last_event[before] as usize);
        let events = &mut self.events;
        (first..)
            .zip(start..end)
            .map(|(position, e)| RecordedEvent {
                position,
                event_id: events.event_id[e],
                company: item.company.clone(),
                aggregate_type: events.kind[e].to_owned(),
                aggregate_id: std::mem::take(&mut events.id[e]),
                sequence: events.sequence[e].cast_unsigned(),
                event_type: events.event_type[e].to_owned(),
                event_version: events.version[e].to_owned(),
                payload: std::mem::take(&mut events.payload[e]),
                recorded_at,
                correlation_id: events.correlation_id[e],
                causation_id: InputId::from_uuid(events.causation_id[e]),
                traceparent: events.traceparent[e].take(),
            })
            .collect()
    }
}

impl Events {
    /// Adds one event; gives its number, from 1.
    fn add(
        &mut self,
        item: &AppendItem,
        stream: &StreamAppend,
        sequence: u64,
        event_id: Uuid,
        event: &AnyEvent,
        metadata: &str,
    ) -> Result<i32, String> {
        let payload = payload(event).map_err(|_| "an event has no JSON".to_owned())?;
        if payload.len() > MOST_BYTES {
            let (name, bytes) = (event_type(event), payload.len());
            return Err(format!("an event ({name}) has {bytes} bytes, more than {MOST_BYTES}"));
        }
        let traceparent = item.traceparent.as_deref().filter(|text| is_plain(text));
        self.content.push(digest::content_of(&digest::Content {
            event_id,
            company: item.company.as_str(),
            aggregate_type: stream.kind.as_str(),
            aggregate_id: &stream.id,
            sequence,
            event_type: event_type(event),
            event_version: event_version(event),
            correlation_id: item.correlation_id,
            causation_id: item.input_id.as_uuid(),
            traceparent,
            metadata,
            payload: &payload,
        }));
        self.kind.push(stream.kind.as_str());
        self.id.push(stream.id.clone());
        self.sequence.push(sequence.cast_signed());
        self.event_id.push(event_id);
        self.event_type.push(event_type(event));
        self.version.push(event_version(event));
        self.payload.push(payload);
        self.metadata.push(metadata.to_owned());
        self.company.push(item.company.to_string());
        self.correlation_id.push(item.correlation_id);
        self.causation_id.push(item.input_id.as_uuid());
        self.traceparent.push(traceparent.map(str::to_owned));
        i32::try_from(self.kind.len()).map_err(|_| "too many events in one call".to_owned())
    }
}

/// The parameters in the order of `query` and of [`Facts::bind`].
const APPEND: &str = "SELECT verdict, first_position, last_position, recorded_at, detail \
     FROM append_events(ROW($1, $2, $3, $4, $5, $6, $7)::append_items, ROW($8, $9, $10, $11, $12, \
     $13)::append_streams, ROW($14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, \
     $26)::append_rows, ROW($27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, \
     $40, $41, $42, $43, $44, $45, $46, $47, $48, $49)::append_people, ROW($50, $51, $52, \
     $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, \
     $70, $71, $72, $73)::append_rooms, $74, $75, $76::jsonb)";

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
