//! Given events, when applied, then rows; each event once, none left out.

use domain::profile::RoomPhase;
use domain::request::Outcome;
use readmodel::queries::{
    self, ChatRoomFilter, MessageState, Paging, ReminderFilter, checkpoint_lag,
};
use readmodel::{Applied, ProjectError, Projector, View};
use sqlx::PgPool;

use crate::database::{database, rows};
use crate::log::*;

fn company() -> domain::ids::CompanyId {
    COMPANY.parse().unwrap()
}

async fn apply_everywhere(pool: &PgPool, log: &Log) {
    for view in View::ALL {
        let applied = Projector::new(pool.clone(), view).apply(&log.events).await.unwrap();
        assert_eq!(applied, Applied { last: log.end(), skipped: 0 }, "{view}");
    }
}

/// Applied one by one, and all at once: the rows must be the same.
async fn one_by_one_and_at_once(log: &Log) -> PgPool {
    let (single, batch) = (database().await, database().await);
    for view in View::ALL {
        let projector = Projector::new(single.clone(), view);
        for event in &log.events {
            projector.apply(std::slice::from_ref(event)).await.unwrap();
        }
    }
    apply_everywhere(&batch, log).await;
    for table in TABLES {
        assert_eq!(rows(&single, table).await, rows(&batch, table).await, "{table}");
    }
    batch
}

const TABLES: [&str; 6] = [
    "rm_chat_rooms",
    "rm_reminders",
    "rm_reminder_rooms",
    "rm_onboarding_requests",
    "rm_outbound_messages",
    "rm_checkpoints",
];

#[tokio::test]
async fn an_onboarding_is_seen_in_every_view() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let pool = one_by_one_and_at_once(&log).await;

    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    assert_eq!((room.phase, room.joined, room.position), (RoomPhase::Active, 1, 16));
    assert_eq!((room.profile_id, room.client_id), (profile_id(1), client_id(1)));
    assert_eq!((room.reserved_at, room.invited_at), (at(1), Some(at(41))));
    assert_eq!((room.activated_at, room.client_wrote_at), (Some(at(42)), Some(at(70))));
    assert_eq!(room.last_reminded_at, Some(at(60)));

    let request = queries::onboarding_request(&pool, &company(), request_id(1)).await.unwrap();
    let request = request.unwrap();
    assert_eq!(request.message_text.unwrap().expose(), "#michael\u{FFFD}");
    assert_eq!(request.request.outcome, Some(Outcome::Onboarded));
    assert_eq!(request.request.decision.as_deref(), Some("open_room"));
    assert_eq!(request.request.user_id.unwrap().as_str(), "michael");
    assert_eq!((request.request.messages, request.request.directory_version), (2, Some(3)));
    let states: Vec<_> = request.outbound.iter().map(|m| (m.message_id, m.state)).collect();
    assert_eq!(
        states,
        [(message_id(1, 0), MessageState::Delivered), (message_id(1, 1), MessageState::Accepted)]
    );
    assert_eq!(request.outbound[0].content, message(1, 0).content);
    assert_eq!(request.outbound[0].attempts, 1);

    let filter = ReminderFilter::of(company());
    let reminders = queries::reminders(&pool, &filter, &Paging::default()).await.unwrap().items;
    assert_eq!(reminders.len(), 1);
    assert_eq!((reminders[0].room_id, reminders[0].client_id), (room_id(1), client_id(1)));
    assert_eq!((reminders[0].request_id, reminders[0].suppressed), (request_id(501), false));
}

#[tokio::test]
async fn a_refused_invitation_is_seen_as_failed_and_its_room_as_closed() {
    let mut log = Log::default();
    log.request(1, requested(1));
    log.request(1, message_requested(1, 0));
    log.profile(1, reserved(1));
    log.request(1, failed(1, 0));
    log.profile(1, closed(1));
    let pool = one_by_one_and_at_once(&log).await;
    let message = &queries::outbound_messages(&pool, &company(), request_id(1)).await.unwrap()[0];
    assert_eq!((message.state, message.error_code), (MessageState::Failed, Some(131_026)));
    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    assert_eq!((room.phase, room.quarantine_until), (RoomPhase::Closed, Some(at(900))));
    assert_eq!(room.invited_at, None);
}

#[tokio::test]
async fn a_prospect_tells_which_request_its_promotion_made() {
    let mut log = Log::default();
    for n in [1, 2] {
        prospect(&mut log, n);
    }
    for n in [3, 4] {
        log.request(n, requested(n));
        log.request(n, promoting(n, 1, 0));
    }
    let last = log.end();
    // Another number is tried, which is no other promotion.
    log.request(3, promoting(3, 1, 1));
    let pool = one_by_one_and_at_once(&log).await;
    let shown = async |n| {
        let request = queries::onboarding_request(&pool, &company(), request_id(n)).await;
        request.unwrap().unwrap().request
    };
    let promoted = shown(1).await;
    assert_eq!((promoted.promoted_by, promoted.position), (Some(request_id(4)), last));
    assert_eq!(promoted.outcome, Some(Outcome::ProspectRecorded), "it has ended as it did");
    for n in [2, 3, 4] {
        assert_eq!(shown(n).await.promoted_by, None, "{n}");
    }
}

#[tokio::test]
async fn a_late_message_never_turns_back_when_the_client_wrote() {
    let mut log = Log::default();
    log.profile(1, reserved(1));
    log.profile(1, wrote(1, 70));
    log.profile(1, wrote(1, 60));
    log.profile(1, reminded(1, 2, 80, true));
    log.profile(1, reminded(1, 3, 85, false));
    let pool = one_by_one_and_at_once(&log).await;
    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    assert_eq!(room.client_wrote_at, Some(at(70)));
    assert_eq!(room.last_reminded_at, Some(at(80)), "a suppressed reminder is not one");
}

#[tokio::test]
async fn a_room_is_seen_with_the_user_that_it_has_now_and_a_reminder_with_the_one_of_then() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    log.profile(1, reminded(1, 2, 80, true));
    log.profile(1, reassigned(1, "michael", "anna"));
    log.profile(1, reminded(1, 3, 150, true));
    log.profile(1, reassigned(1, "anna", "carl"));
    log.profile(1, reminded(1, 4, 220, false));
    let pool = one_by_one_and_at_once(&log).await;
    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    let before_the_suppressed_one = log.end() - 1;
    assert_eq!((room.user_id.as_str(), room.position), ("carl", before_the_suppressed_one));
    assert_eq!((room.phase, room.number.as_str()), (RoomPhase::Active, "200"));

    let filter = ReminderFilter::of(company());
    let reminders = queries::reminders(&pool, &filter, &Paging::default()).await.unwrap().items;
    let by = |n| reminders.iter().find(|it| it.request_id == request_id(n)).unwrap();
    let users = [501, 2, 3, 4].map(|n| by(n).user_id.to_string());
    assert_eq!(users, ["michael", "michael", "anna", "carl"]);

    log.profile(1, reminded(1, 5, 300, true));
    let applied = Projector::new(pool.clone(), View::Reminders).apply(&log.events).await.unwrap();
    assert_eq!(applied.last, log.end());
    let reminders = queries::reminders(&pool, &filter, &Paging::default()).await.unwrap().items;
    assert_eq!(reminders[0].user_id.as_str(), "carl", "in a batch of its own");
}

#[tokio::test]
async fn another_company_sees_nothing() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let pool = database().await;
    apply_everywhere(&pool, &log).await;
    let other = "other-bank".parse().unwrap();
    assert_eq!(queries::chat_room(&pool, &other, room_id(1)).await.unwrap(), None);
    assert_eq!(queries::onboarding_request(&pool, &other, request_id(1)).await.unwrap(), None);
    let page = queries::chat_rooms(&pool, &ChatRoomFilter::of(other), &Paging::default()).await;
    assert!(page.unwrap().items.is_empty());
}

#[tokio::test]
async fn duplicates_are_skipped() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let pool = database().await;
    apply_everywhere(&pool, &log).await;
    let before = rows(&pool, "rm_chat_rooms").await;
    let projector = Projector::new(pool.clone(), View::ChatRooms);
    assert_eq!(
        projector.apply(&log.events).await.unwrap(),
        Applied { last: log.end(), skipped: log.events.len() }
    );
    log.profile(1, closed(1));
    let overlapping = &log.events[10..];
    let twice = [overlapping, overlapping].concat();
    assert_eq!(
        projector.apply(&twice).await.unwrap(),
        Applied { last: log.end(), skipped: twice.len() - 1 }
    );
    assert_ne!(rows(&pool, "rm_chat_rooms").await, before);
    assert_eq!(projector.apply(&[]).await.unwrap(), Applied { last: log.end(), skipped: 0 });
}

#[tokio::test]
async fn a_hole_is_refused_and_what_comes_before_it_stays() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let pool = database().await;
    let projector = Projector::new(pool.clone(), View::ChatRooms);
    let with_hole = [&log.events[..5], &log.events[8..]].concat();
    let error = projector.apply(&with_hole).await.unwrap_err();
    assert!(matches!(error, ProjectError::Hole { expected: 6, found: 9, .. }), "{error}");
    assert_eq!(projector.checkpoint().await.unwrap(), 5);
    let room = queries::chat_room(&pool, &company(), room_id(1)).await.unwrap().unwrap();
    assert_eq!((room.phase, room.position), (RoomPhase::Reserved, 5));
    projector.apply(&log.events[5..]).await.unwrap();
    assert_eq!(checkpoint_lag(&pool, 20).await.unwrap()[0], (View::ChatRooms, 4));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_the_view_before_it() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let good = log.events.clone();
    let spoilt: [fn(&mut domain::record::RecordedEvent); 5] = [
        |event| event.payload = "{}".to_owned(),
        |event| event.event_type = "room-painted".to_owned(),
        |event| event.event_version = "9".to_owned(),
        |event| event.aggregate_type = "client".to_owned(),
        |event| event.aggregate_id = "x".to_owned(),
    ];
    let pool = database().await;
    let projector = Projector::new(pool.clone(), View::ChatRooms);
    for spoil in spoilt {
        let mut events = good.clone();
        spoil(&mut events[4]);
        let error = projector.apply(&events).await.unwrap_err();
        assert!(matches!(error, ProjectError::Unreadable { position: 5, .. }), "{error}");
        assert!(!error.is_transient());
        assert_eq!(projector.checkpoint().await.unwrap(), 4);
    }
    projector.apply(&good).await.unwrap();
    assert_eq!(projector.checkpoint().await.unwrap(), log.end());
}

#[tokio::test]
async fn two_projectors_of_one_view_apply_each_event_once() {
    let mut log = Log::default();
    for n in 1..=40 {
        onboarding(&mut log, n);
    }
    let (pool, alone) = (database().await, database().await);
    apply_everywhere(&alone, &log).await;
    let work = |step: usize| {
        let projector = Projector::new(pool.clone(), View::ChatRooms);
        let events = log.events.clone();
        tokio::spawn(async move {
            while let Ok(at) = projector.checkpoint().await
                && at < events.len() as u64
            {
                let from = usize::try_from(at).unwrap();
                let batch = &events[from..events.len().min(from + step)];
                // The other one may be further by now; that is no hole.
                projector.apply(batch).await.unwrap();
            }
        })
    };
    let (a, b, c) = (work(7), work(7), work(11));
    for worker in [a, b, c] {
        worker.await.unwrap();
    }
    assert_eq!(rows(&pool, "rm_chat_rooms").await, rows(&alone, "rm_chat_rooms").await);
}

#[tokio::test]
async fn a_failed_write_leaves_neither_rows_nor_checkpoint() {
    let mut log = Log::default();
    onboarding(&mut log, 1);
    let pool = database().await;
    sqlx::query("ALTER TABLE rm_reminders ADD CHECK (suppressed)").execute(&pool).await.unwrap();
    let projector = Projector::new(pool.clone(), View::Reminders);
    let error = projector.apply(&log.events).await.unwrap_err();
    assert!(matches!(error, ProjectError::Database { .. }) && !error.is_transient(), "{error}");
    assert!(!format!("{error:?}").contains("Failing row"), "Postgres quotes the row in details");
    assert_eq!(projector.checkpoint().await.unwrap(), 0);
    assert!(rows(&pool, "rm_reminder_rooms").await.is_empty());
}
