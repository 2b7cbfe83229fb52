//! cqrs-es on our store, and stock postgres-es reading our log.

use std::collections::HashMap;

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateContext, AggregateError, CqrsFramework, EventStore as _};
use domain::pool::{PoolCommand, PoolRejection, SecondaryNumberPool};
use domain::profile::ClientProfile;
use eventstore::CqrsStore;
use postgres_es::PostgresEventRepository;

use crate::support::*;

const POOL: &str = "acme_main";

fn synchronise(numbers: &[&str]) -> PoolCommand {
    PoolCommand::Synchronise {
        pool_id: POOL.parse().unwrap(),
        specs: numbers.iter().map(|n| number(n)).collect(),
        directory_version: 1,
    }
}

fn reserve(number: &str) -> PoolCommand {
    PoolCommand::ReserveNumber { number: number.parse().unwrap(), room_id: new_room() }
}

#[tokio::test]
async fn the_framework_runs_on_our_store() {
    let store = store().await;
    let acme = CqrsStore::<SecondaryNumberPool>::new(store.clone(), company("acme"));
    let cqrs = CqrsFramework::new(acme.clone(), vec![], ());
    let metadata = HashMap::from([("who".to_owned(), "somebody".to_owned())]);

    cqrs.execute_with_metadata(POOL, synchronise(&["200", "201"]), metadata.clone()).await.unwrap();
    cqrs.execute(POOL, reserve("200")).await.unwrap();
    cqrs.execute(POOL, synchronise(&["200", "201"])).await.unwrap(); // already so: no events
    let refused = cqrs.execute(POOL, reserve("999")).await.unwrap_err();

    assert!(matches!(refused, AggregateError::UserError(PoolRejection::NoSuchNumber(_))));
    let events = acme.load_events(POOL).await.unwrap();
    assert_eq!(events.iter().map(|e| e.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((&events[0].metadata, events[3].metadata.len()), (&metadata, 0));
    let pool = store.load::<SecondaryNumberPool>(&POOL.parse().unwrap()).await.unwrap();
    assert_eq!(pool.version, 4);
    assert_eq!(pool.state.numbers().map(|n| n.load).collect::<Vec<_>>(), [1, 0]);
    assert!(matches!(
        cqrs.execute("not a pool", synchronise(&[])).await,
        Err(AggregateError::UnexpectedError(_))
    ));
}

#[tokio::test]
async fn two_commands_on_one_version_conflict() {
    let store = CqrsStore::<SecondaryNumberPool>::new(store().await, company("acme"));
    let first = store.load_aggregate(POOL).await.unwrap();
    let second = store.load_aggregate(POOL).await.unwrap();
    store.commit(vec![pool_created()], first, HashMap::new()).await.unwrap();
    let conflict = store.commit(vec![pool_created()], second, HashMap::new()).await.unwrap_err();
    assert!(matches!(conflict, AggregateError::AggregateConflict));
}

#[tokio::test]
async fn a_snapshot_does_not_apply_events_twice() {
    let store = store().await;
    let acme = CqrsStore::<SecondaryNumberPool>::new(store.clone(), company("acme"));
    let cqrs = CqrsFramework::new(acme.clone(), vec![], ());
    cqrs.execute(POOL, synchronise(&["200"])).await.unwrap();
    cqrs.execute(POOL, reserve("200")).await.unwrap();
    let id = POOL.parse().unwrap();
    let loaded = store.load::<SecondaryNumberPool>(&id).await.unwrap();
    store.save_snapshot(&id, &loaded).await.unwrap();

    cqrs.execute(POOL, reserve("200")).await.unwrap();

    let mut context = acme.load_aggregate(POOL).await.unwrap();
    assert_eq!(context.aggregate().numbers().map(|n| n.load).collect::<Vec<_>>(), [2]);
    let replayed = store.load_at::<SecondaryNumberPool>(&id, 4).await.unwrap();
    assert_eq!(*context.aggregate(), replayed.state);
}

#[tokio::test]
async fn stock_postgres_es_reads_our_log() {
    let store = store().await;
    let (profile, client, room) = (new_profile(), new_client(), new_room());
    let events = vec![
        created(profile, client, &[phone("+447700900123")]),
        reserved(room, client, "michael", "200"),
        invited(room),
        activated(room),
    ];
    appended(&store, item().profile(profile, 0, events)).await;
    let ours = store.load::<ClientProfile>(&profile).await.unwrap();

    let repository = PostgresEventRepository::new(store.pool().clone());
    let stock = PersistedEventStore::<_, ClientProfile>::new_event_store(repository);
    let mut theirs = stock.load_aggregate(&profile.to_string()).await.unwrap();

    assert_eq!(*theirs.aggregate(), ours.state);
    assert_eq!(theirs.current_sequence as u64, ours.version);
}
