//! The shell that ends a server when its owner lets go or dies.
//!
//! It runs in a process group of its own: a Ctrl-C at the terminal reaches the owner only, and the
//! server ends after it rather than beside it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::account::Account;
use crate::home::Home;

/// How long a server may take to stop when asked, in tenths of a second.
const PATIENCE: &str = "50";

/// A running server below its watchdog. Dropping it stops the server and waits for its end.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    server: i32,
}

/// What a watchdog needs to know.
pub(crate) struct Watched<'a> {
    pub(crate) command: &'a [OsString],
    pub(crate) home: &'a Home,
    pub(crate) log: &'a Path,
    pub(crate) environment: &'a [(String, OsString)],
    pub(crate) stop_signal: &'a str,
    pub(crate) account: Option<&'a Account>,
}

impl Watchdog {
    /// Starts the server. Whether it comes up is for the caller to see.
    pub(crate) fn start(watched: &Watched<'_>) -> anyhow::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .args([watched.stop_signal, PATIENCE])
            .arg(watched.log)
            .args(watched.command)
            .envs(watched.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(watched.home.folder())
            .stdin(Stdio::piped())
            .stdout(watched.home.hold()?)
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(account) = watched.account {
            account.run(&mut shell);
        }
        let mut shell = shell.spawn().context("cannot start a server's watchdog")?;
        let mut line = String::new();
        let stderr = shell.stderr.take().context("a watchdog without stderr")?;
        BufReader::new(stderr).read_line(&mut line).context("cannot read a watchdog's report")?;
        let Ok(server) = line.trim().parse() else {
            shell.wait()?;
            anyhow::bail!("cannot start a server: {}", line.trim());
        };
        Ok(Self { shell, server })
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.unsigned_abs()
    }

    /// Whether the server has ended, however that came.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    /// Kills the server without asking.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.has_ended(), "the server has already ended");
        kill(Pid::from_raw(self.server), Signal::SIGKILL).context("cannot kill the server")?;
        self.shell.wait().context("cannot await the server's end")?;
        Ok(())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Ends within PATIENCE: the watchdog kills what does not stop.
        let _ = self.shell.wait();
    }
}
