//! The read side: views built from the log's events, and the queries on them.
//!
//! A caller reads [`domain::record::RecordedEvent`]s in the order of their positions, from
//! wherever it likes, and hands them to one [`Projector`] per view, which writes rows and
//! checkpoint in one transaction. [`queries`] reads the rows. [`rebuild()`] makes a view anew
//! from the log beside the one that readers see; [`verify()`] tells whether the rows are what
//! the log says. [`SendQueue`] is the one projection with a life of its own: what the sender
//! has still to send.
//!
//! **Architecture invariant:** nothing here reads the event store or NATS, and nothing here
//! decides anything: a view can be thrown away and made again. (The send queue is no view.)
//!
//! Personal data stands in columns whose comment says so, and in no error and no log line.

mod aside;
mod error;
mod projection;
mod projector;
pub mod queries;
mod rebuild;
mod rows;
mod send_queue;
mod verify;
mod view;

pub use aside::{BoxError, LogError, ReplayError};
pub use error::{DatabaseError, ProjectError};
pub use projector::{Applied, Projector};
pub use rebuild::rebuild;
pub use send_queue::{Claimed, Pace, Paces, Resting, SendQueue, Withdrawn};
pub use verify::{Difference, DifferenceKind, Verdict, verify};
pub use view::{UnknownView, View};
