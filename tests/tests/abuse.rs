//! Clients that ask too much: what they write is recorded, and nobody answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::Asker;
use acceptance::{PRIMARY, TestApp, directory};
use chrono::TimeDelta;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

/// More than the hour for which is counted.
const HOUR: TimeDelta = TimeDelta::minutes(61);

/// The client asks, and its request ends like this.
async fn ends(app: &TestApp, client: &Asker, text: &str, outcome: Outcome) {
    let asked = app.ask(client, text).await;
    assert_eq!(app.outcome(&asked).await, outcome, "{text}");
}

/// The client writes to a number, and is not answered for this reason; what it wrote is kept.
async fn is_ignored(app: &TestApp, number: &str, client: &Asker, text: &str, reason: &str) {
    let before = app.calls(client);
    let asked = app.ask_at(number, client, text).await;
    assert_eq!(app.outcome(&asked).await, Outcome::Ignored, "{text}");
    assert_eq!(app.decision(&asked).await["reason"], reason, "{text}");
    assert_eq!(app.calls(client), before, "{text} was answered");
    let events = app.stage.store.events_by_correlation(asked.request.as_uuid()).await.unwrap();
    let requested: Value = serde_json::from_str(&events[0].payload).unwrap();
    assert_eq!(requested["message"]["text"], text);
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_too_many_extensions_learns_of_none_for_an_hour() {
    let limits = "    limits: { wrong_extensions_per_hour: 2 }\n";
    let app = TestApp::with_directory(directory::bank_with(limits)).await;
    let guesser = Asker::named("US.guesser");
    // The same one again is no further one.
    for text in ["#guess1", "#guess1", "#guess2"] {
        ends(&app, &guesser, text, Outcome::UserNotFound).await;
    }
    for text in ["#guess3", "#guess1", "#michael"] {
        is_ignored(&app, PRIMARY, &guesser, text, "too_many_extensions").await;
    }
    ends(&app, &guesser, "hello", Outcome::ExtensionMissing).await;
    assert_eq!(app.calls(&guesser), ["text"; 4]);
    ends(&app, &Asker::named("US.other"), "#michael", Outcome::Onboarded).await;

    app.stage.clock.advance(HOUR);
    ends(&app, &guesser, "#michael", Outcome::Onboarded).await;
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_used_up_its_replies_gets_none_for_an_hour() {
    let limits = "    limits: { replies_per_hour: 2 }\n";
    let app = TestApp::with_directory(directory::bank_with(limits)).await;
    let talker = Asker::named("US.talker");
    ends(&app, &talker, "#michael", Outcome::Onboarded).await;
    ends(&app, &talker, "hello", Outcome::ExtensionMissing).await;
    ends(&app, &talker, "#nobody", Outcome::UserNotFound).await;
    for text in ["hello?", "#nobody", "#anna"] {
        is_ignored(&app, PRIMARY, &talker, text, "too_many_replies").await;
    }
    assert_eq!(app.calls(&talker), ["invitation", "text", "text", "text"]);
    // Who has a room is led there.
    ends(&app, &talker, "#michael", Outcome::Reminded).await;

    app.stage.clock.advance(HOUR);
    ends(&app, &talker, "hello", Outcome::ExtensionMissing).await;
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_answered_by_none_of_the_companys_numbers() {
    let app = TestApp::start().await;
    let client = Asker::named("US.blocked");
    let opened = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&opened).await, Outcome::Onboarded);
    let decision = app.decision(&opened).await;
    let profile = decision["profile"]["profile_id"].as_str().unwrap();
    let path = format!("/api/v1/companies/demo-bank/client-profiles/{profile}/block");
    let (status, blocked) = app.stage.operate(&path, Uuid::now_v7(), &json!({})).await.unwrap();
    assert_eq!(status, 200, "{blocked}");

    let room = app.invited_from(&client);
    assert_eq!(room, "100101");
    for number in [PRIMARY, room.as_str(), "100102"] {
        for text in ["hello", "#michael", "#nobody"] {
            is_ignored(&app, number, &client, text, "blocked").await;
        }
    }
    is_fine(app).await;
}
