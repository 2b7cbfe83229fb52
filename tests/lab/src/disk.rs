//! Small disks of their own for the servers' files, which can be full.
//!
//! Each is a file system in memory (tmpfs). It is full when its size is set to what is used, which
//! takes root and nothing else; a file that fills it up would take memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::Context;
use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

/// As large as nobody needs it; memory is taken only for what is written.
const ROOMY: &str = "4g";
/// How often it is tried to make a disk as small as what is used, while more is written; each time so
/// many bytes are left free more than before.
const TRIES: u64 = 20;
const LEFT_FREE: u64 = 64 * 1024;

/// A disk. It ends with [`Self::end`].
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// An empty one, with room.
    pub(crate) fn mount(at: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(at).with_context(|| format!("cannot create {}", at.display()))?;
        let options = format!("size={ROOMY},mode=0755");
        run("mount", &["-t", "tmpfs", "-o", &options, "lab"], at)?;
        Ok(Self { at: at.to_owned() })
    }

    /// Where it is.
    pub(crate) fn at(&self) -> &Path {
        &self.at
    }

    /// Nothing more can be written.
    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        let mut tries = 0;
        loop {
            // A size of 0 is none: the disk would have no end, and could not be given one any more.
            let size = (self.used()? + tries * LEFT_FREE).max(1);
            let done = self.resize(&size.to_string());
            tries += 1;
            if done.is_ok() || tries == TRIES {
                return done;
            }
        }
    }

    /// There is room again.
    pub(crate) fn empty(&self) -> anyhow::Result<()> {
        self.resize(ROOMY)
    }

    fn resize(&self, size: &str) -> anyhow::Result<()> {
        run("mount", &["-o", &format!("remount,size={size}")], &self.at)
    }

    /// In bytes.
    fn used(&self) -> anyhow::Result<u64> {
        let found = statvfs(&self.at).context("asking how full a disk is")?;
        let [all, free] = [found.blocks() as u64, found.blocks_free() as u64];
        Ok((all - free) * found.fragment_size() as u64)
    }

    /// The disk is gone; with what was on it, unless that is kept in its place. The servers have ended.
    pub(crate) fn end(self, keep: bool) {
        let aside = self.at.with_extension("kept");
        let copy = || Command::new("cp").arg("-a").args([&self.at, &aside]).status();
        let copied = keep && copy().is_ok_and(|status| status.success());
        unmount(&self.at);
        if copied && std::fs::remove_dir(&self.at).is_ok() {
            // It stays aside if not.
            let _ = std::fs::rename(&aside, &self.at);
        }
    }
}

/// Ends a disk, if there is one, also while somebody still looks at it.
pub(crate) fn unmount(at: &Path) {
    let _ = run("umount", &["--lazy"], at);
}

/// Whether this process can have disks; what stands against it otherwise.
pub(crate) fn usable() -> Result<(), String> {
    static USABLE: OnceLock<Result<(), String>> = OnceLock::new();
    let try_one = || {
        if !geteuid().is_root() {
            return Err("only root may mount small disks".to_owned());
        }
        let at = std::env::temp_dir().join(format!("lab-disk-{}", std::process::id()));
        let mounted = Disk::mount(&at).and_then(|disk| {
            let done = disk.fill().and_then(|()| disk.empty());
            disk.end(false);
            done
        });
        let _ = std::fs::remove_dir(&at);
        mounted.map_err(|error| format!("small disks can't be mounted: {error:#}"))
    };
    USABLE.get_or_init(try_one).clone()
}

fn run(program: &str, arguments: &[&str], at: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).arg(at).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{program}: {}", said.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    #[ignore = "needs root and a mount that works"]
    fn a_full_disk_takes_nothing_until_there_is_room_again() {
        usable().unwrap();
        let at = std::env::temp_dir().join(format!("lab-full-disk-{}", std::process::id()));
        let disk = Disk::mount(&at).unwrap();
        std::fs::write(at.join("before"), [1_u8; 10_000]).unwrap();
        disk.fill().unwrap();
        let full = std::fs::write(at.join("more"), [1_u8; 100_000]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        disk.empty().unwrap();
        std::fs::write(at.join("more"), [1_u8; 100_000]).unwrap();
        disk.end(true);
        assert_eq!(std::fs::read(at.join("more")).unwrap().len(), 100_000);
        std::fs::remove_dir_all(&at).unwrap();
    }
}
