//! The checker's sharpness: the stores are left as a bug would have left them, and the checker names
//! it. No bug is built into the service for that: a sound run is made, everything is stopped, and
//! then the stores, or what is known from outside, are tampered with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use acceptance::TestApp;
use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::{self, Context};
use domain::ids::RequestId;
use domain::request::Outcome;
use lab::check::{self, Evidence, Stores};
use lab::clock::History;
use lab::drain;
use lab::load::{self, Asked, Load};
use onboarding::config::Config;
use onboarding::demo::StageOptions;
use onboarding::demo::stage::{APP, APP_SECRET};
use onboarding::whatsapp::fake::Webhook;
use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

const SEED: u64 = 1;
const MESSAGES: u32 = 24;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a sound run has left; nobody changes it any more but the test.
struct Left {
    evidence: Evidence,
    config: Config,
    pool: PgPool,
    streams: Context,
    _nats: devservers::Server,
}

impl Left {
    /// By a service in this process, without faults.
    async fn by_a_sound_run() -> Self {
        let directory: &'static str = Box::leak(load::directory().into_boxed_str());
        let app = TestApp::with(StageOptions { directory, ..StageOptions::default() }).await;
        let TestApp { stage, nats, .. } = app;
        let load = Load::draw(&stage, SEED, MESSAGES, Duration::ZERO).unwrap();
        let url = format!("{}/webhooks/whatsapp/{APP}", stage.api());
        let webhook = Webhook::new(&url, APP_SECRET.as_bytes()).unwrap();
        load.post(&[webhook.clone(), webhook], Instant::now()).await;
        let streams = jetstream::new(onboarding::nats_client(&stage.config).await.unwrap());
        let left = drain::wait(&stage.pool, &streams, PATIENCE, Vec::new).await;
        assert_eq!(left, Vec::<String>::new());
        let evidence = Evidence {
            answered: load.answers().requests,
            received: stage.cloud.received(),
            told: HashMap::new(),
            clocks: History::default(),
            asked: load.asked,
        };
        let config = stage.config.clone();
        stage.stop().await;
        let pool = PgPool::connect(config.database_url.expose()).await.unwrap();
        let left = Self { evidence, config, pool, streams, _nats: nats };
        assert_eq!(left.kinds().await, BTreeSet::new(), "it is sound before it is tampered with");
        left
    }

    /// What kinds of findings there are.
    async fn kinds(&self) -> BTreeSet<String> {
        let program = Path::new(env!("CARGO_BIN_EXE_lab"));
        let stores = Stores { program, config: &self.config, pool: &self.pool };
        let checked = check::all(&self.evidence, &stores).await.unwrap();
        checked.findings.into_iter().map(|finding| finding.kind).collect()
    }

    async fn names(&self, kind: &str) {
        let kinds = self.kinds().await;
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }

    /// Changes the database past its triggers.
    async fn tamper(&self, change: &str) {
        let change = format!("SET session_replication_role = replica; {change}");
        let mut connection = self.pool.acquire().await.unwrap().detach();
        sqlx::raw_sql(&change).execute(&mut connection).await.unwrap();
    }

    /// Makes EVT anew, with what it held in another order.
    async fn publish_anew(&self, change: impl FnOnce(&mut Vec<StreamMessage>)) {
        let evt = self.streams.get_stream("EVT").await.unwrap();
        let info = evt.cached_info().clone();
        let mut messages = vec![];
        for sequence in 1..=info.state.last_sequence {
            messages.push(evt.get_raw_message(sequence).await.unwrap());
        }
        self.streams.delete_stream("EVT").await.unwrap();
        self.streams.create_stream(info.config).await.unwrap();
        change(&mut messages);
        for StreamMessage { subject, headers, payload, .. } in messages {
            let headers = as_written_without_a_chain(&headers);
            let sent = self.streams.publish_with_headers(subject, headers, payload).await.unwrap();
            sent.await.unwrap();
        }
    }
}

/// Without the expectations that hold the order.
fn as_written_without_a_chain(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, values) in headers.iter() {
        let name = name.to_string();
        if !name.to_ascii_lowercase().starts_with("nats-") {
            for value in values {
                kept.append(name.as_str(), value.as_str());
            }
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_before_the_commit_is_named() {
    let mut left = Left::by_a_sound_run().await;
    // Answered 200, and lost with the process.
    let request = RequestId::from_uuid(Uuid::from_u128(1));
    left.evidence.asked.push(Asked { request, allowed: &[Outcome::Onboarded] });
    left.evidence.answered.insert(request);
    left.names("webhook-lost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_that_was_not_recognised_is_named() {
    let left = Left::by_a_sound_run().await;
    left.tamper(
        "CREATE TEMPORARY TABLE again AS \
             SELECT * FROM events WHERE event_type = 'outcome-recorded' ORDER BY position LIMIT 1; \
         UPDATE again SET event_id = gen_random_uuid(), \
             position = (SELECT max(position) + 1 FROM events), \
             sequence = (SELECT max(e.sequence) + 1 FROM events e \
                         WHERE e.aggregate_type = again.aggregate_type \
                         AND e.aggregate_id = again.aggregate_id); \
         INSERT INTO events SELECT * FROM again",
    )
    .await;
    left.names("second-outcome").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_was_taken_before_the_lock_is_named() {
    let left = Left::by_a_sound_run().await;
    left.tamper(
        "UPDATE events SET position = position + 1 \
         WHERE position = (SELECT max(position) FROM events)",
    )
    .await;
    left.names("position-hole").await;
    left.names("positions").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_chain_that_published_twice_is_named() {
    let left = Left::by_a_sound_run().await;
    left.publish_anew(|messages| {
        let again = messages[4].clone();
        messages.insert(5, again);
    })
    .await;
    left.names("evt").await;
    left.names("evt-incomplete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_chain_that_published_out_of_order_is_named() {
    let left = Left::by_a_sound_run().await;
    left.publish_anew(|messages| messages.swap(4, 5)).await;
    left.names("evt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_outside_its_transaction_is_named() {
    let left = Left::by_a_sound_run().await;
    left.tamper(
        "DELETE FROM rm_chat_rooms \
         WHERE room_id = (SELECT room_id FROM rm_chat_rooms ORDER BY room_id LIMIT 1)",
    )
    .await;
    left.names("view-chat-rooms").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_that_stands_still_is_named() {
    let left = Left::by_a_sound_run().await;
    left.tamper("UPDATE rm_checkpoints SET position = position - 1 WHERE view = 'reminders'").await;
    left.names("not-at-the-end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_given_twice_to_one_client_is_named() {
    let left = Left::by_a_sound_run().await;
    left.tamper(
        "DROP INDEX one_open_room_per_client_and_user; \
         DROP INDEX one_open_room_per_client_and_number; \
         CREATE TEMPORARY TABLE again AS SELECT * FROM rooms WHERE phase = 'active' LIMIT 1; \
         UPDATE again SET room_id = gen_random_uuid(); \
         INSERT INTO rooms SELECT * FROM again",
    )
    .await;
    left.names("double-booked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_does_not_record_its_attempts_is_named() {
    let mut left = Left::by_a_sound_run().await;
    let again = left.evidence.received[0].clone();
    left.evidence.received.push(again);
    left.names("sent-too-often").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_records_what_it_has_not_sent_is_named() {
    let mut left = Left::by_a_sound_run().await;
    left.evidence.received.remove(0);
    left.names("never-received").await;
}
