//! The wiring: which roles need what, and how they start and stop.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use chrono::TimeDelta;
use directory::DirectoryStore;
use domain::ids::AppId;
use engine::{Clock, Engine, Recent};
use eventstore::EventStore;
use messaging::inbox::InboxPublisher;
use messaging::numbers::Numbers;
use messaging::{Client, Difference, NatsError, Streams};
use readmodel::{Projector, SendQueue};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use whatsapp::client::{AccessToken, CloudApi};

use crate::cli::Role;
use crate::config::Config;
use crate::supervisor::Workers;
use crate::tls;
use crate::workers::lag::Stages;
use crate::workers::{evidence, intake, numbers, projector, relay, retries, sender, strays};
use crate::{commands, web};

/// How long a soft stop may take before it becomes a hard one.
const SOFT_STOP: Duration = Duration::from_secs(25);

/// `onboarding serve`: runs until SIGINT or SIGTERM, then stops softly; a second
/// signal, or too long a stop, ends it hard with exit status 1. So does a worker that breaks, after
/// a soft stop of the others: whoever started the process starts it anew.
///
/// # Errors
/// Whatever keeps the service from starting.
pub async fn serve(config: Config, roles: &[Role], clock: Clock) -> anyhow::Result<ExitCode> {
    crate::telemetry::start_logs(&config.log)?;
    crate::telemetry::keep_panics_to_themselves();
    // Before anybody can see that the service is up: what they send then has to be a soft stop.
    let mut signals = Signals::expect()?;
    let service = tokio::select! {
        started = Service::start(&config, roles, clock) => started?,
        () = signals.next() => {
            tracing::warn!("stopped before it was up");
            return Ok(ExitCode::FAILURE);
        }
    };
    tracing::info!(address = %service.http(), "the service is up");
    let whole = to_the_end(service, async || signals.next().await).await;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets a service run until a signal comes or a worker breaks, and stops it; whether it came to the
/// end that it should.
async fn to_the_end(service: Service, mut signal: impl AsyncFnMut()) -> bool {
    tokio::select! {
        () = signal() => {
            tracing::info!("stopping softly; a second signal stops at once");
        }
        () = service.broken() => {}
    }
    let whole = tokio::select! {
        stopped = tokio::time::timeout(SOFT_STOP, service.stop()) => stopped.ok(),
        () = signal() => None,
    };
    if whole.is_none() {
        tracing::warn!("stopped before everything was finished; it is taken up at the next start");
    }
    whole == Some(true)
}

/// A running service.
pub struct Service {
    http: SocketAddr,
    workers: Workers,
}

impl Service {
    /// Starts the roles, each with what it needs: the gateway without Postgres.
    ///
    /// # Errors
    /// A server can't be reached or is too old, or the database is not migrated.
    pub async fn start(config: &Config, roles: &[Role], clock: Clock) -> anyhow::Result<Self> {
        let metrics = crate::telemetry::metrics()?;
        let client = commands::nats(config, "service").await?;
        let streams = Streams::new(&client, commands::doctor::settings(config));
        for difference in streams_of_all(&streams).await? {
            tracing::warn!(%difference, "a stream is not configured as it should be; see `onboarding doctor`");
        }
        let tls = tls::acceptor(&config.http.tls)?;
        let listener = TcpListener::bind(config.http.listen)
            .await
            .with_context(|| format!("http.listen {}", config.http.listen))?;
        let http = listener.local_addr()?;
        let service = Self { http, workers: Workers::default() };

        let has = |role| roles.contains(&role);
        let mut routes = Router::new();
        let (mut pools, mut numbers_known) = (None, None);
        if roles.iter().any(|role| *role != Role::Gateway) {
            let pool = commands::postgres(config).await?;
            commands::require_migrated(&pool).await?;
            let by_key = ByKey {
                commits: commands::postgres_by_key(config, 1).await?,
                lookups: commands::postgres_by_key(config, 4).await?,
                projections: commands::postgres_by_key(config, 6).await?,
                rest: commands::postgres_by_key(config, 6).await?,
            };
            pools = Some((pool, by_key));
        }
        if has(Role::Engine) {
            // A gateway beside it may not be allowed to make it, and is waiting for it.
            Numbers::new(&client, config.streams.replicas).ensure().await?;
        }
        if has(Role::Gateway) {
            let (gateway, watch) = web::gateway(config, &client, &clock).await?;
            routes = routes.merge(gateway);
            numbers_known = Some(watch);
        }
        if let Some((pool, by_key)) = &pools {
            let parts = Parts {
                config,
                client: &client,
                pool,
                by_key,
                streams,
                clock: &clock,
                published: Arc::default(),
                applied: Arc::default(),
            };
            let committed = if has(Role::Engine) { service.engine(&parts) } else { Arc::default() };
            if has(Role::Relay) {
                parts.streams.ensure_evt(1).await?;
                service.relay(&parts, committed);
            }
            if has(Role::Relay) || has(Role::Projector) {
                service.lag(&parts);
            }
            service.projectors(&parts, has(Role::Projector), has(Role::Sender));
            if has(Role::Sender) {
                service.sender(&parts)?;
            }
            if has(Role::Api) {
                routes = routes.merge(web::api(&parts, &service.workers).await?);
            }
        }
        let ops = web::ops(&client, pools.as_ref().map(|(pool, _)| pool), numbers_known, metrics);
        service.listen(listener, tls, routes.merge(ops), config.http.limits.of_the_server());
        Ok(service)
    }

    /// Where HTTP is served.
    pub const fn http(&self) -> SocketAddr {
        self.http
    }

    /// Returns once a worker has broken: what is left does not do its work any more.
    pub async fn broken(&self) {
        self.workers.broken().await;
    }

    /// Takes nothing new, finishes what is at hand, and ends. `false` if a worker has broken.
    pub async fn stop(self) -> bool {
        self.workers.stop().await
    }

    fn listen(
        &self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        routes: Router,
        limits: api::Limits,
    ) {
        let serving = api::serve(listener, tls, routes, limits, self.workers.cancel());
        self.workers.spawn("http", serving);
    }

    /// Decides inputs. Gives what is committed.
    fn engine(&self, parts: &Parts<'_>) -> Arc<Recent> {
        let directory = DirectoryStore::new(parts.by_key.lookups.clone());
        let lookups = EventStore::new(parts.by_key.lookups.clone());
        let commits = EventStore::new(parts.by_key.commits.clone());
        let engine = Engine::new(lookups, directory.clone(), parts.clock.clone())
            .committing_through(commits);
        let committed = engine.committed();
        let workers = &self.workers;
        let (submissions, ended) = engine.start(workers.cancel());
        let (client, clock) = (|| parts.client.clone(), || parts.clock.clone());
        workers.spawn("engine", async move {
            let _ = ended.await;
        });
        workers.spawn("intake", intake::run(client(), submissions, workers.cancel()));
        workers.spawn("evidence", evidence::run(parts.store(), client(), workers.cancel()));
        let parking = evidence::run_parked(parts.store(), client(), clock(), workers.cancel());
        workers.spawn("parked", parking);
        let known = || directory.clone();
        let retrying = retries::run(parts.store(), known(), client(), clock(), workers.cancel());
        workers.spawn("retries", retrying);
        workers.spawn("strays", strays::run(parts.store(), known(), workers.cancel()));
        let replicas = parts.config.streams.replicas;
        let numbers = numbers::run(directory, client(), replicas, workers.cancel());
        workers.spawn("numbers", numbers);
        committed
    }

    fn relay(&self, parts: &Parts<'_>, committed: Arc<Recent>) {
        let relay = relay::Relay {
            store: parts.store(),
            pool: parts.pool.clone(),
            client: parts.client.clone(),
            streams: parts.streams.clone(),
            committed,
            published: parts.published.clone(),
        };
        self.workers.spawn("relay", relay.run(self.workers.cancel()));
    }

    /// Measures how far every stage is behind: also where there is no projector, so that one that is
    /// gone shows.
    fn lag(&self, parts: &Parts<'_>) {
        let stages = Stages {
            store: parts.store(),
            pool: parts.pool.clone(),
            client: parts.client.clone(),
            streams: parts.streams.clone(),
            clock: parts.clock.clone(),
        };
        self.workers.spawn("lag", stages.run(self.workers.cancel()));
    }

    /// Follows EVT with the read models, the send queue, or both together.
    fn projectors(&self, parts: &Parts<'_>, views: bool, queue: bool) {
        let views = views.then(|| Projector::of_all_views(parts.by_key.projections.clone()));
        let queue = queue.then(|| Projector::send_queue(parts.by_key.projections.clone()));
        let all = match (views, queue) {
            (Some(views), Some(queue)) => views.and(queue),
            (Some(some), None) | (None, Some(some)) => some,
            (None, None) => return,
        };
        let following = projector::Following {
            store: parts.store(),
            client: parts.client.clone(),
            published: parts.published.clone(),
            applied: parts.applied.clone(),
        };
        self.workers.spawn("projector", following.run(all, self.workers.cancel()));
    }

    fn sender(&self, parts: &Parts<'_>) -> anyhow::Result<()> {
        let config = parts.config;
        let timeout = Duration::from_secs(config.cloud_api.timeout_seconds);
        let token = |app: &crate::config::App| AccessToken::new(app.access_token.expose());
        let tokens: HashMap<_, _> =
            config.apps.iter().map(|(id, app)| (id.clone(), token(app))).collect();
        let limited = |(id, app): (&AppId, &crate::config::App)| {
            Some((id.clone(), app.unique_clients_per_day?))
        };
        let paces = sender::paces(config.sender.messages_per_second);
        let queue = SendQueue::new(parts.by_key.rest.clone()).at(paces);
        let sender = sender::Sender {
            queue,
            store: parts.store(),
            cloud: CloudApi::new(&config.cloud_api.base_url, timeout)?,
            tokens,
            directory: DirectoryStore::new(parts.pool.clone()),
            inbox: InboxPublisher::new(parts.client),
            clock: parts.clock.clone(),
            requested: parts.applied.clone(),
            settings: sender::Settings {
                concurrency: config.sender.concurrency,
                grace: Duration::from_secs(config.sender.grace_seconds.into()),
                call_timeout: timeout,
                attempts: config.sender.attempts,
                unique_clients_per_day: config.apps.iter().filter_map(limited).collect(),
                back_off: TimeDelta::seconds(config.sender.back_off_seconds.into()),
            },
        };
        self.workers.spawn("sender", sender.run(self.workers.cancel()));
        Ok(())
    }
}

/// What every role needs, made if it is missing; how it differs from what it should be.
async fn streams_of_all(streams: &Streams) -> anyhow::Result<Vec<Difference>> {
    let found = async {
        Ok::<_, NatsError>([streams.ensure_inbox().await?, streams.ensure_dlq().await?].concat())
    };
    found.await.context(
        "the streams INBOX and DLQ can't be looked at or made; if this process's user of NATS may \
         not make them, start a process with the role engine first",
    )
}

/// Connections for look-ups by key, apart by who uses them; see [`commands::postgres_by_key`].
pub(crate) struct ByKey {
    commits: PgPool,
    lookups: PgPool,
    projections: PgPool,
    rest: PgPool,
}

/// What the roles are made of.
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) client: &'a Client,
    /// For queries.
    pub(crate) pool: &'a PgPool,
    /// For look-ups by key; see [`commands::postgres_by_key`].
    pub(crate) by_key: &'a ByKey,
    pub(crate) streams: Streams,
    pub(crate) clock: &'a Clock,
    /// What the relay of this process has published.
    pub(crate) published: Arc<Recent>,
    /// Told when events were applied to the projections of this process.
    pub(crate) applied: Arc<Notify>,
}

impl Parts<'_> {
    pub(crate) fn store(&self) -> EventStore {
        EventStore::new(self.by_key.rest.clone())
    }
}

/// SIGINT and SIGTERM, from the moment on at which they are expected.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn expect() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    /// A service of one worker.
    fn service(work: impl Future<Output = ()> + Send + 'static) -> Service {
        let service = Service { http: ([127, 0, 0, 1], 0).into(), workers: Workers::default() };
        service.workers.spawn("one", work);
        service
    }

    #[tokio::test]
    async fn a_service_ends_well_only_if_it_was_told_to_and_nothing_broke() {
        let told = Workers::default();
        let cancel = told.cancel();
        let good = Service { http: ([127, 0, 0, 1], 0).into(), workers: told };
        good.workers.spawn("one", async move { cancel.cancelled().await });
        let mut signals = Some(());
        let once = async || match signals.take() {
            Some(()) => (),
            None => pending().await,
        };
        assert!(to_the_end(good, once).await);
        // Nobody tells it.
        let broken = service(async { panic!("on purpose") as () });
        assert!(!to_the_end(broken, async || pending().await).await);
        // It does not stop, and a second signal comes.
        assert!(!to_the_end(service(pending()), async || ready(()).await).await);
    }
}
