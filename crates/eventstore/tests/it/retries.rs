//! Parked inputs are put back, in a real Postgres.

use domain::Personal;
use domain::ids::OperationId;
use eventstore::{EventStore, NewParkedInput, RetryRequest};
use uuid::Uuid;

use crate::support::*;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn input(sequence: u64, code: &str) -> NewParkedInput {
    NewParkedInput {
        inbox_sequence: sequence,
        company: Some(company("acme")),
        subject: "wa.in.v1.acme.100".to_owned(),
        code: code.to_owned(),
        reason: "it is so".to_owned(),
        payload: b"{}".to_vec(),
        parked_at: at(0),
        traceparent: Some(TRACE.to_owned()),
    }
}

/// Parks an input, and tells its number.
async fn parked(store: &EventStore, input: NewParkedInput) -> u64 {
    store.park(&input).await.unwrap();
    store.parked(1).await.unwrap()[0].id
}

async fn asked(store: &EventStore, of: &str, id: u64) -> RetryRequest {
    let operation = OperationId::from_uuid(Uuid::now_v7());
    let olga = Personal::new("Olga".to_owned());
    store.request_retry(&company(of), id, operation, &olga, at(5)).await.unwrap()
}

#[tokio::test]
async fn what_is_asked_for_twice_is_put_back_once_as_it_came() {
    let store = store().await;
    let id = parked(&store, input(1, "unknown-number")).await;
    assert!(store.next_to_put_back().await.unwrap().is_none(), "nobody asked");
    assert_eq!(asked(&store, "acme", id).await, RetryRequest::Requested);
    assert_eq!(asked(&store, "acme", id).await, RetryRequest::Requested);
    let shown = store.parked_of(&company("acme"), None, 10).await.unwrap();
    assert_eq!((shown[0].id, shown[0].tries, shown[0].retry_requested_at), (id, 0, Some(at(5))));

    let first = store.next_to_put_back().await.unwrap().unwrap();
    assert_eq!((first.id(), first.subject.as_str()), (id, "wa.in.v1.acme.100"));
    assert_eq!((first.payload.as_slice(), first.traceparent.as_deref()), (&b"{}"[..], Some(TRACE)));
    assert!(store.next_to_put_back().await.unwrap().is_none(), "somebody has it");
    first.done(at(6)).await.unwrap();
    assert!(store.next_to_put_back().await.unwrap().is_none());
    assert!(store.parked_of(&company("acme"), None, 10).await.unwrap().is_empty());
    assert_eq!(asked(&store, "acme", id).await, RetryRequest::Requested, "it was");
    assert!(store.next_to_put_back().await.unwrap().is_none(), "and is not again");
}

#[tokio::test]
async fn whoever_dies_while_putting_back_loses_nothing() {
    let store = store().await;
    let id = parked(&store, input(1, "unknown-number")).await;
    asked(&store, "acme", id).await;
    drop(store.next_to_put_back().await.unwrap().unwrap());
    // Once Postgres has heard of it.
    let again = loop {
        if let Some(again) = store.next_to_put_back().await.unwrap() {
            break again;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(again.id(), id);
    assert_eq!(store.parked_of(&company("acme"), None, 10).await.unwrap().len(), 1);
    again.give_up().await.unwrap();
    assert!(store.next_to_put_back().await.unwrap().is_none());
    let shown = store.parked_of(&company("acme"), None, 10).await.unwrap();
    assert_eq!((shown[0].id, shown[0].retry_requested_at), (id, None), "it stays parked");
}

#[tokio::test]
async fn an_input_that_is_parked_again_tells_how_often_it_was_put_back() {
    let store = store().await;
    let first = parked(&store, input(1, "unknown-number")).await;
    asked(&store, "acme", first).await;
    store.next_to_put_back().await.unwrap().unwrap().done(at(6)).await.unwrap();
    let second = parked(&store, input(2, "unknown-number")).await;
    let olga = Personal::new("Olga".to_owned());
    store.put_back_by_hand(second, &olga, at(7)).await.unwrap();
    let third = parked(&store, input(3, "unknown-number")).await;
    let shown = store.parked_of(&company("acme"), None, 10).await.unwrap();
    assert_eq!(shown.iter().map(|it| (it.id, it.tries)).collect::<Vec<_>>(), [(third, 2)]);
}

#[tokio::test]
async fn each_company_has_its_own_and_parts_are_not_put_back() {
    let store = store().await;
    let of_acme = parked(&store, input(1, "unknown-number")).await;
    let part = parked(&store, input(2, "too-large")).await;
    assert_eq!(asked(&store, "other", of_acme).await, RetryRequest::NoSuchInput);
    assert_eq!(asked(&store, "acme", 4711).await, RetryRequest::NoSuchInput);
    assert_eq!(asked(&store, "acme", part).await, RetryRequest::NotRetriable);
    assert!(store.next_to_put_back().await.unwrap().is_none());
    assert!(store.parked_of(&company("other"), None, 10).await.unwrap().is_empty());

    let page = store.parked_of(&company("acme"), None, 1).await.unwrap();
    assert_eq!(page.iter().map(|it| it.id).collect::<Vec<_>>(), [part]);
    let next = store.parked_of(&company("acme"), Some(part), 1).await.unwrap();
    assert_eq!(next.iter().map(|it| it.id).collect::<Vec<_>>(), [of_acme]);
}
