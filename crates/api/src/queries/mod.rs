//! Queries: on the read models, each one function that HTTP and NATS share; and what only the log
//! tells, asked over NATS of whoever has it.

pub mod chat_room;
pub mod chat_rooms;
pub mod client_profile;
pub mod history;
pub mod onboarding_request;
pub mod onboarding_requests;
pub mod parked_input;
pub mod parked_input_content;
pub mod parked_inputs;
pub mod reminders;
pub mod secondary_numbers;

use std::time::Duration;

use axum::http::StatusCode;
use domain::ids::CompanyId;
use readmodel::View;
use readmodel::queries::{Page, Paging};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Problem;
use crate::read::position;

/// How long a query waits for its views at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between the first two looks at the views; it doubles from look to look, up to the second.
const LOOK: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

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
    /// Answer only once the event at this position is applied.
    #[serde(default, deserialize_with = "position")]
    pub wait: Option<u64>,
}

/// Waits until the views have applied the event at a position: who was just told it, in the answer
/// to a command, then reads what the command led to.
///
/// # Errors
/// `not-yet-visible`, `unavailable`.
pub(crate) async fn reach(
    pool: &PgPool,
    views: &[View],
    position: Option<u64>,
) -> Result<(), Problem> {
    let Some(position) = position else { return Ok(()) };
    let deadline = Instant::now() + PATIENCE;
    let (mut pause, longest) = LOOK;
    loop {
        let all = readmodel::queries::checkpoints(pool).await?;
        if all.iter().all(|(view, at)| *at >= position || !views.contains(view)) {
            return Ok(());
        }
        if Instant::now() + pause > deadline {
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-yet-visible",
                "The read model is not that far yet",
                format!("wait: position {position} is not applied yet; ask again in a moment"),
            );
            return Err(problem.field("wait").retry_after(1));
        }
        sleep(pause).await;
        pause = (2 * pause).min(longest);
    }
}

pub(crate) fn paging(limit: Option<u32>, cursor: Option<String>) -> Paging {
    let default = Paging::default();
    Paging { limit: limit.unwrap_or(default.limit), cursor }
}
