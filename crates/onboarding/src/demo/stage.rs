//! The service with everything around it, and verbs to act with: what the demo
//! and the acceptance tests stand on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use directory::access::{AccessRole, AccessTokens};
use domain::AnyEvent;
use domain::ids::{CompanyId, PhoneNumberId, RequestId, Wamid};
use domain::input::Timestamp;
use domain::record::RecordedEvent;
use domain::request::{Outcome, RequestEvent};
use engine::Clock;
use eventstore::EventStore;
use sqlx::{Connection, PgConnection, PgPool};
use whatsapp::fake::{FakeCloudApi, ReceivedMessage, Statuses, Webhook};
use whatsapp::post::{ClientMessage, WebhookPost};
use whatsapp::webhook::Update;

use super::PATIENCE;
use crate::cli::Role;
use crate::commands::token::{self, NewToken};
use crate::config::{App, Config};
use crate::service::Service;

/// The Meta app of the stage.
pub const APP: &str = "demo";
/// Signs the stage's webhooks.
pub const APP_SECRET: &str = "the stage's app secret";

/// What a stage starts with.
pub struct StageOptions {
    /// The roles of the service; none means that somebody else runs it.
    pub roles: Vec<Role>,
    /// The directory file.
    pub directory: &'static str,
    /// Whether the fake WhatsApp posts statuses.
    pub statuses: Option<Statuses>,
    /// Origins that may show the QR page in a frame.
    pub frame_ancestors: Vec<String>,
}

impl Default for StageOptions {
    fn default() -> Self {
        Self {
            roles: Role::ALL.to_vec(),
            directory: include_str!("directory.yaml"),
            statuses: Some(Statuses::AtOnce),
            frame_ancestors: vec![],
        }
    }
}

/// The service with a fake WhatsApp.
pub struct Stage {
    /// The fake WhatsApp.
    pub cloud: FakeCloudApi,
    /// The service's own clock.
    pub clock: Clock,
    /// The log.
    pub store: EventStore,
    /// The database.
    pub pool: PgPool,
    /// The configuration of the service.
    pub config: Config,
    service: Option<Service>,
    http: reqwest::Client,
    api: String,
    wamids: AtomicU64,
    /// An admin's token of each company that was asked about.
    tokens: Mutex<HashMap<CompanyId, String>>,
    /// When each message was sent first.
    sent: Mutex<HashMap<Wamid, Timestamp>>,
}

/// Creates a database beside the one that a URL names; gives its URL.
///
/// # Errors
/// Postgres refuses.
pub async fn create_database(url: &str, name: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(url).await.context("connecting to Postgres")?;
    let create = format!("CREATE DATABASE \"{name}\"");
    sqlx::query(&create).execute(&mut connection).await.context("creating a database")?;
    Ok(devservers::database_url(url, name))
}

impl Stage {
    /// Migrates, loads the directory, starts the fake and the service.
    ///
    /// # Errors
    /// Whatever keeps one of them from starting.
    pub async fn start(
        database: &str,
        nats: &str,
        clock: Clock,
        options: StageOptions,
    ) -> anyhow::Result<Self> {
        crate::install_tls();
        let cloud = FakeCloudApi::start(([127, 0, 0, 1], 0).into()).await?;
        let mut config = configuration(database, nats, cloud.url())?;
        config.http.frame_ancestors = options.frame_ancestors;
        let cloud_token = config.apps.values().next().map(|app| app.access_token.clone());
        if let Some(token) = cloud_token {
            cloud.require_token(token.expose());
        }
        let pool = PgPool::connect(database).await.context("connecting to Postgres")?;
        crate::MIGRATIONS.run(&pool).await.context("migrating")?;
        crate::commands::directory::apply_text(&pool, options.directory, "the stage", clock.now())
            .await?;
        let mut stage = Self {
            cloud,
            store: EventStore::new(pool.clone()),
            pool,
            config,
            service: None,
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            api: String::new(),
            wamids: AtomicU64::new(1),
            tokens: Mutex::default(),
            sent: Mutex::default(),
            clock,
        };
        if !options.roles.is_empty() {
            stage.start_service(&options.roles).await?;
            if let Some(when) = options.statuses {
                let url = format!("{}/webhooks/whatsapp/{APP}", stage.api);
                stage.cloud.post_statuses_to(Webhook::new(&url, APP_SECRET.as_bytes())?, when);
            }
        }
        Ok(stage)
    }

    /// Starts the service on a free port.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub async fn start_service(&mut self, roles: &[Role]) -> anyhow::Result<()> {
        let service = Service::start(&self.config, roles, self.clock.clone()).await?;
        self.api = format!("http://{}", service.http());
        self.service = Some(service);
        self.ready().await
    }

    /// Uses a service that somebody else runs at this address.
    pub fn use_service_at(&mut self, api: String) {
        self.api = api;
    }

    /// Waits until the service says that it is ready.
    ///
    /// # Errors
    /// It does not within a while.
    pub async fn ready(&self) -> anyhow::Result<()> {
        self.until("the service is ready", async || {
            let answer = self.http.get(format!("{}/readyz", self.api)).send().await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await
    }

    /// The address of the HTTP server.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Stops the service softly.
    pub async fn stop(mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
        self.pool.close().await;
    }

    /// A message id that was not used before.
    pub fn next_wamid(&self) -> Wamid {
        let number = self.wamids.fetch_add(1, Ordering::Relaxed);
        let text = format!("wamid.STAGE{}x{number}", std::process::id());
        text.parse().unwrap_or_else(|_| unreachable!("letters and digits are a message id"))
    }

    /// Posts a signed webhook; the status of the answer.
    ///
    /// # Errors
    /// The service is not there.
    pub async fn post(&self, post: WebhookPost) -> anyhow::Result<u16> {
        self.post_bytes(post.into_body()).await
    }

    /// Posts signed bytes as a webhook.
    ///
    /// # Errors
    /// The service is not there.
    pub async fn post_bytes(&self, body: Vec<u8>) -> anyhow::Result<u16> {
        if let Ok(post) = whatsapp::webhook::parse(&body, self.clock.now()) {
            for item in post.items {
                if let Ok(Update::Message(message)) = item.content {
                    self.remember(&message.id, message.sent_at);
                }
            }
        }
        let url = format!("{}/webhooks/whatsapp/{APP}", self.api);
        Ok(Webhook::new(&url, APP_SECRET.as_bytes())?.post(body).await?)
    }

    /// Remembers when a client sent a message, for [`Self::request_of`]; what is posted through the
    /// stage is remembered by itself.
    pub fn remember(&self, message: &Wamid, sent_at: Timestamp) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.entry(message.clone()).or_insert(sent_at);
    }

    /// Posts one message to one number and expects that it is taken.
    ///
    /// # Errors
    /// It is not.
    pub async fn deliver(&self, number: &str, message: ClientMessage) -> anyhow::Result<()> {
        let status = self.post(WebhookPost::new().messages(number, &[message])).await?;
        anyhow::ensure!(status == 200, "the webhook was answered {status}");
        Ok(())
    }

    /// Sends a JSON command of an operator, with an admin's token.
    ///
    /// # Errors
    /// The service is not there.
    pub async fn operate(
        &self,
        path: &str,
        key: uuid::Uuid,
        body: &serde_json::Value,
    ) -> anyhow::Result<(u16, serde_json::Value)> {
        let request = self.http.post(format!("{}{path}", self.api)).json(body);
        let request = self.with_token(request, path).await?;
        let answer = request.header("Idempotency-Key", key.to_string()).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// Asks the API, with an admin's token of the company that the path names, else of the bank.
    ///
    /// # Errors
    /// The service is not there or answers no JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, serde_json::Value)> {
        let request = self.http.get(format!("{}{path}", self.api));
        let answer = self.with_token(request, path).await?.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await?))
    }

    async fn with_token(
        &self,
        request: reqwest::RequestBuilder,
        path: &str,
    ) -> anyhow::Result<reqwest::RequestBuilder> {
        let company = company_in(path).map_or_else(|| "demo-bank".parse(), Ok)?;
        Ok(request.bearer_auth(self.token(&company).await?))
    }

    /// An admin's token of a company; made when it is asked for first.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn token(&self, company: &CompanyId) -> anyhow::Result<String> {
        let known = |this: &Self| {
            let tokens = this.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.get(company).cloned()
        };
        if let Some(token) = known(self) {
            return Ok(token);
        }
        let text = self.new_token(company, AccessRole::Admin).await?;
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokens.entry(company.clone()).or_insert(text).clone())
    }

    /// A new token of a company.
    ///
    /// # Errors
    /// Postgres refuses.
    pub async fn new_token(&self, company: &CompanyId, role: AccessRole) -> anyhow::Result<String> {
        let new = NewToken {
            company: company.clone(),
            role,
            name: "the stage".to_owned(),
            expires_at: None,
            actor: "the stage".to_owned(),
        };
        let tokens = AccessTokens::new(self.pool.clone());
        Ok(token::create(&tokens, new, self.clock.now()).await?.to_string())
    }

    /// The request of a message that is remembered.
    ///
    /// # Errors
    /// The company or number is no id, or nobody has sent such a message.
    pub fn request_of(
        &self,
        company: &str,
        number: &str,
        wamid: &Wamid,
    ) -> anyhow::Result<RequestId> {
        let (company, number): (CompanyId, PhoneNumberId) = (company.parse()?, number.parse()?);
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let sent_at = sent.get(wamid).copied().context("nobody has sent such a message")?;
        Ok(RequestId::of(&company, &number, wamid, sent_at))
    }

    /// Everything recorded about a request, once it has an outcome, all of its
    /// messages are settled, and the read model shows it.
    ///
    /// # Errors
    /// That does not happen within a while.
    pub async fn settled(
        &self,
        company: &str,
        request: RequestId,
    ) -> anyhow::Result<(Outcome, Vec<RecordedEvent>)> {
        let path = format!("/api/v1/onboarding-requests/{request}?company={company}");
        let what = format!("request {request} is settled");
        let settled = self.until(&what, async || {
            let events = self.store.events_by_correlation(request.as_uuid()).await?;
            let Some(outcome) = outcome_if_settled(&events)? else { return Ok(None) };
            let (status, row) = self.get(&path).await?;
            let shown = status == 200 && row["outcome"] == outcome.as_str();
            Ok(shown.then_some((outcome, events)))
        });
        match settled.await {
            Ok(settled) => Ok(settled),
            Err(error) => {
                let events = self.store.events_by_correlation(request.as_uuid()).await?;
                let names: Vec<_> = events.iter().map(|event| &event.event_type).collect();
                Err(error.context(format!("it has the events {names:?}")))
            }
        }
    }

    /// Asks again and again until there is an answer.
    ///
    /// # Errors
    /// There is none within a while, or asking fails.
    pub async fn until<T>(
        &self,
        what: &str,
        ask: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(answer) = ask().await? {
                return Ok(answer);
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        }
    }

    /// What WhatsApp was asked to send to one client.
    pub fn received_by(&self, recipient: &domain::identity::Recipient) -> Vec<ReceivedMessage> {
        self.cloud.received().into_iter().filter(|m| m.to.expose() == recipient).collect()
    }

    /// Now, by the service's clock, in whole seconds as WhatsApp tells it.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos()))
    }
}

/// The company that a path of the API names.
fn company_in(path: &str) -> Option<CompanyId> {
    let after = |mark: &str| path.split_once(mark).map(|(_, rest)| rest);
    let rest = after("/companies/").or_else(|| after("company="))?;
    rest.split(['/', '&', '?']).next()?.parse().ok()
}

fn outcome_if_settled(events: &[RecordedEvent]) -> anyhow::Result<Option<Outcome>> {
    let mut outcome = None;
    let mut open = std::collections::BTreeSet::new();
    for event in events {
        match AnyEvent::read(event)? {
            AnyEvent::Request(RequestEvent::OutcomeRecorded { outcome: o, .. }) => {
                outcome = Some(o)
            }
            AnyEvent::Request(RequestEvent::MessageRequested { message }) => {
                open.insert(message.message_id);
            }
            AnyEvent::Request(
                RequestEvent::MessageAccepted { message_id, .. }
                | RequestEvent::MessageFailed { message_id, .. },
            ) => {
                open.remove(&message_id);
            }
            _ => {}
        }
    }
    Ok(outcome.filter(|_| open.is_empty()))
}

fn configuration(database: &str, nats: &str, cloud: &str) -> anyhow::Result<Config> {
    let mut config =
        Config { database_url: database.into(), nats_url: nats.into(), ..Config::default() };
    config.http.listen = ([127, 0, 0, 1], 0).into();
    // Whoever waits on the stage asks all the time.
    config.http.limits.calls_per_second = 10_000;
    config.cloud_api.base_url = cloud.to_owned();
    config.cloud_api.timeout_seconds = 5;
    config.sender.back_off_seconds = 1;
    // The stand-in takes what comes.
    config.sender.messages_per_second = 1_000;
    let app = App {
        secret: APP_SECRET.into(),
        verify_token: "the stage's verify token".into(),
        access_token: "the stage's access token".into(),
        unique_clients_per_day: None,
    };
    config.apps.insert(APP.parse()?, app);
    Ok(config)
}
