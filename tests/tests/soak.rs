//! Everything that real traffic brings, all at once: messages and statuses, twice, late and out of
//! order, among broken ones, clients who stop templates and start them again, operators at work, and
//! a WhatsApp that refuses, delays and loses answers.
//!
//! `SOAK_UPDATES` says how many updates are posted (2,000 if it doesn't), `SOAK_SEED` repeats a run as
//! far as the timing allows.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
use onboarding::whatsapp::post::{Client, ClientMessage, StatusUpdate, WebhookPost};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const BANK: &str = "soak-bank";
const WEALTH: &str = "soak-wealth";
const PRIMARY: &str = "600100";
const WEALTH_PRIMARY: &str = "700100";
const SECONDARIES: u32 = 12;
const USERS: u32 = 24;
/// Posts that are under way at once.
const POSTERS: usize = 8;
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
    let soak = Soak::new(&app.stage, updates, &mut rng);
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
    /// The requests of well-formed messages to primaries.
    expected: HashSet<RequestId>,
    broken: usize,
    over: AtomicBool,
    commands: AtomicUsize,
    calls: Mutex<Calls>,
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

impl<'a> Soak<'a> {
    fn new(stage: &'a Stage, updates: usize, rng: &mut StdRng) -> Self {
        let clients = (updates / 12).max(20);
        let mut ids: Vec<u32> = vec![0; clients];
        let mut expected = HashSet::new();
        let mut broken = 0;
        let mut changes: Vec<(&str, Value)> = vec![];
        for _ in 0..updates {
            let who = rng.random_range(0..clients);
            let client = client(who, ids[who]);
            let wamid = stage.next_wamid();
            let now = stage.now();
            let says = |at, text: &str| ClientMessage::text(&client, wamid.as_str(), at, text);
            let user = format!("Hello #U{}, please", rng.random_range(1..=USERS));
            let secondary = secondary(rng.random_range(0..SECONDARIES));
            let (to, sent_at, message): (&str, _, ClientMessage) = match rng.random_range(0..100) {
                0..45 => (PRIMARY, now, says(now, &user)),
                45..52 => (PRIMARY, now, says(now, "Is anybody there?")),
                52..55 => (PRIMARY, now, ClientMessage::voice(&client, wamid.as_str(), now)),
                55..60 => (PRIMARY, now, says(now, &format!("#nobody{}", rng.random_range(0..50)))),
                60..64 => (WEALTH_PRIMARY, now, says(now, "#paula")),
                64..67 => {
                    let yesterday = now - TimeDelta::hours(25);
                    (PRIMARY, yesterday, says(yesterday, &user))
                }
                67..69 => (PRIMARY, now, says(now, &user).in_group("group-1")),
                69..87 => (secondary, now, says(now, "Good morning!")),
                87..90 => {
                    let earlier = now - TimeDelta::seconds(rng.random_range(0..120));
                    let word = ["STOP", "stop", "Start"][rng.random_range(0..3)];
                    let to = if rng.random_bool(0.5) { PRIMARY } else { secondary };
                    (to, earlier, says(earlier, word))
                }
                90..93 => {
                    ids[who] += 1;
                    changes.push(("user_id_update", renamed(who, ids[who])));
                    continue;
                }
                93..96 => {
                    broken += 1;
                    changes.push(("messages", nonsense(rng)));
                    continue;
                }
                _ => {
                    changes.push(("messages", strange_status(wamid.as_str())));
                    continue;
                }
            };
            stage.remember(&wamid, sent_at);
            if [PRIMARY, WEALTH_PRIMARY].contains(&to) {
                let company = if to == PRIMARY { BANK } else { WEALTH };
                expected.insert(stage.request_of(company, to, &wamid).unwrap());
            }
            changes.push(("", json!(String::from_utf8(body_of(to, message)).unwrap())));
        }
        let posts = posts_of(changes, rng);
        Self {
            stage,
            posts: Mutex::new(posts),
            expected,
            broken,
            over: AtomicBool::new(false),
            commands: AtomicUsize::new(0),
            calls: Mutex::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

fn body_of(to: &str, message: ClientMessage) -> Vec<u8> {
    WebhookPost::new().messages(to, &[message]).into_body()
}

/// Some changes together make a post; one post in ten comes twice, and none in the order of its
/// making.
fn posts_of(changes: Vec<(&str, Value)>, rng: &mut StdRng) -> Vec<Vec<u8>> {
    let mut posts = vec![];
    let mut rest = changes.as_slice();
    while !rest.is_empty() {
        let (some, more) = rest.split_at(rng.random_range(1..=6).min(rest.len()));
        rest = more;
        let post = some.iter().fold(WebhookPost::new(), |post, (field, value)| match *field {
            "" => {
                let body: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
                let change = &body["entry"][0]["changes"][0];
                post.change("messages", change["value"].clone())
            }
            field => post.change(field, value.clone()),
        });
        let post = post.into_body();
        if rng.random_bool(0.1) {
            posts.push(post.clone());
        }
        posts.push(post);
    }
    // What comes late comes a few posts later.
    for at in 0..posts.len() {
        if rng.random_bool(0.3) {
            let other = (at + rng.random_range(1..20)).min(posts.len() - 1);
            posts.swap(at, other);
        }
    }
    posts.reverse();
    posts
}

/// Three in four show their number; the others have a username only. `id` counts how often the
/// client has changed.
fn client(number: usize, id: u32) -> Client {
    let bsuid = format!("US.soak{number}x{id}");
    if number.is_multiple_of(4) {
        return Client::with_bsuid(&bsuid);
    }
    // Numbers for fiction: 555 0100 to 0199 in each area.
    let area = 200 + number / 100 % 700;
    Client::with_phone(&format!("1{area}55501{:02}", number % 100)).and_bsuid(&bsuid)
}

fn metadata(number: &str) -> Value {
    json!({ "display_phone_number": "12025550199", "phone_number_id": number })
}

fn renamed(who: usize, id: u32) -> Value {
    let (previous, current) = (format!("US.soak{who}x{}", id - 1), format!("US.soak{who}x{id}"));
    json!({
        "metadata": metadata(PRIMARY),
        "user_id_update": [{ "user_id": { "previous": previous, "current": current } }],
    })
}

/// One item that can be read and one that can't.
fn nonsense(rng: &mut StdRng) -> Value {
    let bad = [
        json!({ "id": "", "timestamp": "1", "type": "text", "from": "12025550100" }),
        json!({ "id": "wamid.x", "type": "text", "from": "12025550100" }),
        json!({ "id": "wamid.y", "timestamp": "soon", "from": "12025550100" }),
        json!("no message at all"),
        json!({ "id": "wamid.z", "timestamp": "1790000000", "type": "text" }),
    ];
    json!({ "metadata": metadata(PRIMARY), "messages": [bad.choose(rng).unwrap()] })
}

/// Of a message that nobody sent.
fn strange_status(wamid: &str) -> Value {
    let status = json!({ "id": format!("{wamid}x"), "status": "read", "timestamp": "1790000000" });
    json!({ "metadata": metadata(PRIMARY), "statuses": [status] })
}

fn secondary(n: u32) -> &'static str {
    static NUMBERS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let all =
        NUMBERS.get_or_init(|| (1..=SECONDARIES).map(|n| (600_100 + n).to_string()).collect());
    &all[n as usize]
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
    soak.stage.until("the last statuses are decided", all).await.unwrap();
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

/// Operators at work: whatever they are answered, nothing breaks.
async fn operate(soak: &Soak<'_>, mut rng: StdRng) {
    let company = format!("/api/v1/companies/{BANK}");
    while !soak.is_over() {
        tokio::time::sleep(TICK * 4).await;
        let (_, rooms) =
            soak.stage.get(&format!("/api/v1/chat-rooms?company={BANK}&limit=50")).await.unwrap();
        let room = rooms["items"].as_array().unwrap().choose(&mut rng).cloned();
        let number = secondary(rng.random_range(0..SECONDARIES));
        let (path, body) = match (rng.random_range(0..10), room) {
            (0..2, Some(room)) => {
                (format!("chat-rooms/{}/close", text(&room, "room_id")), json!({}))
            }
            (2..4, Some(room)) => {
                (format!("chat-rooms/{}/resend-invitation", text(&room, "room_id")), json!({}))
            }
            (4, Some(room)) => {
                (format!("client-profiles/{}/block", text(&room, "profile_id")), json!({}))
            }
            (5, Some(room)) => {
                (format!("client-profiles/{}/unblock", text(&room, "profile_id")), json!({}))
            }
            (6, _) => {
                let user = format!("users/u{}/extension", rng.random_range(1..=USERS));
                let extension = format!("u{}", rng.random_range(1..=USERS));
                (user, json!({ "extension": extension }))
            }
            // What WhatsApp has locked is put back, or nobody would be onboarded in the end.
            _ => (format!("numbers/{number}/service"), json!({ "service": "in_service" })),
        };
        let key = uuid::Uuid::now_v7();
        let answer = soak.stage.operate(&format!("{company}/{path}"), key, &body).await;
        let (status, answer) = answer.unwrap();
        assert!([200, 201, 202, 404, 409, 422].contains(&status), "{path}: {status} {answer}");
        soak.commands.fetch_add(1, Ordering::Relaxed);
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
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
    println!(
        "outcomes {outcomes:?}; {rooms} rooms; {} commands; {parked} parked, {} broken",
        soak.commands.load(Ordering::Relaxed),
        soak.broken
    );
    assert!(arrived(soak).await, "no message is lost");
    // Only what can't be read is parked; what comes twice is parked twice at most.
    let others = "SELECT count(*) FROM parked_inputs WHERE subject NOT LIKE 'wa.raw.%'";
    assert_eq!(count(soak.stage, others).await, 0, "what can be read is decided");
    assert!(parked as usize <= 2 * soak.broken, "{parked} parked of {}", soak.broken);
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

fn directory() -> String {
    let users: String = (1..=USERS)
        .map(|n| format!("      - {{ id: u{n}, name: User {n}, ou: main, extension: u{n} }}\n"))
        .collect();
    let account = |n: u32| {
        format!(
            "      - {{ phone_number_id: \"{}\", display_number: \"+1202555{:04}\", app: demo }}\n",
            600_100 + n,
            100 + n
        )
    };
    let accounts: String = (0..=SECONDARIES).map(account).collect();
    let carries: String = (0..SECONDARIES)
        .map(|n| format!("          - {{ phone_number_id: \"{}\" }}\n", secondary(n)))
        .collect();
    format!(
        r#"
companies:
  - id: {BANK}
    name: Soak Bank
    organizational_units:
      - {{ id: main, name: Main }}
    users:
{users}    official_accounts:
{accounts}    pools:
      - id: main
        primary: "{PRIMARY}"
        secondaries:
{carries}        organizational_units: [main]
        default_region: US
  - id: {WEALTH}
    name: Soak Wealth
    features: {{ auto_promotion: false }}
    organizational_units:
      - {{ id: all, name: Everybody }}
    users:
      - {{ id: paula, name: Paula Reed, ou: all, extension: paula }}
    official_accounts:
      - {{ phone_number_id: "{WEALTH_PRIMARY}", display_number: "+1 202 555 0170", app: demo }}
      - {{ phone_number_id: "700101", display_number: "+1 202 555 0171", app: demo }}
    pools:
      - id: main
        primary: "{WEALTH_PRIMARY}"
        secondaries:
          - {{ phone_number_id: "700101" }}
        organizational_units: [all]
        default_region: US
"#
    )
}
