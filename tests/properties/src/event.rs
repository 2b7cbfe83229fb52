//! Events of the log.

use domain::AnyEvent;
use domain::ids::InputId;
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use uuid::Uuid;

/// What can be read of the log is the event that it is recorded as, and is read again from what it is
/// written as now. The first line is `<aggregate>/<event>/<version>`, the rest its JSON.
///
/// # Panics
/// That is not so.
pub fn event(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((name, payload)) = text.split_once('\n') else { return };
    let parts: Vec<&str> = name.split('/').collect();
    let [aggregate, event, version] = parts.as_slice() else { return };
    let old = recorded(aggregate, event, version, payload);
    let Ok(read) = AnyEvent::read(&old) else { return };
    let (event_type, event_version, payload) = match &read {
        AnyEvent::Request(event) => {
            (event.event_type(), event.event_version(), serde_json::to_string(event))
        }
        AnyEvent::Profile(event) => {
            (event.event_type(), event.event_version(), serde_json::to_string(event))
        }
        AnyEvent::Pool(event) => {
            (event.event_type(), event.event_version(), serde_json::to_string(event))
        }
    };
    assert_eq!(event_type, old.event_type, "it is read as another event");
    let payload = payload.expect("an event can be written");
    let new = recorded(aggregate, event_type, event_version, &payload);
    assert_eq!(AnyEvent::read(&new).ok(), Some(read), "written as {payload}");
}

fn recorded(aggregate: &str, event: &str, version: &str, payload: &str) -> RecordedEvent {
    RecordedEvent {
        position: 1,
        event_id: Uuid::nil(),
        company: "acme".parse().expect("a company's id"),
        aggregate_type: aggregate.to_owned(),
        aggregate_id: "1".to_owned(),
        sequence: 1,
        event_type: event.to_owned(),
        event_version: version.to_owned(),
        payload: payload.to_owned(),
        recorded_at: Timestamp::UNIX_EPOCH,
        correlation_id: Uuid::nil(),
        causation_id: InputId::from_uuid(Uuid::nil()),
        traceparent: None,
    }
}
