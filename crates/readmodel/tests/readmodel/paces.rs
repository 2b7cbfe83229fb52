//! WhatsApp's limits of a number and of a client of it, kept by all senders together.

use std::time::Duration;

use chrono::TimeDelta;
use domain::Personal;
use domain::identity::Recipient;
use domain::ids::{AppId, MessageId, PhoneNumberId};
use domain::input::Timestamp;
use domain::outbound::OutboundMessage;
use domain::request::RequestEvent;
use readmodel::{Pace, Paces, Projector, Resting, SendQueue};
use sqlx::PgPool;

use crate::database::{database, rows};
use crate::log::*;

const LEASE: Duration = Duration::from_secs(30);
const MANY: u32 = 500;

/// A moment, in milliseconds.
fn ms(milliseconds: i64) -> Timestamp {
    at(0) + TimeDelta::milliseconds(milliseconds)
}

/// A number sends so many at once and one in so many milliseconds; its pairs are WhatsApp's.
const fn of_number(burst: u32, milliseconds: i64) -> Paces {
    let pair = Pace { interval: TimeDelta::seconds(6), burst: 45 };
    Paces { number: Pace { interval: TimeDelta::milliseconds(milliseconds), burst }, pair }
}

/// The number that most messages are from, one of the same app, and one of another.
const NUMBERS: [&str; 3] = ["1001", "1002", "1003"];

fn number(number: &str) -> PhoneNumberId {
    number.parse().unwrap()
}

fn client(name: &str) -> Recipient {
    Recipient::Bsuid(format!("US.{name}").parse().unwrap())
}

struct Sending {
    pool: PgPool,
    log: Log,
    queue: SendQueue,
    requested: u128,
}

impl Sending {
    async fn at(paces: Paces) -> Self {
        let pool = database().await;
        for (number, app) in NUMBERS.iter().zip(["main", "main", "other"]) {
            let insert = "INSERT INTO directory_numbers VALUES ($1, 'acme-bank', $2)";
            sqlx::query(insert).bind(number).bind(app).execute(&pool).await.unwrap();
        }
        let queue = SendQueue::new(pool.clone()).at(paces);
        Self { pool, log: Log::default(), queue, requested: 0 }
    }

    /// With one message of the first number to each of so many clients.
    async fn to_clients(paces: Paces, clients: usize) -> Self {
        let mut sending = Self::at(paces).await;
        for n in 0..clients {
            sending.request(NUMBERS[0], &format!("c{n}"));
        }
        sending.apply().await;
        sending
    }

    /// One more message.
    fn request(&mut self, from: &str, to: &str) -> MessageId {
        self.requested += 1;
        let n = self.requested;
        let message =
            OutboundMessage { from: number(from), to: Personal::new(client(to)), ..message(n, 0) };
        self.log.request(n, RequestEvent::MessageRequested { message });
        message_id(n, 0)
    }

    async fn apply(&self) {
        Projector::send_queue(self.pool.clone()).apply(&self.log.events).await.unwrap();
    }

    /// Those that go at this moment, and are settled.
    async fn go(&self, milliseconds: i64) -> Vec<MessageId> {
        let claimed = self.queue.claim(ms(milliseconds), MANY, LEASE).await.unwrap();
        for message in &claimed {
            self.queue.done(message.message_id(), ms(milliseconds)).await.unwrap();
        }
        claimed.iter().map(|message| message.message_id()).collect()
    }

    /// When the next one may go, in milliseconds.
    async fn next(&self) -> i64 {
        (self.queue.next_due().await.unwrap().unwrap() - at(0)).num_milliseconds()
    }
}

#[tokio::test]
async fn a_number_sends_some_at_once_and_the_rest_evenly() {
    let sending = Sending::to_clients(of_number(2, 50), 6).await;
    assert_eq!(sending.go(0).await.len(), 2);
    for milliseconds in [50, 100, 150, 200] {
        assert_eq!(sending.next().await, milliseconds);
        assert_eq!(sending.go(milliseconds - 1).await, []);
        assert_eq!(sending.go(milliseconds).await.len(), 1);
    }
}

#[tokio::test]
async fn several_senders_keep_one_limit_together_and_a_restart_forgets_none() {
    let sending = Sending::to_clients(of_number(3, 1_000), 10).await;
    let all = (0..4).map(|_| {
        let queue = SendQueue::new(sending.pool.clone()).at(of_number(3, 1_000));
        tokio::spawn(async move { queue.claim(ms(0), 1, LEASE).await.unwrap().len() })
    });
    let mut went = 0;
    for one in all.collect::<Vec<_>>() {
        went += one.await.unwrap();
    }
    assert_eq!(went, 3);
    assert_eq!(sending.go(999).await, []);
    assert_eq!(sending.go(1_000).await.len(), 1);
}

#[tokio::test]
async fn what_waits_comes_back_once_and_counts_once() {
    let mut sending = Sending::to_clients(of_number(1, 1_000), 3).await;
    assert_eq!(sending.go(0).await, [message_id(1, 0)]);
    assert_eq!(sending.go(1_000).await, [message_id(2, 0)]);
    let another = sending.request(NUMBERS[0], "c9");
    let of_another_number = sending.request(NUMBERS[1], "c9");
    sending.apply().await;
    assert_eq!(sending.go(1_000).await, [of_another_number]);
    assert_eq!(sending.go(2_000).await, [message_id(3, 0)]);
    assert_eq!(sending.next().await, 3_000);
    assert_eq!(sending.go(3_000).await, [another]);
}

#[tokio::test]
async fn one_client_gets_45_messages_at_once_and_then_one_in_6_seconds() {
    let mut sending = Sending::at(of_number(1_000, 1)).await;
    for _ in 0..47 {
        sending.request(NUMBERS[0], "one");
    }
    sending.apply().await;
    for n in 0..45 {
        assert_eq!(sending.go(n * 10).await.len(), 1, "{n}");
    }
    for milliseconds in [6_000, 12_000] {
        assert_eq!(sending.go(milliseconds - 1).await, []);
        assert_eq!(sending.next().await, milliseconds);
        assert_eq!(sending.go(milliseconds).await.len(), 1);
    }
}

#[tokio::test]
async fn a_client_who_gets_many_costs_the_others_of_the_number_nothing() {
    let mut sending = Sending::at(of_number(8, 13)).await;
    for _ in 0..60 {
        sending.request(NUMBERS[0], "flood");
    }
    sending.apply().await;
    for n in 0..60 {
        sending.go(n * 20).await;
    }
    let other = sending.request(NUMBERS[0], "other");
    sending.apply().await;
    assert_eq!(sending.go(1_200).await, [other]);
}

#[tokio::test]
async fn a_rest_holds_up_its_scope_and_nothing_else() {
    let (app, one): (AppId, _) = ("main".parse().unwrap(), client("one"));
    let first = number(NUMBERS[0]);
    for (what, waits) in [
        (Resting::Pair(&first, &one), [true, false, false, false]),
        (Resting::Number(&first), [true, true, false, false]),
        (Resting::Account(&app), [true, true, true, false]),
    ] {
        let mut sending = Sending::at(of_number(1_000, 1)).await;
        sending.queue.rest(what, ms(60_000)).await.unwrap();
        sending.queue.rest(what, ms(30_000)).await.unwrap();
        let [main, second, other] = NUMBERS;
        let messages = [(main, "one"), (main, "two"), (second, "one"), (other, "one")]
            .map(|(from, to)| sending.request(from, to));
        sending.apply().await;
        let of = |wanted: bool| {
            let all = messages.iter().zip(waits);
            all.filter(move |(_, waits)| *waits == wanted).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(sending.go(10).await, of(false), "{what:?}");
        assert_eq!(sending.go(59_999).await, [], "{what:?}");
        assert_eq!(sending.go(60_000).await, of(true), "{what:?}");
    }
}

#[tokio::test]
async fn after_a_rest_those_that_waited_go_at_the_numbers_pace() {
    let sending = Sending::to_clients(of_number(1, 100), 4).await;
    assert_eq!(sending.go(0).await.len(), 1);
    sending.queue.rest(Resting::Number(&number(NUMBERS[0])), ms(30_000)).await.unwrap();
    assert_eq!(sending.go(300).await, []);
    for n in 0..3 {
        assert_eq!(sending.go(30_000 + n * 100).await.len(), 1, "{n}");
    }
}

#[tokio::test]
async fn what_has_not_gone_after_all_counts_once() {
    let sending = Sending::to_clients(of_number(1, 1_000), 2).await;
    for milliseconds in [0, 1, 2] {
        let claimed = sending.queue.claim(ms(milliseconds), MANY, LEASE).await.unwrap();
        let [first] = &claimed[..] else { panic!("{claimed:?}") };
        assert_eq!((first.message_id(), first.attempt), (message_id(1, 0), 1));
        let (id, soon) = (first.message_id(), ms(milliseconds + 1));
        assert!(sending.queue.put_back(id, 1, soon, ms(milliseconds)).await.unwrap());
    }
    assert_eq!(sending.go(3).await, [message_id(1, 0)]);
    assert_eq!(sending.next().await, 1_000);
}

#[tokio::test]
async fn what_was_tried_counts_again_and_so_does_what_a_crash_left() {
    for crashes in [false, true] {
        let sending = Sending::to_clients(of_number(1, 60_000), 1).await;
        let claimed = sending.queue.claim(ms(0), MANY, LEASE).await.unwrap();
        let (id, error) = (claimed[0].message_id(), send_error(true));
        if !crashes {
            let at = ms(2_000);
            assert!(sending.queue.retry_at(id, 1, at, &error, ms(1)).await.unwrap());
        }
        assert_eq!(sending.go(30_000).await, []);
        assert_eq!(sending.next().await, 60_000);
        let again = sending.queue.claim(ms(60_000), MANY, LEASE).await.unwrap();
        assert_eq!((again[0].attempt, again[0].previous_unresolved), (2, crashes));
    }
}

#[tokio::test]
async fn where_the_first_have_to_wait_those_after_them_are_found() {
    let mut sending = Sending::to_clients(of_number(1, 1_000), 5).await;
    let other = sending.request(NUMBERS[1], "c0");
    sending.apply().await;
    sending.queue.rest(Resting::Number(&number(NUMBERS[0])), ms(60_000)).await.unwrap();
    let claimed = sending.queue.claim(ms(0), 1, LEASE).await.unwrap();
    assert_eq!(claimed.iter().map(|one| one.message_id()).collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn what_has_expired_comes_whatever_rests_and_is_not_counted() {
    let sending = Sending::to_clients(of_number(1, 1_000), 1).await;
    sending.queue.rest(Resting::Number(&number(NUMBERS[0])), at(9_000)).await.unwrap();
    assert_eq!(sending.go(0).await, []);
    assert_eq!(sending.next().await, 3_600_000, "in time to be given up");
    let claimed = sending.queue.claim(at(3_600), MANY, LEASE).await.unwrap();
    assert!(claimed[0].expired);
    assert_eq!(paces_due(&sending.pool).await, 0);
}

#[tokio::test]
async fn what_has_passed_is_forgotten() {
    let sending = Sending::to_clients(of_number(1, 1_000), 2).await;
    sending.go(0).await;
    sending.queue.rest(Resting::Number(&number(NUMBERS[1])), ms(60_000)).await.unwrap();
    sending.queue.forget_paces(ms(900)).await.unwrap();
    assert_eq!(rows(&sending.pool, "send_paces").await.len(), 4, "two pairs, two numbers");
    sending.queue.forget_paces(ms(7_000)).await.unwrap();
    let left = rows(&sending.pool, "send_paces").await;
    assert_eq!((left.len(), &left[0]["name"]), (1, &NUMBERS[1].into()));
}

/// Of how many numbers and pairs something was counted.
async fn paces_due(pool: &PgPool) -> i64 {
    let query = "SELECT count(*) FROM send_paces WHERE due > 'epoch'";
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}
