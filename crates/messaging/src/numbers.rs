//! Whose number is whose: the bucket `onboarding-numbers`, from which a gateway without Postgres
//! knows the company of a `phone_number_id`. Secrets of apps are not in there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use domain::ids::{CompanyId, PhoneNumberId};
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::error::NatsError;

const BUCKET: &str = "onboarding-numbers";
/// The key that says that the bucket was filled once. Before that the map counts as empty: half a
/// map would make strangers of known numbers.
const FILLED: &str = "filled";
/// Reads on the way while the map is loaded.
const AT_A_TIME: usize = 64;
/// The whole map is read again this often, whatever the watch says: a bucket that was made anew
/// counts from 1 again, and async-nats' watch then waits in silence.
const RELOAD: Duration = Duration::from_secs(30);

/// What the gateway knows about a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberEntry {
    /// Whose number it is.
    pub company: CompanyId,
    /// Whatever else belongs there.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// The map from number to company.
pub type NumberMap = HashMap<PhoneNumberId, NumberEntry>;

/// What [`Numbers::put_all`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Numbers that were added or changed.
    pub written: usize,
    /// Numbers that were removed.
    pub deleted: usize,
}

/// The bucket.
#[derive(Debug, Clone)]
pub struct Numbers {
    js: Context,
    replicas: usize,
}

impl Numbers {
    /// Nothing is asked of the server yet. `replicas` counts if the bucket has to be made.
    pub fn new(client: &Client, replicas: usize) -> Self {
        Self { js: jetstream::new(client.clone()), replicas }
    }

    /// Makes the bucket if it is missing; empty, it counts as not filled yet.
    ///
    /// # Errors
    /// The server does not answer or refuses.
    pub async fn ensure(&self) -> Result<(), NatsError> {
        self.store().await.map(drop)
    }

    /// Makes the bucket hold exactly `map`: adds, changes, deletes.
    ///
    /// # Errors
    /// The server does not answer. Some of it may be done; doing it again does the rest.
    pub async fn put_all(&self, map: &NumberMap) -> Result<Reconciled, NatsError> {
        const WHAT: &str = "writing the map of numbers";
        let store = self.store().await?;
        let keys = keys(&store).await?;
        let there = entries(&store, &keys).await?;
        let mut done = Reconciled::default();
        for (number, entry) in map.iter().filter(|&(n, e)| there.get(n) != Some(e)) {
            let json = serde_json::to_vec(entry).map_err(|e| NatsError::lasting(WHAT, e))?;
            let put = store.put(number.as_str(), json.into()).await;
            put.map_err(|e| NatsError::passing(WHAT, e))?;
            done.written += 1;
        }
        for number in keys.iter().filter(|key| {
            let number: Option<PhoneNumberId> = key.parse().ok();
            *key != FILLED && number.is_none_or(|number| !map.contains_key(&number))
        }) {
            let deleted = store.delete(number).await;
            deleted.map_err(|e| NatsError::passing(WHAT, e))?;
            done.deleted += 1;
        }
        if !keys.iter().any(|key| key == FILLED) {
            let filled = store.put(FILLED, Bytes::new()).await;
            filled.map_err(|e| NatsError::passing(WHAT, e))?;
        }
        Ok(done)
    }

    /// Reads the map and keeps it up to date until the watch is dropped. While the server is away
    /// the last known map stays.
    ///
    /// # Errors
    /// The map can't be read now.
    pub async fn watch(&self) -> Result<NumbersWatch, NatsError> {
        let map = load(&self.store().await?).await?;
        let (sender, map) = watch::channel(Arc::new(map));
        let numbers = self.clone();
        let task = tokio::spawn(async move { numbers.follow(&sender).await });
        Ok(NumbersWatch { map, task })
    }

    async fn follow(&self, map: &watch::Sender<Arc<NumberMap>>) {
        loop {
            if let Err(error) = self.follow_once(map).await {
                tracing::warn!(%error, "the map of numbers may be out of date");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Until the watch is lost or a reload is due. Every change leads to reading the whole map: it
    /// is small and changes seldom.
    async fn follow_once(&self, map: &watch::Sender<Arc<NumberMap>>) -> Result<(), NatsError> {
        let store = self.store().await?;
        let watching = store.watch_all().await;
        let mut changes =
            watching.map_err(|e| NatsError::passing("watching the map of numbers", e))?;
        let reload = sleep(RELOAD);
        tokio::pin!(reload);
        loop {
            // After the watch has begun and its news are taken, so that no change falls between.
            publish(map, load(&store).await?);
            tokio::select! {
                () = &mut reload => return Ok(()),
                change = changes.next() => if !matches!(change, Some(Ok(_))) {
                    return Ok(());
                }
            }
            while let Some(Some(Ok(_))) = changes.next().now_or_never() {}
        }
    }

    async fn store(&self) -> Result<Store, NatsError> {
        if let Ok(store) = self.js.get_key_value(BUCKET).await {
            return Ok(store);
        }
        let config = kv::Config {
            bucket: BUCKET.into(),
            description: "phone_number_id -> company, for the gateway".into(),
            history: 1,
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..Default::default()
        };
        let made = self.js.create_key_value(config).await;
        made.map_err(|e| NatsError::passing("making the bucket of numbers", e))
    }
}

fn publish(map: &watch::Sender<Arc<NumberMap>>, latest: NumberMap) {
    map.send_if_modified(|current| {
        let changed = **current != latest;
        if changed {
            *current = Arc::new(latest);
        }
        changed
    });
}

async fn keys(store: &Store) -> Result<Vec<String>, NatsError> {
    const WHAT: &str = "listing the map of numbers";
    let keys = store.keys().await;
    let keys = keys.map_err(|e| NatsError::passing(WHAT, e))?;
    let all = keys.try_collect().await;
    all.map_err(|e| NatsError::passing(WHAT, e))
}

/// The map; empty until it was filled for the first time.
async fn load(store: &Store) -> Result<NumberMap, NatsError> {
    let keys = keys(store).await?;
    if keys.iter().any(|key| key == FILLED) {
        entries(store, &keys).await
    } else {
        Ok(NumberMap::new())
    }
}

/// What can't be read is left out: it was not written by us.
async fn entries(store: &Store, keys: &[String]) -> Result<NumberMap, NatsError> {
    let numbers: Vec<String> = keys.iter().filter(|key| *key != FILLED).cloned().collect();
    let read = futures::stream::iter(numbers)
        .map(|key| async move {
            let json = store.get(key.clone()).await;
            let json = json.map_err(|e| NatsError::passing("reading the map of numbers", e))?;
            // Deleted since.
            let Some(json) = json else { return Ok(None) };
            let read = key.parse().ok().zip(serde_json::from_slice(&json).ok());
            if read.is_none() {
                tracing::warn!("an entry of the map of numbers is not readable");
            }
            Ok::<_, NatsError>(read)
        })
        .buffer_unordered(AT_A_TIME);
    let entries: Vec<_> = read.try_collect().await?;
    Ok(entries.into_iter().flatten().collect())
}

/// The map from number to company, kept up to date.
pub struct NumbersWatch {
    map: watch::Receiver<Arc<NumberMap>>,
    task: JoinHandle<()>,
}

impl NumbersWatch {
    /// The map as it is known now.
    pub fn current(&self) -> Arc<NumberMap> {
        Arc::clone(&self.map.borrow())
    }

    /// Waits until the map differs from what this or [`current_seen`](Self::current_seen) saw last.
    pub async fn changed(&mut self) -> Arc<NumberMap> {
        // Its sender lives as long as the task, which lives as long as we do.
        let _ = self.map.changed().await;
        self.current_seen()
    }

    /// The map as it is known now; [`changed`](Self::changed) waits for a later one.
    pub fn current_seen(&mut self) -> Arc<NumberMap> {
        Arc::clone(&self.map.borrow_and_update())
    }
}

impl Drop for NumbersWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
