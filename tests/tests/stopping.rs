//! A client says by a word that it wants no more templates, or wants them again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::Asker;
use acceptance::{PRIMARY, TestApp};
use chrono::TimeDelta;
use domain::outbound::Content;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

const BANK: &str = "/api/v1/companies/demo-bank";

/// The client writes this to the primary; how that ended.
async fn says(app: &TestApp, client: &Asker, text: &str) -> Outcome {
    let asked = app.ask(client, text).await;
    app.outcome(&asked).await
}

/// What is sent in the same second is weighed: the next message is sent later.
fn a_moment_later(app: &TestApp) {
    app.stage.clock.advance(TimeDelta::seconds(2));
}

async fn commanded(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    app.stage.operate(&format!("{BANK}/{path}"), Uuid::now_v7(), body).await.unwrap()
}

/// The last free text that the client got.
fn last_words(app: &TestApp, client: &Asker) -> String {
    let received = app.stage.received_by(&client.to);
    match &received.last().unwrap().content {
        Content::Text { body } => body.expose().clone(),
        Content::Template { name, .. } => panic!("it is the template {name}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_stop_gets_no_invitation_until_it_writes_start() {
    let app = TestApp::start().await;
    let client = Asker::named("US.stops");
    assert_eq!(says(&app, &client, " stop ").await, Outcome::Stopped);
    assert!(last_words(&app, &client).ends_with("Write START to get them again."));
    assert_eq!(says(&app, &client, "#michael").await, Outcome::TemplatesStopped);
    assert!(last_words(&app, &client).contains("write START first"));
    assert_eq!(app.calls(&client), ["text", "text"], "nothing but replies");
    let told = "/api/v1/onboarding-requests?company=demo-bank&outcome=templates_stopped";
    let (_, shown) = app.stage.get(told).await.unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len(), 1, "{shown}");

    let question = json!({
        "client": { "bsuid": "US.stops" }, "phone_number_id": PRIMARY, "text": "#michael",
    });
    let (_, foreseen) = commanded(&app, "dry-run", &question).await;
    assert_eq!(foreseen["decision"]["kind"], "report_templates_stopped", "{foreseen}");
    assert_eq!(foreseen["facts"]["templates"]["before"]["wish"], "stop", "{foreseen}");

    a_moment_later(&app);
    assert_eq!(says(&app, &client, "START").await, Outcome::Started);
    assert_eq!(says(&app, &client, "#michael").await, Outcome::Onboarded);
    assert_eq!(app.calls(&client), ["text", "text", "text", "invitation", "text"]);
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_stop_gets_no_template_into_its_room() {
    let app = TestApp::start().await;
    let client = Asker::named("US.enough");
    assert_eq!(says(&app, &client, "#michael").await, Outcome::Onboarded);
    assert_eq!(says(&app, &client, "STOP").await, Outcome::Stopped);
    let before = app.calls(&client);
    assert_eq!(says(&app, &client, "#michael").await, Outcome::Reminded);
    assert_eq!(app.calls(&client), before, "the reminder is suppressed");
    let shown = app.stage.until("the suppressed reminder is shown", async || {
        let (_, page) = app.stage.get("/api/v1/reminders?company=demo-bank").await?;
        Ok((page["items"][0]["suppressed"] == true).then_some(()))
    });
    shown.await.unwrap();

    let rooms = app.rooms().await;
    let room = rooms[0]["room_id"].as_str().unwrap();
    let path = format!("chat-rooms/{room}/resend-invitation");
    let (status, problem) = commanded(&app, &path, &json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:onboarding:problem:client-stopped")));

    a_moment_later(&app);
    assert_eq!(says(&app, &client, "start").await, Outcome::Started);
    let (status, resent) = commanded(&app, &path, &json!({})).await;
    assert_eq!(status, 200, "{resent}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
