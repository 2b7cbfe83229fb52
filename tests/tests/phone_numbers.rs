//! Phone numbers that are written in two ways, and clients that get another one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::Asker;
use acceptance::{PRIMARY, TestApp};
use chrono::TimeDelta;
use domain::request::Outcome;
use onboarding::whatsapp::post::ClientMessage;
use serde_json::{Value, json};
use uuid::Uuid;

/// Brazil's, Mexico's and Argentina's mobiles, as WhatsApp may write each.
const TWO_WAYS: [(&str, &str); 3] = [
    ("+5511987654321", "+551187654321"),
    ("+5215512345678", "+525512345678"),
    ("+5491123456789", "+541123456789"),
];

/// An operator enters a client by its number; the profile.
async fn registered(app: &TestApp, phone: &str) -> Value {
    let body = json!({ "identifiers": [{ "kind": "phone", "value": phone }] });
    let path = "/api/v1/companies/demo-bank/client-profiles";
    let (status, registered) = app.stage.operate(path, Uuid::now_v7(), &body).await.unwrap();
    assert_eq!(status, 201, "{registered}");
    registered["profile_id"].clone()
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_found_whichever_way_its_number_is_written() {
    for is_turned in [false, true] {
        let app = TestApp::start().await;
        for (one, other) in TWO_WAYS {
            let (entered, written) = if is_turned { (other, one) } else { (one, other) };
            let profile = registered(&app, entered).await;
            let client = Asker::with_phone(written);
            let asked = app.ask(&client, "#michael").await;
            assert_eq!(app.outcome(&asked).await, Outcome::Onboarded, "{written}");
            let decision = app.decision(&asked).await;
            let chosen = &decision["profile"];
            assert_eq!((&chosen["how"], &chosen["profile_id"]), (&json!("taken"), &profile));
            // It is answered where it wrote from.
            assert_eq!(app.calls(&client), ["invitation", "text"], "{written}");
            assert_eq!(app.calls(&Asker::with_phone(entered)), Vec::<String>::new());
        }
        is_fine(app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_with_the_number_as_it_was_received_wins() {
    let app = TestApp::start().await;
    for (one, other) in TWO_WAYS {
        let (by_variant, exact) = (registered(&app, one).await, registered(&app, other).await);
        let asked = app.ask(&Asker::with_phone(other), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded, "{other}");
        let decision = app.decision(&asked).await;
        let chosen = &decision["profile"];
        assert_eq!((&chosen["how"], &chosen["profile_id"]), (&json!("taken"), &exact), "{other}");
        let verdict = json!({ "profile_id": by_variant, "verdict": "only_by_variant" });
        assert!(chosen["considered"].as_array().unwrap().contains(&verdict), "{chosen}");
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_new_number_keeps_its_room_and_whoever_gets_the_old_one_does_not() {
    let app = TestApp::start().await;
    let [old, new] = ["+12025550131", "+12025550132"].map(Asker::with_phone);
    let opened = app.ask(&old, "#michael").await;
    assert_eq!(app.outcome(&opened).await, Outcome::Onboarded);
    let room = app.decision(&opened).await["room_id"].clone();

    // WhatsApp tells times in whole seconds.
    app.stage.clock.advance(TimeDelta::seconds(2));
    let wamid = app.stage.next_wamid();
    let change = json!({ "type": "user_changed_number", "wa_id": "12025550132" });
    let notice =
        ClientMessage::of_type(&old.client, wamid.as_str(), app.stage.now(), "system", change);
    app.stage.deliver(PRIMARY, notice).await.unwrap();
    let request = app.stage.request_of("demo-bank", PRIMARY, &wamid).unwrap();
    assert_eq!(app.stage.settled("demo-bank", request).await.unwrap().0, Outcome::Ignored);

    let again = app.ask(&new, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Reminded);
    assert_eq!(app.decision(&again).await["room_id"], room, "its own");
    assert_eq!(app.calls(&new), ["resume_conversation"], "to where it is reached now");

    app.stage.clock.advance(TimeDelta::seconds(2));
    let by_old = app.ask(&old, "#michael").await;
    assert_eq!(app.outcome(&by_old).await, Outcome::Onboarded);
    let decision = app.decision(&by_old).await;
    assert_eq!(decision["profile"]["how"], "created", "somebody else");
    assert_ne!(decision["room_id"], room);
    is_fine(app).await;
}
