//! Servers, a directory, an HTTP client.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiState, Limits, Pictures};
use axum::Router;
use devservers::{Options, Server};
use directory::DirectoryStore;
use directory::access::{AccessRole, AccessToken, AccessTokens, Secret, TokenText};
use domain::Personal;
use domain::input::Timestamp;
use messaging::inbox::InboxPublisher;
use messaging::{Client, ConnectSettings, Security, StreamSettings, Streams, connect};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

const SOON: Duration = Duration::from_secs(20);

/// What must happen soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("did not happen in time")
}

/// The moment at which all tests play.
pub(crate) fn now() -> Timestamp {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// A NATS of its own, with the streams.
pub(crate) struct Nats {
    pub server: Server,
    pub client: Client,
    _dir: TempDir,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            Options { durable: false, ignore_env: true, ..Options::new(dir.path().join("data")) };
        let server = devservers::nats(&options, &|_| {}).await.unwrap();
        let settings = ConnectSettings {
            url: server.url().to_owned(),
            name: "test".into(),
            patience: SOON,
            security: Security::default(),
        };
        let client = connect(&settings).await.unwrap();
        let streams = Streams::new(&client, StreamSettings::default());
        streams.ensure_inbox().await.unwrap();
        streams.ensure_dlq().await.unwrap();
        Self { server, client, _dir: dir }
    }
}

/// A database of its own with all tables and the directory below.
pub(crate) async fn database() -> PgPool {
    let server = devservers::shared_postgres().await.unwrap();
    let name = format!("api_{}", Uuid::from_u128(rand::random()).simple());
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    sqlx::query(&create).execute(&mut connection).await.unwrap();
    let pool = PgPool::connect(&devservers::database_url(server.url(), &name)).await.unwrap();
    MIGRATIONS.run(&pool).await.unwrap();
    apply(&pool, DIRECTORY).await;
    token(&pool, ADMIN, "acme", AccessRole::Admin).await;
    pool
}

/// Number of the token with which [`Served`] asks if nothing else is said: an admin's of acme.
const ADMIN: u128 = 0;

/// The text of a token by its number.
pub(crate) fn token_text(number: u128) -> TokenText {
    TokenText { id: Uuid::from_u128(number), secret: Secret::new([7; 32]) }
}

/// Makes a token that is valid until a day after [`now`].
pub(crate) async fn token(
    pool: &PgPool,
    number: u128,
    company: &str,
    role: AccessRole,
) -> TokenText {
    let text = token_text(number);
    let token = AccessToken {
        id: text.id,
        company: company.parse().unwrap(),
        name: Personal::new("console".to_owned()),
        role,
        created_at: now(),
        created_by: Personal::new("test".to_owned()),
        expires_at: Some(now() + chrono::TimeDelta::days(1)),
        revoked_at: None,
    };
    AccessTokens::new(pool.clone()).add(&token, &text).await.unwrap();
    text
}

/// Makes a file the next version of the directory.
pub(crate) async fn apply(pool: &PgPool, file: &str) {
    let directory = directory::parse_and_validate(file).unwrap();
    let actor = Personal::new("test".to_owned());
    let store = DirectoryStore::new(pool.clone());
    store.apply(&directory, file, &actor, now(), false).await.unwrap();
}

pub(crate) const DIRECTORY: &str = r#"
companies:
  - id: acme
    name: Acme
    organizational_units:
      - { id: all, name: All }
      - { id: broken, name: Broken }
      - { id: poolless, name: Without a pool }
    users:
      - { id: michael, name: Michael Stone, ou: all, extension: michael }
      - { id: jelena, name: Jelena, ou: all, extension: "жук" }
      - { id: silent, name: Silent, ou: all }
      - { id: gone, name: Gone, ou: all, extension: gone, active: false }
      - { id: brooke, name: Brooke, ou: broken, extension: brooke }
      - { id: paul, name: Paul, ou: poolless, extension: paul }
    official_accounts:
      - { phone_number_id: "100", display_number: "+1 202 555 0100", app: main }
      - { phone_number_id: "101", display_number: "+1 202 555 0101", app: main }
      - { phone_number_id: "200", display_number: "+1 202 555 0120", app: main, configuration_broken: true }
      - { phone_number_id: "201", display_number: "+1 202 555 0121", app: main }
    pools:
      - { id: main, primary: "100", secondaries: [{ phone_number_id: "101" }], organizational_units: [all] }
      - { id: broken, primary: "200", secondaries: [{ phone_number_id: "201" }], organizational_units: [broken] }
"#;

/// The queries' and commands' routes over a NATS and a database.
pub(crate) fn api(client: &Client, pool: &PgPool) -> Router {
    // More than any test asks.
    api_with(client, pool, 10_000)
}

/// The same, with so many calls a second for each token.
pub(crate) fn api_with(client: &Client, pool: &PgPool, calls_per_second: u32) -> Router {
    let contract = serde_json::json!({ "title": "a contract" });
    api::router(ApiState {
        client: client.clone(),
        inbox: InboxPublisher::new(client),
        readmodel: pool.clone(),
        pictures: Arc::new(Pictures::new(DirectoryStore::new(pool.clone()))),
        tokens: AccessTokens::new(pool.clone()),
        calls_per_second,
        frame_ancestors: vec!["https://teams.example".to_owned()],
        clock: Arc::new(now),
        contracts: Arc::new(BTreeMap::from([("events/a.json".to_owned(), contract)])),
    })
}

/// An answer.
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status, code and field of a problem.
    pub(crate) fn problem(&self) -> (u16, String, Option<String>) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text());
        let json = self.json();
        assert_eq!(json["status"], self.status);
        let code = json["type"].as_str().unwrap().strip_prefix("urn:onboarding:problem:").unwrap();
        (self.status, code.to_owned(), json["field"].as_str().map(str::to_owned))
    }
}

/// Routes being served.
pub(crate) struct Served {
    pub url: String,
    pub address: SocketAddr,
    http: reqwest::Client,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(routes: Router) -> Self {
        Self::within(Limits::default(), routes).await
    }

    pub(crate) async fn within(limits: Limits, routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let serving =
            tokio::spawn(api::serve(listener, None, routes, limits, CancellationToken::new()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { url, address, http, serving }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Some(token_text(ADMIN).to_string())).await
    }

    /// Asks with a token, or with none.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: impl AsRef<str>,
        token: Option<String>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{}", self.url, path.as_ref()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.answer(request).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body);
        request = request.bearer_auth(token_text(ADMIN));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().to_vec() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
