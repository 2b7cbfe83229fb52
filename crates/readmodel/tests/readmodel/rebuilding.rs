//! A view made anew is the view that grew; one that was tampered with is told apart.

use readmodel::{Difference, DifferenceKind, LogError, Projector, ReplayError, View, rebuild};
use sqlx::PgPool;

use crate::database::{database, rows};
use crate::log::*;

const TABLES: [&str; 5] = [
    "rm_chat_rooms",
    "rm_reminders",
    "rm_reminder_rooms",
    "rm_onboarding_requests",
    "rm_outbound_messages",
];

fn history() -> Log {
    let mut log = Log::default();
    for n in 1..=5 {
        onboarding(&mut log, n);
    }
    log.profile(3, closed(3));
    log
}

/// A database whose views have all grown in uneven batches.
async fn grown(log: &Log) -> PgPool {
    let pool = database().await;
    for view in View::ALL {
        let projector = Projector::new(pool.clone(), view);
        for (size, mut rest) in [(3, &log.events[..30]), (11, &log.events[30..])] {
            while !rest.is_empty() {
                let (batch, later) = rest.split_at(rest.len().min(size));
                projector.apply(batch).await.unwrap();
                rest = later;
            }
        }
    }
    pool
}

/// What is wrong with one view.
async fn differences(pool: &PgPool, view: View, log: &Log) -> Vec<Difference> {
    let verdicts = readmodel::verify(pool, &[view], log.source()).await.unwrap();
    let [(_, verdict)] = verdicts.try_into().unwrap();
    verdict.unwrap()
}

async fn spoil(pool: &PgPool) {
    for statement in [
        "UPDATE rm_chat_rooms SET phase = 'closed' WHERE room_id::text LIKE '%b001'",
        "DELETE FROM rm_chat_rooms WHERE room_id::text LIKE '%b002'",
        "INSERT INTO rm_chat_rooms SELECT (jsonb_populate_record(r, jsonb_build_object(
             'room_id', gen_random_uuid()))).* FROM rm_chat_rooms r WHERE room_id::text LIKE '%b003'",
        "DELETE FROM rm_reminders",
        "UPDATE rm_onboarding_requests SET outcome = NULL",
        "UPDATE rm_outbound_messages SET content = '{}'",
    ] {
        assert!(sqlx::query(statement).execute(pool).await.unwrap().rows_affected() > 0);
    }
}

#[tokio::test]
async fn a_rebuilt_view_is_the_view_that_grew() {
    let log = history();
    let (pool, reference) = (grown(&log).await, grown(&log).await);
    spoil(&pool).await;
    for view in View::ALL {
        let mut seen = vec![];
        let at = rebuild(&pool, view, log.source(), |position| seen.push(position)).await.unwrap();
        assert_eq!((at, seen.first(), seen.last()), (log.end(), Some(&7), Some(&log.end())));
    }
    for table in TABLES.into_iter().chain(["rm_checkpoints"]) {
        assert_eq!(rows(&pool, table).await, rows(&reference, table).await, "{table}");
    }
}

#[tokio::test]
async fn a_rebuilt_view_knows_which_prospects_were_promoted() {
    let mut log = Log::default();
    prospect(&mut log, 1);
    log.request(2, requested(2));
    log.request(2, promoting(2, 1, 0));
    let pool = database().await;
    let view = View::OnboardingRequests;
    Projector::new(pool.clone(), view).apply(&log.events).await.unwrap();
    assert!(differences(&pool, view, &log).await.is_empty());
    let grown = rows(&pool, "rm_onboarding_requests").await;
    // As after the migration that brought the column.
    let forget = "UPDATE rm_onboarding_requests SET promoted_by = NULL";
    sqlx::query(forget).execute(&pool).await.unwrap();
    assert_eq!(differences(&pool, view, &log).await.len(), 1);
    rebuild(&pool, view, log.source(), |_| {}).await.unwrap();
    assert_eq!(rows(&pool, "rm_onboarding_requests").await, grown);
}

#[tokio::test]
async fn an_empty_view_is_built_and_goes_on_from_there() {
    let mut log = history();
    let pool = database().await;
    rebuild(&pool, View::ChatRooms, log.source(), |_| {}).await.unwrap();
    log.profile(1, closed(1));
    let projector = Projector::new(pool.clone(), View::ChatRooms);
    let applied = projector.apply(&log.events).await.unwrap();
    assert_eq!((applied.last, applied.skipped), (log.end(), log.events.len() - 1));
    assert!(differences(&pool, View::ChatRooms, &log).await.is_empty());
}

#[tokio::test]
async fn readers_never_see_a_half_built_view() {
    let log = history();
    let pool = grown(&log).await;
    let reading = tokio::spawn({
        let pool = pool.clone();
        async move {
            for _ in 0..200 {
                let rooms: i64 = sqlx::query_scalar("SELECT count(*) FROM rm_chat_rooms")
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                assert_eq!(rooms, 5);
            }
        }
    });
    for _ in 0..5 {
        // Something to replace in every row, unseen by the reader.
        sqlx::query("UPDATE rm_chat_rooms SET joined = 9").execute(&pool).await.unwrap();
        rebuild(&pool, View::ChatRooms, log.source(), |_| {}).await.unwrap();
    }
    reading.await.unwrap();
}

#[tokio::test]
async fn a_projector_that_goes_on_meanwhile_loses_nothing() {
    let log = history();
    let pool = database().await;
    let projecting = tokio::spawn({
        let projector = Projector::new(pool.clone(), View::OutboundMessages);
        let events = log.events.clone();
        async move {
            for event in &events {
                projector.apply(std::slice::from_ref(event)).await.unwrap();
            }
        }
    });
    let (rebuilt, source) = (pool.clone(), log.source());
    let rebuilding = tokio::spawn(async move {
        rebuild(&rebuilt, View::OutboundMessages, source, |_| {}).await.unwrap();
    });
    let (verified, source) = (pool.clone(), Log { events: log.events.clone() });
    let verifying = tokio::spawn(async move {
        assert_eq!(differences(&verified, View::OutboundMessages, &source).await, []);
    });
    rebuilding.await.unwrap();
    verifying.await.unwrap();
    projecting.await.unwrap();
    assert_eq!(differences(&pool, View::OutboundMessages, &log).await, []);
}

#[tokio::test]
async fn a_log_that_is_too_short_or_has_a_hole_changes_nothing() {
    let log = history();
    let pool = grown(&log).await;
    let before = rows(&pool, "rm_chat_rooms").await;
    let short = Log { events: log.events[..50].to_vec() };
    let error = rebuild(&pool, View::ChatRooms, short.source(), |_| {}).await.unwrap_err();
    assert!(matches!(error, ReplayError::Log(LogError::TooShort { log_end: 50, .. })), "{error}");
    let mut holed = Log { events: log.events.clone() };
    holed.events.remove(20);
    let error = rebuild(&pool, View::ChatRooms, holed.source(), |_| {}).await.unwrap_err();
    assert!(matches!(error, ReplayError::Log(LogError::Project(_))), "{error}");
    assert_eq!(rows(&pool, "rm_chat_rooms").await, before);
    let unread = |_| std::future::ready(Err(std::io::Error::other("cut")));
    let error = rebuild(&pool, View::ChatRooms, unread, |_| {}).await.unwrap_err();
    assert!(matches!(error, ReplayError::Source { after: 0, .. }), "{error}");
}

#[tokio::test]
async fn verification_names_every_row_that_is_not_what_the_log_says() {
    let log = history();
    let pool = grown(&log).await;
    for view in View::ALL {
        assert_eq!(differences(&pool, view, &log).await, [], "{view}");
    }
    spoil(&pool).await;
    let found = differences(&pool, View::ChatRooms, &log).await;
    let kind = |room| found.iter().find(|d| d.key == room_id(room).to_string()).map(|d| d.kind);
    assert_eq!(kind(1), Some(DifferenceKind::Changed));
    assert_eq!(kind(2), Some(DifferenceKind::Missing));
    assert_eq!(found.iter().filter(|d| d.kind == DifferenceKind::Unfounded).count(), 1);
    assert_eq!(found.len(), 3);
    let counts =
        [(View::Reminders, 5), (View::OnboardingRequests, 5), (View::OutboundMessages, 10)];
    for (view, count) in counts {
        assert_eq!(differences(&pool, view, &log).await.len(), count, "{view}");
    }
}

#[tokio::test]
async fn verification_goes_only_as_far_as_the_view_is() {
    let log = history();
    let pool = database().await;
    Projector::new(pool.clone(), View::ChatRooms).apply(&log.events[..40]).await.unwrap();
    assert_eq!(differences(&pool, View::ChatRooms, &log).await, []);
}

#[tokio::test]
async fn views_are_verified_together_however_far_each_is() {
    let log = history();
    let pool = database().await;
    let at = [log.events.len(), 12, 40, 13];
    for (view, at) in View::ALL.into_iter().zip(at) {
        Projector::new(pool.clone(), view).apply(&log.events[..at]).await.unwrap();
    }
    sqlx::query(
        "UPDATE rm_onboarding_requests SET messages = 9 WHERE request_id::text LIKE '%a001'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let verdicts = readmodel::verify(&pool, &View::ALL, log.source()).await.unwrap();
    let found: Vec<_> =
        verdicts.into_iter().map(|(view, verdict)| (view, verdict.unwrap().len())).collect();
    assert_eq!(found, View::ALL.map(|view| (view, usize::from(view == View::OnboardingRequests))));
}

#[tokio::test]
async fn what_one_view_cannot_read_is_no_trouble_to_another() {
    let log = history();
    let pool = grown(&log).await;
    let mut odd = Log { events: log.events.clone() };
    let request = odd.events.iter_mut().find(|e| e.aggregate_type == "onboarding-request").unwrap();
    request.event_type = "never-heard-of".to_owned();
    let short = Log { events: log.events[..50].to_vec() };
    for (log, views) in [
        (odd, [View::OnboardingRequests, View::OutboundMessages].as_slice()),
        (short, View::ALL.as_slice()),
    ] {
        let verdicts = readmodel::verify(&pool, &View::ALL, log.source()).await.unwrap();
        let wrong: Vec<_> = verdicts.iter().filter(|(_, v)| v.is_err()).map(|(v, _)| *v).collect();
        assert_eq!(wrong, views);
        assert!(verdicts.iter().filter_map(|(_, v)| v.as_ref().ok()).all(Vec::is_empty));
    }
}
