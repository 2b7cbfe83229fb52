//! The folder of one server, and its removal.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

/// How long a drop waits for the removal, which then goes on without us. A session of a killed
/// Postgres ends only after its current query.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);

/// The folder of one server. Dropping it waits until all processes that hold it are gone and it is
/// removed, unless it shall be kept.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    janitor: Option<Janitor>,
}

impl Home {
    /// Makes sure that the folder exists, and that it is going to be removed unless `keep`.
    pub(crate) fn create(folder: PathBuf, keep: bool) -> anyhow::Result<Self> {
        // First: nothing is left even if we are killed between the two.
        let janitor = if keep { None } else { Some(Janitor::start(&folder)?) };
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder, janitor })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// An output for a process that uses the folder: nothing is removed before its end.
    pub(crate) fn hold(&self) -> anyhow::Result<Stdio> {
        self.janitor.as_ref().map_or_else(|| Ok(Stdio::null()), Janitor::hold)
    }
}

/// Removes a server's folder when nobody uses it any more. Dropping it waits for that.
#[derive(Debug)]
struct Janitor {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Janitor {
    /// Will remove the folder, and the one above if nothing else is in it.
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let above = folder.parent().context("a folder without a parent")?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", include_str!("janitor.sh"), "janitor"])
            .args([folder, above])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start a janitor")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    fn hold(&self) -> anyhow::Result<Stdio> {
        let pipe = self.pipe.as_ref().context("a janitor without a pipe")?;
        let held: OwnedFd = pipe.as_fd().try_clone_to_owned().context("cannot share a pipe")?;
        Ok(held.into())
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let deadline = Instant::now() + REMOVAL_LIMIT;
        while matches!(self.shell.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}
