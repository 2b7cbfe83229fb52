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

use crate::bug::Bug;
use crate::clock::{Clocks, VARIABLE};
use crate::disk::Disk;
use crate::fault::{Server, Twin, Way};
use crate::nats::Nats;
use crate::plan::Plan;
use crate::proxy::{Mode, Proxy, Says};
use crate::{leftovers, load};

/// Every role that writes runs twice, so that one can take over from the other.
const ROLES: [&[Role]; 2] =
    [&Role::ALL, &[Role::Gateway, Role::Engine, Role::Relay, Role::Projector, Role::Sender]];

/// How long the sender waits for WhatsApp's answer, in seconds: a lost one must not cost much.
pub(crate) const CLOUD_TIMEOUT: u64 = 2;

/// How often a copy is started before the run at most.
const STARTS: u32 = 4;

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
    pub(crate) clocks: Clocks,
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

    /// Waits until nothing gets through on one of them.
    pub(crate) async fn stalled(&self) {
        let stalled = self.0.iter().map(|proxy| Box::pin(proxy.stalled()));
        futures::future::select_all(stalled).await;
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
    /// Starts all of it. `program` is this package's own binary, which is the service too.
    pub(crate) async fn start(
        program: &Path,
        plan: &Plan,
        say: &Progress<'_>,
    ) -> anyhow::Result<Self> {
        let mut folder = Folder::create()?;
        folder.mount_disks(plan.small_disks())?;
        let options = |server| {
            let mut options = Options::new(folder.above(server));
            // The folder goes with the site, unless there is something to look at in it.
            options.keep_data = true;
            options.ignore_env = true;
            options
        };
        let postgres = devservers::postgres(&options(Server::Postgres), say).await?;
        let nats = Nats::start(plan.nats, &options(Server::Nats), say).await?;
        folder.holds(Server::Postgres, postgres.data_dir())?;
        for node in nats.nodes() {
            folder.holds(Server::Nats, node.server.data_dir())?;
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
        stage.config.streams.replicas = plan.nats as usize;
        stage.config.sender.grace_seconds = plan.grace;
        stage.config.cloud_api.timeout_seconds = CLOUD_TIMEOUT;
        if let Some(bug) = plan.plant {
            bug.plant(&stage.pool).await.context("planting a bug")?;
        }
        say("starting two copies of the service");
        let proxies = [
            Self::proxies(&postgres, &nats, plan.plant).await.context("a proxy")?,
            Self::proxies(&postgres, &nats, plan.plant).await.context("a proxy")?,
        ];
        let clocks = Clocks::new(folder.path());
        let copy = |twin: Twin| {
            let (to_postgres, to_nats) = &proxies[twin.index()];
            let mut config = stage.config.clone();
            let url = replaced(&database, to_postgres);
            config.database_url = format!("{url}?sslmode=disable").as_str().into();
            let urls: Vec<_> =
                to_nats.iter().map(|way| format!("nats://{}", way.address())).collect();
            config.nats_url = urls.join(",").as_str().into();
            let program = match (twin, &plan.second) {
                (Twin::Second, Some(other)) => other.as_path(),
                _ => program,
            };
            Running::start(program, twin, &config, folder.path(), clocks.file(twin))
        };
        let twins = [copy(Twin::First)?, copy(Twin::Second)?];
        let webhook = |copy: &Running| {
            let url = format!("{}/webhooks/whatsapp/{APP}", copy.api);
            Webhook::new(&url, APP_SECRET.as_bytes())
        };
        let webhooks = [webhook(&twins[0])?, webhook(&twins[1])?];
        let mut site = Self { twins, stage, webhooks, proxies, postgres, nats, clocks, folder };
        for twin in Twin::BOTH {
            let api = site.twins[twin.index()].api.clone();
            site.stage.use_service_at(api);
            let ready = site.until_ready(twin, say).await;
            ready.with_context(|| format!("the {twin} copy does not start"))?;
        }
        Ok(site)
    }

    /// Waits until a copy is ready. One that gives up, as it does where the servers take their time
    /// (three nodes that elect leaders for every stream), is started again, as in the run itself.
    async fn until_ready(&self, twin: Twin, say: &Progress<'_>) -> anyhow::Result<()> {
        for _ in 1..STARTS {
            if self.stage.ready().await.is_ok() {
                return Ok(());
            }
            let mut process = self.process(twin).await;
            let last = process.logged()?.pop().unwrap_or_default();
            say(&format!("the {twin} copy is not ready yet; it told last: {last}"));
            if process.ended()?.is_some() {
                process.start()?;
            }
        }
        self.stage.ready().await
    }

    /// Of one copy.
    async fn proxies(
        postgres: &devservers::Server,
        nats: &Nats,
        planted: Option<Bug>,
    ) -> std::io::Result<(Proxy, Vec<Proxy>)> {
        let to_postgres = Proxy::to(authority(postgres.url()), Says::Sql).await?;
        let says = planted.and_then(Bug::hides).map_or(Says::Anything, Says::AllBut);
        let mut to_nats = vec![];
        for door in nats.doors() {
            to_nats.push(Proxy::to(&door, says).await?);
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

    /// The disk that a server has for itself.
    pub(crate) fn disk(&self, server: Server) -> anyhow::Result<&Disk> {
        self.folder.disk(server).context("the server has no disk for itself")
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
    fn start(
        program: &Path,
        twin: Twin,
        config: &Config,
        folder: &Path,
        clock: &Path,
    ) -> anyhow::Result<Self> {
        let mut process = Process::new(program, config)?
            .with_roles(ROLES[twin.index()])
            .with_variable(VARIABLE, &clock.display().to_string())
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
    /// Of the servers that have one.
    disks: Vec<(Server, Disk)>,
    /// Whether it stays.
    kept: bool,
}

impl Folder {
    fn create() -> anyhow::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let program = std::env::current_exe()?;
        let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
        let base = target.map_or_else(std::env::temp_dir, PathBuf::from);
        let above = base.join("lab");
        leftovers::remove(&above);
        let path = loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = above.join(format!("{}-{number}", std::process::id()));
            // What a process of the same number has kept stays as it is.
            if !path.exists() {
                break path;
            }
        };
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path, elsewhere: vec![], disks: vec![], kept: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It stays.
    pub(crate) fn keep(&mut self) -> anyhow::Result<()> {
        self.kept = true;
        leftovers::keep(&self.path).context("keeping the lab's folder")
    }

    /// Whether it stays.
    pub(crate) const fn is_kept(&self) -> bool {
        self.kept
    }

    /// Mounts a disk for each of these servers, where its own folder is going to be. That is in a
    /// temporary folder: as root runs the lab, another user runs Postgres, who can't be let in
    /// everywhere.
    fn mount_disks(&mut self, servers: &[Server]) -> anyhow::Result<()> {
        let name = self.path.file_name().context("a folder without a name")?;
        let above = std::env::temp_dir().join("lab-disks").join(name);
        let place = |server: &Server| match server {
            Server::Postgres => above.join("postgres"),
            Server::Nats => above.join("nats"),
        };
        self.elsewhere.extend(servers.iter().map(place));
        // Before there is anything that nobody would know of.
        leftovers::note(&self.path, &self.elsewhere).context("noting where the disks are")?;
        for server in servers {
            self.disks.push((*server, Disk::mount(&place(server))?));
        }
        Ok(())
    }

    /// The disk that a server has for itself.
    fn disk(&self, server: Server) -> Option<&Disk> {
        self.disks.iter().find(|(whose, _)| *whose == server).map(|(_, disk)| disk)
    }

    /// The folder that a server's own is in.
    fn above(&self, server: Server) -> &Path {
        self.disk(server).and_then(|disk| disk.at().parent()).unwrap_or(&self.path)
    }

    /// Where everything is.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        std::iter::once(&self.path).chain(&self.elsewhere).cloned().collect()
    }

    /// A server keeps its files there. An error if it has a disk, and they are not on it.
    fn holds(&mut self, server: Server, files: Option<&Path>) -> anyhow::Result<()> {
        if let Some(disk) = self.disk(server) {
            let on_it = files.is_some_and(|folder| folder.starts_with(disk.at()));
            anyhow::ensure!(on_it, "a server's user can't get at {}", disk.at().display());
        }
        let elsewhere = files.filter(|folder| !folder.starts_with(&self.path));
        let elsewhere = elsewhere.map(PathBuf::from);
        let new = elsewhere.filter(|folder| !self.elsewhere.contains(folder));
        self.elsewhere.extend(new);
        // Only the next lab would miss it, if this one is killed.
        let _ = leftovers::note(&self.path, &self.elsewhere);
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for (_, disk) in self.disks.drain(..) {
            disk.end(self.kept);
        }
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
