//! The limit of a portfolio: so many different clients within 24 hours, and no more.

use std::time::Duration;

use domain::ids::{AppId, MessageId};
use domain::input::Timestamp;
use domain::outbound::OutboundMessage;
use domain::request::RequestEvent;
use readmodel::{Projector, SendQueue, View};
use sqlx::PgPool;

use crate::database::{database, rows};
use crate::log::*;

/// How long a client counts: a minute more than WhatsApp says.
const DAY: i64 = 24 * 3_600 + 60;

struct Portfolio {
    pool: PgPool,
    log: Log,
    queue: SendQueue,
    most: u32,
}

impl Portfolio {
    /// That may write to `most` clients a day, with one template to each of so many clients.
    async fn given(most: u32, clients: u128) -> Self {
        let pool = database().await;
        let queue = SendQueue::new(pool.clone());
        let mut portfolio = Self { pool, log: Log::default(), queue, most };
        for n in 1..=clients {
            portfolio.log.request(n, message_requested(n, 0));
        }
        portfolio.apply().await;
        portfolio
    }

    async fn apply(&self) {
        Projector::send_queue(self.pool.clone()).apply(&self.log.events).await.unwrap();
    }

    /// One more template to the nth client.
    async fn another_to(&mut self, n: u128) -> MessageId {
        let message = OutboundMessage { message_id: message_id(n, 7), ..message(n, 0) };
        self.log.request(n, RequestEvent::MessageRequested { message });
        self.apply().await;
        message_id(n, 7)
    }

    async fn asks(&self, id: MessageId, seconds: i64) -> Option<Timestamp> {
        self.queue.count_client(&app(), id, self.most, at(seconds)).await.unwrap()
    }

    /// When the template to the nth client may go, if not now.
    async fn waits(&self, n: u128, seconds: i64) -> Option<Timestamp> {
        self.asks(message_id(n, 0), seconds).await
    }

    async fn goes(&self, n: u128, seconds: i64) -> bool {
        self.waits(n, seconds).await.is_none()
    }
}

fn app() -> AppId {
    "main".parse().unwrap()
}

#[tokio::test]
async fn so_many_clients_get_a_template_and_the_next_waits_for_the_oldest() {
    let portfolio = Portfolio::given(2, 3).await;
    assert!(portfolio.goes(1, 0).await && portfolio.goes(2, 10).await);
    assert_eq!(portfolio.waits(3, 20).await, Some(at(DAY)));
    assert_eq!(portfolio.waits(3, DAY - 1).await, Some(at(DAY)), "not a second sooner");
    assert!(portfolio.goes(3, DAY).await);
}

#[tokio::test]
async fn whoever_waited_for_one_that_is_given_up_need_not_wait_for_another_day() {
    let portfolio = Portfolio::given(1, 3).await;
    assert!(portfolio.goes(1, 0).await);
    let lease = Duration::from_secs(30);
    let claimed = portfolio.queue.claim(at(10), 10, lease).await.unwrap();
    assert_eq!(claimed.len(), 3);
    for n in [2, 3] {
        let until = portfolio.waits(n, 10).await.unwrap();
        let back = portfolio.queue.put_back(message_id(n, 0), 1, until, at(10)).await;
        assert!(back.unwrap());
    }
    // The second is given up while the third asks, and is told to come another day.
    let put_off = portfolio.waits(3, DAY).await.unwrap();
    assert!(put_off > at(DAY));
    portfolio.queue.done(message_id(2, 0), at(DAY)).await.unwrap();
    portfolio.queue.uncount_client(message_id(2, 0), at(DAY)).await.unwrap();
    let waits = async || portfolio.queue.next_due().await.unwrap().unwrap() > at(20);
    assert!(waits().await);
    portfolio.queue.try_first_waiting(at(20)).await.unwrap();
    assert!(!waits().await, "the third is tried");
    assert!(portfolio.goes(3, DAY).await);
}

#[tokio::test]
async fn asking_again_for_the_same_template_counts_once() {
    let portfolio = Portfolio::given(2, 2).await;
    for seconds in [0, 1, 2] {
        assert!(portfolio.goes(1, seconds).await);
    }
    assert!(portfolio.goes(2, 3).await);
}

#[tokio::test]
async fn who_is_counted_gets_more_and_counts_from_then_on() {
    let mut portfolio = Portfolio::given(2, 4).await;
    assert!(portfolio.goes(1, 0).await && portfolio.goes(2, 10).await);
    let again = portfolio.another_to(1).await;
    assert_eq!(portfolio.asks(again, 100).await, None);
    assert_eq!(portfolio.waits(3, 110).await, Some(at(10 + DAY)), "the second is the oldest now");
    assert_eq!(portfolio.waits(4, 120).await, Some(at(100 + DAY)));
}

#[tokio::test]
async fn those_that_wait_are_not_overtaken() {
    let portfolio = Portfolio::given(2, 5).await;
    assert!(portfolio.goes(1, 0).await && portfolio.goes(2, 10).await);
    assert_eq!(portfolio.waits(3, 20).await, Some(at(DAY)));
    assert_eq!(portfolio.waits(4, 30).await, Some(at(10 + DAY)), "each has a turn of its own");
    assert!(!portfolio.goes(5, DAY).await, "the place that is free now is the third's");
    assert!(portfolio.goes(3, DAY).await);
    assert!(!portfolio.goes(5, 10 + DAY).await, "and the next one the fourth's");
    assert!(portfolio.goes(4, 10 + DAY).await);
    assert_eq!(portfolio.waits(5, 20 + DAY).await, Some(at(2 * DAY)));
}

#[tokio::test]
async fn what_was_settled_while_it_waited_holds_up_nobody() {
    let portfolio = Portfolio::given(1, 3).await;
    assert!(portfolio.goes(1, 0).await);
    assert_eq!(portfolio.waits(2, 10).await, Some(at(DAY)));
    portfolio.queue.done(message_id(2, 0), at(20)).await.unwrap();
    assert_eq!(portfolio.waits(3, 30).await, Some(at(DAY)));
    assert!(portfolio.goes(3, DAY).await);
}

#[tokio::test]
async fn what_was_not_sent_after_all_gives_its_place_back() {
    let mut portfolio = Portfolio::given(1, 2).await;
    assert!(portfolio.goes(1, 0).await);
    assert!(!portfolio.goes(2, 10).await);
    portfolio.queue.uncount_client(message_id(1, 0), at(30)).await.unwrap();
    assert!(portfolio.goes(2, 20).await);
    // A client that has got another one stays counted.
    let again = portfolio.another_to(2).await;
    assert_eq!(portfolio.asks(again, 30).await, None);
    portfolio.queue.uncount_client(again, at(30)).await.unwrap();
    assert!(!portfolio.goes(1, 40).await);
}

#[tokio::test]
async fn who_wrote_to_the_number_within_24_hours_does_not_count() {
    let mut portfolio = Portfolio::given(1, 2).await;
    portfolio.log.profile(1, reserved(1));
    portfolio.log.profile(1, wrote(1, 100));
    let rooms = Projector::new(portfolio.pool.clone(), View::ChatRooms);
    rooms.apply(&portfolio.log.events).await.unwrap();
    assert!(portfolio.goes(1, 100 + 24 * 3_600 - 1).await);
    assert_eq!(rows(&portfolio.pool, "portfolio_places").await.len(), 0);
    assert!(portfolio.goes(1, 100 + 24 * 3_600).await);
    assert_eq!(rows(&portfolio.pool, "portfolio_places").await.len(), 1);
}

#[tokio::test]
async fn each_portfolio_counts_for_itself() {
    let portfolio = Portfolio::given(1, 2).await;
    assert!(portfolio.goes(1, 0).await);
    let other = "other".parse().unwrap();
    let waits = portfolio.queue.count_client(&other, message_id(2, 0), 1, at(0)).await.unwrap();
    assert_eq!(waits, None);
}

#[tokio::test]
async fn a_limit_that_was_lowered_counts_all_that_were_sent() {
    let mut portfolio = Portfolio::given(3, 4).await;
    for (n, seconds) in [(1, 10), (2, 20), (3, 30)] {
        assert!(portfolio.goes(n, seconds).await);
    }
    portfolio.most = 2;
    assert_eq!(portfolio.waits(4, 40).await, Some(at(20 + DAY)), "until one is left");
    assert!(portfolio.goes(4, 20 + DAY).await);
}

#[tokio::test]
async fn several_senders_together_keep_the_limit() {
    let portfolio = Portfolio::given(5, 40).await;
    let senders = (0..4).map(|sender| {
        let queue = portfolio.queue.clone();
        tokio::spawn(async move {
            let mut went = 0;
            for n in (1..=40).filter(|n| n % 4 == sender) {
                let waits = queue.count_client(&app(), message_id(n, 0), 5, at(0)).await.unwrap();
                went += usize::from(waits.is_none());
            }
            went
        })
    });
    let mut went = 0;
    for sender in senders.collect::<Vec<_>>() {
        went += sender.await.unwrap();
    }
    assert_eq!(went, 5);
    let counted: i64 = sqlx::query_scalar("SELECT count(client) FROM portfolio_places")
        .fetch_one(&portfolio.pool)
        .await
        .unwrap();
    assert_eq!(counted, 5);
}

#[tokio::test]
async fn who_was_counted_is_forgotten_after_a_while() {
    let portfolio = Portfolio::given(1, 3).await;
    assert!(portfolio.goes(1, 0).await);
    assert!(!portfolio.goes(2, 10).await && !portfolio.goes(3, 20).await);
    portfolio.queue.done(message_id(2, 0), at(30)).await.unwrap();
    portfolio.queue.forget_counted(at(1)).await.unwrap();
    assert!(rows(&portfolio.pool, "portfolio_places").await[0]["client"].is_null());
    let waiting = rows(&portfolio.pool, "portfolio_waiting").await;
    assert_eq!(waiting.len(), 1, "what was settled waits no more");
    assert_eq!(waiting[0]["message_id"], message_id(3, 0).to_string());
}

#[tokio::test]
async fn a_template_that_waits_comes_back_when_it_is_its_turn_or_when_it_expires() {
    let portfolio = Portfolio::given(1, 2).await;
    let claimed = portfolio.queue.claim(at(0), 10, Duration::from_secs(30)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert!(portfolio.goes(1, 0).await);
    let until = portfolio.waits(2, 0).await.unwrap();
    let id = message_id(2, 0);
    assert!(portfolio.queue.put_back(id, 1, until, at(0)).await.unwrap());
    let next: Timestamp = sqlx::query_scalar(
        "SELECT next_attempt_at FROM send_queue WHERE message_id = $1 AND state = 'waiting'",
    )
    .bind(id.as_uuid())
    .fetch_one(&portfolio.pool)
    .await
    .unwrap();
    assert_eq!(next, at(3_600), "an invitation expires before");
}
