//! The user a Postgres runs as. It refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use nix::unistd::{User, geteuid};

/// An unprivileged user of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    name: String,
    user: u32,
    group: u32,
}

impl Account {
    /// `postgres` or else `nobody` when we are root; `None` when we are somebody else, who can run
    /// the server as is.
    pub(crate) fn unless_unprivileged() -> anyhow::Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            let user =
                User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
            if let Some(user) = user {
                return Ok(Some(Self {
                    name: user.name,
                    user: user.uid.as_raw(),
                    group: user.gid.as_raw(),
                }));
            }
        }
        anyhow::bail!("Postgres does not run as root, and there is no user postgres or nobody")
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Makes a command run as this user.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Gives a folder to this user.
    pub(crate) fn own(&self, folder: &Path) -> anyhow::Result<()> {
        chown(folder, Some(self.user), Some(self.group))
            .with_context(|| format!("cannot give {} to {}", folder.display(), self.name))
    }

    /// Whether the permissions of a path and of all folders above let this user pass (the execute
    /// bits). Access lists and mount options are not looked at.
    pub(crate) fn can_reach(&self, path: &Path) -> bool {
        let Ok(path) = fs::canonicalize(path) else {
            return false;
        };
        path.ancestors().all(|step| {
            fs::metadata(step).is_ok_and(|found| {
                let bit = if found.uid() == self.user {
                    0o100
                } else if found.gid() == self.group {
                    0o010
                } else {
                    0o001
                };
                found.mode() & bit != 0
            })
        })
    }
}
