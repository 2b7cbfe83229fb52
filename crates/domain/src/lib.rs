//! The rules of onboarding a client over WhatsApp: three aggregates and the
//! flow across them.
//!
//! **Architecture invariant:** everything here is pure. Time, ids, looked-up
//! facts and the random draw arrive in commands and facts; there is no clock,
//! no generator, no I/O and no logging, and clippy refuses them
//! (`clippy.toml`). That is what lets an auditor run a decision again.
//!
//! Start reading at [`flow`], the table of what happens when; then the three
//! aggregates [`request`], [`profile`] and [`pool`], which have the same files:
//! state and `evolve`, `command`, `event`, `decide`, `tests`.

mod aggregate;
mod any_event;
pub mod company;
pub mod consent;
mod extension;
pub mod flow;
pub mod identity;
pub mod ids;
pub mod input;
mod language;
pub mod outbound;
mod personal;
pub mod pool;
pub mod profile;
mod reason;
pub mod record;
pub mod request;
#[cfg(test)]
mod testing;
pub mod texts;

pub use aggregate::AggregateType;
pub use any_event::{AnyEvent, Told, UnreadableEvent, upcasters};
pub use extension::{Extension, InvalidExtension};
pub use language::{InvalidLanguage, Language};
pub use personal::Personal;
pub use reason::{InvalidReason, Reason};
