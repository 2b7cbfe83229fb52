//! Reminders that WhatsApp refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use onboarding::whatsapp::fake::{Behaviour, Rule};
use onboarding::whatsapp::post::ClientMessage;
use serde_json::Value;

/// The newest room of the bank.
async fn room(app: &TestApp) -> Value {
    app.rooms().await.swap_remove(0)
}

/// A client that is onboarded and has written into its room, so that reminders are free text.
async fn talks(app: &TestApp, client: &Asker) -> Value {
    let asked = app.ask(client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = room(app).await;
    let wamid = app.stage.next_wamid();
    let hello = ClientMessage::text(&client.client, wamid.as_str(), app.stage.now(), "Hello");
    app.stage.deliver(room["number"].as_str().unwrap(), hello).await.unwrap();
    app.stage
        .until("the client has written", async || {
            let room = self::room(app).await;
            Ok((!room["client_wrote_at"].is_null()).then_some(room))
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_into_a_closed_window_goes_out_as_the_template() {
    let app = TestApp::start().await;
    let client = Asker::named("US.silent");
    talks(&app, &client).await;
    // Once WhatsApp refuses at once, once it tells later.
    for closed in [Behaviour::refuse(131_047), Behaviour::FailLater(131_047)] {
        let before = app.calls(&client).len();
        app.stage.cloud.script(Rule::once(closed.clone()).to(&client.to));
        let again = app.ask(&client, "#michael").await;
        assert_eq!(app.outcome(&again).await, Outcome::Reminded);
        let template = async || {
            let calls = app.calls(&client).split_off(before);
            Ok(calls.last().is_some_and(|last| last == "resume_conversation").then_some(calls))
        };
        let calls = app.stage.until("the template is sent", template).await.unwrap();
        let text_was_taken = closed != Behaviour::refuse(131_047);
        assert_eq!(calls.len(), if text_was_taken { 2 } else { 1 }, "{calls:?}");
        assert_eq!(app.outcome(&again).await, Outcome::Reminded, "everything is settled");
        app.stage.clock.advance(chrono::TimeDelta::seconds(61));
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_cannot_send_a_reminder_takes_no_new_rooms() {
    let app = TestApp::start().await;
    let client = Asker::named("US.first");
    let locked = talks(&app, &client).await;
    app.stage.cloud.script(Rule::once(Behaviour::refuse(131_048)).to(&client.to));
    let again = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Reminded);
    assert_eq!(app.calls(&client), ["invitation", "text"], "the reminder is given up");
    for next in ["US.second", "US.third"] {
        let asked = app.ask(&Asker::named(next), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
        assert_ne!(room(&app).await["number"], locked["number"]);
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
