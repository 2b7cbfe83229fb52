//! One server for all tests of a process.

use std::env;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use crate::nats::nats;
use crate::options::Options;
use crate::port::random;
use crate::postgres::postgres;
use crate::server::Server;

// Statics are never dropped: the watchdogs end the servers when the process ends.
static POSTGRES: OnceCell<Server> = OnceCell::const_new();
static NATS: OnceCell<Server> = OnceCell::const_new();

/// The Postgres of this test process, started by the first caller; each test creates a database of
/// its own there. Not durable, which is faster; `DATABASE_URL` is used if set.
///
/// # Errors
/// As [`postgres`]; the next caller tries again.
pub async fn shared_postgres() -> anyhow::Result<&'static Server> {
    POSTGRES.get_or_try_init(|| async { postgres(&options(), &|_| {}).await }).await
}

/// The NATS of this test process, started by the first caller; each test uses a prefix of its own
/// there. Not durable, which is faster; `NATS_URL` is used if set.
///
/// # Errors
/// As [`nats`]; the next caller tries again.
pub async fn shared_nats() -> anyhow::Result<&'static Server> {
    NATS.get_or_try_init(|| async { nats(&options(), &|_| {}).await }).await
}

fn options() -> Options {
    let unique = format!("devservers-{}-{:016x}", std::process::id(), random());
    Options { durable: false, ..Options::new(build_folder().join(unique)) }
}

/// `tmp` in cargo's target folder, above the running test binary; cargo marks that folder with a
/// `CACHEDIR.TAG`. The system's temporary folder otherwise.
fn build_folder() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists())
        .map_or_else(env::temp_dir, |target: &Path| target.join("tmp"))
}
