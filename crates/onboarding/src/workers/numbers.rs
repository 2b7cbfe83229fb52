//! Keeps the gateway's map of numbers as the directory has them.

use std::collections::HashMap;
use std::time::Duration;

use directory::DirectoryStore;
use messaging::Client;
use messaging::numbers::{NumberEntry, NumberMap, Numbers};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pause;

/// How often the directory is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How often the bucket is compared although the directory says the same: it may have been lost.
const AGAIN: Duration = Duration::from_secs(30);

/// Copies the directory's numbers into the KV bucket until `cancel`.
pub async fn run(
    directory: DirectoryStore,
    client: Client,
    replicas: usize,
    cancel: CancellationToken,
) {
    let numbers = Numbers::new(&client, replicas);
    let mut written: Option<(NumberMap, Instant)> = None;
    let is_fresh = |written: &Option<(NumberMap, Instant)>, map: &NumberMap| {
        written.as_ref().is_some_and(|(known, at)| known == map && at.elapsed() < AGAIN)
    };
    loop {
        match read(&directory).await {
            Ok(map) if !is_fresh(&written, &map) => match numbers.put_all(&map).await {
                Ok(_) => written = Some((map, Instant::now())),
                Err(error) => {
                    tracing::warn!(%error, "the map of numbers is not written; trying again")
                }
            },
            Ok(_) => {}
            Err(problem) => tracing::warn!(problem, "the directory can't be read; trying again"),
        }
        if !pause(&cancel, EVERY).await {
            return;
        }
    }
}

async fn read(directory: &DirectoryStore) -> Result<NumberMap, String> {
    let rows = directory.numbers().await.map_err(|error| error.to_string())?;
    let entry = |company, app: domain::ids::AppId| {
        let mut more = serde_json::Map::new();
        more.insert("app".into(), app.to_string().into());
        NumberEntry { company, more }
    };
    let map: HashMap<_, _> =
        rows.into_iter().map(|(number, company, app)| (number, entry(company, app))).collect();
    Ok(map)
}
