//! `EVT`: every event at its position.
//!
//! **Invariant:** the stream's sequence of an event is its position. One relay writes, each message
//! with the expectation that the one before it is the last; a break is healed by reading back
//! [`EvtWriter::last_position`] and going on from the next.

mod reader;
mod writer;

pub use reader::{EvtReader, ReaderError};
pub use writer::{EvtWriter, WriteError};
