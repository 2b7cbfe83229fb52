//! The sender's queue: nothing is sent twice without need, nothing is forgotten, nothing overtakes.

use std::time::Duration;

use domain::outbound::DeliveryStatus;
use readmodel::{Claimed, Projector, SendQueue};
use sqlx::PgPool;

use crate::database::{database, rows};
use crate::log::*;

const LEASE: Duration = Duration::from_secs(30);

struct Queue {
    pool: PgPool,
    log: Log,
    queue: SendQueue,
}

impl Queue {
    async fn empty() -> Self {
        let pool = database().await;
        Self { queue: SendQueue::new(pool.clone()), pool, log: Log::default() }
    }

    /// With one message each of these requests, and more of the same for more mentions.
    async fn given(messages: &[(u128, usize)]) -> Self {
        let mut queue = Self::empty().await;
        for (n, ordinal) in messages {
            queue.log.request(*n, message_requested(*n, *ordinal));
        }
        queue.apply().await;
        queue
    }

    async fn apply(&self) {
        Projector::send_queue(self.pool.clone()).apply(&self.log.events).await.unwrap();
    }

    async fn happens(&mut self, n: u128, event: domain::request::RequestEvent) {
        self.log.request(n, event);
        self.apply().await;
    }

    async fn claim(&self, seconds: i64) -> Vec<Claimed> {
        self.queue.claim(at(seconds), 10, LEASE).await.unwrap()
    }

    async fn claim_one(&self, seconds: i64) -> Claimed {
        let mut claimed = self.claim(seconds).await;
        assert_eq!(claimed.len(), 1);
        claimed.remove(0)
    }
}

fn ids(claimed: &[Claimed]) -> Vec<domain::ids::MessageId> {
    claimed.iter().map(Claimed::message_id).collect()
}

#[tokio::test]
async fn messages_are_claimed_in_the_order_in_which_they_were_requested() {
    let queue = Queue::given(&[(3, 0), (1, 0), (2, 0)]).await;
    let first = queue.queue.claim(at(0), 2, LEASE).await.unwrap();
    assert_eq!(ids(&first), [message_id(3, 0), message_id(1, 0)]);
    let claimed = &first[0];
    assert_eq!(claimed.message, message(3, 0));
    assert_eq!(claimed.reference.request_id, request_id(3));
    assert_eq!(claimed.company.as_str(), COMPANY);
    assert_eq!((claimed.attempt, claimed.first), (1, true));
    assert!(!claimed.previous_unresolved && !claimed.expired);
    assert_eq!(ids(&queue.claim(0).await), [message_id(2, 0)]);
    assert!(queue.claim(29).await.is_empty(), "all are leased");
}

#[tokio::test]
async fn messages_to_one_client_from_one_number_do_not_overtake() {
    let mut queue = Queue::empty().await;
    let mut second = message(1, 0);
    second.message_id = message_id(1, 7);
    queue.log.request(1, message_requested(1, 0));
    let event = domain::request::RequestEvent::MessageRequested { message: second };
    queue.log.request(1, event);
    queue.log.request(1, message_requested(1, 1));
    queue.apply().await;
    // The first, and the one from another number.
    let claimed = queue.claim(0).await;
    assert_eq!(ids(&claimed), [message_id(1, 0), message_id(1, 1)]);
    let retried = &claimed[0];
    let error = send_error(true);
    let id = retried.message_id();
    assert!(queue.queue.retry_at(id, 1, at(20), &error, at(1)).await.unwrap());
    assert!(queue.claim(10).await.is_empty(), "it waits behind the first");
    assert_eq!(queue.queue.next_due().await.unwrap(), Some(at(20)));
    assert_eq!(ids(&queue.claim(20).await), [id]);
    queue.queue.done(id, at(21)).await.unwrap();
    assert_eq!(ids(&queue.claim(21).await), [message_id(1, 7)]);
}

#[tokio::test]
async fn several_senders_never_get_the_same_message() {
    let messages: Vec<_> = (1..=60).map(|n| (n, 0)).collect();
    let queue = Queue::given(&messages).await;
    let senders = (0..4).map(|_| {
        let queue = queue.queue.clone();
        tokio::spawn(async move {
            let mut mine = vec![];
            while let claimed = queue.claim(at(0), 7, LEASE).await.unwrap()
                && !claimed.is_empty()
            {
                mine.extend(ids(&claimed));
            }
            mine
        })
    });
    let mut all = vec![];
    for sender in senders.collect::<Vec<_>>() {
        all.extend(sender.await.unwrap());
    }
    // A sender that finds only locked rows goes home; what it passed by is another's.
    all.extend(ids(&queue.claim(0).await));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 60);
    let attempts: i64 = sqlx::query_scalar("SELECT sum(attempts) FROM send_queue")
        .fetch_one(&queue.pool)
        .await
        .unwrap();
    assert_eq!(attempts, 60, "each was claimed once");
}

#[tokio::test]
async fn after_a_crash_a_message_comes_back_when_its_lease_ends_and_says_so() {
    let queue = Queue::given(&[(1, 0)]).await;
    queue.claim_one(0).await;
    assert!(queue.claim(29).await.is_empty());
    assert_eq!(queue.queue.next_due().await.unwrap(), Some(at(30)));
    let again = queue.claim_one(30).await;
    assert_eq!((again.attempt, again.first, again.previous_unresolved), (2, false, true));
    let late = queue.queue.retry_at(again.message_id(), 1, at(40), &send_error(true), at(31)).await;
    assert!(!late.unwrap(), "the crashed sender's claim is over");
    // A definite refusal later does not take back that the first attempt may have got through.
    let error = send_error(true);
    queue.queue.retry_at(again.message_id(), 2, at(40), &error, at(32)).await.unwrap();
    assert!(queue.claim_one(40).await.previous_unresolved);
}

#[tokio::test]
async fn a_sender_that_starts_holds_what_is_unresolved_until_somebody_could_tell() {
    let queue = Queue::given(&[(1, 0), (2, 0)]).await;
    let crashed = queue.queue.claim(at(0), 1, LEASE).await.unwrap();
    assert_eq!(ids(&crashed), [message_id(1, 0)]);
    assert_eq!(queue.queue.hold_unresolved(at(130), at(100)).await.unwrap(), 1);
    assert_eq!(ids(&queue.claim(101).await), [message_id(2, 0)], "a new one waits for nothing");
    assert!(queue.claim(129).await.is_empty());
    assert_eq!(queue.queue.hold_unresolved(at(110), at(102)).await.unwrap(), 0, "never shorter");
    assert!(queue.claim_one(130).await.previous_unresolved);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_message_unresolved() {
    let queue = Queue::given(&[(1, 0)]).await;
    let id = queue.claim_one(0).await.message_id();
    queue.queue.retry_at(id, 1, at(5), &send_error(false), at(1)).await.unwrap();
    let row = &rows(&queue.pool, "send_queue").await[0];
    assert_eq!((&row["state"], &row["last_error_code"]), (&"waiting".into(), &131_026.into()));
    assert_eq!(row["last_error_class"], "recipient_refused");
    assert!(queue.claim_one(5).await.previous_unresolved);
}

#[tokio::test]
async fn events_settle_a_message_and_its_personal_data_go() {
    for (n, event) in
        [(1, accepted(1, 0)), (2, told(2, 0, DeliveryStatus::Delivered)), (3, failed(3, 0))]
    {
        let mut queue = Queue::given(&[(n, 0)]).await;
        queue.claim_one(0).await;
        // The sender crashed here; WhatsApp tells what became of the message.
        queue.happens(n, event).await;
        assert!(queue.claim(1_000).await.is_empty());
        assert_eq!(queue.queue.next_due().await.unwrap(), None);
        let row = &rows(&queue.pool, "send_queue").await[0];
        assert_eq!(row["state"], "done");
        assert!(row["message"].is_null() && row["recipient"].is_null());
    }
}

#[tokio::test]
async fn what_is_requested_and_settled_in_one_batch_is_never_claimed() {
    let mut queue = Queue::empty().await;
    queue.log.request(1, message_requested(1, 0));
    queue.log.request(1, accepted(1, 0));
    queue.apply().await;
    assert!(queue.claim(0).await.is_empty());
    // Applied again, as after a crash between commit and acknowledgement.
    queue.apply().await;
    assert_eq!(rows(&queue.pool, "send_queue").await.len(), 1);
}

#[tokio::test]
async fn settled_messages_stay_settled() {
    let queue = Queue::given(&[(1, 0)]).await;
    let id = queue.claim_one(0).await.message_id();
    queue.queue.done(id, at(1)).await.unwrap();
    queue.queue.done(id, at(2)).await.unwrap();
    assert!(!queue.queue.retry_at(id, 1, at(3), &send_error(true), at(2)).await.unwrap());
    assert!(!queue.queue.put_back(id, 1, at(3), at(2)).await.unwrap());
    assert!(queue.claim(1_000).await.is_empty());
}

#[tokio::test]
async fn what_was_put_back_counts_no_attempt() {
    let queue = Queue::given(&[(1, 0)]).await;
    let id = queue.claim_one(0).await.message_id();
    assert!(queue.queue.put_back(id, 1, at(10), at(1)).await.unwrap());
    assert!(queue.claim(9).await.is_empty());
    let again = queue.claim_one(10).await;
    assert_eq!((again.attempt, again.first, again.previous_unresolved), (1, true, false));
}

#[tokio::test]
async fn a_message_that_backs_off_beyond_its_expiry_comes_back_in_time_to_be_given_up() {
    let queue = Queue::given(&[(1, 0)]).await;
    let id = queue.claim_one(0).await.message_id();
    queue.queue.retry_at(id, 1, at(9_000), &send_error(true), at(1)).await.unwrap();
    assert_eq!(queue.queue.next_due().await.unwrap(), Some(at(3_600)));
    assert!(queue.claim(3_599).await.is_empty());
    let claimed = queue.claim_one(3_600).await;
    assert!(claimed.expired && !claimed.first);
    // Its receipt cannot be kept just now: it does not spin.
    assert!(queue.queue.put_back(id, 2, at(3_700), at(3_601)).await.unwrap());
    assert_eq!(queue.queue.next_due().await.unwrap(), Some(at(3_700)));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_the_others_nothing() {
    let queue = Queue::given(&[(1, 0), (2, 0)]).await;
    let spoil = "UPDATE send_queue SET message = '{}' WHERE message_id = $1";
    let id = message_id(1, 0).as_uuid();
    sqlx::query(spoil).bind(id).execute(&queue.pool).await.unwrap();
    assert_eq!(ids(&queue.claim(0).await), [message_id(2, 0)]);
    assert_eq!(queue.queue.next_due().await.unwrap(), Some(at(30)));
}

#[tokio::test]
async fn settled_rows_are_pruned_after_a_while() {
    let mut queue = Queue::given(&[(1, 0), (2, 0)]).await;
    queue.happens(1, accepted(1, 0)).await;
    assert_eq!(queue.queue.prune(at(3), 10).await.unwrap(), 0);
    assert_eq!(queue.queue.prune(at(4), 10).await.unwrap(), 1);
    assert_eq!(ids(&queue.claim(0).await), [message_id(2, 0)]);
    queue.happens(1, told(1, 0, DeliveryStatus::Read)).await;
    assert_eq!(rows(&queue.pool, "send_queue").await.len(), 1);
}
