//! An operator closes rooms, and takes numbers out of service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

async fn close(app: &TestApp, room_id: &str, key: Uuid) -> (u16, Value) {
    let path = format!("/api/v1/companies/demo-bank/chat-rooms/{room_id}/close");
    app.stage.operate(&path, key, &json!({})).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_room_was_closed_may_be_onboarded_again() {
    let app = TestApp::start().await;
    let client = Asker::named("US.closing");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = app.rooms().await.pop().unwrap();
    let room_id = room["room_id"].as_str().unwrap();

    let key = Uuid::now_v7();
    let (status, closed) = close(&app, room_id, key).await;
    assert_eq!((status, closed["room_id"].as_str()), (200, Some(room_id)), "{closed}");
    assert_eq!(close(&app, room_id, key).await, (200, closed.clone()), "the same key once more");
    let shown = app.rooms().await.pop().unwrap();
    assert_eq!((&shown["phase"], &shown["close_reason"]), (&json!("closed"), &json!("operator")));

    let again = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Onboarded);
    let all = app.rooms().await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all.iter().all(|other| other["number"] == room["number"]), "sticky: {all:?}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_not_there_is_said_to_be_missing() {
    let app = TestApp::start().await;
    let (status, problem) = close(&app, &Uuid::now_v7().to_string(), Uuid::now_v7()).await;
    assert_eq!((status, &problem["field"]), (404, &json!("room_id")), "{problem}");
    assert_eq!(problem["type"], "urn:onboarding:problem:unknown-chat-room");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_out_of_service_take_no_new_rooms() {
    let app = TestApp::start().await;
    let first = app.ask(&Asker::named("US.first"), "#michael").await;
    assert_eq!(app.outcome(&first).await, Outcome::Onboarded);
    let number = app.rooms().await[0]["number"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/companies/demo-bank/numbers/{number}/service");
    let suspend = json!({ "service": "suspended" });
    let (status, set) = app.stage.operate(&path, Uuid::now_v7(), &suspend).await.unwrap();
    assert_eq!((status, &set["number"]), (200, &json!(number)), "{set}");
    let next = app.ask(&Asker::named("US.next"), "#michael").await;
    assert_eq!(app.outcome(&next).await, Outcome::Onboarded);
    let others: Vec<_> = app.rooms().await;
    assert_ne!(others[0]["number"], json!(number), "the newest room: {others:?}");
    let wrong = json!({ "service": "off" });
    let (status, problem) = app.stage.operate(&path, Uuid::now_v7(), &wrong).await.unwrap();
    assert_eq!((status, &problem["field"]), (400, &json!("service")), "{problem}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
