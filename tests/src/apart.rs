//! The service as `deploy/` has it: NATS with its accounts, Postgres with its roles, and each role
//! of the service on its own, as a user of its own at both.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use devservers::{Options, Server};
use domain::request::Outcome;
use onboarding::Clock;
use onboarding::cli::Role;
use onboarding::config::Config;
use onboarding::demo::stage::{APP, APP_SECRET};
use onboarding::demo::{Stage, StageOptions};
use onboarding::service::Service;
use onboarding::whatsapp::fake::{Statuses, Webhook};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tempfile::TempDir;

use crate::TestApp;
use crate::ask::{Asked, Asker};

/// The users of `deploy/nats-accounts.conf`.
pub const NATS_USERS: [&str; 10] = [
    "onboarding",
    "gateway",
    "engine",
    "relay",
    "projector",
    "sender",
    "api",
    "connector",
    "operator",
    "northwind",
];

/// The role of Postgres that migrates.
const OWNER: &str = "onboarding_owner";

/// A file of `deploy/`.
pub fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file)
}

/// The password of a user of NATS, in these tests.
pub fn password(user: &str) -> String {
    format!("a{user}1")
}

/// The variables that `deploy/nats-accounts.conf` reads.
pub fn passwords() -> Vec<(String, OsString)> {
    let variable = |user: &str| match user {
        "onboarding" => "NATS_PASSWORD".to_owned(),
        user => format!("NATS_{}_PASSWORD", user.to_uppercase()),
    };
    NATS_USERS.into_iter().map(|user| (variable(user), OsString::from(password(user)))).collect()
}

/// A private NATS with exactly the configuration of `deploy/nats.conf`.
///
/// # Errors
/// It does not start.
pub async fn nats(folder: &Path) -> anyhow::Result<Server> {
    let options = Options {
        ignore_env: true,
        nats_config: Some(deploy("nats.conf")),
        environment: passwords(),
        ..Options::new(folder)
    };
    devservers::nats(&options, &|_| {}).await
}

/// A private Postgres: roles are of a whole server. With a database that belongs to a role which is
/// no superuser; gives its URL as that role.
///
/// # Errors
/// It does not start.
pub async fn postgres(folder: &Path) -> anyhow::Result<(Server, String)> {
    let options = Options { ignore_env: true, durable: false, ..Options::new(folder) };
    let server = devservers::postgres(&options, &|_| {}).await?;
    let mut connection = PgConnection::connect(server.url()).await?;
    let role = format!("CREATE ROLE {OWNER} LOGIN CREATEROLE");
    connection.execute(role.as_str()).await?;
    let create = format!("CREATE DATABASE apart OWNER {OWNER}");
    connection.execute(create.as_str()).await?;
    connection.close().await?;
    let url = as_user(&devservers::database_url(server.url(), "apart"), OWNER);
    Ok((server, url))
}

/// Applies `deploy/postgres-roles.sql`.
///
/// # Errors
/// Postgres refuses.
pub async fn apply_roles(owner: &PgPool) -> anyhow::Result<()> {
    let roles = std::fs::read_to_string(deploy("postgres-roles.sql"))?;
    sqlx::raw_sql(&roles).execute(owner).await.context("deploy/postgres-roles.sql")?;
    Ok(())
}

/// The same URL with another user, with a password or without.
pub fn as_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{user}@{host}")
}

/// The service in parts.
pub struct Apart {
    /// The stage. Its database is the owner's, its NATS the operator's.
    pub app: TestApp,
    /// The database, as its owner.
    pub database: String,
    postgres: Server,
    services: Vec<Service>,
    gateway: String,
    api: String,
    /// Dropped last: the servers' files are in it.
    _folder: TempDir,
}

impl Apart {
    /// One service for each role.
    ///
    /// # Panics
    /// One of them does not start.
    pub async fn start() -> Self {
        let mut apart = Self::prepare().await.expect("the stage starts");
        // Those that make the streams first.
        for role in
            [Role::Engine, Role::Relay, Role::Projector, Role::Sender, Role::Api, Role::Gateway]
        {
            let (user, database) = (role.to_string(), format!("onboarding_{role}"));
            let inbox = format!("_INBOX.{role}");
            let mut config = apart.config(&user, &database, &inbox);
            if role == Role::Gateway {
                config.database_url = "postgres://nobody@127.0.0.1:1/nowhere".into();
            }
            let url = apart.serve(&config, &[role]).await;
            match role {
                Role::Gateway => apart.gateway = url,
                Role::Api => apart.api = url,
                Role::Engine | Role::Relay | Role::Projector | Role::Sender => {}
            }
        }
        apart.ready().await;
        apart
    }

    /// All roles in one service, as one user.
    ///
    /// # Panics
    /// It does not start.
    pub async fn together() -> Self {
        let mut apart = Self::prepare().await.expect("the stage starts");
        let config = apart.config("onboarding", "onboarding_service", "_INBOX");
        let url = apart.serve(&config, &Role::ALL).await;
        (apart.gateway, apart.api) = (url.clone(), url);
        apart.ready().await;
        apart
    }

    async fn prepare() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("onboarding-apart-").tempdir()?;
        let (postgres, database) = postgres(&folder.path().join("postgres")).await?;
        let nats = nats(&folder.path().join("nats")).await?;
        let options = StageOptions { roles: vec![], ..StageOptions::default() };
        let operator = as_user(nats.url(), &format!("operator:{}", password("operator")));
        let mut stage = Stage::start(&database, &operator, Clock::system(), options).await?;
        stage.config.nats.inbox_prefix = "_INBOX.operator".into();
        apply_roles(&stage.pool).await?;
        let app = TestApp { stage, nats, postgres: None };
        let (gateway, api) = (String::new(), String::new());
        Ok(Self { app, database, postgres, services: vec![], gateway, api, _folder: folder })
    }

    /// The stage's configuration for another user of NATS and role of Postgres.
    pub fn config(&self, user: &str, database_role: &str, inbox: &str) -> Config {
        let mut config = self.app.stage.config.clone();
        let credentials = format!("{user}:{}", password(user));
        config.nats_url = as_user(self.app.nats.url(), &credentials).as_str().into();
        config.nats.inbox_prefix = inbox.into();
        config.database_url = as_user(&self.database, database_role).as_str().into();
        config
    }

    async fn serve(&mut self, config: &Config, roles: &[Role]) -> String {
        let started = Service::start(config, roles, self.app.stage.clock.clone()).await;
        let service = started.unwrap_or_else(|error| panic!("{roles:?}: {error:#}"));
        let url = format!("http://{}", service.http());
        self.services.push(service);
        url
    }

    async fn ready(&mut self) {
        let webhook = format!("{}/webhooks/whatsapp/{APP}", self.gateway);
        let webhook = Webhook::new(&webhook, APP_SECRET.as_bytes()).expect("a URL");
        self.app.stage.cloud.post_statuses_to(webhook, Statuses::AtOnce);
        for url in [&self.api, &self.gateway] {
            self.app.stage.use_service_at(url.clone());
            self.app.stage.ready().await.expect("the service is ready");
        }
    }

    /// What the stage posts goes to the gateway from now on.
    pub fn use_gateway(&mut self) {
        self.app.stage.use_service_at(self.gateway.clone());
    }

    /// A client asks, over the gateway; how it ends, as the API shows it.
    ///
    /// # Panics
    /// The webhook is not answered 200, or it does not end.
    pub async fn ask(&mut self, asker: &Asker, text: &str) -> (Asked, Outcome) {
        self.use_gateway();
        let asked = self.app.ask(asker, text).await;
        self.app.stage.use_service_at(self.api.clone());
        let outcome = self.app.outcome(&asked).await;
        (asked, outcome)
    }

    /// Ends everything softly.
    pub async fn stop(self) {
        for service in self.services {
            service.stop().await;
        }
        self.app.stop().await;
        drop(self.postgres);
    }
}
