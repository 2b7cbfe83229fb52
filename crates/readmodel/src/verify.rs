//! Whether a view's rows are what the log says.

use std::future::Future;

use domain::record::RecordedEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::aside::{Aside, BY_HASH, BoxError, LogError, ReplayError, database};
use crate::view::View;

/// A row that is not what the log says. Its key only: the rest may be personal data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row's primary key.
    pub key: String,
    /// What is wrong with it.
    pub kind: DifferenceKind,
}

/// How a row differs from what the log says.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The log has it, the view has not.
    Missing,
    /// The view has it, the log has not.
    Unfounded,
    /// Both have it, with other values.
    Changed,
}

/// What is wrong with one view; nothing, if it is exactly what the log says.
pub type Verdict = Result<Vec<Difference>, LogError>;

/// Folds the log from position 1 up to the views' checkpoints and compares.
///
/// `source` is as in [`crate::rebuild()`], and read once for all of the views. Projectors and
/// readers go on meanwhile: rows and checkpoints are compared as one snapshot saw them. Nothing
/// is changed. The temporary tables take as much disk as the views.
///
/// # Errors
/// See [`ReplayError`]; what is wrong with the log is a view's verdict.
pub async fn verify<F, Fut, E>(
    pool: &PgPool,
    views: &[View],
    mut source: F,
) -> Result<Vec<(View, Verdict)>, ReplayError>
where
    F: FnMut(u64) -> Fut + Send,
    Fut: Future<Output = Result<Vec<RecordedEvent>, E>> + Send,
    E: Into<BoxError>,
{
    let mut aside = Aside::start(pool, views).await?;
    let checkpoints = aside.checkpoints(false).await?;
    aside.fold(&mut source, &checkpoints, |_| {}).await?;
    // What the projectors have applied since, so that the long part needs no snapshot.
    aside.run("taking a snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let checkpoints = aside.checkpoints(false).await?;
    aside.fold(&mut source, &checkpoints, |_| {}).await?;
    aside.run("choosing a plan", BY_HASH).await?;
    let mut verdicts = vec![];
    for (index, checkpoint) in checkpoints.into_iter().enumerate() {
        let copy = &mut aside.copies[index];
        let view = copy.view;
        verdicts.push(match copy.expect_at(checkpoint) {
            Ok(()) => (view, Ok(compare(&mut aside, view).await?)),
            Err(of_the_log) => (view, Err(of_the_log)),
        });
    }
    Ok(verdicts)
}

async fn compare(aside: &mut Aside, view: View) -> Result<Vec<Difference>, ReplayError> {
    let mut differences = vec![];
    for table in view.tables() {
        let (name, key) = (table.name, table.key);
        aside.run("comparing the rows", &format!("ANALYZE pg_temp.{name}")).await?;
        let compare = format!(
            "SELECT coalesce(told.{key}, found.{key})::text, found.{key} IS NULL, told.{key} IS NULL
             FROM pg_temp.{name} told FULL JOIN {live}.{name} found ON told.{key} = found.{key}
             WHERE told IS DISTINCT FROM found
             ORDER BY 1",
            live = aside.live,
        );
        let rows: Vec<(String, bool, bool)> = sqlx::query_as(&compare)
            .fetch_all(&mut aside.connection)
            .await
            .map_err(|e| database("comparing the rows", e))?;
        differences.extend(rows.into_iter().map(|(key, missing, unfounded)| Difference {
            table: name.to_owned(),
            key,
            kind: match (missing, unfounded) {
                (true, _) => DifferenceKind::Missing,
                (false, true) => DifferenceKind::Unfounded,
                (false, false) => DifferenceKind::Changed,
            },
        }));
    }
    Ok(differences)
}
