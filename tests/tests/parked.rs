//! Inputs that could not be decided, and what operators do with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::process::{Process, Ran};
use domain::ids::Wamid;
use domain::request::Outcome;
use onboarding::AccessRole;
use onboarding::commands::directory::apply_text;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use serde_json::{Value, json};
use uuid::Uuid;

const LATE: &str = r#"
companies:
  - id: late-bank
    name: Late Bank
    organizational_units:
      - { id: all, name: Everybody }
    users:
      - { id: lea, name: Lea Bell, ou: all, extension: lea }
    official_accounts:
      - { phone_number_id: "300100", display_number: "+12025550160", app: demo }
      - { phone_number_id: "300101", display_number: "+12025550161", app: demo }
    pools:
      - id: main
        primary: "300100"
        secondaries:
          - { phone_number_id: "300101" }
        organizational_units: [all]
        default_region: US
"#;

async fn publish(app: &TestApp, subject: &str, body: &str) {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let answer = nats.request(subject.to_owned(), body.to_owned().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["stream"], "INBOX", "{answer}");
}

/// The program's command `parked`.
fn parked(app: &TestApp, arguments: &[&str]) -> Ran {
    let program = Process::new(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    program.run(&[&["parked"][..], arguments].concat()).unwrap()
}

/// What it lists, once it lists so many.
async fn listed(app: &TestApp, count: usize) -> Vec<Value> {
    app.stage
        .until("the inputs are parked", async || {
            let ran = parked(app, &["list", "--json"]);
            let rows: Vec<Value> = serde_json::from_str(&ran.stdout)?;
            Ok((rows.len() == count).then_some(rows))
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_decided_is_retried_once_its_cause_is_mended() {
    let app = TestApp::start().await;
    let (wamid, now) = (app.stage.next_wamid(), app.stage.now());
    app.stage.remember(&wamid, now);
    let message = json!({
        "phone_number_id": "300100", "id": wamid, "from": { "bsuid": "US.late" },
        "sent_at": now, "received_at": now, "kind": "text", "text": "#lea",
    })
    .to_string();
    publish(&app, "wa.in.v1.late-bank.300100", &message).await;
    let row = listed(&app, 1).await.remove(0);
    let id = row["id"].to_string();
    assert_eq!((&row["code"], &row["company"]), (&json!("unknown-company"), &json!("late-bank")));
    assert_eq!(parked(&app, &["show", &id]).stdout, message);
    let told = parked(&app, &["list"]).stdout;
    assert!(told.contains("the directory has no such company"), "{told}");
    assert!(!told.contains("US.late") && !told.contains("#lea"), "{told}");

    apply_text(&app.stage.pool, LATE, "a test", now).await.unwrap();
    let retried = parked(&app, &["retry", &id]);
    assert!(retried.status.success(), "{retried:?}");
    let request = app.stage.request_of("late-bank", "300100", &wamid).unwrap();
    let ended = app.stage.settled("late-bank", request).await.unwrap();
    assert_eq!(ended.0, Outcome::Onboarded);
    // Beside it there may be statuses that came before the gateway knew the company's numbers.
    let rest = parked(&app, &["list"]).stdout;
    assert!(!rest.contains("unknown-company"), "{rest}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_decided_says_so_and_can_be_dropped() {
    let app = TestApp::start().await;
    publish(&app, "wa.in.v1.demo-bank.100100", "#michael").await;
    let id = listed(&app, 1).await[0]["id"].to_string();
    let refused = parked(&app, &["retry", &id]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("the body is not JSON at line 1, column 1"), "{refused:?}");
    assert!(refused.stderr.contains("parked drop"), "the way out: {refused:?}");
    assert_eq!(parked(&app, &["drop", &id]).status.code(), Some(2), "a reason has to be given");
    let drop = ["drop", &id, "--reason", "a connector's test", "--actor", "Olga"];
    assert!(parked(&app, &drop).status.success());
    let gone = parked(&app, &drop);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert_eq!(parked(&app, &["list"]).stdout, "Nothing is parked.\n");
    let dropped = parked(&app, &["list", "--dropped", "--company", "demo-bank"]).stdout;
    assert!(dropped.contains("by Olga: a connector's test"), "{dropped}");
    let told = parked(&app, &["inspect", &id, "--json"]).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["code"], &told["history"][0]["step"]),
        (&json!("malformed"), &json!("dropped"))
    );
    assert_eq!(told["dropped"]["why"], "a connector's test");
    app.stop().await;
}

const LIST: &str = "/api/v1/companies/demo-bank/parked-inputs";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What operators of the bank are shown, once it is so many.
async fn shown(app: &TestApp, count: usize) -> Vec<Value> {
    app.stage
        .until("the inputs are shown", async || {
            let (status, list) = app.stage.get(LIST).await?;
            assert_eq!(status, 200, "{list}");
            let items = list["items"].as_array().unwrap().clone();
            Ok((items.len() == count).then_some(items))
        })
        .await
        .unwrap()
}

async fn retried(app: &TestApp, company: &str, id: &Value, key: Uuid) -> (u16, Value) {
    let path = format!("/api/v1/companies/{company}/parked-inputs/{id}/retry");
    app.stage.operate(&path, key, &json!({})).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_operators_see_and_retry_what_is_theirs() {
    let app = TestApp::start().await;
    let (wamid, now) = (app.stage.next_wamid(), app.stage.now());
    app.stage.remember(&wamid, now);
    let message = json!({
        "phone_number_id": "100109", "id": wamid, "from": { "bsuid": "US.parked" },
        "sent_at": now, "received_at": now, "kind": "text", "text": "hello there",
    });
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", TRACE);
    let (subject, body) = ("wa.in.v1.demo-bank.100109", message.to_string());
    nats.publish_with_headers(subject, headers, body.into()).await.unwrap();
    let row = shown(&app, 1).await.remove(0);
    assert_eq!((&row["code"], &row["kind"]), (&json!("unknown-number"), &json!("message")));
    assert_eq!((&row["subject"], &row["tries"]), (&json!(subject), &json!(0)));
    let told = row.to_string();
    assert!(!told.contains("US.parked") && !told.contains("hello"), "{told}");

    let (status, problem) = retried(&app, "demo-wealth", &row["id"], Uuid::now_v7()).await;
    assert_eq!((status, &problem["field"]), (404, &json!("parked_input_id")), "{problem}");
    let (status, problem) = retried(&app, "demo-bank", &json!("x"), Uuid::now_v7()).await;
    assert_eq!((status, &problem["field"]), (400, &json!("parked_input_id")), "{problem}");

    let more = json!({ "number": "100109", "display_number": "+12025550109" });
    let pool = "/api/v1/companies/demo-bank/pools/head-office/numbers";
    assert_eq!(app.stage.operate(pool, Uuid::now_v7(), &more).await.unwrap().0, 200);
    let key = Uuid::now_v7();
    let first = retried(&app, "demo-bank", &row["id"], key).await;
    assert_eq!((first.0, &first.1["parked_input_id"]), (200, &row["id"]), "{first:?}");
    assert_eq!(retried(&app, "demo-bank", &row["id"], key).await.0, 200, "the same key");
    assert_eq!(retried(&app, "demo-bank", &row["id"], Uuid::now_v7()).await.0, 200, "another");
    shown(&app, 0).await;
    let request = app.stage.request_of("demo-bank", "100109", &wamid).unwrap();
    let ended = app.stage.settled("demo-bank", request).await.unwrap();
    assert_eq!(ended.0, Outcome::Redirected);
    let events = app.stage.store.events_by_correlation(request.as_uuid()).await.unwrap();
    assert_eq!(events[0].traceparent.as_deref(), Some(TRACE), "it goes on in its trace");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_cannot_be_decided_is_parked_again_and_tells_how_often() {
    let app = TestApp::start().await;
    publish(&app, "wa.in.v1.demo-bank.100100", "#michael").await;
    let first = shown(&app, 1).await.remove(0);
    assert_eq!((&first["code"], &first["tries"]), (&json!("malformed"), &json!(0)));
    assert_eq!(retried(&app, "demo-bank", &first["id"], Uuid::now_v7()).await.0, 200);
    let again = app.stage.until("it is parked again", async || {
        let (_, list) = app.stage.get(LIST).await?;
        let is_again = |it: &&Value| it["id"] != first["id"] && it["tries"] == 1;
        Ok(list["items"].get(0).filter(is_again).cloned())
    });
    assert_eq!(again.await.unwrap()["code"], "malformed");
    assert_eq!(shown(&app, 1).await[0]["retry_requested_at"], Value::Null);
    app.stop().await;
}

async fn dropped(app: &TestApp, id: &Value, reason: &str) -> (u16, Value) {
    let path = format!("{LIST}/{id}/drop");
    app.stage.operate(&path, Uuid::now_v7(), &json!({ "reason": reason })).await.unwrap()
}

/// Status of an answer that a role gets, and its body.
async fn seen_as(app: &TestApp, role: AccessRole, path: &str) -> (u16, Value) {
    let token = app.stage.new_token(&"demo-bank".parse().unwrap(), role).await.unwrap();
    let request = reqwest::Client::new().get(format!("{}{path}", app.stage.api()));
    let answer = request.bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drops_what_nobody_needs_and_an_auditor_sees_who_and_why() {
    let app = TestApp::start().await;
    publish(&app, "wa.in.v1.demo-bank.100100", "#michael").await;
    shown(&app, 1).await;
    publish(&app, "wa.in.v1.demo-bank.100100", "#anna").await;
    let rows = shown(&app, 2).await;
    let (kept, id) = (&rows[0]["id"], &rows[1]["id"]);
    let (_, first) = app.stage.get(&format!("{LIST}?limit=1&code=malformed")).await.unwrap();
    assert_eq!((&first["items"][0]["id"], &first["next_cursor"]), (kept, &json!(kept.to_string())));
    let next = format!("{LIST}?limit=1&cursor={kept}");
    assert_eq!(app.stage.get(&next).await.unwrap().1["items"][0]["id"], *id);

    let content = format!("{LIST}/{id}/content");
    let (status, shown_bytes) = seen_as(&app, AccessRole::Auditor, &content).await;
    assert_eq!((status, &shown_bytes["text"]), (200, &json!("#michael")));
    assert_eq!((&shown_bytes["bytes"], &shown_bytes["is_exact"]), (&json!(8), &json!(true)));
    let (status, problem) = seen_as(&app, AccessRole::Operator, &content).await;
    assert_eq!((status, &problem["type"]), (403, &json!("urn:onboarding:problem:role-forbids")));

    let (status, problem) = dropped(&app, id, " ").await;
    assert_eq!((status, &problem["field"]), (400, &json!("reason")), "{problem}");
    let (status, answer) = dropped(&app, id, "a connector's test").await;
    assert_eq!((status, &answer["parked_input_id"]), (200, id), "{answer}");
    assert_eq!(dropped(&app, id, "another reason").await.0, 200, "it is so");
    assert_eq!(shown(&app, 1).await[0]["id"], *kept);

    let one = format!("{LIST}/{id}");
    for role in [AccessRole::Auditor, AccessRole::Operator] {
        let (status, told) = seen_as(&app, role, &one).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(told["input"]["dropped"]["reason"], "a connector's test");
        assert_eq!(told["input"]["dropped"]["actor"], "the stage");
        let steps: Vec<_> =
            told["history"].as_array().unwrap().iter().map(|it| &it["step"]).collect();
        assert_eq!(steps, ["dropped"]);
        assert!(!told.to_string().contains("#michael"), "{told}");
    }
    let list = seen_as(&app, AccessRole::Auditor, &format!("{LIST}?dropped=true")).await.1;
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["id"]), (1, id));
    assert_eq!(seen_as(&app, AccessRole::Auditor, &content).await.0, 404, "its bytes are gone");
    assert_eq!(seen_as(&app, AccessRole::Auditor, &format!("{LIST}/4711")).await.0, 404);
    app.stop().await;
}

/// One that INBOX will never take: its subject is none of inputs.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_cannot_be_done_says_what_stands_against_it() {
    let app = TestApp::start().await;
    let parking = "INSERT INTO parked_inputs \
                   (inbox_sequence, company, subject, code, reason, payload, parked_at) \
                   VALUES (1, 'demo-bank', 'wa.in.v1.demo-bank', 'malformed', 'it is so', '{', now())";
    sqlx::query(parking).execute(&app.stage.pool).await.unwrap();
    let row = shown(&app, 1).await.remove(0);
    assert_eq!(row["retry_failed"], Value::Null);
    assert_eq!(retried(&app, "demo-bank", &row["id"], Uuid::now_v7()).await.0, 200);
    let told = app.stage.until("the retry has failed", async || {
        let (_, list) = app.stage.get(LIST).await?;
        let row = list["items"].get(0).cloned();
        Ok(row.filter(|row| row["retry_failed"] != Value::Null))
    });
    let told = told.await.unwrap();
    let problem = told["retry_failed"]["problem"].as_str().unwrap();
    assert!(problem.contains("it did not come on a subject of inputs"), "{problem}");
    assert_eq!((&told["id"], &told["retry_requested_at"]), (&row["id"], &Value::Null));
    assert_eq!(dropped(&app, &row["id"], "it never was an input").await.0, 200, "the way out");
    app.stop().await;
}

/// The late bank, and a number of its that is another app's.
fn late_with_another_apps_number() -> String {
    let other = "{ phone_number_id: \"300109\", display_number: \"+12025550169\", app: other }";
    LATE.replace("    pools:", &format!("      - {other}\n    pools:"))
}

/// A client asks for Lea by a number of the late bank, before anybody has told us of it.
async fn asks_for_lea(app: &TestApp, number: &str, phone: &str) -> (Wamid, Vec<u8>) {
    let (wamid, now) = (app.stage.next_wamid(), app.stage.now());
    let message = ClientMessage::text(&Client::with_phone(phone), wamid.as_str(), now, "#lea");
    let body = WebhookPost::new().messages(number, &[message]).into_body();
    assert_eq!(app.stage.post_bytes(body.clone()).await.unwrap(), 200);
    (wamid, body)
}

/// What is parked of messages to a number, the oldest first, once it is so much.
async fn strays(app: &TestApp, number: &str, count: usize) -> Vec<String> {
    app.stage
        .until("the strays are parked", async || {
            let of_number = "SELECT id FROM parked_inputs WHERE subject = 'wa.raw.v1.demo' \
                AND convert_from(payload, 'UTF8')::json->'message'->>'phone_number_id' = $1 \
                ORDER BY id";
            let ids: Vec<i64> =
                sqlx::query_scalar(of_number).bind(number).fetch_all(&app.stage.pool).await?;
            Ok((ids.len() == count).then(|| ids.iter().map(i64::to_string).collect::<Vec<_>>()))
        })
        .await
        .unwrap()
}

/// Requests of the late bank that have an outcome, whatever it is.
async fn decided(app: &TestApp) -> i64 {
    let outcomes = "SELECT count(*) FROM events \
                    WHERE company = 'late-bank' AND event_type = 'outcome-recorded'";
    sqlx::query_scalar(outcomes).fetch_one(&app.stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_before_the_directory_had_the_number_is_onboarded_by_a_retry_and_once() {
    let app = TestApp::start().await;
    let (first, body) = asks_for_lea(&app, "300100", "12025550181").await;
    strays(&app, "300100", 1).await;
    assert_eq!(app.stage.post_bytes(body).await.unwrap(), 200, "WhatsApp posts it again");
    strays(&app, "300100", 2).await;
    let (second, _) = asks_for_lea(&app, "300100", "12025550182").await;
    let ids = strays(&app, "300100", 3).await;
    asks_for_lea(&app, "300109", "12025550183").await;
    let of_another_app = strays(&app, "300109", 1).await.remove(0);

    let refused = parked(&app, &["retry", &ids[0]]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("no company has the phone_number_id 300100"), "{refused:?}");
    assert!(refused.stderr.contains("directory apply"), "the way out: {refused:?}");
    assert!(!refused.stderr.contains("12025550181"), "{refused:?}");

    let (now, file) = (app.stage.now(), late_with_another_apps_number());
    apply_text(&app.stage.pool, &file, "a test", now).await.unwrap();
    for id in &ids {
        let retried = parked(&app, &["retry", id]);
        assert!(retried.status.success(), "{retried:?}");
    }
    // A lane decides in its order: once the last is decided, the repetition before it is.
    for wamid in [&first, &second] {
        let request = app.stage.request_of("late-bank", "300100", wamid).unwrap();
        let (outcome, events) = app.stage.settled("late-bank", request).await.unwrap();
        assert_eq!(outcome, Outcome::Onboarded);
        assert!(events[0].traceparent.is_some(), "it goes on in its trace");
    }
    assert_eq!(decided(&app).await, 2, "one request each");
    strays(&app, "300100", 0).await;

    let refused = parked(&app, &["retry", &of_another_app]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let why = "the phone_number_id 300109 is of the app other";
    assert!(refused.stderr.contains(why), "{refused:?}");
    assert_eq!(strays(&app, "300109", 1).await, [of_another_app]);
    assert_eq!(decided(&app).await, 2);
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companys_operators_retry_what_came_before_it_had_the_number() {
    let app = TestApp::start().await;
    // That of another app first, so that it is looked at before the one that is shown.
    asks_for_lea(&app, "300109", "12025550183").await;
    strays(&app, "300109", 1).await;
    let (wamid, _) = asks_for_lea(&app, "300100", "12025550181").await;
    let id = strays(&app, "300100", 1).await.remove(0);

    let (now, file) = (app.stage.now(), late_with_another_apps_number());
    apply_text(&app.stage.pool, &file, "a test", now).await.unwrap();
    let list = "/api/v1/companies/late-bank/parked-inputs";
    let shown = app.stage.until("it is shown to its company", async || {
        let (status, list) = app.stage.get(list).await?;
        Ok(list["items"].as_array().filter(|it| status == 200 && !it.is_empty()).cloned())
    });
    let rows = shown.await.unwrap();
    assert_eq!(rows.len(), 1, "not that of another app: {rows:?}");
    assert_eq!((rows[0]["id"].to_string(), &rows[0]["code"]), (id, &json!("unknown-number")));
    let told = rows[0].to_string();
    assert!(!told.contains("12025550181") && !told.contains("#lea"), "{told}");

    assert_eq!(retried(&app, "late-bank", &rows[0]["id"], Uuid::now_v7()).await.0, 200);
    let request = app.stage.request_of("late-bank", "300100", &wamid).unwrap();
    assert_eq!(app.stage.settled("late-bank", request).await.unwrap().0, Outcome::Onboarded);
    assert_eq!(decided(&app).await, 1);
    strays(&app, "300109", 1).await;
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
