//! What a run stands on: private servers, a fake Cloud API, the ways between, and two copies of the
//! service as processes of their own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use acceptance::process::Process;
use anyhow::Context;
use devservers::{Options, Progress};
use onboarding::Clock;
use onboarding::cli::Role;
use onboarding::config::Config;
use onboarding::demo::stage::{APP, APP_SECRET, create_database};
use onboarding::demo::{Stage, StageOptions};
use onboarding::whatsapp::fake::Webhook;
use tokio::sync::{Mutex, MutexGuard};

use crate::fault::{Server, Twin, Way};
use crate::load;
use crate::nats::Nats;
use crate::proxy::{Mode, Proxy};

/// Every role that writes runs twice, so that one can take over from the other.
const ROLES: [&[Role]; 2] =
    [&Role::ALL, &[Role::Gateway, Role::Engine, Role::Relay, Role::Projector, Role::Sender]];

/// How long the sender waits for WhatsApp's answer, in seconds: a lost one must not cost much.
const CLOUD_TIMEOUT: u64 = 2;

/// How often it is looked whether a copy has ended by itself, as what supervises it would.
const SUPERVISION: Duration = Duration::from_secs(1);

/// The site of a run. What it has started ends with it.
pub(crate) struct Site {
    twins: [Running; 2],
    /// The database, the fake and the configuration without the proxies.
    pub(crate) stage: Stage,
    pub(crate) webhooks: [Webhook; 2],
    /// Of each copy, to Postgres and to each server of NATS.
    proxies: [(Proxy, Vec<Proxy>); 2],
    pub(crate) postgres: devservers::Server,
    pub(crate) nats: Nats,
    /// Dropped last: the servers' files are in it.
    pub(crate) folder: Folder,
}

/// All connections of one copy to Postgres, or to NATS.
pub(crate) struct Ways<'a>(&'a [Proxy]);

impl Ways<'_> {
    /// Changes how they are, from now on.
    pub(crate) fn set(&self, mode: Mode) {
        for proxy in self.0 {
            proxy.set(mode);
        }
    }
}

/// One copy of the service.
struct Running {
    process: Mutex<Process>,
    api: String,
    /// It is dead on purpose.
    down: AtomicBool,
    /// How often it ended by itself.
    ended: AtomicU32,
}

impl Site {
    /// Starts all of it, with so many NATS servers. `program` is this package's own binary, which is
    /// the service too.
    pub(crate) async fn start(
        program: &Path,
        grace: u32,
        servers: u32,
        say: &Progress<'_>,
    ) -> anyhow::Result<Self> {
        let mut folder = Folder::create()?;
        let mut options = Options::new(folder.path());
        // The folder goes with the site, unless there is something to look at in it.
        options.keep_data = true;
        options.ignore_env = true;
        let postgres = devservers::postgres(&options, say).await?;
        let nats = Nats::start(servers, &options, say).await?;
        folder.holds(postgres.data_dir());
        for node in nats.nodes() {
            folder.holds(node.server.data_dir());
        }
        let database = create_database(postgres.url(), "lab").await?;
        let options = StageOptions {
            roles: vec![],
            directory: Box::leak(load::directory().into_boxed_str()),
            statuses: None,
            ..StageOptions::default()
        };
        let clock = Clock::system();
        let mut stage = Stage::start(&database, &nats.url(), clock, options).await?;
        stage.config.streams.replicas = servers as usize;
        stage.config.sender.grace_seconds = grace;
        stage.config.cloud_api.timeout_seconds = CLOUD_TIMEOUT;
        say("starting two copies of the service");
        let proxies = [
            Self::proxies(&postgres, &nats).await.context("a proxy")?,
            Self::proxies(&postgres, &nats).await.context("a proxy")?,
        ];
        let copy = |twin: Twin| {
            let (to_postgres, to_nats) = &proxies[twin.index()];
            let mut config = stage.config.clone();
            let url = replaced(&database, to_postgres);
            config.database_url = format!("{url}?sslmode=disable").as_str().into();
            let urls: Vec<_> =
                to_nats.iter().map(|way| format!("nats://{}", way.address())).collect();
            config.nats_url = urls.join(",").as_str().into();
            Running::start(program, twin, &config, folder.path())
        };
        let twins = [copy(Twin::First)?, copy(Twin::Second)?];
        let webhook = |copy: &Running| {
            let url = format!("{}/webhooks/whatsapp/{APP}", copy.api);
            Webhook::new(&url, APP_SECRET.as_bytes())
        };
        let webhooks = [webhook(&twins[0])?, webhook(&twins[1])?];
        let mut site = Self { twins, stage, webhooks, proxies, postgres, nats, folder };
        for twin in Twin::BOTH {
            let api = site.twins[twin.index()].api.clone();
            site.stage.use_service_at(api);
            site.stage.ready().await.with_context(|| format!("the {twin} copy does not start"))?;
        }
        Ok(site)
    }

    /// Of one copy.
    async fn proxies(
        postgres: &devservers::Server,
        nats: &Nats,
    ) -> std::io::Result<(Proxy, Vec<Proxy>)> {
        let to_postgres = Proxy::to(authority(postgres.url()), true).await?;
        let mut to_nats = vec![];
        for door in nats.doors() {
            to_nats.push(Proxy::to(&door, false).await?);
        }
        Ok((to_postgres, to_nats))
    }

    /// The ways of one copy to Postgres, or to NATS.
    pub(crate) fn way(&self, way: Way) -> Ways<'_> {
        let (to_postgres, to_nats) = &self.proxies[way.twin.index()];
        match way.to {
            Server::Postgres => Ways(std::slice::from_ref(to_postgres)),
            Server::Nats => Ways(to_nats),
        }
    }

    /// How many answers to commits were lost.
    pub(crate) fn answers_lost(&self) -> u64 {
        self.proxies.iter().map(|(to_postgres, _)| to_postgres.lost()).sum()
    }

    /// How often a copy ended that nobody had killed.
    pub(crate) fn ended_by_themselves(&self) -> u32 {
        self.twins.iter().map(|copy| copy.ended.load(Ordering::Relaxed)).sum()
    }

    /// The process of a copy.
    pub(crate) async fn process(&self, twin: Twin) -> MutexGuard<'_, Process> {
        self.twins[twin.index()].process.lock().await
    }

    /// `kill -9` of a copy that is not to be started again before [`Self::start_again`].
    pub(crate) async fn kill(&self, twin: Twin) -> anyhow::Result<()> {
        let copy = &self.twins[twin.index()];
        let mut process = copy.process.lock().await;
        copy.down.store(true, Ordering::Relaxed);
        if process.ended()?.is_some() {
            // It was quicker.
            copy.ended.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        process.kill()
    }

    /// Starts a copy that was killed.
    pub(crate) async fn start_again(&self, twin: Twin) -> anyhow::Result<()> {
        let copy = &self.twins[twin.index()];
        let mut process = copy.process.lock().await;
        copy.down.store(false, Ordering::Relaxed);
        process.start()
    }

    /// Starts again what has ended by itself, for ever: a service that finds no server when it starts
    /// ends, and whoever deploys it has it started anew.
    pub(crate) async fn supervise(&self, say: &Progress<'_>) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(SUPERVISION);
        loop {
            ticks.tick().await;
            for twin in Twin::BOTH {
                let copy = &self.twins[twin.index()];
                let mut process = copy.process.lock().await;
                if copy.down.load(Ordering::Relaxed) {
                    continue;
                }
                if let Some(status) = process.ended()? {
                    say(&format!("the {twin} copy has ended by itself ({status}); started again"));
                    copy.ended.fetch_add(1, Ordering::Relaxed);
                    process.start()?;
                }
            }
        }
    }
}

impl Running {
    fn start(program: &Path, twin: Twin, config: &Config, folder: &Path) -> anyhow::Result<Self> {
        let mut process = Process::new(program, config)?
            .with_roles(ROLES[twin.index()])
            .with_log(&folder.join(format!("{twin}.log")));
        process.start()?;
        let api = process.api();
        let (down, ended) = (AtomicBool::new(false), AtomicU32::new(0));
        Ok(Self { process: Mutex::new(process), api, down, ended })
    }
}

/// `host:port` of a URL.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit('@').next().unwrap_or(rest)
}

/// The same URL by way of a proxy.
fn replaced(url: &str, proxy: &Proxy) -> String {
    url.replacen(authority(url), &proxy.address().to_string(), 1)
}

/// The folder of a run, below cargo's target folder. Removed when dropped, unless it is kept.
pub(crate) struct Folder {
    path: PathBuf,
    /// What the servers keep elsewhere, because another user runs them.
    elsewhere: Vec<PathBuf>,
    /// Whether it stays.
    pub(crate) kept: bool,
}

impl Folder {
    fn create() -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let program = std::env::current_exe()?;
        let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
        let base = target.map_or_else(std::env::temp_dir, PathBuf::from);
        let path = base.join("lab").join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path, elsewhere: vec![], kept: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where everything is.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        std::iter::once(&self.path).chain(&self.elsewhere).cloned().collect()
    }

    fn holds(&mut self, server: Option<&Path>) {
        let elsewhere = server.filter(|folder| !folder.starts_with(&self.path));
        self.elsewhere.extend(elsewhere.map(PathBuf::from));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        for folder in self.places() {
            // Nobody is left to tell; what stays is below the target folder or a temporary one.
            let _ = std::fs::remove_dir_all(&folder);
            // The one above, once it is empty.
            let _ = folder.parent().map(std::fs::remove_dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_url_is_found() {
        assert_eq!(authority("postgres://me@127.0.0.1:5432/lab?a=b"), "127.0.0.1:5432");
        assert_eq!(authority("nats://127.0.0.1:4222"), "127.0.0.1:4222");
    }
}
