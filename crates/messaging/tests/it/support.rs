//! A private server, clients of it, inputs and events to send.

use std::future::Future;
use std::time::Duration;

use devservers::{Options, Server};
use domain::ids::{CompanyId, InputId};
use domain::input::InboundMessage;
use domain::record::RecordedEvent;
use messaging::inbox::{InboxBody, InboxMessage};
use messaging::{
    Client, ConnectSettings, Security, StreamSettings, Streams, connect, require_version,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Nats {
    pub server: Server,
    _dir: TempDir,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { durable: false, ignore_env: true, ..Options::new(dir.path().join("data")) };
        let server = devservers::nats(&options, &|_| {}).await.unwrap();
        Self { server, _dir: dir }
    }

    /// A connection of its own.
    pub(crate) async fn client(&self) -> Client {
        let settings = ConnectSettings {
            url: self.server.url().to_owned(),
            name: "test".into(),
            patience: SOON,
            security: Security::default(),
        };
        let client = connect(&settings).await.unwrap();
        require_version(&client).unwrap();
        client
    }
}

/// A server with all three streams.
pub(crate) async fn nats_with_streams() -> (Nats, Client, Streams) {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let streams = Streams::new(&client, StreamSettings::default());
    assert_eq!(streams.ensure_inbox().await.unwrap(), []);
    assert_eq!(streams.ensure_evt(1).await.unwrap(), []);
    assert_eq!(streams.ensure_dlq().await.unwrap(), []);
    (nats, client, streams)
}

/// What must happen soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("did not happen in time")
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T, Fut: Future<Output = Option<T>>>(ask: impl Fn() -> Fut) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "did not become true in time");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn acme() -> CompanyId {
    "acme".parse().unwrap()
}

/// The `n`th message of a client to number 1.
pub(crate) fn message(n: usize) -> InboundMessage {
    serde_json::from_value(serde_json::json!({
        "phone_number_id": "1",
        "id": format!("wamid.{n}"),
        "from": { "wa_id": "4915112345678" },
        "sent_at": "2026-01-01T00:00:00Z",
        "received_at": "2026-01-01T00:00:01Z",
        "kind": "text",
        "text": "hello",
    }))
    .unwrap()
}

pub(crate) fn from_gateway(body: InboxBody) -> InboxMessage {
    InboxMessage {
        body,
        source: "gateway".parse().unwrap(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

pub(crate) fn inputs(range: std::ops::Range<usize>) -> Vec<InboxMessage> {
    range
        .map(|n| from_gateway(InboxBody::Message { company: acme(), message: message(n) }))
        .collect()
}

pub(crate) fn events(positions: std::ops::RangeInclusive<u64>) -> Vec<RecordedEvent> {
    positions.map(event).collect()
}

pub(crate) fn event(position: u64) -> RecordedEvent {
    RecordedEvent {
        position,
        event_id: Uuid::from_u128(u128::from(position)),
        company: acme(),
        aggregate_type: "secondary-number-pool".into(),
        aggregate_id: "acme_main".into(),
        sequence: position,
        event_type: "number-reserved".into(),
        event_version: "1".into(),
        payload: format!("{{ \"n\" : {position} }}"),
        recorded_at: "2026-01-01T00:00:00.123456Z".parse().unwrap(),
        correlation_id: Uuid::from_u128(7),
        causation_id: InputId::from_uuid(Uuid::from_u128(8)),
        traceparent: None,
    }
}
