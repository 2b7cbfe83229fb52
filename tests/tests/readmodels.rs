//! What operators and auditors are shown: the read models are what the log says, the log is what
//! happened, and whoever changes either is found out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeSet;

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use acceptance::process::Process;
use chrono::TimeDelta;
use domain::AnyEvent;
use domain::request::{Outcome, RequestEvent};
use onboarding::commands::directory::apply_text;
use onboarding::demo::StageOptions;
use onboarding::whatsapp::fake::{Behaviour, Rule};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// Each view, and its tables.
const VIEWS: [(&str, &[&str]); 4] = [
    ("chat-rooms", &["rm_chat_rooms"]),
    ("reminders", &["rm_reminders", "rm_reminder_rooms"]),
    ("onboarding-requests", &["rm_onboarding_requests"]),
    ("outbound-messages", &["rm_outbound_messages"]),
];

/// The program's commands against this stage.
fn program(app: &TestApp) -> Process {
    Process::new(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap()
}

/// Something of everything: rooms, a closed one, reminders, replies.
async fn play(app: &TestApp) -> Vec<Asked> {
    let [ann, bob, eve] = ["US.ann", "US.bob", "US.eve"].map(Asker::named);
    let mut asked = vec![];
    let refuse = Rule::once(Behaviour::refuse(131_026)).to(&eve.to);
    app.stage.cloud.script(refuse);
    for (who, text, outcome) in [
        (&ann, "#michael", Outcome::Onboarded),
        (&bob, "#anna", Outcome::Onboarded),
        (&ann, "#michael", Outcome::Reminded),
        (&ann, "#michael", Outcome::Reminded),
        (&ann, "#nobody", Outcome::UserNotFound),
        (&bob, "hello", Outcome::ExtensionMissing),
        (&eve, "#michael", Outcome::InvitationFailed),
        (&bob, "#michael", Outcome::Onboarded),
    ] {
        let one = app.ask(who, text).await;
        assert_eq!(app.outcome(&one).await, outcome);
        asked.push(one);
    }
    everything_is_applied(app).await;
    asked
}

async fn everything_is_applied(app: &TestApp) {
    // Statuses come by themselves; all of them are told before the log is at rest.
    app.stage
        .until("the log is at rest and applied", async || {
            let query = "SELECT count(*) FROM rm_outbound_messages \
                         WHERE delivered_at IS NULL AND failed_at IS NULL";
            let untold: i64 = sqlx::query_scalar(query).fetch_one(&app.stage.pool).await?;
            let query = "SELECT min(position) FROM rm_checkpoints";
            let least: i64 = sqlx::query_scalar(query).fetch_one(&app.stage.pool).await?;
            let end = app.stage.store.last_position().await?;
            Ok((untold == 0 && least as u64 == end).then_some(()))
        })
        .await
        .unwrap();
}

async fn rows(app: &TestApp, tables: &[&str]) -> Vec<Value> {
    let mut rows = vec![];
    for table in tables {
        let query = format!("SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text");
        rows.extend(
            sqlx::query_scalar::<_, Value>(&query).fetch_all(&app.stage.pool).await.unwrap(),
        );
    }
    rows
}

/// Changes what triggers and grants protect, as only a superuser of the database can.
async fn tamper(app: &TestApp, statements: &[&str]) {
    let url = app.stage.config.database_url.expose();
    let mut connection = PgConnection::connect(url).await.unwrap();
    for statement in [&["SET session_replication_role = replica"], statements].concat() {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
}

/// `check` as an operator runs it: its exit status, and what it prints.
async fn check(app: &TestApp) -> (Option<i32>, String) {
    let ran = program(app).run(&["check"]).unwrap();
    (ran.status.code(), ran.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_view_equals_the_one_that_grew() {
    let app = TestApp::start().await;
    play(&app).await;
    let program = program(&app);
    for (view, tables) in VIEWS {
        let grown = rows(&app, tables).await;
        assert!(!grown.is_empty(), "{view}");
        for table in tables {
            tamper(&app, &[&format!("DELETE FROM {table}")]).await;
        }
        let ran = program.run(&["rebuild", view]).unwrap();
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        assert_eq!(rows(&app, tables).await, grown, "{view}");
    }
    // The projectors go on from there.
    let new = Asker::named("US.new");
    assert_eq!(app.outcome(&app.ask(&new, "#anna").await).await, Outcome::Onboarded);
    let ran = program.run(&["rebuild", "chat-room"]).unwrap();
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("outbound-messages"), "{}", ran.stderr);
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_a_read_model_is_found() {
    let app = TestApp::start().await;
    play(&app).await;
    assert_eq!(check(&app).await, (Some(0), "Nothing is wrong.\n".into()));
    for (view, table, change) in [
        ("chat-rooms", "rm_chat_rooms", "user_id = user_id || 'x'"),
        ("reminders", "rm_reminders", "company = 'demo-wealth'"),
        ("onboarding-requests", "rm_onboarding_requests", "outcome = 'ignored'"),
        ("outbound-messages", "rm_outbound_messages", "state = 'read'"),
    ] {
        let row = format!("ctid = (SELECT min(ctid) FROM {table})");
        tamper(&app, &[&format!("UPDATE {table} SET {change} WHERE {row}")]).await;
        let (status, printed) = check(&app).await;
        assert_eq!(status, Some(1), "{view}: {printed}");
        assert!(printed.contains(&format!("view-{view}: {table} ")), "{printed}");
        assert!(printed.ends_with("1 finding(s).\n"), "{printed}");
        assert_eq!(program(&app).run(&["rebuild", view]).unwrap().status.code(), Some(0));
    }
    assert_eq!(check(&app).await.0, Some(0));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_removed_row_of_the_log_is_found() {
    let app = TestApp::start().await;
    play(&app).await;
    let whole = "CREATE TABLE events_as_they_were AS SELECT * FROM events";
    tamper(&app, &[whole]).await;
    let restore = ["DELETE FROM events", "INSERT INTO events SELECT * FROM events_as_they_were"];
    for (change, kinds) in [
        (
            "UPDATE events SET payload = replace(payload::text, '#michael', '#anna')::json",
            &["digest: ", "evt: position "] as &[_],
        ),
        (
            "UPDATE events SET recorded_at = recorded_at - interval '1 h' WHERE position = 9",
            &["digest: ", "times: "],
        ),
        ("DELETE FROM events WHERE position = 7", &["positions: ", "sequences: "]),
        ("DELETE FROM events WHERE position = (SELECT max(position) FROM events)", &["head: "]),
    ] {
        tamper(&app, &[change]).await;
        let (status, printed) = check(&app).await;
        assert_eq!(status, Some(1), "{change}: {printed}");
        for kind in kinds {
            assert!(printed.lines().any(|line| line.starts_with(kind)), "{change}: {printed}");
        }
        tamper(&app, &restore).await;
        assert_eq!(check(&app).await.0, Some(0), "{change} was taken back");
    }
    // Nobody else can.
    for refused in ["UPDATE events SET company = 'x'", "DELETE FROM events", "TRUNCATE events"] {
        let done = sqlx::query(refused).execute(&app.stage.pool).await;
        assert!(done.is_err(), "{refused}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_tells_the_whole_history_from_any_id_and_decides_the_same_again() {
    let app = TestApp::start().await;
    let asked = play(&app).await;
    let program = program(&app);
    for asked in &asked {
        let request = asked.request.as_uuid();
        let events = app.stage.store.events_by_correlation(request).await.unwrap();
        let positions: BTreeSet<_> = events.iter().map(|event| event.position).collect();
        let mut ids = vec![asked.request.to_string(), asked.wamid.to_string()];
        for event in &events {
            match AnyEvent::read(event).unwrap() {
                AnyEvent::Request(RequestEvent::MessageRequested { message }) => {
                    ids.push(message.message_id.to_string());
                }
                AnyEvent::Request(RequestEvent::MessageAccepted { wamid, .. }) => {
                    ids.push(wamid.to_string());
                }
                AnyEvent::Request(RequestEvent::OutcomeRecorded { room_id, outcome, .. }) => {
                    // A reminded one's room is another request's.
                    let its_own = room_id.filter(|_| outcome != Outcome::Reminded);
                    ids.extend(its_own.map(|room| room.to_string()));
                }
                _ => {}
            }
        }
        for id in ids {
            let ran = program.run(&["replay", "--json", &id]).unwrap();
            assert_eq!(ran.status.code(), Some(0), "{id}: {ran:?}");
            let told: Value = serde_json::from_str(&ran.stdout).unwrap();
            let events = told["events"].as_array().unwrap();
            let found = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
            // A room's history holds those of all requests about it.
            assert!(positions.is_subset(&found), "{id}: {positions:?} of {found:?}");
            let again: Vec<_> =
                events.iter().filter_map(|e| e["decided_again_the_same"].as_bool()).collect();
            assert!(!again.is_empty() && again.iter().all(|same| *same), "{id}: {again:?}");
            let posts = told["posts"].as_array().unwrap();
            let original = String::from_utf8(asked.body.clone()).unwrap();
            assert!(posts.iter().any(|post| post["post"] == original), "{id}: the original bytes");
            assert!(posts.iter().all(|post| !post["came"].as_array().unwrap().is_empty()));
        }
        let ran = program.run(&["replay", &asked.request.to_string()]).unwrap();
        assert_eq!(ran.status.code(), Some(0));
        assert!(ran.stdout.contains("decided again from these facts: the same"), "{ran:?}");
    }
    for unknown in ["018f0000-0000-7000-8000-000000000000", "wamid.NOBODY"] {
        let ran = program.run(&["replay", unknown]).unwrap();
        assert_eq!(ran.status.code(), Some(1));
        assert!(ran.stderr.contains("nothing is recorded for"), "{ran:?}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_finds_a_changed_decision() {
    let app = TestApp::start().await;
    let asked = play(&app).await.remove(0);
    let events = app.stage.store.events_by_correlation(asked.request.as_uuid()).await.unwrap();
    let decision = events.iter().find(|event| event.event_type == "decision-made").unwrap();
    let changed =
        decision.payload.replace("\"step\":\"client_country\"", "\"step\":\"mapped_country\"");
    assert_ne!(changed, decision.payload);
    let change = format!(
        "UPDATE events SET payload = '{}' WHERE position = {}",
        changed.replace('\'', "''"),
        decision.position
    );
    tamper(&app, &[&change]).await;
    let ran = program(&app).run(&["replay", &asked.request.to_string()]).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stdout.contains("decided again from these facts: DIFFERENT"), "{ran:?}");
    assert_eq!(check(&app).await.0, Some(1));
    app.stop().await;
}

/// The same question over HTTP and over NATS.
async fn both(app: &TestApp, query: &str, path: &str, question: Value) -> Value {
    let client = onboarding::nats_client(&app.stage.config).await.unwrap();
    let subject = format!("qry.onboarding.v1.{query}");
    let answer = client.request(subject, question.to_string().into()).await.unwrap();
    let over_nats: Value = serde_json::from_slice(&answer.payload).unwrap();
    let parameters: Vec<_> = question
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !path.contains("{id}") || *name != "id")
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    let path = path.replace("{id}", question["id"].as_str().unwrap_or_default());
    let path = format!("/api/v1/{path}?{}", parameters.join("&"));
    let (_, over_http) = app.stage.get(&path).await.unwrap();
    assert_eq!(over_nats, over_http, "{path}");
    over_http
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_over_nats_and_http_are_answered_alike() {
    let app = TestApp::start().await;
    let asked = play(&app).await;
    let bank = "demo-bank";
    let rooms = both(&app, "chat-rooms", "chat-rooms", json!({ "company": bank })).await;
    assert_eq!(rooms["items"].as_array().unwrap().len(), 4);
    let room = &rooms["items"][0]["room_id"];
    both(&app, "chat-room", "chat-rooms/{id}", json!({ "company": bank, "id": room })).await;
    for filter in [
        json!({ "company": bank, "phase": "closed" }),
        json!({ "company": bank, "user": "michael", "phase": "active" }),
        json!({ "company": bank, "number": "100101" }),
        json!({ "company": bank, "limit": 1 }),
        json!({ "company": "demo-wealth" }),
        json!({ "company": bank, "phase": "open" }),
        json!({ "company": bank, "limit": 201 }),
        json!({ "company": bank, "colour": "red" }),
        json!({ "company": bank, "cursor": "nonsense" }),
        json!({}),
    ] {
        both(&app, "chat-rooms", "chat-rooms", filter).await;
    }
    for (query, path) in
        [("reminders", "reminders"), ("onboarding-requests", "onboarding-requests")]
    {
        let all = both(&app, query, path, json!({ "company": bank })).await;
        assert!(all["items"].as_array().unwrap().len() >= 2, "{all}");
        both(&app, query, path, json!({ "company": bank, "limit": 1 })).await;
    }
    let path = "onboarding-requests/{id}";
    for id in [asked[0].request.to_string(), uuid::Uuid::now_v7().to_string(), "7".into()] {
        both(&app, "onboarding-request", path, json!({ "company": bank, "id": id })).await;
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_to_the_whole_list_even_if_it_grows_meanwhile() {
    let app = TestApp::start().await;
    for number in 0..7 {
        let asked = app.ask(&Asker::named(&format!("US.page{number}")), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
        app.stage.clock.advance(TimeDelta::seconds(1));
    }
    for (list, id) in [("chat-rooms", "room_id"), ("onboarding-requests", "request_id")] {
        let ids = |page: &Value| -> Vec<Value> {
            page["items"].as_array().unwrap().iter().map(|item| item[id].clone()).collect()
        };
        let question = json!({ "company": "demo-bank" });
        let whole = ids(&both(&app, list, list, question).await);
        let mut joined = vec![];
        let mut cursor = Value::Null;
        loop {
            let mut question = json!({ "company": "demo-bank", "limit": 3 });
            if !cursor.is_null() {
                question["cursor"] = cursor;
            }
            let page = both(&app, list, list, question).await;
            joined.extend(ids(&page));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
            assert_eq!(ids(&page).len(), 3);
            // It comes first in the list, before the pages that were read.
            let late = Asker::named(&format!("US.late{}x{}", list.len(), joined.len()));
            assert_eq!(app.outcome(&app.ask(&late, "#anna").await).await, Outcome::Onboarded);
        }
        assert_eq!(joined, whole, "{list}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qr_codes_and_links_follow_the_configuration() {
    let directory = demo_directory();
    let without = directory.replace(", extension: anna", "");
    let options = StageOptions { directory: without.leak(), ..StageOptions::default() };
    let app = TestApp::with(options).await;
    let of = |user: &str, what: &str| format!("/api/v1/users/{user}/{what}?company=demo-bank");
    let (status, link) = app.stage.get(&of("michael", "click-to-chat")).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(link["url"], "https://wa.me/12025550100?text=%23michael");
    let (_, link) = app.stage.get(&of("tim", "click-to-chat")).await.unwrap();
    assert_eq!(link["url"], "https://wa.me/12025550140?text=%23tim", "his unit's primary");
    let svg = page(&app, &of("michael", "qr.svg")).await;
    assert_eq!((svg.0, svg.1.as_str()), (200, "image/svg+xml"));
    assert!(svg.2.contains("Use this QR code to onboard a client face-to-face"));
    assert_eq!(page(&app, &of("michael", "qr.png")).await.1, "image/png");
    for (user, status, kind) in [
        ("gone", 404, "urn:onboarding:problem:unknown-user"),
        ("anna", 409, "urn:onboarding:problem:no-extension"),
    ] {
        for what in ["click-to-chat", "qr.svg", "qr.png"] {
            let (found, problem) = app.stage.get(&of(user, what)).await.unwrap();
            assert_eq!((found, problem["type"].as_str()), (status, Some(kind)), "{problem}");
        }
    }
    // The account breaks, and is mended.
    let primary = "\"+1 202 555 0100\", app: demo";
    let broken = directory.replace(primary, &format!("{primary}, configuration_broken: true"));
    for (text, expected) in [(&broken, 409), (&directory, 200)] {
        apply_text(&app.stage.pool, text, "a test", app.stage.now()).await.unwrap();
        let (_, told) = app
            .stage
            .until("the page follows the directory", async || {
                let answer = app.stage.get(&of("michael", "click-to-chat")).await?;
                Ok((answer.0 == expected).then_some(answer))
            })
            .await
            .unwrap();
        if expected == 409 {
            assert_eq!(
                told["detail"],
                "There has been an issue with the WhatsApp Business Account configuration. \
                 Please contact administrator for troubleshooting."
            );
        }
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

fn demo_directory() -> String {
    StageOptions::default().directory.to_owned()
}

/// A page that is no JSON: status, type, text.
async fn page(app: &TestApp, path: &str) -> (u16, String, String) {
    let token = app.stage.token(&"demo-bank".parse().unwrap()).await.unwrap();
    let request = reqwest::Client::new().get(format!("{}{path}", app.stage.api()));
    let answer = request.bearer_auth(token).send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = answer.bytes().await.unwrap();
    (status, kind, String::from_utf8_lossy(&bytes).into_owned())
}
