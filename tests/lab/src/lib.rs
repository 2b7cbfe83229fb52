//! The fault laboratory: two copies of the service on private servers, a load of signed webhooks
//! whose contents are known, a schedule of faults drawn from a seed, and a checker.
//!
//! [`run()`] does all of it; `cargo lab` is its command line. What is broken on purpose is in
//! [`fault`], when is in [`schedule`], what must hold afterwards in [`check`]. `docs/RELIABILITY.md`
//! tells it for people.
//!
//! The checker knows only what was sent, what the fake Cloud API received, and the stores. Nothing
//! in the service knows of the lab: processes are killed and stopped from outside, connections are
//! cut and stalled by a [`proxy`] in between, and the [`clock`] that it is started with follows a file.

pub mod bug;
pub mod check;
pub mod clock;
mod disk;
pub mod drain;
mod evt_folder;
pub mod fault;
mod inflict;
mod leftovers;
pub mod load;
mod nats;
pub mod node;
pub mod options;
mod plan;
pub mod proxy;
pub mod report;
mod run;
pub mod schedule;
mod site;
mod telling;

pub use plan::{Mix, Plan};
pub use run::{run, run_by};
