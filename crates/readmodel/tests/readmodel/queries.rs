//! What dashboards ask: filters, pages, cursors.

use std::collections::BTreeSet;

use domain::profile::RoomPhase;
use domain::request::Outcome;
use readmodel::queries::{
    self, ChatRoomFilter, OnboardingRequestFilter, Page, Paging, QueryError, ReminderFilter,
    RequestStatus,
};
use readmodel::{Projector, View};
use sqlx::PgPool;

use crate::database::database;
use crate::log::*;

fn company() -> domain::ids::CompanyId {
    COMPANY.parse().unwrap()
}

async fn apply(pool: &PgPool, log: &Log) {
    for view in View::ALL {
        Projector::new(pool.clone(), view).apply(&log.events).await.unwrap();
    }
}

/// Rooms 1 to `rooms`, active but for the first (closed) and the second (reserved, its
/// request under way).
async fn given(rooms: u128) -> (PgPool, Log) {
    let (pool, mut log) = (database().await, Log::default());
    log.request(2, requested(2));
    log.profile(2, reserved(2));
    for n in (1..=rooms).filter(|n| *n != 2) {
        onboarding(&mut log, n);
    }
    log.profile(1, closed(1));
    apply(&pool, &log).await;
    (pool, log)
}

async fn rooms(pool: &PgPool, filter: ChatRoomFilter) -> Vec<domain::ids::RoomId> {
    let page = queries::chat_rooms(pool, &filter, &Paging::default()).await.unwrap();
    page.items.iter().map(|room| room.room_id).collect()
}

#[tokio::test]
async fn rooms_are_filtered() {
    let (pool, _) = given(4).await;
    let all = ChatRoomFilter::of(company());
    let of = |ns: &[u128]| ns.iter().map(|n| room_id(*n)).collect::<Vec<_>>();
    assert_eq!(rooms(&pool, all.clone()).await, of(&[4, 3, 2, 1]), "newest first");
    let phase = |phase| ChatRoomFilter { phase: Some(phase), ..all.clone() };
    assert_eq!(rooms(&pool, phase(RoomPhase::Active)).await, of(&[4, 3]));
    assert_eq!(rooms(&pool, phase(RoomPhase::Closed)).await, of(&[1]));
    let user = |user: &str| ChatRoomFilter { user: Some(user.parse().unwrap()), ..all.clone() };
    assert_eq!(rooms(&pool, user("michael")).await.len(), 4);
    assert_eq!(rooms(&pool, user("anna")).await, of(&[]));
    let client = ChatRoomFilter { client: Some(client_id(3)), ..all.clone() };
    assert_eq!(rooms(&pool, client).await, of(&[3]));
    let number = |n: &str| ChatRoomFilter { number: Some(n.parse().unwrap()), ..all.clone() };
    assert_eq!(rooms(&pool, number("200")).await.len(), 4);
    assert_eq!(rooms(&pool, number("201")).await, of(&[]));
    let span = ChatRoomFilter { from: Some(at(2)), to: Some(at(4)), ..all };
    assert_eq!(rooms(&pool, span).await, of(&[3, 2]));
}

#[tokio::test]
async fn prospects_are_listed_without_those_that_were_promoted() {
    let (pool, mut log) = (database().await, Log::default());
    for n in 1..=3 {
        prospect(&mut log, n);
    }
    log.request(4, requested(4));
    log.request(4, promoting(4, 2, 0));
    apply(&pool, &log).await;
    let find = async |outcome, promoted| {
        let filter = OnboardingRequestFilter::of(company());
        let filter = OnboardingRequestFilter { outcome, promoted, ..filter };
        let page = queries::onboarding_requests(&pool, &filter, &Paging::default()).await.unwrap();
        page.items.iter().map(|r| r.request_id).collect::<Vec<_>>()
    };
    let of = |ns: &[u128]| ns.iter().map(|n| request_id(*n)).collect::<Vec<_>>();
    let prospects = Some(Outcome::ProspectRecorded);
    assert_eq!(find(prospects, None).await, of(&[3, 2, 1]));
    for outcome in [prospects, None] {
        assert_eq!(find(outcome, Some(false)).await, of(&[3, 1]));
        assert_eq!(find(outcome, Some(true)).await, of(&[2]));
    }
    assert_eq!(find(Some(Outcome::Onboarded), Some(false)).await, of(&[]));
}

#[tokio::test]
async fn requests_are_filtered() {
    let (pool, _) = given(4).await;
    let all = OnboardingRequestFilter::of(company());
    let find = async |filter: OnboardingRequestFilter| {
        let page = queries::onboarding_requests(&pool, &filter, &Paging::default()).await.unwrap();
        page.items.iter().map(|r| r.request_id).collect::<Vec<_>>()
    };
    let of = |ns: &[u128]| ns.iter().map(|n| request_id(*n)).collect::<Vec<_>>();
    assert_eq!(find(all.clone()).await, of(&[4, 3, 2, 1]));
    let status = |status| OnboardingRequestFilter { status: Some(status), ..all.clone() };
    assert_eq!(find(status(RequestStatus::UnderWay)).await, of(&[2]));
    assert_eq!(find(status(RequestStatus::Ended)).await, of(&[4, 3, 1]));
    let outcome = |outcome| OnboardingRequestFilter { outcome: Some(outcome), ..all.clone() };
    assert_eq!(find(outcome(Outcome::Onboarded)).await, of(&[4, 3, 1]));
    assert_eq!(find(outcome(Outcome::Reminded)).await, of(&[]));
    let user = OnboardingRequestFilter { user: Some("michael".parse().unwrap()), ..all.clone() };
    assert_eq!(find(user).await, of(&[4, 3, 1]));
    let client = OnboardingRequestFilter { client: Some(client_id(3)), ..all.clone() };
    assert_eq!(find(client).await, of(&[3]));
    let span = OnboardingRequestFilter { from: Some(at(2)), to: Some(at(4)), ..all };
    assert_eq!(find(span).await, of(&[3, 2]));
}

#[tokio::test]
async fn reminders_are_filtered() {
    let (pool, mut log) = given(3).await;
    log.profile(3, reminded(3, 700, 100, false));
    apply(&pool, &log).await;
    let all = ReminderFilter::of(company());
    let find = async |filter: ReminderFilter| {
        let page = queries::reminders(&pool, &filter, &Paging::default()).await.unwrap();
        page.items.iter().map(|r| r.request_id).collect::<BTreeSet<_>>()
    };
    let of = |ns: &[u128]| ns.iter().map(|n| request_id(*n)).collect::<BTreeSet<_>>();
    assert_eq!(find(all.clone()).await, of(&[501, 503, 700]));
    let suppressed = |s| ReminderFilter { suppressed: Some(s), ..all.clone() };
    assert_eq!(find(suppressed(true)).await, of(&[700]));
    assert_eq!(find(suppressed(false)).await, of(&[501, 503]));
    let room = ReminderFilter { room: Some(room_id(1)), ..all.clone() };
    assert_eq!(find(room).await, of(&[501]));
    let client = ReminderFilter { client: Some(client_id(3)), ..all.clone() };
    assert_eq!(find(client).await, of(&[503, 700]));
    let user = ReminderFilter { user: Some("anna".parse().unwrap()), ..all.clone() };
    assert_eq!(find(user).await, of(&[]));
    let later = ReminderFilter { from: Some(at(61)), ..all };
    assert_eq!(find(later).await, of(&[700]));
}

#[tokio::test]
async fn walking_the_pages_gives_every_row_once_while_more_are_added() {
    let (pool, mut log) = given(25).await;
    let filter = OnboardingRequestFilter::of(company());
    let mut paging = Paging { limit: 7, cursor: None };
    let mut seen = vec![];
    let mut added = 100;
    loop {
        let page: Page<_> = queries::onboarding_requests(&pool, &filter, &paging).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.request_id));
        let Some(next) = page.next else { break };
        paging.cursor = Some(next);
        // Newer ones, and one at the very time at which a page may end.
        log.request(added, requested(added));
        apply(&pool, &log).await;
        added += 1;
    }
    let expected: Vec<_> = (1..=25).rev().map(request_id).collect();
    assert_eq!(seen, expected);
    let newest = queries::onboarding_requests(&pool, &filter, &Paging::default()).await.unwrap();
    assert_eq!(newest.items.len(), 28);
    assert_eq!(newest.next, None);
}

#[tokio::test]
async fn rows_of_the_same_moment_are_told_apart() {
    let (pool, mut log) = (database().await, Log::default());
    log.profile(1, reserved(1));
    for by in 1..=5 {
        log.profile(1, reminded(1, by, 9, true));
    }
    apply(&pool, &log).await;
    let filter = ReminderFilter::of(company());
    let mut paging = Paging { limit: 2, cursor: None };
    let mut seen = BTreeSet::new();
    while let page = queries::reminders(&pool, &filter, &paging).await.unwrap()
        && page.items.into_iter().all(|row| seen.insert(row.reminder_id))
        && page.next.is_some()
    {
        paging.cursor = page.next;
    }
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_broken_cursor_and_a_limit_out_of_range_are_refused() {
    let (pool, _) = given(4).await;
    let filter = ChatRoomFilter::of(company());
    for limit in [0, 201] {
        let page = queries::chat_rooms(&pool, &filter, &Paging { limit, cursor: None }).await;
        assert!(matches!(page, Err(QueryError::BadLimit(l)) if l == limit));
    }
    let first = queries::chat_rooms(&pool, &filter, &Paging { limit: 1, cursor: None }).await;
    let cursor = first.unwrap().next;
    let paging = Paging { limit: 1, cursor };
    assert_eq!(queries::chat_rooms(&pool, &filter, &paging).await.unwrap().items.len(), 1);
    let of_another = queries::reminders(&pool, &ReminderFilter::of(company()), &paging).await;
    assert!(matches!(of_another, Err(QueryError::BadCursor)));
    let broken = Paging { limit: 1, cursor: Some("no cursor".to_owned()) };
    let page = queries::chat_rooms(&pool, &filter, &broken).await;
    assert!(matches!(page, Err(QueryError::BadCursor)));
}

#[tokio::test]
async fn times_are_rfc_3339_and_names_are_snake_case() {
    let (pool, _) = given(1).await;
    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    let json = serde_json::to_value(&room).unwrap();
    assert_eq!(json["reserved_at"], "2026-05-01T12:00:01Z");
    assert_eq!(json["close_reason"], "invitation_lost");
    assert_eq!(serde_json::from_value::<queries::ChatRoom>(json).unwrap(), room);
    assert!(serde_json::to_string(&schemars::schema_for!(Page<queries::ChatRoom>)).is_ok());
}
