//! What waited to be sent, and must not be sent any more when its turn comes.

use std::time::Duration;

use domain::ids::MessageId;
use domain::outbound::{Content, OutboundMessage};
use domain::request::RequestEvent;
use readmodel::{Projector, SendQueue, Withdrawn};
use sqlx::PgPool;
use uuid::Uuid;

use crate::database::database;
use crate::log::*;

/// The first client's room, with a template and, from another number, a text on their way into it.
struct Waiting {
    pool: PgPool,
}

impl Waiting {
    async fn new() -> Self {
        let pool = database().await;
        let mut log = Log::default();
        let content = Content::Template {
            name: "invitation".to_owned(),
            language: "en".to_owned(),
            parameters: vec![],
        };
        let template = OutboundMessage { content, ..message(1, 0) };
        log.request(1, RequestEvent::MessageRequested { message: template });
        log.request(1, message_requested(1, 1));
        Projector::send_queue(pool.clone()).apply(&log.events).await.unwrap();
        let waiting = Self { pool };
        let room =
            "INSERT INTO rooms VALUES ($1, $2, $3, $4, 'anna', '200', 'main', $5, 'reserved')";
        sqlx::query(room)
            .bind(room_id(1).as_uuid())
            .bind(COMPANY)
            .bind(profile_id(1).as_uuid())
            .bind(client_id(1).as_uuid())
            .bind(request_id(1).as_uuid())
            .execute(&waiting.pool)
            .await
            .unwrap();
        for n in [1, 2] {
            waiting
                .when(&format!(
                    "INSERT INTO profiles VALUES ('{}', '{COMPANY}', '{}', {n})",
                    profile_id(n),
                    client_id(n)
                ))
                .await;
        }
        waiting
    }

    async fn when(&self, sql: &str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    /// The nth client says of this second whether it takes templates.
    async fn says(&self, n: u128, stopped: bool, seconds: i64) {
        let (client, sent_at) = (client_id(n), at(seconds));
        self.when(&format!(
            "INSERT INTO client_consents VALUES ('{COMPANY}', '{client}', {stopped}, '{sent_at}')"
        ))
        .await;
    }

    /// The nth profile is blocked, or not any more.
    async fn is_blocked(&self, n: u128, event: &str, sequence: i64) {
        let (profile, id) = (profile_id(n), Uuid::now_v7());
        self.when(&format!(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                 payload, metadata, position, event_id, recorded_at, company, correlation_id,
                 causation_id, digest)
             VALUES ('client-profile', '{profile}', {sequence}, '{event}', '1', '{{}}', '{{}}',
                 {n}0 + {sequence}, '{id}', now(), '{COMPANY}', '{id}', '{id}', sha256(''))"
        ))
        .await;
    }

    async fn is_the_same(&self, later: u128, first: u128) {
        let (later, first) = (client_id(later), client_id(first));
        self.when(&format!(
            "INSERT INTO client_links VALUES ('{COMPANY}', '{later}', '{first}', 1)"
        ))
        .await;
    }

    async fn has_left(&self, n: u128, kind: &str, value: &str) {
        let client = client_id(n);
        self.when(&format!(
            "INSERT INTO left_identifiers VALUES ('{COMPANY}', '{kind}', '{value}', '{client}', now())"
        ))
        .await;
    }

    /// Of the template and of the text.
    async fn why(&self) -> [Option<Withdrawn>; 2] {
        let queue = SendQueue::new(self.pool.clone());
        let claimed = queue.claim(at(0), 10, Duration::from_secs(30)).await.unwrap();
        let ids: Vec<_> = claimed.iter().map(readmodel::Claimed::message_id).collect();
        assert_eq!(ids, [0, 1].map(|ordinal| -> MessageId { message_id(1, ordinal) }));
        for claimed in &claimed {
            let back = queue.put_back(claimed.message_id(), 1, at(0), at(0)).await;
            assert!(back.unwrap());
        }
        [claimed[0].withdrawn, claimed[1].withdrawn]
    }
}

#[tokio::test]
async fn a_template_is_withdrawn_when_its_client_wants_none_any_more() {
    let waiting = Waiting::new().await;
    assert_eq!(waiting.why().await, [None, None]);
    waiting.says(2, true, 0).await;
    assert_eq!(waiting.why().await, [None, None], "another client");
    waiting.says(1, true, 0).await;
    assert_eq!(waiting.why().await, [Some(Withdrawn::Stopped), None]);
    waiting.when("DELETE FROM client_consents").await;
    waiting.says(1, false, 1).await;
    assert_eq!(waiting.why().await, [None, None], "it wants them again");
}

#[tokio::test]
async fn what_counts_is_what_a_client_said_last_under_whichever_id() {
    for (later, first, third) in [(1, 2, 3), (2, 1, 3), (1, 3, 2)] {
        let waiting = Waiting::new().await;
        waiting.is_the_same(later, first).await;
        waiting.is_the_same(third, first).await;
        waiting.says(2, true, 10).await;
        assert_eq!(waiting.why().await[0], Some(Withdrawn::Stopped), "{later} {first} {third}");
        waiting.says(3, false, 10).await;
        assert_eq!(waiting.why().await[0], Some(Withdrawn::Stopped), "of the same second");
        waiting.says(1, false, 11).await;
        assert_eq!(waiting.why().await[0], None, "{later} {first} {third}");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_client_who_is_blocked_meanwhile() {
    let waiting = Waiting::new().await;
    waiting.is_blocked(1, "client-blocked", 1).await;
    assert_eq!(waiting.why().await, [Some(Withdrawn::Blocked); 2]);
    waiting.is_blocked(1, "client-unblocked", 2).await;
    assert_eq!(waiting.why().await, [None, None]);
    waiting.is_blocked(2, "client-blocked", 1).await;
    assert_eq!(waiting.why().await, [None, None], "another client's profile");
    waiting.is_the_same(2, 1).await;
    assert_eq!(waiting.why().await, [Some(Withdrawn::Blocked); 2], "it is the same client");
}

#[tokio::test]
async fn nothing_is_sent_to_a_number_that_its_client_has_left() {
    for (kind, value) in [("phone", "+447700900001"), ("wa_id", "447700900001")] {
        let waiting = Waiting::new().await;
        waiting.has_left(2, kind, value).await;
        assert_eq!(waiting.why().await, [None, None], "another client left it to this one");
        waiting.has_left(1, kind, value).await;
        assert_eq!(waiting.why().await, [Some(Withdrawn::Moved); 2], "{kind}");
    }
}
