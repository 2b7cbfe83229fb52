//! Queries on the read models: each is one function that HTTP and NATS share.

pub mod chat_room;
pub mod chat_rooms;
pub mod history;
pub mod onboarding_request;
pub mod onboarding_requests;
pub mod reminders;

use domain::ids::CompanyId;
use readmodel::queries::{Page, Paging};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A part of a list, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Items<T: ToSchema> {
    /// The rows.
    pub items: Vec<T>,
    /// What to pass as `cursor` for the next part; null at the end.
    pub next_cursor: Option<String>,
}

impl<T: ToSchema> Items<T> {
    pub(crate) fn of<Row: Into<T>>(page: Page<Row>) -> Self {
        Self { items: page.items.into_iter().map(Into::into).collect(), next_cursor: page.next }
    }
}

/// One thing of a company.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneQuery {
    /// Whose.
    pub company: CompanyId,
    /// Which one.
    pub id: Uuid,
}

pub(crate) fn paging(limit: Option<u32>, cursor: Option<String>) -> Paging {
    let default = Paging::default();
    Paging { limit: limit.unwrap_or(default.limit), cursor }
}
