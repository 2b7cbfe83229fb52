//! An operator asks what a message would lead to.

use acceptance::ask::Asker;
use acceptance::{PRIMARY, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

const BANK: &str = "/api/v1/companies/demo-bank/dry-run";

async fn asked(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    app.stage.operate(path, Uuid::now_v7(), body).await.expect("an answer")
}

async fn log_end(app: &TestApp) -> i64 {
    let end = sqlx::query_scalar("SELECT position FROM log_head").fetch_one(&app.stage.pool).await;
    end.expect("the log can be read")
}

fn hello(text: &str) -> Value {
    json!({ "client": { "phone": "+12025550177" }, "phone_number_id": PRIMARY, "text": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_would_happen_and_why_and_nothing_is_recorded() {
    let app = TestApp::start().await;
    // Anything that starts the lane, so that all that is left to record is by the questions.
    let known = Asker::named("US.known");
    let asked_before = app.ask(&known, "#michael").await;
    app.outcome(&asked_before).await;
    let before = log_end(&app).await;
    let sent = app.stage.cloud.received().len();
    let (status, room) = asked(&app, BANK, &hello("#michael")).await;
    assert_eq!(status, 200, "{room}");
    assert_eq!(
        (&room["kind"], &room["decision"]["kind"]),
        (&json!("request"), &json!("open_room"))
    );
    assert_eq!(room["decision"]["profile"]["how"], "created");
    let chosen = &room["decision"]["number"]["number"];
    let considered = room["decision"]["considered"].as_array().unwrap();
    let verdict = considered.iter().find(|one| one["number"] == *chosen).unwrap();
    assert_eq!(verdict["verdict"], "chosen", "{room:#}");
    assert!(considered.len() > 1, "every candidate is named: {room:#}");
    assert_eq!(room["messages"][0]["purpose"], "invitation");

    let (_, nobody) = asked(&app, BANK, &hello("#nobody")).await;
    assert_eq!(nobody["outcome"], "user_not_found", "{nobody}");
    assert_eq!(nobody["messages"][0]["content"]["kind"], "text");
    let voice = json!({ "client": { "bsuid": "US.dry" }, "phone_number_id": PRIMARY });
    assert_eq!(asked(&app, BANK, &voice).await.1["outcome"], "extension_missing");

    let rooms = app.rooms().await;
    let number = &rooms[0]["number"];
    let words =
        json!({ "client": { "bsuid": "US.known" }, "phone_number_id": number, "text": "Hi" });
    let (_, into) = asked(&app, BANK, &words).await;
    assert_eq!(into["kind"], "into_room", "{into}");
    assert_eq!(into["room_id"], rooms[0]["room_id"]);
    assert_eq!(into["activates"], false, "it is active: {rooms:?}");

    assert_eq!(log_end(&app).await, before, "nothing is recorded");
    assert_eq!(app.stage.cloud.received().len(), sent, "nothing is sent");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_cannot_be_answered_names_its_fault() {
    let app = TestApp::start().await;
    let with = |key: &str, value: Value| {
        let mut body = hello("#michael");
        body[key] = value;
        body
    };
    let elsewhere = "/api/v1/companies/nobody/dry-run";
    for (path, body, status, code, field) in [
        (elsewhere, hello("#michael"), 404, "unknown-company", "company"),
        (BANK, with("phone_number_id", json!("999")), 404, "unknown-number", "phone_number_id"),
        (BANK, with("client", json!({})), 400, "bad-parameter", "client"),
        (BANK, with("txt", json!("x")), 400, "bad-parameter", "txt"),
    ] {
        let (found, problem) = asked(&app, path, &body).await;
        assert_eq!(found, status, "{problem}");
        assert_eq!(problem["type"], format!("urn:onboarding:problem:{code}"));
        assert_eq!(problem["field"], field, "{problem}");
    }
    app.stop().await;
}
