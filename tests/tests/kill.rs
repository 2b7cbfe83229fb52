//! `kill -9` of the whole service, again and again, in the middle of a thousand onboardings.
//!
//! Around it everything behaves as in life: posts that are not answered 200 come again, some come
//! twice, statuses come late or not at all, answers of the Cloud API get lost. The seed is
//! printed; `KILL_SEED` repeats a run as far as the timing allows.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use acceptance::TestApp;
use acceptance::process::Process;
use chrono::TimeDelta;
use domain::AnyEvent;
use domain::identity::Recipient;
use domain::ids::{MessageId, RequestId};
use domain::input::{MessageReference, Timestamp};
use domain::outbound::DeliveryStatus;
use domain::request::{Outcome, RequestEvent};
use onboarding::demo::{Stage, StageOptions};
use onboarding::whatsapp::fake::{Behaviour, ReceivedMessage, Rule};
use onboarding::whatsapp::post::{Client, ClientMessage, StatusUpdate, WebhookPost};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const MESSAGES: usize = 1_000;
const CLIENTS: usize = 400;
const USERS: usize = 24;
const KILLS: usize = 4;
/// Messages on their way through WhatsApp are this slow.
const LATENCY: Duration = Duration::from_millis(40);
/// How long the sender waits for a status before it sends again: less than a fail-over of the
/// lanes takes.
const GRACE: TimeDelta = TimeDelta::seconds(3);
/// Between a call and the record of its answer.
const RECORD: TimeDelta = TimeDelta::seconds(1);
/// Of every so many calls, the statuses of one are withheld until the end.
const WITHHELD: usize = 5;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Calls under way at once.
const CONCURRENCY: u32 = 16;

const BANK: &str = "kill-bank";
const WEALTH: &str = "kill-wealth";
const PRIMARY: &str = "400100";
const SMALL: &str = "400200";
const SECONDARIES: [&str; 6] = ["400101", "400102", "400103", "400104", "400105", "400106"];

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_onboardings_survive_kills_with_one_outcome_each() {
    let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("KILL_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let options = StageOptions {
        roles: vec![],
        directory: Box::leak(directory().into_boxed_str()),
        statuses: None,
        ..StageOptions::default()
    };
    let mut app = TestApp::with(options).await;
    app.stage.config.sender.grace_seconds = GRACE.num_seconds() as u32;
    app.stage.config.sender.concurrency = CONCURRENCY;
    app.stage.config.cloud_api.timeout_seconds = 2;
    app.stage.config.log.filter = "error".into();
    let service = Process::serve(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    app.stage.use_service_at(service.api());
    app.stage.ready().await.unwrap();

    let begun = Instant::now();
    let world = World::new(&app.stage, &mut rng);
    register_profiles(&app.stage).await;
    let posting = async {
        post_all(&app.stage, &world).await;
        while !settled(&app.stage, &world).await {
            pause().await;
        }
        world.over.store(true, Ordering::Relaxed);
    };
    let everything = async {
        tokio::join!(
            kill_and_start(&app.stage, &world, service, StdRng::seed_from_u64(rng.random())),
            posting,
            tell_statuses(&app.stage, &world),
        )
    };
    let done = tokio::time::timeout(PATIENCE, everything).await;
    let (mut service, (), ()) = done.expect("everything is settled");
    tell_withheld(&app.stage, &world).await;
    println!(
        "{MESSAGES} messages of clients, {} calls, {:.1} s",
        app.stage.cloud.received().len(),
        begun.elapsed().as_secs_f64()
    );

    one_outcome_each(&app.stage, &world).await;
    sent_once(&app.stage, &world).await;
    nothing_is_booked_twice(&app.stage).await;
    let ran = service.run(&["check"]).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    service.kill().unwrap();
    app.stop().await;
}

/// What the test does to the service, and what it sees of it.
struct World {
    posts: Vec<Vec<u8>>,
    expected: HashMap<RequestId, &'static [Outcome]>,
    answers_lost: Vec<Recipient>,
    over: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    kills: Vec<Timestamp>,
    /// When the statuses of a call had been answered 200, by its index.
    told: HashMap<usize, Timestamp>,
}

const ANY_ROOM: &[Outcome] = &[
    Outcome::Onboarded,
    Outcome::Joined,
    Outcome::Reminded,
    Outcome::NoSecondaryNumber,
    Outcome::InvitationFailed,
];

impl World {
    fn new(stage: &Stage, rng: &mut StdRng) -> Self {
        let mut answers_lost = vec![];
        for number in 0..CLIENTS {
            let to = recipient(number);
            let behaviour = match rng.random_range(0..40) {
                0 => Behaviour::FailLater(131_026),
                1 => {
                    answers_lost.push(to.clone());
                    Behaviour::LoseAnswer
                }
                2 => Behaviour::HangUp,
                3 => Behaviour::refuse(130_429),
                4 => Behaviour::refuse(131_016),
                _ => continue,
            };
            stage.cloud.script(Rule::once(behaviour).to(&to));
        }
        stage.cloud.script(Rule::always(Behaviour::AnswerLate(LATENCY)));

        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let mut expected = HashMap::new();
        let mut asked: Vec<(usize, usize)> = vec![];
        let mut messages: Vec<(&str, ClientMessage)> = vec![];
        for number in 0..MESSAGES {
            let who = rng.random_range(0..CLIENTS);
            let user = rng.random_range(1..=USERS);
            let wamid = stage.next_wamid();
            let says =
                |who: &Client, at, text: &str| ClientMessage::text(who, wamid.as_str(), at, text);
            let now = stage.now();
            let mut sent_at = now;
            let (to, message, outcomes): (_, _, &'static [Outcome]) = match rng.random_range(0..100)
            {
                0..66 => {
                    asked.push((who, user));
                    let text = format!("Hello #U{user}, please call me");
                    (PRIMARY, says(&clients[who], now, &text), ANY_ROOM)
                }
                66..78 => {
                    let (who, user) = asked.choose(rng).copied().unwrap_or((who, user));
                    (PRIMARY, says(&clients[who], now, &format!("#u{user}")), ANY_ROOM)
                }
                78..84 => {
                    let voice = ClientMessage::voice(&clients[who], wamid.as_str(), now);
                    (PRIMARY, voice, &[Outcome::ExtensionMissing])
                }
                84..88 => (PRIMARY, says(&clients[who], now, "#nobody"), &[Outcome::UserNotFound]),
                88..91 => (SMALL, says(&clients[who], now, "#tim"), ANY_ROOM),
                91..95 => {
                    let text = says(&clients[who], now, "#paula");
                    ("500100", text, &[Outcome::ProspectRecorded])
                }
                95..98 => {
                    let stranger = Client::with_bsuid(&format!("US.stranger{number}"));
                    let to = SECONDARIES.choose(rng).unwrap();
                    (*to, says(&stranger, now, "Hello?"), &[Outcome::Redirected])
                }
                _ => {
                    sent_at = now - chrono::TimeDelta::hours(25);
                    (PRIMARY, says(&clients[who], sent_at, "#u1"), &[Outcome::Expired])
                }
            };
            stage.remember(&wamid, sent_at);
            let company = if to.starts_with('5') { WEALTH } else { BANK };
            expected.insert(stage.request_of(company, to, &wamid).unwrap(), outcomes);
            messages.push((to, message));
        }
        let mut posts = vec![];
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (some, more) = rest.split_at(rng.random_range(1..=8).min(rest.len()));
            rest = more;
            let post = some.iter().fold(WebhookPost::new(), |post, (to, message)| {
                post.messages(to, std::slice::from_ref(message))
            });
            let post = post.into_body();
            // One in ten comes again by itself.
            if rng.random_bool(0.1) {
                posts.push(post.clone());
            }
            posts.push(post);
        }
        Self { posts, expected, answers_lost, over: AtomicBool::new(false), seen: Mutex::default() }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Three in four are British and show their number; the others have a username only.
fn client(number: usize) -> Client {
    let bsuid = format!("US.kill{number}");
    match recipient(number) {
        Recipient::Phone(phone) => Client::with_phone(phone.digits()).and_bsuid(&bsuid),
        Recipient::Bsuid(_) => Client::with_bsuid(&bsuid),
    }
    .named(&format!("Client {number}"))
}

fn recipient(number: usize) -> Recipient {
    if number.is_multiple_of(4) {
        Recipient::Bsuid(format!("US.kill{number}").parse().unwrap())
    } else {
        Recipient::Phone(format!("+44770090{number:04}").parse().unwrap())
    }
}

/// Two profiles each for some clients: one of them is drawn.
async fn register_profiles(stage: &Stage) {
    for number in (1..CLIENTS).filter(|n| !n.is_multiple_of(4)).take(20) {
        let Recipient::Phone(phone) = recipient(number) else { continue };
        for _ in 0..2 {
            let body = serde_json::json!({
                "identifiers": [{ "kind": "phone", "value": phone }],
                "name": format!("Client {number}"),
            });
            let path = format!("/api/v1/companies/{BANK}/client-profiles");
            let (status, answer) = stage.operate(&path, uuid::Uuid::now_v7(), &body).await.unwrap();
            assert_eq!(status, 201, "{answer}");
        }
    }
}

/// Posts everything, and again what was not answered 200; a few at once.
async fn post_all(stage: &Stage, world: &World) {
    let waiting = Mutex::new(world.posts.iter().cloned().collect::<VecDeque<_>>());
    let worker = async || {
        loop {
            let Some(post) = waiting.lock().unwrap().pop_front() else { return };
            if !matches!(stage.post_bytes(post.clone()).await, Ok(200)) {
                waiting.lock().unwrap().push_back(post);
                pause().await;
            }
        }
    };
    tokio::join!(worker(), worker(), worker());
}

/// Kills the service at random numbers of outcomes, and starts it again; now and then it is killed
/// again while it starts.
async fn kill_and_start(
    stage: &Stage,
    world: &World,
    mut service: Process,
    mut rng: StdRng,
) -> Process {
    let mut outcomes: Vec<i64> = (0..KILLS).map(|_| rng.random_range(50..950)).collect();
    outcomes.sort_unstable();
    for at in outcomes {
        while count(stage, OUTCOMES).await < at && !world.is_over() {
            pause().await;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await;
        kill(stage, world, &mut service);
        service.start().unwrap();
        if rng.random_bool(0.3) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..800))).await;
            kill(stage, world, &mut service);
            service.start().unwrap();
        }
        stage.ready().await.unwrap();
    }
    service
}

fn kill(stage: &Stage, world: &World, service: &mut Process) {
    service.kill().unwrap();
    world.seen.lock().unwrap().kills.push(stage.clock.now());
}

/// Posts the statuses of every call but the withheld ones, until they are answered 200.
async fn tell_statuses(stage: &Stage, world: &World) {
    while !world.is_over() {
        tell_new(stage, world, |call| !call.is_multiple_of(WITHHELD)).await;
        pause().await;
    }
}

/// Posts those too, and of what they lead to: an invitation may have failed after all.
async fn tell_withheld(stage: &Stage, world: &World) {
    stage
        .until("late statuses have arrived", async || {
            tell_new(stage, world, |_| true).await;
            Ok((count(stage, UNTOLD).await == 0).then_some(()))
        })
        .await
        .unwrap();
}

async fn tell_new(stage: &Stage, world: &World, which: impl Fn(usize) -> bool) {
    let received = stage.cloud.received();
    let new: Vec<_> = {
        let seen = world.seen.lock().unwrap();
        let untold = |call: &usize| !seen.told.contains_key(call) && which(*call);
        (0..received.len()).filter(untold).collect()
    };
    // WhatsApp posts at most 1,000 updates at once.
    for some in new.chunks(500) {
        if tell(stage, some.iter().map(|call| &received[*call])).await {
            let now = stage.clock.now();
            world.seen.lock().unwrap().told.extend(some.iter().map(|call| (*call, now)));
        }
    }
}

async fn tell<'a>(stage: &Stage, calls: impl Iterator<Item = &'a ReceivedMessage>) -> bool {
    let post = calls.fold(WebhookPost::new(), |post, call| {
        let (wamid, at) = (call.wamid.as_str(), stage.now());
        let end = match call.fails_with {
            Some(code) => StatusUpdate::failed(wamid, at, code),
            None => StatusUpdate::new(wamid, DeliveryStatus::Delivered, at),
        };
        let updates = [StatusUpdate::new(wamid, DeliveryStatus::Sent, at), end]
            .map(|update| update.with_reference(call.reference.unwrap()));
        post.statuses(call.from.as_str(), &updates)
    });
    matches!(stage.post(post).await, Ok(200))
}

/// So as not to ask without a break; nothing is expected to be done by then.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

const OUTCOMES: &str = "SELECT count(*) FROM rm_onboarding_requests WHERE outcome IS NOT NULL";
const TO_SEND: &str = "SELECT count(*) FROM send_queue WHERE state <> 'done'";
const UNTOLD: &str = "SELECT count(*) FROM rm_outbound_messages \
                      WHERE delivered_at IS NULL AND failed_at IS NULL";
const PARKED: &str = "SELECT count(*) FROM parked_inputs";

async fn count(stage: &Stage, query: &str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&stage.pool).await.unwrap()
}

/// Everybody has been answered, and nothing is left to send.
async fn settled(stage: &Stage, world: &World) -> bool {
    count(stage, OUTCOMES).await as usize == world.expected.len()
        && count(stage, TO_SEND).await == 0
}

async fn one_outcome_each(stage: &Stage, world: &World) {
    let mut found: HashMap<RequestId, Vec<Outcome>> = HashMap::new();
    let mut after = 0;
    loop {
        let events = stage.store.events_after(after, 2_000).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.position;
        for event in &events {
            let request = || event.aggregate_id.parse().unwrap();
            match AnyEvent::read(event).unwrap() {
                AnyEvent::Request(RequestEvent::OnboardingRequested { request_id, .. }) => {
                    assert!(found.insert(request_id, vec![]).is_none(), "{request_id} came twice");
                }
                AnyEvent::Request(RequestEvent::OutcomeRecorded { outcome, .. }) => {
                    found.get_mut(&request()).unwrap().push(outcome);
                }
                _ => {}
            }
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (request, allowed) in &world.expected {
        let outcomes = found.get(request).expect("no message is lost");
        let [outcome] = outcomes.as_slice() else { panic!("{request}: {outcomes:?}") };
        assert!(allowed.contains(outcome), "{request}: {outcome:?}");
        *counts.entry(outcome.as_str()).or_default() += 1;
    }
    assert_eq!(found.len(), world.expected.len(), "nothing was decided that nobody asked for");
    println!("outcomes: {counts:?}");
    assert!(counts["onboarded"] > MESSAGES / 2, "{counts:?}");
    assert_eq!(count(stage, PARKED).await, 0);
}

/// Every message reached WhatsApp once, or again only where nothing could have told.
async fn sent_once(stage: &Stage, world: &World) {
    let received = stage.cloud.received();
    let mut calls: BTreeMap<MessageId, Vec<usize>> = BTreeMap::new();
    for (index, call) in received.iter().enumerate() {
        calls.entry(call.reference.unwrap().message_id).or_default().push(index);
    }
    let mut attempts = BTreeMap::new();
    for (message, calls) in calls.iter().filter(|(_, calls)| calls.len() > 1) {
        let reference = received[calls[0]].reference.unwrap();
        attempts.insert(*message, attempts_of(stage, reference).await);
    }
    let seen = world.seen.lock().unwrap();
    let mut again = 0;
    for (message, indexes) in &calls {
        for pair in indexes.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|call| received[call].received_at);
            // What was told before this was recorded, the sender knew.
            let recorded = attempts[message].iter().rev().find(|at| **at < second).unwrap();
            let lost = world.answers_lost.contains(received[pair[0]].to.expose());
            let killed = seen.kills.iter().any(|at| (first - RECORD..first + RECORD).contains(at));
            let told = seen.told.get(&pair[0]);
            println!(
                "{message} was sent again after {:.1} s: {}, {}",
                (second - first).as_seconds_f64(),
                if lost { "answer lost" } else { "killed" },
                told.map_or("status withheld".into(), |told| format!(
                    "status told {:.1} s after that was decided",
                    (*told - recorded).as_seconds_f64()
                )),
            );
            assert!(lost || killed, "{message} was answered");
            assert!(told.is_none_or(|told| told > recorded), "{message}'s status was told");
            assert!(second - first > GRACE - RECORD, "{message} is too soon");
            again += 1;
        }
    }
    let most = seen.kills.len() * CONCURRENCY as usize + world.answers_lost.len();
    println!("{} messages, {again} sent again, {} kills", calls.len(), seen.kills.len());
    assert!(again <= most);
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

async fn nothing_is_booked_twice(stage: &Stage) {
    for pair in ["user_id", "number"] {
        let query = format!(
            "SELECT count(*) FROM (SELECT FROM rooms WHERE phase <> 'closed' \
             GROUP BY company, client_id, {pair} HAVING count(*) > 1) twice"
        );
        assert_eq!(count(stage, &query).await, 0, "{pair}");
    }
}

fn directory() -> String {
    let users: String = (1..=USERS)
        .map(|n| format!("      - {{ id: u{n}, name: User {n}, ou: main, extension: u{n} }}\n"))
        .collect();
    format!(
        r#"
companies:
  - id: {BANK}
    name: Kill Bank
    default_language: en
    features: {{ auto_promotion: true }}
    organizational_units:
      - {{ id: main, name: Main }}
      - {{ id: small, name: Small }}
    users:
{users}      - {{ id: tim, name: Tim Young, ou: small, extension: tim }}
    official_accounts:
      - {{ phone_number_id: "400100", display_number: "+1 202 555 0100", app: demo }}
      - {{ phone_number_id: "400101", display_number: "+1 202 555 0101", app: demo }}
      - {{ phone_number_id: "400102", display_number: "+1 202 555 0102", app: demo }}
      - {{ phone_number_id: "400103", display_number: "+1 202 555 0103", app: demo }}
      - {{ phone_number_id: "400104", display_number: "+44 7700 900951", app: demo }}
      - {{ phone_number_id: "400105", display_number: "+44 7700 900952", app: demo }}
      - {{ phone_number_id: "400106", display_number: "+44 7700 900953", app: demo }}
      - {{ phone_number_id: "400200", display_number: "+1 202 555 0140", app: demo }}
      - {{ phone_number_id: "400201", display_number: "+1 202 555 0141", app: demo }}
    pools:
      - id: main
        primary: "400100"
        secondaries:
          - {{ phone_number_id: "400101" }}
          - {{ phone_number_id: "400102" }}
          - {{ phone_number_id: "400103" }}
          - {{ phone_number_id: "400104" }}
          - {{ phone_number_id: "400105" }}
          - {{ phone_number_id: "400106" }}
        organizational_units: [main]
        default_region: US
      - id: small
        primary: "400200"
        secondaries:
          - {{ phone_number_id: "400201", capacity: 3 }}
        organizational_units: [small]
        default_region: US
  - id: {WEALTH}
    name: Kill Wealth
    default_language: en
    features: {{ auto_promotion: false }}
    organizational_units:
      - {{ id: all, name: Everybody }}
    users:
      - {{ id: paula, name: Paula Reed, ou: all, extension: paula }}
    official_accounts:
      - {{ phone_number_id: "500100", display_number: "+1 202 555 0170", app: demo }}
      - {{ phone_number_id: "500101", display_number: "+1 202 555 0171", app: demo }}
    pools:
      - id: main
        primary: "500100"
        secondaries:
          - {{ phone_number_id: "500101" }}
        organizational_units: [all]
"#
    )
}
