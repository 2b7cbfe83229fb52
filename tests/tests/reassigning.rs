//! An operator gives a client's room to another user.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use futures::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

async fn reassign(app: &TestApp, room_id: &str, key: Uuid, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/companies/demo-bank/chat-rooms/{room_id}/reassign");
    app.stage.operate(&path, key, body).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_is_led_to_the_new_user_in_the_same_room() {
    let app = TestApp::start().await;
    let client = Asker::named("US.reassigned");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = app.rooms().await.pop().unwrap();
    let room_id = room["room_id"].as_str().unwrap();

    let (key, to_anna) = (Uuid::now_v7(), json!({ "user_id": "anna" }));
    let (status, told) = reassign(&app, room_id, key, &to_anna).await;
    assert_eq!((status, &told["user_id"]), (200, &json!("anna")), "{told}");
    let again = reassign(&app, room_id, key, &to_anna).await;
    assert_eq!(again, (200, told.clone()), "the same key once more");
    let shown = app.rooms().await.pop().unwrap();
    assert_eq!((&shown["user_id"], &shown["phase"]), (&json!("anna"), &json!("active")));
    assert_eq!(shown["number"], room["number"]);

    let to_new = app.ask(&client, "#anna").await;
    assert_eq!(app.outcome(&to_new).await, Outcome::Reminded);
    let to_old = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&to_old).await, Outcome::Onboarded);
    let all = app.rooms().await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((&all[0]["user_id"], &all[1]["user_id"]), (&json!("michael"), &json!("anna")));
    assert_ne!(all[0]["number"], all[1]["number"], "one thread, one room");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_saw_an_older_version_is_refused_over_http_and_over_nats() {
    let app = TestApp::start().await;
    let asked = app.ask(&Asker::named("US.versions"), "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = app.rooms().await.pop().unwrap();
    let room_id = room["room_id"].as_str().unwrap();
    let to = |user: &str| json!({ "user_id": user });
    let (_, told) = reassign(&app, room_id, Uuid::now_v7(), &to("anna")).await;
    let version = told["version"].as_u64().unwrap();

    let path = format!("/api/v1/companies/demo-bank/chat-rooms/{room_id}/reassign");
    let token = app.stage.token(&"demo-bank".parse().unwrap()).await.unwrap();
    let http = reqwest::Client::new();
    let by_http = async |seen: u64| {
        let request = http.post(format!("{}{path}", app.stage.api())).json(&to("michael"));
        let request = request.bearer_auth(&token).header("If-Match", format!("\"{seen}\""));
        let answer = request.header("Idempotency-Key", Uuid::now_v7().to_string()).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, problem) = by_http(version - 1).await;
    assert_eq!(status, 412, "{problem}");
    assert_eq!(problem["type"], "urn:onboarding:problem:version-mismatch");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("at version {version} ")));

    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let command = json!({
        "operation_id": Uuid::now_v7(), "actor": "Olga", "at": app.stage.now(),
        "expected_version": version - 1,
        "request": { "command": "reassign-room", "room_id": room_id, "user_id": "michael" },
    });
    let subject = "cmd.onboarding.v1.demo-bank.reassign-room";
    let inbox = nats.new_inbox();
    let mut answers = nats.subscribe(inbox.clone()).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("reply-to", inbox.as_str());
    nats.publish_with_headers(subject, headers, command.to_string().into()).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(30), answers.next()).await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap().payload).unwrap();
    assert_eq!(answer["status"], "refused", "{answer}");
    assert_eq!(answer["code"], "version-mismatch", "{answer}");

    let (status, told) = by_http(version).await;
    assert_eq!((status, &told["user_id"]), (200, &json!("michael")), "{told}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_what_is_wrong() {
    let app = TestApp::start().await;
    let asked = app.ask(&Asker::named("US.refused"), "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = app.rooms().await.pop().unwrap();
    let room_id = room["room_id"].as_str().unwrap();
    let nowhere = Uuid::now_v7().to_string();
    let cases = [
        (nowhere.as_str(), json!({ "user_id": "anna" }), 404, "unknown-chat-room", "room_id"),
        (room_id, json!({ "user_id": "gone" }), 422, "unknown-user", "user_id"),
        (room_id, json!({ "user_id": 7 }), 400, "bad-parameter", "user_id"),
        (room_id, json!({}), 400, "bad-parameter", "user_id"),
    ];
    for (room_id, body, status, code, field) in cases {
        let (got, problem) = reassign(&app, room_id, Uuid::now_v7(), &body).await;
        assert_eq!((got, &problem["field"]), (status, &json!(field)), "{problem}");
        assert_eq!(problem["type"], format!("urn:onboarding:problem:{code}"));
    }
    assert_eq!(app.rooms().await[0]["user_id"], room["user_id"]);
    app.stop().await;
}
