//! Reading the log, and what protects it.

use domain::input::Timestamp;
use eventstore::{EventStore, GENESIS, LoggedEvent, digest_of};
use sqlx::Row;
use uuid::Uuid;

use crate::support::*;

async fn three_appends() -> (EventStore, Vec<Uuid>) {
    let store = store().await;
    let mut correlations = vec![];
    for _ in 0..3 {
        let profile = new_profile();
        let mut item =
            item().profile(profile, 0, vec![created(profile, new_client(), &[]), assigned("a")]);
        item.traceparent = (correlations.len() == 1)
            .then(|| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
        correlations.push(item.correlation_id);
        appended(&store, item).await;
    }
    (store, correlations)
}

#[tokio::test]
async fn the_log_is_read_by_position_time_and_correlation() {
    let (store, correlations) = three_appends().await;
    let all = store.events_after(0, 100).await.unwrap();
    assert_eq!(all.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(store.events_after(2, 3).await.unwrap(), all[2..5]);
    assert_eq!(store.events_by_correlation(correlations[1]).await.unwrap(), all[2..4]);

    let (second, third) = (all[2].recorded_at, all[4].recorded_at);
    assert!(all[0].recorded_at < second && second < third);
    assert_eq!(store.events_between(second, third, 0, 100).await.unwrap(), all[2..4]);
    assert_eq!(store.events_between(second, third, 3, 100).await.unwrap(), all[3..4]);
    assert_eq!(store.first_position_at(Timestamp::UNIX_EPOCH).await.unwrap(), 1);
    assert_eq!(store.first_position_at(second).await.unwrap(), 3);
    let later = third + std::time::Duration::from_micros(1);
    assert_eq!(store.first_position_at(later).await.unwrap(), 7);
    assert_eq!(store.last_position().await.unwrap(), 6);
}

#[tokio::test]
async fn an_empty_log_reads_as_one() {
    let store = store().await;
    assert_eq!(store.last_position().await.unwrap(), 0);
    assert_eq!(store.first_position_at(at(0)).await.unwrap(), 1);
    assert!(store.events_after(0, 10).await.unwrap().is_empty());
    assert!(store.append(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_chain_of_digests_is_the_same_in_rust() {
    let (store, _) = three_appends().await;
    let rows = sqlx::query("SELECT metadata::text, digest FROM events ORDER BY position")
        .fetch_all(store.pool())
        .await
        .unwrap();
    let mut previous = GENESIS.to_vec();
    for (recorded, row) in store.events_after(0, 100).await.unwrap().into_iter().zip(rows) {
        let logged = LoggedEvent { recorded, metadata: row.get(0), digest: row.get(1) };
        assert_eq!(digest_of(&previous, &logged)[..], logged.digest);
        previous = logged.digest;
    }
    let head: Vec<u8> =
        sqlx::query_scalar("SELECT digest FROM log_head").fetch_one(store.pool()).await.unwrap();
    assert_eq!(head, previous);
}

#[tokio::test]
async fn events_are_never_changed() {
    let (store, _) = three_appends().await;
    for change in [
        "UPDATE events SET company = 'other'",
        "UPDATE events SET company = 'other' WHERE false",
        "DELETE FROM events",
        "TRUNCATE events",
    ] {
        let refusal = sqlx::raw_sql(change).execute(store.pool()).await.unwrap_err();
        assert!(refusal.to_string().contains("events are never changed"), "{change}: {refusal}");
    }
}
