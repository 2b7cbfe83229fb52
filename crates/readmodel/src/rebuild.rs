//! Making a view anew from the log, while readers go on with the old one.

use std::future::Future;

use domain::record::RecordedEvent;
use sqlx::PgPool;

use crate::aside::{Aside, BY_HASH, BoxError, ReplayError, THE_END};
use crate::view::View;

/// Builds the view anew from position 1 and puts it in the place of the old one, at once for
/// all readers. Gives the position that it then stands at, never one before the old one's.
///
/// `source` gives the events after a position, as many as it likes, in order; an empty batch
/// is the end of the log. `progress` is told the position after each batch.
///
/// Projectors may go on meanwhile; while the rows are replaced they wait, readers do not. Of
/// the rows only those that differ are written. The temporary tables take as much disk as
/// the view.
///
/// # Errors
/// See [`ReplayError`]; the old view is then untouched.
pub async fn rebuild<F, Fut, E>(
    pool: &PgPool,
    view: View,
    mut source: F,
    mut progress: impl FnMut(u64) + Send,
) -> Result<u64, ReplayError>
where
    F: FnMut(u64) -> Fut + Send,
    Fut: Future<Output = Result<Vec<RecordedEvent>, E>> + Send,
    E: Into<BoxError>,
{
    let mut aside = Aside::start(pool, &[view]).await?;
    aside.fold(&mut source, &[THE_END], &mut progress).await?;
    aside.run("beginning to replace", "BEGIN").await?;
    let checkpoint = aside.checkpoints(true).await?;
    // What the projector has applied since; it waits from here on.
    aside.fold(&mut source, &checkpoint, &mut progress).await?;
    let copy = &mut aside.copies[0];
    copy.expect_at(checkpoint[0])?;
    let (last, statements) = (copy.last, replacement(view, copy.last, &aside.live));
    // A table that was just emptied looks small, and while it is filled a nested loop would read
    // again, for each row, all rows that it has got so far.
    aside.run("choosing a plan", BY_HASH).await?;
    for statement in statements {
        aside.run("replacing the rows", &statement).await?;
    }
    aside.run("committing", "COMMIT").await?;
    Ok(last)
}

fn replacement(view: View, last: u64, live: &str) -> Vec<String> {
    let tables = view.tables().iter().map(|table| {
        let (name, key) = (table.name, table.key);
        format!(
            "ANALYZE pg_temp.{name};
             DELETE FROM {live}.{name} old WHERE NOT EXISTS (
                 SELECT FROM pg_temp.{name} new
                 WHERE new.{key} = old.{key} AND new IS NOT DISTINCT FROM old);
             INSERT INTO {live}.{name} SELECT * FROM pg_temp.{name} new WHERE NOT EXISTS (
                 SELECT FROM {live}.{name} old WHERE old.{key} = new.{key})"
        )
    });
    let checkpoint = format!(
        "INSERT INTO {live}.rm_checkpoints (view, position) VALUES ('{view}', {last})
         ON CONFLICT (view) DO UPDATE SET position = excluded.position"
    );
    tables.chain([checkpoint]).collect()
}
