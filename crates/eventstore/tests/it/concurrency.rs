//! Many writers: positions have no holes and become visible in order; one writer wins a version.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventstore::{AppendVerdict, EventStore, Loss};
use rand::Rng;
use sqlx::Connection;

use crate::support::*;

const WRITERS: u64 = 16;
const APPENDS: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_are_contiguous_and_in_commit_order() {
    let store = EventStore::new(database(WRITERS as u32 + 4).await);
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(watch(store.clone(), Arc::clone(&done)));
    let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(store.clone(), n))).collect();
    let mut committed = 0;
    for writer in writers {
        committed += writer.await.unwrap();
    }
    done.store(true, Ordering::Release);
    let seen = reader.await.unwrap();

    assert_eq!(store.last_position().await.unwrap(), committed);
    assert_eq!(seen, committed);
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

/// Appends one or two events at a time after random delays; a third of it is rolled back. Gives
/// how many events were committed.
async fn write(store: EventStore, writer: u64) -> u64 {
    let mut committed = 0;
    for n in 0..APPENDS {
        let delay = rand::rng().random_range(0..3_000);
        tokio::time::sleep(Duration::from_micros(delay)).await;
        let profile = new_profile();
        let mut events = vec![created(profile, new_client(), &[])];
        events.extend(n.is_multiple_of(2).then(|| assigned("michael")));
        let count = events.len() as u64;
        if (n + writer).is_multiple_of(3) {
            roll_back(&store, profile).await;
        } else {
            appended(&store, item().of("acme").profile(profile, 0, events)).await;
            committed += count;
        }
    }
    committed
}

/// Calls the function as the store does, holds the lock for a while and rolls back.
async fn roll_back(store: &EventStore, profile: domain::ids::ProfileId) {
    let items = serde_json::json!([{
        "company": "acme",
        "input_id": profile,
        "at": at(0),
        "correlation_id": profile,
        "metadata": "{}",
        "streams": [{"kind": "client-profile", "id": profile, "expected": 0}],
        "events": [{
            "kind": "client-profile", "id": profile, "sequence": 1, "event_id": profile,
            "type": "user-assigned", "version": "1", "payload": "{}",
        }],
        "facts": {},
    }]);
    let mut connection = store.pool().acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let verdict: serde_json::Value = sqlx::query_scalar("SELECT append_events($1)")
        .bind(items)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(verdict["verdict"], "appended");
    let delay = rand::rng().random_range(0..1_000);
    tokio::time::sleep(Duration::from_micros(delay)).await;
    transaction.rollback().await.unwrap();
}

/// Reads as the relay does: whatever is visible must continue what was seen, without a hole.
async fn watch(store: EventStore, done: Arc<AtomicBool>) -> u64 {
    let mut seen = 0;
    loop {
        let last_round = done.load(Ordering::Acquire);
        for event in store.events_after(seen, 10_000).await.unwrap() {
            assert_eq!(event.position, seen + 1, "a position appeared before the one below it");
            seen = event.position;
        }
        if last_round {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_writer_wins_each_version() {
    let store = EventStore::new(database(WRITERS as u32 + 2).await);
    let profile = new_profile();
    let first = vec![created(profile, new_client(), &[])];
    appended(&store, item().profile(profile, 0, first)).await;

    for version in 1..=10 {
        let attempts = (0..WRITERS).map(|writer| {
            let store = store.clone();
            let event = assigned(&format!("user-{writer}"));
            // Each writer is a lane of its own.
            let item = item().of(&format!("lane-{writer}")).profile(profile, version, vec![event]);
            tokio::spawn(async move { store.append(&[item]).await.unwrap().remove(0) })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                AppendVerdict::Appended(_) => won += 1,
                AppendVerdict::Lost(Loss::VersionConflict { expected, found, .. }) => {
                    assert_eq!((expected, found), (version, version + 1));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_inputs_for_one_room_one_opens_it() {
    let store = EventStore::new(database(WRITERS as u32 + 2).await);
    let client = new_client();
    let attempts = (0..WRITERS).map(|_| {
        let (store, profile) = (store.clone(), new_profile());
        let events =
            vec![created(profile, client, &[]), reserved(new_room(), client, "michael", "200")];
        tokio::spawn(
            async move { store.append(&[item().profile(profile, 0, events)]).await.unwrap() },
        )
    });
    let mut opened = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap().remove(0) {
            AppendVerdict::Appended(_) => opened += 1,
            AppendVerdict::Lost(Loss::RoomOpen { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(opened, 1);
}
