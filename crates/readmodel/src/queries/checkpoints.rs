//! How far the views are.

use sqlx::PgPool;

use super::{QueryError, failed};
use crate::view::View;

/// The position that each view has reached; 0 for one that has not begun.
///
/// # Errors
/// If the database fails.
pub async fn checkpoints(pool: &PgPool) -> Result<Vec<(View, u64)>, QueryError> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT view, position FROM rm_checkpoints")
        .fetch_all(pool)
        .await
        .map_err(failed("checkpoints"))?;
    let position = |view: View| {
        let row = rows.iter().find(|(name, _)| name == view.as_str());
        row.map_or(0, |(_, position)| position.unsigned_abs())
    };
    Ok(View::ALL.into_iter().map(|view| (view, position(view))).collect())
}

/// How many events each view is behind the end of the log.
///
/// # Errors
/// If the database fails.
pub async fn checkpoint_lag(pool: &PgPool, log_end: u64) -> Result<Vec<(View, u64)>, QueryError> {
    let mut views = checkpoints(pool).await?;
    for (_, position) in &mut views {
        *position = log_end.saturating_sub(*position);
    }
    Ok(views)
}
