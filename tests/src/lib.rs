//! The stage of the acceptance tests: the whole service on a private NATS and a
//! database of its own, a fake WhatsApp behind real HTTP, and a clock to advance.

pub mod apart;
pub mod ask;
pub mod bill;
pub mod directory;
pub mod process;

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use devservers::{Options, Server};
use onboarding::commands::check;
use onboarding::demo::stage::create_database;
use onboarding::demo::{Stage, StageOptions};
use serde_json::Value;

/// The primary number of the demo bank.
pub const PRIMARY: &str = "100100";

/// A stage with servers of its own.
pub struct TestApp {
    /// The service and its verbs.
    pub stage: Stage,
    /// Its NATS; can be killed and restarted.
    pub nats: Server,
    /// Its Postgres, if it has one of its own; can be killed and restarted too.
    pub postgres: Option<Server>,
}

impl TestApp {
    /// All roles, in this process.
    pub async fn start() -> Self {
        Self::with(StageOptions::default()).await
    }

    /// As the options say.
    pub async fn with(options: StageOptions) -> Self {
        Self::try_with(options, false).await.expect("the stage starts")
    }

    /// As the options say, on a Postgres that no other test uses.
    ///
    /// # Panics
    /// Something does not start.
    pub async fn with_own_postgres(options: StageOptions) -> Self {
        Self::try_with(options, true).await.expect("the stage starts")
    }

    async fn try_with(options: StageOptions, own_postgres: bool) -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("acceptance_{}_{number}", std::process::id());
        let folder = std::env::temp_dir().join(format!("onboarding-{name}"));
        let postgres = if own_postgres {
            let options = Options { durable: false, ..private(&folder) };
            Some(devservers::postgres(&options, &|_| {}).await.context("Postgres")?)
        } else {
            None
        };
        let url = match &postgres {
            Some(own) => own.url(),
            None => devservers::shared_postgres().await?.url(),
        };
        let database = create_database(url, &name).await?;
        let nats = devservers::nats(&private(&folder), &|_| {}).await.context("NATS")?;
        let clock = onboarding::Clock::system();
        let stage = Stage::start(&database, nats.url(), clock, options).await?;
        Ok(Self { stage, nats, postgres })
    }

    /// What `onboarding check` finds: nothing, if all is well.
    pub async fn findings(&self) -> Vec<String> {
        let client = onboarding::nats_client(&self.stage.config).await.expect("NATS answers");
        let findings = check::findings(&self.stage.pool, &client, |_| {}).await;
        let findings = findings.expect("the stores can be read");
        findings.into_iter().map(|finding| format!("{}: {}", finding.kind, finding.what)).collect()
    }

    /// The demo bank's chat rooms, the newest first, after everything that is recorded by now.
    ///
    /// # Panics
    /// The view does not get there in a while.
    pub async fn rooms(&self) -> Vec<Value> {
        self.rooms_where("").await
    }

    /// Those of them that parameters of the API choose: `phase=active`.
    ///
    /// # Panics
    /// The view does not get there in a while, or the parameters are wrong.
    pub async fn rooms_where(&self, parameters: &str) -> Vec<Value> {
        let recorded = self.stage.store.last_position().await.expect("Postgres answers");
        let path = format!("/api/v1/chat-rooms?company=demo-bank&wait={recorded}&{parameters}");
        let shown = self.stage.until("the view is that far", async || {
            let (status, mut page) = self.stage.get(&path).await?;
            if status == 503 {
                return Ok(None);
            }
            let Value::Array(rooms) = page["items"].take() else {
                anyhow::bail!("{status} {page}")
            };
            Ok(Some(rooms))
        });
        shown.await.expect("the rooms")
    }

    /// Ends the service softly.
    pub async fn stop(self) {
        self.stage.stop().await;
        drop((self.nats, self.postgres));
    }
}

/// Private servers even where others are configured: tests stop and kill them.
fn private(folder: &std::path::Path) -> Options {
    let mut options = Options::new(folder);
    options.ignore_env = true;
    options
}
