//! What the tests of this crate share.
#![allow(dead_code, reason = "not every test file uses all of it")]

use std::path::Path;
use std::time::{Duration, Instant};

use devservers::{Options, Server};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

/// A folder in cargo's target folder, where Postgres's user can reach it.
pub(crate) fn scratch() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("devservers-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap()
}

/// A quick private server in a subfolder of `folder`, whatever the environment says.
pub(crate) fn options(folder: &Path) -> Options {
    Options { durable: false, ignore_env: true, ..Options::new(folder.join("data")) }
}

pub(crate) fn no_progress(_: &str) {}

pub(crate) fn is_alive(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None).is_ok()
}

/// Polls until something holds; panics after a generous time.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn pid(server: &Server) -> u32 {
    server.pid().expect("the server runs")
}
