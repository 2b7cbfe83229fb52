//! Everything that real traffic brings, all at once: messages and statuses, twice, late and out of
//! order, among broken ones, clients who stop templates and start them again, operators at work, and
//! a WhatsApp that refuses, delays and loses answers.
//!
//! `SOAK_UPDATES` says how many updates are posted (2,000 if it doesn't), `SOAK_SEED` repeats a run as
//! far as the timing allows.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

mod operators;
mod place;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use acceptance::TestApp;
use chrono::TimeDelta;
use domain::AnyEvent;
use domain::ids::{MessageId, RequestId};
use domain::input::{MessageReference, Timestamp};
use domain::outbound::DeliveryStatus;
use domain::request::RequestEvent;
use onboarding::demo::{Stage, StageOptions};
use onboarding::whatsapp::fake::{Behaviour, ReceivedMessage};
use onboarding::whatsapp::post::{StatusUpdate, WebhookPost};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::operators::Done;
use crate::place::directory;
use crate::traffic::Traffic;

/// Posts that are under way at once.
const POSTERS: usize = 8;
/// Operators whose commands are under way at once.
const OPERATORS: usize = 6;
/// So much faster than life the service's clock goes.
const FASTER: i32 = 20;
const TICK: Duration = Duration::from_millis(50);
/// Without progress for so long, something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_every_request_ends_and_every_message_is_settled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let updates = number("SOAK_UPDATES").unwrap_or(2_000) as usize;
    let seed = number("SOAK_SEED").unwrap_or_else(rand::random);
    println!("SOAK_SEED={seed} SOAK_UPDATES={updates}");
    let mut rng = StdRng::seed_from_u64(seed);
    let options = StageOptions {
        directory: Box::leak(directory().into_boxed_str()),
        statuses: None,
        ..StageOptions::default()
    };
    let app = TestApp::with(options).await;
    let clock = app.stage.clock.clone();
    app.stage.cloud.use_clock(move || clock.now());
    misbehave(&app.stage, StdRng::seed_from_u64(rng.random()));
    let begun = Instant::now();
    let traffic = Traffic::draw(&app.stage, updates, &mut rng);
    let soak = Soak::new(&app.stage, traffic);
    let everything = async {
        let posting = async {
            post_all(&soak).await;
            app.stage.cloud.forget_script();
            calm_down(&soak).await;
            soak.over.store(true, Ordering::Relaxed);
        };
        tokio::join!(
            posting,
            make_time_fly(&soak),
            tell_statuses(&soak, StdRng::seed_from_u64(rng.random())),
            operate(&soak, StdRng::seed_from_u64(rng.random())),
        )
    };
    everything.await;
    told_last(&soak).await;
    println!("{updates} updates posted in {:.1} s", begun.elapsed().as_secs_f64());

    every_request_has_its_outcome(&soak).await;
    operators_were_heard(&soak);
    sent_again_only_if_nothing_told(&soak).await;
    for (what, query) in [
        ("messages are not settled", UNSETTLED),
        ("rooms are under way", UNDER_WAY),
        ("requests have no outcome", UNENDED),
    ] {
        assert_eq!(count(&app.stage, query).await, 0, "{what}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

/// What is posted, and what is known of it.
struct Soak<'a> {
    stage: &'a Stage,
    posts: Mutex<Vec<Vec<u8>>>,
    expected: HashSet<RequestId>,
    broken: usize,
    over: AtomicBool,
    commands: Mutex<Done>,
    calls: Mutex<Calls>,
}

impl<'a> Soak<'a> {
    fn new(stage: &'a Stage, traffic: Traffic) -> Self {
        let Traffic { posts, expected, broken } = traffic;
        Self {
            stage,
            posts: Mutex::new(posts),
            expected,
            broken,
            over: AtomicBool::new(false),
            commands: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// What WhatsApp was asked to send.
#[derive(Default)]
struct Calls {
    all: Vec<ReceivedMessage>,
    /// Those of which nobody was told.
    untold: BTreeSet<usize>,
    /// When the statuses of the others were answered 200.
    told: HashMap<usize, Timestamp>,
}

impl Calls {
    fn look(&mut self, stage: &Stage) {
        let known = self.all.len();
        self.all.extend(stage.cloud.received_after(known));
        self.untold.extend(known..self.all.len());
    }
}

/// How WhatsApp behaves: well most of the time.
fn misbehave(stage: &Stage, mut rng: StdRng) {
    let choose = move || match rng.random_range(0..1_000) {
        0..30 => Behaviour::LoseAnswer,
        30..40 => Behaviour::Garble,
        40..60 => Behaviour::HangUp,
        60..85 => Behaviour::Refuse {
            http_status: 429,
            code: Some(130_429),
            retry_after: Some(rng.random_range(1..5)),
        },
        85..95 => Behaviour::refuse(131_056),
        95..120 => Behaviour::refuse(131_016),
        120..130 => Behaviour::refuse(131_026),
        130..150 => Behaviour::FailLater(131_026),
        150..153 => Behaviour::refuse(131_031),
        153..156 => Behaviour::FailLater(131_048),
        156..158 => Behaviour::refuse(132_001),
        158..162 => Behaviour::refuse(131_047),
        162..200 => Behaviour::AnswerLate(Duration::from_millis(80)),
        _ => Behaviour::Accept,
    };
    stage.cloud.usually(choose);
}

/// Posts everything, and again what was not answered 200.
async fn post_all(soak: &Soak<'_>) {
    let worker = async || {
        loop {
            let Some(post) = soak.posts.lock().unwrap().pop() else { return };
            while !matches!(soak.stage.post_bytes(post.clone()).await, Ok(200)) {
                tokio::time::sleep(TICK).await;
            }
        }
    };
    futures::future::join_all((0..POSTERS).map(|_| worker())).await;
}

/// The service's clock: back-offs, graces and deadlines pass.
async fn make_time_fly(soak: &Soak<'_>) {
    let step = TimeDelta::from_std(TICK).unwrap() * (FASTER - 1);
    while !soak.is_over() {
        tokio::time::sleep(TICK).await;
        soak.stage.clock.advance(step);
    }
}

/// Waits until nothing is left to send and no room is under way.
async fn calm_down(soak: &Soak<'_>) {
    let mut last = (Instant::now(), -1);
    loop {
        let left = count(soak.stage, LEFT).await;
        let ended = count(soak.stage, ENDED).await;
        if left == 0 && ended as usize >= soak.expected.len() && arrived(soak).await {
            return;
        }
        if left + ended != last.1 {
            last = (Instant::now(), left + ended);
        }
        assert!(last.0.elapsed() < PATIENCE, "{left} are left, {ended} have ended");
        tokio::time::sleep(TICK).await;
    }
}

/// Whether every expected request is in the read model, with its outcome.
async fn arrived(soak: &Soak<'_>) -> bool {
    let ids: Vec<_> = soak.expected.iter().map(RequestId::as_uuid).collect();
    let there: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM rm_onboarding_requests \
         WHERE request_id = ANY ($1) AND outcome IS NOT NULL",
    )
    .bind(&ids)
    .fetch_one(&soak.stage.pool)
    .await
    .unwrap();
    there as usize == ids.len()
}

const LEFT: &str = "SELECT (SELECT count(*) FROM send_queue WHERE state <> 'done') \
    + (SELECT count(*) FROM rooms WHERE phase IN ('reserved', 'invited'))";
const ENDED: &str = "SELECT count(*) FROM rm_onboarding_requests WHERE outcome IS NOT NULL";
const UNENDED: &str = "SELECT count(*) FROM rm_onboarding_requests WHERE outcome IS NULL";
const UNDER_WAY: &str = "SELECT count(*) FROM rooms WHERE phase IN ('reserved', 'invited')";
const UNSETTLED: &str =
    "SELECT count(*) FROM rm_outbound_messages WHERE accepted_at IS NULL AND failed_at IS NULL";

async fn count(stage: &Stage, query: &str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&stage.pool).await.unwrap()
}

/// Statuses, late, twice, or in the wrong order; of one call in twenty not before the end.
async fn tell_statuses(soak: &Soak<'_>, mut rng: StdRng) {
    while !soak.is_over() {
        tell_new(soak, &mut rng, |call, rng| call.is_multiple_of(20) || rng.random_bool(0.2)).await;
        tokio::time::sleep(TICK).await;
    }
}

async fn told_last(soak: &Soak<'_>) {
    let all = async || {
        tell_new(soak, &mut StdRng::seed_from_u64(1), |_, _| false).await;
        let untold = "SELECT count(*) FROM rm_outbound_messages \
            WHERE accepted_at IS NOT NULL AND delivered_at IS NULL AND read_at IS NULL \
            AND failed_at IS NULL";
        // A failure that is told last may lead to another number, and so to more to send.
        let left = count(soak.stage, LEFT).await + count(soak.stage, untold).await;
        soak.stage.clock.advance(TimeDelta::seconds(5));
        Ok((left == 0).then_some(()))
    };
    if let Err(error) = soak.stage.until("the last statuses are decided", all).await {
        panic!("{error:#}: {:#?}", what_is_left(soak.stage).await);
    }
}

/// What is neither settled nor closed nor told of, for people.
async fn what_is_left(stage: &Stage) -> Vec<String> {
    let left = "SELECT 'waits to be sent: ' || (to_jsonb(q) - 'message' - 'recipient')::text
            FROM send_queue q WHERE state <> 'done'
        UNION ALL SELECT 'under way: ' || to_jsonb(r)::text
            FROM rooms r WHERE phase IN ('reserved', 'invited')
        UNION ALL SELECT 'not told of: ' || message_id || ' from ' || from_number
            FROM rm_outbound_messages
            WHERE accepted_at IS NOT NULL AND delivered_at IS NULL AND read_at IS NULL
                AND failed_at IS NULL";
    sqlx::query_scalar(left).fetch_all(&stage.pool).await.unwrap()
}

/// Tells of calls that were not told of; of some of them not yet.
async fn tell_new(soak: &Soak<'_>, rng: &mut StdRng, later: impl Fn(usize, &mut StdRng) -> bool) {
    let mut new: Vec<(usize, ReceivedMessage)> = {
        let mut calls = soak.calls.lock().unwrap();
        calls.look(soak.stage);
        let now = calls.untold.iter().filter(|call| !later(**call, rng));
        now.map(|call| (*call, calls.all[*call].clone())).collect()
    };
    new.shuffle(rng);
    for some in new.chunks(300) {
        let post = some.iter().fold(WebhookPost::new(), |post, (_, call)| {
            post.statuses(call.from.as_str(), &statuses(soak.stage, call, rng))
        });
        if matches!(soak.stage.post(post).await, Ok(200)) {
            let now = soak.stage.clock.now();
            let mut calls = soak.calls.lock().unwrap();
            for (call, _) in some {
                calls.untold.remove(call);
                calls.told.insert(*call, now);
            }
        }
    }
}

fn statuses(stage: &Stage, call: &ReceivedMessage, rng: &mut StdRng) -> Vec<StatusUpdate> {
    use DeliveryStatus::{Delivered, Read, Sent};
    let (wamid, at) = (call.wamid.as_str(), stage.now());
    let mut all = match call.fails_with {
        Some(code) => vec![StatusUpdate::failed(wamid, at, code)],
        None => [Sent, Delivered, Read].map(|it| StatusUpdate::new(wamid, it, at)).into(),
    };
    if rng.random_bool(0.2) {
        all.extend(all.clone());
    }
    all.shuffle(rng);
    all.into_iter().map(|update| update.with_reference(call.reference.unwrap())).collect()
}

/// Operators at work.
async fn operate(soak: &Soak<'_>, mut rng: StdRng) {
    let operator = async |mut rng: StdRng| {
        while !soak.is_over() {
            tokio::time::sleep(TICK * 2).await;
            let (kind, status) = operators::command(soak.stage, &mut rng).await;
            soak.commands.lock().unwrap().note(kind, status);
        }
    };
    let seeds: [u64; OPERATORS] = rng.random();
    futures::future::join_all(seeds.map(StdRng::seed_from_u64).map(operator)).await;
}

async fn every_request_has_its_outcome(soak: &Soak<'_>) {
    let outcomes: Vec<(String, i64)> = sqlx::query_as(
        "SELECT coalesce(outcome, '-'), count(*) FROM rm_onboarding_requests GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&soak.stage.pool)
    .await
    .unwrap();
    let parked: i64 = count(soak.stage, "SELECT count(*) FROM parked_inputs").await;
    let rooms = count(soak.stage, "SELECT count(*) FROM rooms").await;
    println!("outcomes {outcomes:?}; {rooms} rooms; {parked} parked, {} broken", soak.broken);
    assert!(arrived(soak).await, "no message is lost");
    // Only what can't be read is parked; what comes twice is parked twice at most.
    let others = "SELECT count(*) FROM parked_inputs WHERE subject NOT LIKE 'wa.raw.%'";
    assert_eq!(count(soak.stage, others).await, 0, "what can be read is decided");
    assert!(parked as usize <= 2 * soak.broken, "{parked} parked of {}", soak.broken);
}

/// In a long run each command was done, and not only refused.
fn operators_were_heard(soak: &Soak<'_>) {
    let done = soak.commands.lock().unwrap();
    println!("{} commands, done and refused: {done:?}", done.all());
    assert!(done.kinds() > 0, "{done:?}");
    if done.all() >= 1_000 {
        assert_eq!(done.kinds(), operators::KINDS, "{done:?}");
    }
}

/// A message reached WhatsApp again only where neither an answer nor a status had told of it.
async fn sent_again_only_if_nothing_told(soak: &Soak<'_>) {
    let Calls { all: received, told, .. } = std::mem::take(&mut *soak.calls.lock().unwrap());
    let mut calls: BTreeMap<MessageId, Vec<usize>> = BTreeMap::new();
    for (index, call) in received.iter().enumerate() {
        calls.entry(call.reference.unwrap().message_id).or_default().push(index);
    }
    let mut again = 0;
    for indexes in calls.values().filter(|indexes| indexes.len() > 1) {
        let attempts = attempts_of(soak.stage, received[indexes[0]].reference.unwrap()).await;
        for pair in indexes.windows(2) {
            let second = received[pair[1]].received_at;
            let recorded = attempts.iter().rev().find(|at| **at <= second).expect("an attempt");
            let first_told = told.get(&pair[0]).expect("every status is told in the end");
            assert!(first_told > recorded, "a message was sent again after its status was told");
            again += 1;
        }
    }
    println!("{} messages, {} calls, {again} sent again", calls.len(), received.len());
}

async fn attempts_of(stage: &Stage, reference: MessageReference) -> Vec<Timestamp> {
    let events = stage.store.events_by_correlation(reference.request_id.as_uuid()).await.unwrap();
    let attempts = events.iter().filter_map(|event| match AnyEvent::read(event).unwrap() {
        AnyEvent::Request(RequestEvent::MessageAttempted { message_id, at, .. }) => {
            (message_id == reference.message_id).then_some(at)
        }
        _ => None,
    });
    attempts.collect()
}
