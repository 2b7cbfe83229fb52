//! A database for one test, and words for what happens in it.

use std::path::Path;

use domain::company::NumberSpec;
use domain::identity::{Identifier, Sender};
use domain::ids::{ClientId, CompanyId, InputId, ProfileId, RequestId, RoomId};
use domain::input::{InboundMessage, Timestamp};

use domain::pool::PoolEvent;
use domain::profile::{ActivationCause, CloseReason, ProfileEvent};
use domain::request::{Outcome, RequestEvent};
use domain::{AggregateType, AnyEvent, Personal};
use eventstore::{AppendItem, AppendVerdict, EventStore, StreamAppend};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, raw_sql};
use uuid::Uuid;

/// A store on a fresh database.
pub(crate) async fn store() -> EventStore {
    EventStore::new(database(8).await)
}

/// A fresh database, and up to so many connections.
pub(crate) async fn database(connections: u32) -> PgPool {
    let server = devservers::shared_postgres().await.unwrap();
    let name = format!("eventstore_{}", Uuid::now_v7().simple());
    let maintenance = PgPoolOptions::new().max_connections(1).connect(server.url()).await.unwrap();
    raw_sql(&format!("CREATE DATABASE {name}")).execute(&maintenance).await.unwrap();
    maintenance.close().await;
    let url = devservers::database_url(server.url(), &name);
    let pool = PgPoolOptions::new().max_connections(connections).connect(&url).await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    Migrator::new(folder).await.unwrap().run(&pool).await.unwrap();
    pool
}

pub(crate) fn company(name: &str) -> CompanyId {
    name.parse().unwrap()
}

/// Seconds after some moment.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// A new item of `acme` without streams.
pub(crate) fn item() -> AppendItem {
    AppendItem {
        company: company("acme"),
        input_id: InputId::from_uuid(Uuid::now_v7()),
        at: at(0),
        correlation_id: Uuid::now_v7(),
        traceparent: None,
        answer: None,
        directory_version: None,
        streams: vec![],
    }
}

/// An item with more than that.
pub(crate) trait With {
    fn of(self, name: &str) -> Self;
    fn at(self, at: Timestamp) -> Self;
    fn with(
        self,
        kind: AggregateType,
        id: impl ToString,
        expected: u64,
        events: Vec<AnyEvent>,
    ) -> Self;
    fn profile(self, id: ProfileId, expected: u64, events: Vec<ProfileEvent>) -> Self;
    fn request(self, id: RequestId, expected: u64, events: Vec<RequestEvent>) -> Self;
    fn pool(self, id: &str, expected: u64, events: Vec<PoolEvent>) -> Self;
}

impl With for AppendItem {
    fn of(mut self, name: &str) -> Self {
        self.company = company(name);
        self
    }

    fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self
    }

    fn with(
        mut self,
        kind: AggregateType,
        id: impl ToString,
        expected_version: u64,
        events: Vec<AnyEvent>,
    ) -> Self {
        let events = events.into_iter().map(|event| (Uuid::now_v7(), event)).collect();
        self.streams.push(StreamAppend { kind, id: id.to_string(), expected_version, events });
        self
    }

    fn profile(self, id: ProfileId, expected: u64, events: Vec<ProfileEvent>) -> Self {
        let events = events.into_iter().map(AnyEvent::Profile).collect();
        self.with(AggregateType::ClientProfile, id, expected, events)
    }

    fn request(self, id: RequestId, expected: u64, events: Vec<RequestEvent>) -> Self {
        let events = events.into_iter().map(AnyEvent::Request).collect();
        self.with(AggregateType::OnboardingRequest, id, expected, events)
    }

    fn pool(self, id: &str, expected: u64, events: Vec<PoolEvent>) -> Self {
        let events = events.into_iter().map(AnyEvent::Pool).collect();
        self.with(AggregateType::SecondaryNumberPool, id, expected, events)
    }
}

/// Appends one item that must not lose.
pub(crate) async fn appended(store: &EventStore, item: AppendItem) {
    let verdicts = store.append(&[item]).await.unwrap();
    assert!(matches!(verdicts[..], [AppendVerdict::Appended(_)]), "{verdicts:?}");
}

pub(crate) fn new_client() -> ClientId {
    ClientId::from_uuid(Uuid::now_v7())
}

pub(crate) fn new_profile() -> ProfileId {
    ProfileId::from_uuid(Uuid::now_v7())
}

pub(crate) fn new_request() -> RequestId {
    RequestId::from_uuid(Uuid::now_v7())
}

pub(crate) fn new_room() -> RoomId {
    RoomId::from_uuid(Uuid::now_v7())
}

pub(crate) fn phone(number: &str) -> Identifier {
    Identifier::Phone(number.parse().unwrap())
}

pub(crate) fn bsuid(id: &str) -> Identifier {
    Identifier::Bsuid(id.parse().unwrap())
}

pub(crate) fn created(
    profile_id: ProfileId,
    client_id: ClientId,
    identifiers: &[Identifier],
) -> ProfileEvent {
    ProfileEvent::ClientProfileCreated {
        profile_id,
        company: company("acme"),
        client_id,
        identifiers: identifiers.iter().cloned().map(Personal::new).collect(),
        name: None,
        language: None,
        external_company: None,
        at: at(0),
        by: None,
    }
}

pub(crate) fn assigned(user: &str) -> ProfileEvent {
    ProfileEvent::UserAssigned { user_id: user.parse().unwrap(), at: at(0) }
}

pub(crate) fn reserved(room: RoomId, client: ClientId, user: &str, number: &str) -> ProfileEvent {
    ProfileEvent::RoomReserved {
        room_id: room,
        client_id: client,
        user_id: user.parse().unwrap(),
        number: number.parse().unwrap(),
        pool_id: "acme_main".parse().unwrap(),
        request_id: RequestId::from_uuid(room.as_uuid()),
        at: at(0),
        deadline: at(3_600),
    }
}

pub(crate) fn invited(room_id: RoomId) -> ProfileEvent {
    ProfileEvent::RoomInvited { room_id, at: at(1), deadline: at(600) }
}

pub(crate) fn activated(room_id: RoomId) -> ProfileEvent {
    ProfileEvent::RoomActivated { room_id, cause: ActivationCause::UserInfoSettled, at: at(2) }
}

pub(crate) fn reassigned(room_id: RoomId, from: &str, to: &str) -> ProfileEvent {
    ProfileEvent::RoomReassigned {
        room_id,
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        at: at(2),
        by: Personal::new("operator".to_owned()),
    }
}

pub(crate) fn closed(room_id: RoomId, quarantine_until: Option<Timestamp>) -> ProfileEvent {
    let reason = CloseReason::InvitationLost;
    ProfileEvent::RoomClosed { room_id, reason, at: at(3), quarantine_until, by: None }
}

pub(crate) fn requested(request: RequestId, client: ClientId, from: &[Identifier]) -> RequestEvent {
    let mut sender = Sender::default();
    for identifier in from.iter().cloned() {
        match identifier {
            Identifier::Bsuid(id) => sender.bsuid = Some(id.into()),
            Identifier::WaId(id) => sender.wa_id = Some(id.into()),
            Identifier::Phone(number) => sender.phone = Some(number.into()),
        }
    }
    RequestEvent::OnboardingRequested {
        request_id: request,
        company: company("acme"),
        client_id: client,
        message: InboundMessage {
            phone_number_id: "100".parse().unwrap(),
            id: "wamid.IN".parse().unwrap(),
            from: sender,
            sent_at: at(0),
            received_at: at(0),
            kind: "text".to_owned(),
            text: Some(Personal::new("#michael\u{0}\n\"„Übel“\" \u{1F600}".to_owned())),
            in_group: false,
            became: None,
            evidence: None,
        },
    }
}

pub(crate) fn accepted(request: RequestId, ordinal: usize, wamid: &str) -> RequestEvent {
    RequestEvent::MessageAccepted {
        message_id: domain::ids::MessageId::of(request, ordinal),
        wamid: wamid.parse().unwrap(),
        at: at(1),
    }
}

pub(crate) fn ended(outcome: Outcome) -> RequestEvent {
    RequestEvent::OutcomeRecorded { outcome, user_id: None, room_id: None, at: at(4) }
}

/// The client said by a word of this second that it wants no more templates.
pub(crate) fn stopped(client_id: ClientId, second: i64) -> RequestEvent {
    RequestEvent::TemplatesStopped { client_id, sent_at: at(second), at: at(4) }
}

/// It said by a word of this second that it wants them again.
pub(crate) fn started(client_id: ClientId, second: i64) -> RequestEvent {
    RequestEvent::TemplatesStarted { client_id, sent_at: at(second), at: at(4) }
}

pub(crate) fn pool_created() -> PoolEvent {
    PoolEvent::PoolCreated {
        pool_id: "acme_main".parse().unwrap(),
        company: company("acme"),
        directory_version: 1,
    }
}

pub(crate) fn number(number: &str) -> NumberSpec {
    NumberSpec {
        number: number.parse().unwrap(),
        display: "+447700900200".parse().unwrap(),
        country: "GB".parse().unwrap(),
        capacity: None,
    }
}

/// What only a superuser can do: changes rows although the triggers refuse it.
pub(crate) async fn tamper(store: &EventStore, change: &str) {
    let change = format!(
        "SET session_replication_role = replica; {change}; \
        RESET session_replication_role"
    );
    raw_sql(&change).execute(store.pool()).await.unwrap();
}
