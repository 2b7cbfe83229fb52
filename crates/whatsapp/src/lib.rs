//! WhatsApp's Cloud API as this system sees it: what it posts to us and what we
//! ask of it, translated into the domain's words.
//!
//! Everything here is stateless. There is deliberately no retrying, no pacing
//! and no de-duplication: the sender and the engine do those, because they can
//! remember. Nothing here logs, and no error or `Debug` text of this crate
//! holds a phone number, an id of a client or of a message, a name or a text.
#![forbid(unsafe_code)]

pub mod client;
pub mod errors;
pub mod fake;
pub mod post;
pub mod signature;
pub mod webhook;

mod http;
