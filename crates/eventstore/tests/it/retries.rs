//! Parked inputs are put back, in a real Postgres.

use domain::ids::OperationId;
use domain::{Personal, Reason};
use eventstore::{
    DropRequest, Dropping, EventStore, ListedInput, NewParkedInput, ParkedFilter, RetryRequest,
};
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

/// What operators of a company are shown as parked.
async fn listed(store: &EventStore, of: &str) -> Vec<ListedInput> {
    let filter = ParkedFilter {
        company: Some(company(of)),
        dropped: Some(false),
        ..ParkedFilter::default()
    };
    store.parked_list(&filter, 10).await.unwrap()
}

/// An operator of a company drops an input.
async fn dropped(store: &EventStore, of: &str, id: u64, reason: &str) -> DropRequest {
    let actor = Personal::new("Olga".to_owned());
    let reason = Personal::new(reason.parse::<Reason>().unwrap());
    let operation_id = Some(OperationId::from_uuid(Uuid::now_v7()));
    let dropping = Dropping { operation_id, actor: &actor, reason: &reason, at: at(8) };
    store.drop_parked(Some(&company(of)), id, &dropping).await.unwrap()
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
    let shown = listed(&store, "acme").await;
    assert_eq!((shown[0].id, shown[0].tries, shown[0].retry_requested_at), (id, 0, Some(at(5))));

    let first = store.next_to_put_back().await.unwrap().unwrap();
    assert_eq!((first.id(), first.subject.as_str()), (id, "wa.in.v1.acme.100"));
    assert_eq!((first.payload.as_slice(), first.traceparent.as_deref()), (&b"{}"[..], Some(TRACE)));
    assert!(store.next_to_put_back().await.unwrap().is_none(), "somebody has it");
    first.done(at(6)).await.unwrap();
    assert!(store.next_to_put_back().await.unwrap().is_none());
    assert!(listed(&store, "acme").await.is_empty());
    assert_eq!(asked(&store, "acme", id).await, RetryRequest::Requested, "it was");
    assert!(store.next_to_put_back().await.unwrap().is_none(), "and is not again");
}

#[tokio::test]
async fn what_is_of_nobody_is_a_companys_to_retry_once_it_is_known_whose_it_is() {
    let store = store().await;
    let of_nobody = |sequence, code| NewParkedInput { company: None, ..input(sequence, code) };
    let id = parked(&store, of_nobody(1, "unknown-number")).await;
    let later = parked(&store, of_nobody(2, "unknown-number")).await;
    parked(&store, of_nobody(3, "bad-item")).await;
    parked(&store, input(4, "unknown-number")).await;
    let ids = async |after, limit| {
        let found = store.parked_of_nobody("unknown-number", after, limit).await.unwrap();
        found.into_iter().map(|parked| parked.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0, 10).await, [id, later]);
    assert_eq!((ids(0, 1).await, ids(id, 10).await), (vec![id], vec![later]));
    assert_eq!(asked(&store, "other", id).await, RetryRequest::NoSuchInput);

    store.parked_is_of(id, &company("other")).await.unwrap();
    store.parked_is_of(id, &company("acme")).await.unwrap();
    assert_eq!(ids(0, 10).await, [later]);
    assert_eq!(listed(&store, "other").await.len(), 1, "the first that it was given to");
    assert_eq!(asked(&store, "other", id).await, RetryRequest::Requested);
    let next = store.next_to_put_back().await.unwrap().unwrap();
    assert_eq!((next.id(), next.company.as_ref()), (id, Some(&company("other"))));
    assert_eq!(next.code, "unknown-number");
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
    assert_eq!(listed(&store, "acme").await.len(), 1);
    again.give_up("it is too large", at(7)).await.unwrap();
    assert!(store.next_to_put_back().await.unwrap().is_none());
    let shown = listed(&store, "acme").await;
    assert_eq!((shown[0].id, shown[0].retry_requested_at), (id, None), "it stays parked");
    let failed = shown[0].retry_failed.as_ref().unwrap();
    assert_eq!((failed.at, failed.problem.as_str()), (at(7), "it is too large"));
    let history = store.parked_history(&shown[0]).await.unwrap();
    let steps: Vec<_> = history.iter().map(|it| (it.step.as_str(), it.at)).collect();
    assert_eq!(steps, [("retry-failed", at(7))]);
    assert_eq!(history[0].actor.expose(), "Olga", "whose wish it was");
    assert_eq!(asked(&store, "acme", id).await, RetryRequest::Requested, "it may be asked again");
    assert_eq!(store.next_to_put_back().await.unwrap().unwrap().id(), id);
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
    let shown = listed(&store, "acme").await;
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
    assert!(listed(&store, "other").await.is_empty());

    let of =
        |before| ParkedFilter { company: Some(company("acme")), before, ..ParkedFilter::default() };
    let page = store.parked_list(&of(None), 1).await.unwrap();
    assert_eq!(page.iter().map(|it| it.id).collect::<Vec<_>>(), [part]);
    let next = store.parked_list(&of(Some(part)), 1).await.unwrap();
    assert_eq!(next.iter().map(|it| it.id).collect::<Vec<_>>(), [of_acme]);
    let coded = ParkedFilter { code: Some("unknown-number".to_owned()), ..of(None) };
    let coded = store.parked_list(&coded, 10).await.unwrap();
    assert_eq!(coded.iter().map(|it| it.id).collect::<Vec<_>>(), [of_acme]);
}

#[tokio::test]
async fn what_is_dropped_leaves_who_did_it_and_why_for_good() {
    let store = store().await;
    let id = parked(&store, input(1, "unknown-number")).await;
    assert_eq!(dropped(&store, "other", id, "not ours").await, DropRequest::NoSuchInput);
    assert_eq!(dropped(&store, "acme", 4711, "nothing").await, DropRequest::NoSuchInput);
    assert_eq!(dropped(&store, "acme", id, "a test").await, DropRequest::Dropped);
    assert_eq!(dropped(&store, "acme", id, "again").await, DropRequest::DroppedBefore);
    assert_eq!(dropped(&store, "other", id, "again").await, DropRequest::NoSuchInput);
    assert!(listed(&store, "acme").await.is_empty());
    assert!(store.parked_input(id).await.unwrap().is_none(), "its bytes are gone");

    let filter = ParkedFilter { dropped: Some(true), ..ParkedFilter::default() };
    let all = store.parked_list(&filter, 10).await.unwrap();
    assert_eq!(all.len(), 1);
    let one = &all[0];
    assert_eq!((one.id, one.code.as_str(), one.bytes), (id, "unknown-number", 2));
    assert_eq!(one.traceparent.as_deref(), Some(TRACE));
    let by = one.dropped.as_ref().unwrap();
    assert_eq!((by.at, by.actor.expose().as_str()), (at(8), "Olga"));
    assert_eq!(by.reason.expose(), "a test", "the first reason stays");
    for refused in [
        "DELETE FROM parked_outcomes",
        "UPDATE parked_outcomes SET why = 'x'",
        "TRUNCATE parked_outcomes",
    ] {
        assert!(sqlx::query(refused).execute(store.pool()).await.is_err(), "{refused}");
    }
}

#[tokio::test]
async fn what_somebody_wants_put_back_is_not_dropped() {
    let store = store().await;
    let id = parked(&store, input(1, "unknown-number")).await;
    asked(&store, "acme", id).await;
    assert_eq!(dropped(&store, "acme", id, "a test").await, DropRequest::RetryUnderWay);
    let putting = store.next_to_put_back().await.unwrap().unwrap();
    assert_eq!(dropped(&store, "acme", id, "a test").await, DropRequest::RetryUnderWay);
    putting.done(at(9)).await.unwrap();
    assert_eq!(dropped(&store, "acme", id, "a test").await, DropRequest::NoSuchInput);
    let nothing = ParkedFilter { id: Some(id), ..ParkedFilter::default() };
    assert!(store.parked_list(&nothing, 1).await.unwrap().is_empty(), "it is decided");
}
