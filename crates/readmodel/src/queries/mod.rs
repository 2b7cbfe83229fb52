//! What dashboards and operators ask. Every answer is one company's; lists come newest first,
//! in pages; a page's cursor finds its place again whatever has been added meanwhile.

mod chat_rooms;
mod checkpoints;
mod cursor;
mod onboarding_requests;
mod outbound_messages;
mod page;
mod reminders;

pub use crate::projection::MessageState;
pub use chat_rooms::{ChatRoom, ChatRoomFilter, chat_room, chat_rooms};
pub use checkpoints::{checkpoint_lag, checkpoints};
pub use onboarding_requests::{
    OnboardingRequest, OnboardingRequestDetail, OnboardingRequestFilter, RequestStatus,
    onboarding_request, onboarding_requests,
};
pub use outbound_messages::{OutboundMessageRow, outbound_messages};
pub use page::{MAX_LIMIT, Page, Paging};
pub use reminders::{Reminder, ReminderFilter, reminders};

use crate::error::DatabaseError;

/// Why a query is not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The cursor is not one that this list gave out. The caller's mistake.
    #[error("the cursor is not one that this list gave out; start again without a cursor")]
    BadCursor,
    /// The page is to be empty or too long. The caller's mistake.
    #[error("the limit {0} is not between 1 and {MAX_LIMIT}")]
    BadLimit(u32),
    /// The database failed.
    #[error("querying {what} failed")]
    Database {
        /// What was asked for.
        what: &'static str,
        /// The cause.
        source: DatabaseError,
    },
}

impl QueryError {
    /// Whether the same call may succeed later by itself.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::BadCursor | Self::BadLimit(_) => false,
            Self::Database { source, .. } => source.is_transient(),
        }
    }
}

/// Names what a failed query was for.
fn failed(what: &'static str) -> impl FnOnce(sqlx::Error) -> QueryError {
    move |source| QueryError::Database { what, source: source.into() }
}
