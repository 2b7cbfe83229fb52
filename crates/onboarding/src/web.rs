//! The HTTP routes and the query service, put together from the roles' parts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::gateway::{App, GatewayState, PostMemory, Secret};
use api::ops::{Check, OpsState};
use api::{ApiState, ClockFn, Pictures};
use axum::Router;
use directory::DirectoryStore;
use directory::access::AccessTokens;
use engine::{Clock, Engine};
use messaging::Client;
use messaging::dlq::DlqPublisher;
use messaging::inbox::InboxPublisher;
use messaging::numbers::{Numbers, NumbersWatch};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;

use crate::config::Config;
use crate::service::Parts;
use crate::supervisor::Workers;
use crate::workers::{dry_run, events_query, operator_queries, parked_inputs};

/// Whoever asks whether we are ready does not wait for long.
const PROBE: Duration = Duration::from_secs(2);

/// The webhooks.
pub(crate) async fn gateway(
    config: &Config,
    client: &Client,
    clock: &Clock,
) -> anyhow::Result<(Router, Arc<NumbersWatch>)> {
    let app = |app: &crate::config::App| App {
        secret: Secret::new(app.secret.expose()),
        verify_token: Secret::new(app.verify_token.expose()),
    };
    let apps: HashMap<_, _> =
        config.apps.iter().map(|(id, configured)| (id.clone(), app(configured))).collect();
    let numbers = Numbers::new(client, config.streams.replicas).watch().await.context(
        "the map of numbers can't be read; if this process's user of NATS may not make its bucket, \
         start a process with the role engine first",
    )?;
    let numbers = Arc::new(numbers);
    let routes = api::gateway::router(GatewayState {
        apps: Arc::new(apps),
        numbers: numbers.clone(),
        inbox: InboxPublisher::new(client),
        dlq: DlqPublisher::new(client),
        clock: clock_fn(clock),
        memory: PostMemory::of(config.http.limits.posts_megabytes << 20),
    });
    Ok((routes, numbers))
}

/// Queries, pages and operators' commands over HTTP; the queries over NATS too.
pub(crate) async fn api(parts: &Parts<'_>, workers: &Workers) -> anyhow::Result<Router> {
    let contracts: BTreeMap<_, _> = crate::contracts::all()
        .into_iter()
        .filter_map(|(name, text)| Some((name, serde_json::from_str(&text).ok()?)))
        .collect();
    let state = ApiState {
        client: parts.client.clone(),
        inbox: InboxPublisher::new(parts.client),
        readmodel: parts.pool.clone(),
        pictures: Arc::new(Pictures::new(DirectoryStore::new(parts.pool.clone()))),
        tokens: AccessTokens::new(parts.pool.clone()),
        calls_per_second: parts.config.http.limits.calls_per_second,
        frame_ancestors: parts.config.http.frame_ancestors.clone(),
        clock: clock_fn(parts.clock),
        contracts: Arc::new(contracts),
    };
    let mut queries = api::nats::serve(parts.client, parts.pool.clone()).await?;
    events_query::serve(&mut queries, parts.store()).await?;
    parked_inputs::serve(&mut queries, parts.store()).await?;
    let directory = DirectoryStore::new(parts.pool.clone());
    operator_queries::serve(&mut queries, parts.store(), directory.clone()).await?;
    let engine = Engine::new(parts.store(), directory, parts.clock.clone());
    dry_run::serve(&mut queries, engine).await?;
    let stop = workers.cancel();
    workers.spawn("queries", async move {
        stop.cancelled().await;
        queries.stop().await;
    });
    Ok(api::router(state))
}

/// `/healthz`, `/readyz`, `/metrics`.
pub(crate) fn ops(
    client: &Client,
    pool: Option<&PgPool>,
    numbers: Option<Arc<NumbersWatch>>,
    metrics: PrometheusHandle,
) -> Router {
    let (client, pool) = (client.clone(), pool.cloned());
    api::ops::router(OpsState {
        checks: Arc::new(move || {
            let (client, pool, numbers) = (client.clone(), pool.clone(), numbers.clone());
            Box::pin(async move { checks(&client, pool.as_ref(), numbers.as_deref()).await })
        }),
        metrics: Arc::new(move || metrics.render()),
    })
}

async fn checks(
    client: &Client,
    pool: Option<&PgPool>,
    numbers: Option<&NumbersWatch>,
) -> Vec<Check> {
    let connected = client.connection_state() == async_nats::connection::State::Connected;
    let detail = if connected { "" } else { "not connected; it is tried again by itself" };
    let mut checks = vec![Check { name: "nats".into(), ok: connected, detail: detail.into() }];
    if let Some(numbers) = numbers {
        let ok = !numbers.current().is_empty();
        let detail =
            if ok { "" } else { "no number is known: apply a directory and run the role engine" };
        checks.push(Check { name: "numbers".into(), ok, detail: detail.into() });
    }
    if let Some(pool) = pool {
        let answer = tokio::time::timeout(PROBE, sqlx::query("SELECT 1").execute(pool)).await;
        let ok = matches!(answer, Ok(Ok(_)));
        let detail = if ok { "" } else { "Postgres does not answer" };
        checks.push(Check { name: "postgres".into(), ok, detail: detail.into() });
    }
    checks
}

fn clock_fn(clock: &Clock) -> ClockFn {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}
