//! Loading: snapshots, several at once, and events that cannot be read.

use domain::pool::{PoolEvent, SecondaryNumberPool};
use domain::profile::{ClientProfile, Profile};
use domain::request::OnboardingRequest;
use eventstore::{EventStore, StoreError, StoredAggregate};

use crate::support::*;

async fn with_a_profile(events: usize) -> (EventStore, domain::ids::ProfileId) {
    let (store, profile) = (store().await, new_profile());
    let mut history = vec![created(profile, new_client(), &[phone("+447700900123")])];
    history.extend((1..events).map(|n| assigned(&format!("user-{n}"))));
    appended(&store, item().profile(profile, 0, history)).await;
    (store, profile)
}

#[tokio::test]
async fn a_snapshot_spares_the_replay_and_changes_nothing() {
    let (store, profile) = with_a_profile(5).await;
    let full = store.load::<ClientProfile>(&profile).await.unwrap();
    assert_eq!((full.version, full.replayed), (5, 5));

    store.save_snapshot(&profile, &full).await.unwrap();
    appended(&store, item().profile(profile, 5, vec![assigned("late")])).await;

    let loaded = store.load::<ClientProfile>(&profile).await.unwrap();
    assert_eq!((loaded.version, loaded.replayed), (6, 1));
    let replayed = store.load_at::<ClientProfile>(&profile, 6).await.unwrap();
    assert_eq!(loaded.state, replayed.state);
    // An older one does not take a newer one's place.
    store.save_snapshot(&profile, &loaded).await.unwrap();
    store.save_snapshot(&profile, &full).await.unwrap();
    assert_eq!(store.load::<ClientProfile>(&profile).await.unwrap().replayed, 0);
}

#[tokio::test]
async fn a_snapshot_of_another_shape_is_ignored_and_overwritten() {
    let (store, profile) = with_a_profile(5).await;
    let full = store.load::<ClientProfile>(&profile).await.unwrap();
    store.save_snapshot(&profile, &full).await.unwrap();
    for damage in ["payload = '{\"x\": 1}'", "fingerprint = 'old', sequence = 99"] {
        let change = format!("UPDATE snapshots SET {damage}");
        sqlx::raw_sql(&change).execute(store.pool()).await.unwrap();
        assert_eq!(store.load::<ClientProfile>(&profile).await.unwrap(), full, "{damage}");
    }

    let loaded = store.load::<ClientProfile>(&profile).await.unwrap();
    store.save_snapshot(&profile, &loaded).await.unwrap();
    assert_eq!(store.load::<ClientProfile>(&profile).await.unwrap().replayed, 0);
}

/// Whoever changes the shape of a state sees this fail: count `STATE_VERSION` up in
/// `aggregates.rs`, then bring the shape here up to date.
#[test]
fn the_shape_of_states_is_the_one_that_fingerprints_tell() {
    let (profile, client, room) = (new_profile(), new_client(), new_room());
    let mut state = ClientProfile::default();
    state.evolve(&created(profile, client, &[]));
    state.evolve(&reserved(room, client, "michael", "200"));
    let Some(Profile { rooms, .. }) = state.present() else { panic!("no profile") };
    let room = serde_json::to_value(&rooms[&room]).unwrap();
    let keys = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let profile = &serde_json::to_value(&state).unwrap()["Present"];
    assert_eq!(ClientProfile::fingerprint(), "client-profile/4");
    assert_eq!(
        keys(profile),
        "archived blocked client_id company external_company identifiers language profile_id rooms \
         users"
    );
    assert_eq!(
        keys(&room),
        "clashes_with client_id client_wrote_at deadline number phase pool_id quarantine_until reminded_at \
         request_id reserved_at user_id user_info_at"
    );

    let mut state = OnboardingRequest::default();
    state.evolve(&requested(new_request(), client, &[]));
    let request = &serde_json::to_value(&state).unwrap()["Present"];
    assert_eq!(OnboardingRequest::fingerprint(), "onboarding-request/1");
    assert_eq!(
        keys(request),
        "client_id company decided message messages outcome progress request_id"
    );

    let mut state = SecondaryNumberPool::default();
    state.evolve(&pool_created());
    state.evolve(&PoolEvent::NumberAdded { spec: number("200"), directory_version: 1 });
    let pool = &serde_json::to_value(&state).unwrap()["Present"];
    assert_eq!(SecondaryNumberPool::fingerprint(), "secondary-number-pool/1");
    assert_eq!(
        (keys(pool), keys(&pool["numbers"]["200"])),
        ("numbers pool_id".to_owned(), "load spec status".to_owned())
    );
}

#[tokio::test]
async fn several_are_loaded_at_once_in_the_order_asked_for() {
    let (store, first) = with_a_profile(3).await;
    let (second, nobody) = (new_profile(), new_profile());
    let events = vec![created(second, new_client(), &[])];
    appended(&store, item().profile(second, 0, events)).await;
    let snapshot = store.load::<ClientProfile>(&first).await.unwrap();
    store.save_snapshot(&first, &snapshot).await.unwrap();

    let ids = [second, nobody, first, second];
    let loaded = store.load_many::<ClientProfile>(&ids).await.unwrap();

    assert_eq!(loaded.iter().map(|l| l.version).collect::<Vec<_>>(), [1, 0, 3, 1]);
    assert_eq!(loaded[2].state, snapshot.state);
    assert_eq!(loaded[1].state, ClientProfile::Absent);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_an_error_and_not_skipped() {
    for change in [
        "event_type = 'from-the-future'",
        "event_version = '99'",
        "payload = '{\"type\": \"user-assigned\"}'",
    ] {
        let (store, profile) = with_a_profile(2).await;
        tamper(&store, &format!("UPDATE events SET {change} WHERE position = 2")).await;
        let error = store.load::<ClientProfile>(&profile).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreadable(_)), "{change}: {error}");
        assert!(!error.is_transient());
        assert_eq!(store.load_at::<ClientProfile>(&profile, 1).await.unwrap().version, 1);
    }
}

#[tokio::test]
async fn a_version_that_never_was_is_refused() {
    let (store, profile) = with_a_profile(2).await;
    let error = store.load_at::<ClientProfile>(&profile, 3).await.unwrap_err();
    assert!(matches!(error, StoreError::Misuse { .. }), "{error}");
}

#[tokio::test]
async fn a_hole_in_a_stream_is_found_while_loading() {
    let (store, profile) = with_a_profile(3).await;
    tamper(&store, "DELETE FROM events WHERE position = 2").await;
    let error = store.load::<ClientProfile>(&profile).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_lost_connection_is_worth_another_try() {
    let (store, profile) = with_a_profile(1).await;
    store.pool().close().await;
    let error = store.load::<ClientProfile>(&profile).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}
