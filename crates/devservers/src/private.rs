//! A server of our own: its port, its start, its end.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use crate::account::Account;
use crate::home::Home;
use crate::port::free_port;
use crate::watchdog::{Watchdog, Watched};

/// From the start of the program until it answers; generous for a machine under load.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a restart waits for a port or a lock that the killed server's remains still hold.
const RESTART_LIMIT: Duration = Duration::from_secs(15);
/// How many ports are tried when others take them between our look and the server's start.
const PORT_TRIES: u32 = 8;

/// A private server, running or stopped. Dropping it stops the server, then removes its folder.
#[derive(Debug)]
pub(crate) struct Private {
    // Fields are dropped in this order: first the server ends, then its folder in the recipe.
    running: Mutex<Option<Watchdog>>,
    recipe: Recipe,
    port: u16,
}

/// What differs between Postgres and NATS.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// The working directory.
    pub(crate) home: Home,
    /// The user to run as, if not ourselves.
    pub(crate) account: Option<Account>,
    /// Variables beyond ours.
    pub(crate) environment: Vec<(String, OsString)>,
    /// The signal that asks for a quick, orderly end.
    pub(crate) stop_signal: &'static str,
    /// The command line for a port.
    pub(crate) command: Box<dyn Fn(u16) -> anyhow::Result<Vec<OsString>> + Send + Sync>,
    /// Whether this very server (by its port and pid), not another one on that port, answers.
    pub(crate) answers: Box<dyn Fn(u16, u32) -> bool + Send + Sync>,
}

impl Private {
    /// Starts the server on a free port and waits until it answers.
    pub(crate) fn launch(recipe: Recipe) -> anyhow::Result<Self> {
        let mut tries = 1;
        loop {
            let port = free_port()?;
            match recipe.start(port) {
                Ok(watchdog) => {
                    return Ok(Self { running: Mutex::new(Some(watchdog)), recipe, port });
                }
                Err(failure) if failure.may_pass && tries < PORT_TRIES => tries += 1,
                Err(failure) => return Err(failure.error),
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn home(&self) -> &Path {
        self.recipe.home.folder()
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        let mut running = self.running();
        let watchdog = running.as_mut()?;
        (!watchdog.has_ended()).then(|| watchdog.pid())
    }

    pub(crate) fn stop(&self) {
        drop(self.running().take());
    }

    pub(crate) fn kill(&self) -> anyhow::Result<()> {
        let watchdog = self.running().take();
        watchdog.context("the server does not run")?.kill()
    }

    pub(crate) fn restart(&self) -> anyhow::Result<()> {
        let mut running = self.running();
        drop(running.take());
        let deadline = Instant::now() + RESTART_LIMIT;
        loop {
            match self.recipe.start(self.port) {
                Ok(watchdog) => {
                    *running = Some(watchdog);
                    return Ok(());
                }
                Err(failure) if failure.may_pass && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(50));
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Watchdog>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a server did not start, and whether another try may help.
struct Failure {
    may_pass: bool,
    error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { may_pass: false, error }
    }
}

impl Recipe {
    /// Starts the server and polls until it answers, has ended, or takes too long.
    fn start(&self, port: u16) -> Result<Watchdog, Failure> {
        let log = self.log();
        let before = fs::metadata(&log).map_or(0, |file| file.len());
        let watched = Watched {
            command: &(self.command)(port)?,
            home: &self.home,
            log: &log,
            environment: &self.environment,
            stop_signal: self.stop_signal,
            account: self.account.as_ref(),
        };
        let mut watchdog = Watchdog::start(&watched)?;
        let deadline = Instant::now() + START_LIMIT;
        while !(self.answers)(port, watchdog.pid()) {
            let ended = watchdog.has_ended();
            if ended || Instant::now() > deadline {
                let said = tail(&log, before).unwrap_or_default();
                let what = if ended { "ended at once" } else { "did not answer in time" };
                return Err(Failure {
                    // A taken port, or a lock of the previous process that is just ending.
                    may_pass: ended && (said.contains("in use") || said.contains("already exists")),
                    error: anyhow!("{} {what}; it said:\n{said}", self.name),
                });
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(watchdog)
    }

    fn log(&self) -> PathBuf {
        self.home.folder().join("server.log")
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Recipe")
            .field("name", &self.name)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

/// What a log got after `from`, at most its last 2000 bytes.
fn tail(log: &Path, from: u64) -> anyhow::Result<String> {
    let mut file = fs::File::open(log)?;
    let from = from.max(file.metadata()?.len().saturating_sub(2000));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
