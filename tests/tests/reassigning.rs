//! An operator gives a client's room to another user.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

/// The rooms that operators are shown, the newest first.
async fn rooms(app: &TestApp, after: &Value) -> Vec<Value> {
    let path = format!("/api/v1/chat-rooms?company=demo-bank&wait={after}");
    let (status, rooms) = app.stage.get(&path).await.unwrap();
    assert_eq!(status, 200, "{rooms}");
    rooms["items"].as_array().unwrap().clone()
}

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
    let room = rooms(&app, &json!(0)).await.pop().unwrap();
    let room_id = room["room_id"].as_str().unwrap();

    let (key, to_anna) = (Uuid::now_v7(), json!({ "user_id": "anna" }));
    let (status, told) = reassign(&app, room_id, key, &to_anna).await;
    assert_eq!((status, &told["user_id"]), (200, &json!("anna")), "{told}");
    let again = reassign(&app, room_id, key, &to_anna).await;
    assert_eq!(again, (200, told.clone()), "the same key once more");
    let shown = rooms(&app, &told["position"]).await.pop().unwrap();
    assert_eq!((&shown["user_id"], &shown["phase"]), (&json!("anna"), &json!("active")));
    assert_eq!(shown["number"], room["number"]);

    let to_new = app.ask(&client, "#anna").await;
    assert_eq!(app.outcome(&to_new).await, Outcome::Reminded);
    let to_old = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&to_old).await, Outcome::Onboarded);
    let all = rooms(&app, &json!(0)).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((&all[0]["user_id"], &all[1]["user_id"]), (&json!("michael"), &json!("anna")));
    assert_ne!(all[0]["number"], all[1]["number"], "one thread, one room");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_what_is_wrong() {
    let app = TestApp::start().await;
    let asked = app.ask(&Asker::named("US.refused"), "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = rooms(&app, &json!(0)).await.pop().unwrap();
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
    assert_eq!(rooms(&app, &json!(0)).await[0]["user_id"], room["user_id"]);
    app.stop().await;
}
