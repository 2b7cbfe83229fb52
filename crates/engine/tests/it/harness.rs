//! A database with a directory, engines on it, and words for what happens.

use std::time::Duration;

use chrono::TimeDelta;
use directory::{DirectoryStore, parse_and_validate};
use domain::ids::RequestId;
use domain::input::LaneInput;
use domain::outbound::{OutboundMessage, Purpose};
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;
use domain::request::{Outcome, RequestEvent};
use domain::{AnyEvent, Personal};
use engine::{Clock, Engine, Settlement, Submission};
use eventstore::EventStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{PgPool, raw_sql};
use tokio::sync::{OnceCell, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::inputs::file;

/// Longer than anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One database, and the time.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) store: EventStore,
    pub(crate) directory: DirectoryStore,
    pub(crate) clock: Clock,
    pub(crate) url: String,
}

impl World {
    /// With one company, `acme`, that has two users and three secondary numbers.
    pub(crate) async fn new() -> Self {
        Self::with(&file(&["acme"], 3)).await
    }

    /// With this directory.
    pub(crate) async fn with(yaml: &str) -> Self {
        let world = Self::empty().await;
        world.apply(yaml).await;
        world
    }

    pub(crate) async fn empty() -> Self {
        let server = devservers::shared_postgres().await.unwrap();
        let name = TEMPLATE.get_or_init(template).await;
        let url = create(server.url(), &format!("TEMPLATE {name}")).await;
        Self::at(&url).await
    }

    /// On a database that is there.
    pub(crate) async fn at(url: &str) -> Self {
        let pool = connect(url, 12).await;
        let store = EventStore::new(pool.clone());
        let directory = DirectoryStore::new(pool.clone());
        Self { pool, store, directory, clock: Clock::system(), url: url.to_owned() }
    }

    pub(crate) async fn apply(&self, yaml: &str) -> u64 {
        let file = parse_and_validate(yaml).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let operator = Personal::new("operator".to_owned());
        let now = self.clock.now();
        self.directory.apply(&file, yaml, &operator, now, false).await.unwrap().version.unwrap()
    }

    /// A version whose document nobody can read, as a newer program may write it.
    pub(crate) async fn apply_unreadable(&self, company: &str) {
        raw_sql(&format!(
            "INSERT INTO directory_versions
             SELECT max(version) + 1, 'x', now(), repeat('0', 64) FROM directory_versions;
             INSERT INTO directory_companies
             SELECT '{company}', max(version), '{{}}' FROM directory_versions"
        ))
        .execute(&self.pool)
        .await
        .unwrap();
    }

    pub(crate) fn start(&self) -> Worker {
        let engine = Engine::new(self.store.clone(), self.directory.clone(), self.clock.clone());
        let cancel = CancellationToken::new();
        let (submit, ended) = engine.start(cancel.clone());
        Worker { submit, cancel, ended }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    pub(crate) async fn recorded(&self) -> Vec<RecordedEvent> {
        self.store.events_after(0, 100_000).await.unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<AnyEvent> {
        self.recorded().await.iter().map(|event| AnyEvent::read(event).unwrap()).collect()
    }

    /// The names of the events after a position.
    pub(crate) async fn names_after(&self, position: u64) -> Vec<String> {
        let events = self.recorded().await;
        let after = events.into_iter().filter(|event| event.position > position);
        after.map(|event| event.event_type).collect()
    }

    pub(crate) async fn position(&self) -> u64 {
        self.store.last_position().await.unwrap()
    }

    pub(crate) async fn count(&self, name: &str) -> usize {
        self.recorded().await.iter().filter(|event| event.event_type == name).count()
    }

    /// The only message of a kind that was requested.
    #[track_caller]
    pub(crate) fn requested(&self, purpose: Purpose) -> impl Future<Output = OutboundMessage> {
        let all = self.all_requested(purpose);
        async move {
            let all = all.await;
            assert_eq!(all.len(), 1, "{purpose:?}");
            all.into_iter().next().unwrap().1
        }
    }

    /// All messages of a kind that were requested, each with its request.
    pub(crate) fn all_requested(
        &self,
        purpose: Purpose,
    ) -> impl Future<Output = Vec<(RequestId, OutboundMessage)>> + use<> {
        let events = self.store.clone();
        async move {
            let events = events.events_after(0, 100_000).await.unwrap();
            let all = events.iter().filter_map(|event| match AnyEvent::read(event).unwrap() {
                AnyEvent::Request(RequestEvent::MessageRequested { message }) => {
                    Some((event.aggregate_id.parse().unwrap(), message))
                }
                _ => None,
            });
            all.filter(|(_, message)| message.purpose == purpose).collect()
        }
    }

    pub(crate) async fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.events().await.into_iter().filter_map(|event| match event {
            AnyEvent::Request(RequestEvent::OutcomeRecorded { outcome, .. }) => Some(outcome),
            _ => None,
        });
        outcomes.collect()
    }

    pub(crate) async fn profile_events(&self) -> Vec<ProfileEvent> {
        let events = self.events().await.into_iter().filter_map(|event| match event {
            AnyEvent::Profile(event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !so(self).await {
            assert!(tokio::time::Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The log agrees with itself and with the tables beside it.
    pub(crate) async fn checked(&self) {
        assert_eq!(self.store.check(|_| {}).await.unwrap(), []);
    }
}

/// A running engine.
pub(crate) struct Worker {
    submit: mpsc::Sender<Submission>,
    cancel: CancellationToken,
    ended: JoinHandle<()>,
}

impl Worker {
    /// Hands an input in; what becomes of it is told later.
    pub(crate) async fn send(&self, input: LaneInput) -> oneshot::Receiver<Settlement> {
        let (settle, settled) = oneshot::channel();
        let traceparent = None;
        self.submit.send(Submission { input, traceparent, settle }).await.unwrap();
        settled
    }

    /// Hands inputs in, one right after the other, and waits for all.
    pub(crate) async fn decide_all(
        &self,
        inputs: impl IntoIterator<Item = LaneInput>,
    ) -> Vec<Settlement> {
        let mut waiting = vec![];
        for input in inputs {
            waiting.push(self.send(input).await);
        }
        let mut settled = vec![];
        for one in waiting {
            settled.push(told(one).await);
        }
        settled
    }

    pub(crate) async fn decide(&self, input: LaneInput) -> Settlement {
        told(self.send(input).await).await
    }

    /// Decides it, and it is nothing special.
    pub(crate) async fn done(&self, input: LaneInput) {
        let settled = self.decide(input).await;
        assert!(matches!(settled, Settlement::Done { .. }), "{settled:?}");
    }

    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.expect("the engine ends").unwrap();
    }
}

pub(crate) async fn told(settled: oneshot::Receiver<Settlement>) -> Settlement {
    let told = tokio::time::timeout(PATIENCE, settled).await;
    told.expect("the engine settles in time").expect("the engine settles")
}

pub(crate) fn done() -> Settlement {
    Settlement::Done { answer: None }
}

/// What an operator is told.
#[track_caller]
pub(crate) fn answer(settlement: Settlement) -> serde_json::Value {
    match settlement {
        Settlement::Done { answer: Some(answer) } => answer,
        other => panic!("no answer, but {other:?}"),
    }
}

#[track_caller]
pub(crate) fn parked(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Park { code, .. } => code,
        other => panic!("not parked, but {other:?}"),
    }
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A migrated database to copy: quicker than migrating each.
async fn template() -> String {
    let server = devservers::shared_postgres().await.unwrap();
    let url = create(server.url(), "").await;
    migrate(&url).await;
    url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
}

pub(crate) async fn create(server: &str, how: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("engine_{}_{n}", std::process::id());
    let admin = connect(server, 1).await;
    raw_sql(&format!("DROP DATABASE IF EXISTS {name}")).execute(&admin).await.unwrap();
    raw_sql(&format!("CREATE DATABASE {name} {how}")).execute(&admin).await.unwrap();
    admin.close().await;
    devservers::database_url(server, &name)
}

pub(crate) async fn migrate(url: &str) {
    let pool = connect(url, 1).await;
    sqlx::migrate!("../../migrations").run(&pool).await.unwrap();
    pool.close().await;
}

pub(crate) async fn connect(url: &str, connections: u32) -> PgPool {
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options.ssl_mode(PgSslMode::Disable);
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(2))
        .connect_with(options)
        .await
        .unwrap()
}
