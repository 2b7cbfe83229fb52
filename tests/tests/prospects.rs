//! Operators promote prospects, and block clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::ids::RequestId;
use domain::request::Outcome;
use onboarding::whatsapp::post::{ClientMessage, WebhookPost};
use serde_json::{Value, json};
use uuid::Uuid;

/// A company that has auto promotion off, and its primary number.
const WEALTH: &str = "demo-wealth";
const WEALTH_PRIMARY: &str = "200100";

/// The client asks for Paula; the request that it makes.
async fn ask_for_paula(app: &TestApp, client: &Asker) -> RequestId {
    let wamid = app.stage.next_wamid();
    let message =
        ClientMessage::text(&client.client, wamid.as_str(), app.stage.now(), "#paula please");
    let post = WebhookPost::new().messages(WEALTH_PRIMARY, &[message]);
    assert_eq!(app.stage.post(post).await.unwrap(), 200);
    app.stage.request_of(WEALTH, WEALTH_PRIMARY, &wamid).unwrap()
}

async fn commanded(app: &TestApp, path: &str) -> (u16, Value) {
    app.stage.operate(path, Uuid::now_v7(), &json!({})).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prospect_that_is_promoted_gets_its_room() {
    let app = TestApp::start().await;
    let client = Asker::named("US.prospect");
    let asked = ask_for_paula(&app, &client).await;
    assert_eq!(app.stage.settled(WEALTH, asked).await.unwrap().0, Outcome::ProspectRecorded);
    let prospects = format!("/api/v1/onboarding-requests?company={WEALTH}&promoted");
    let (_, waiting) = app.stage.get(&format!("{prospects}=false")).await.unwrap();
    assert_eq!(waiting["items"][0]["request_id"], asked.to_string());
    assert_eq!(waiting["items"][0]["promoted_by"], Value::Null);

    let promote = format!("/api/v1/companies/{WEALTH}/onboarding-requests/{asked}/promote");
    let (status, promoted) = commanded(&app, &promote).await;
    assert_eq!(status, 201, "{promoted}");
    let made: RequestId = promoted["request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(app.stage.settled(WEALTH, made).await.unwrap().0, Outcome::Onboarded);
    assert_eq!(app.calls(&client), ["text", "invitation", "text"], "reply, invitation, user info");
    let (_, waiting) = app.stage.get(&format!("{prospects}=false")).await.unwrap();
    assert_eq!(waiting["items"], json!([]), "it waits no more");
    let (_, done) = app.stage.get(&format!("{prospects}=true")).await.unwrap();
    assert_eq!(done["items"][0]["request_id"], asked.to_string());
    assert_eq!(done["items"][0]["promoted_by"], made.to_string());

    let (status, problem) =
        commanded(&app, &promote.replace(&asked.to_string(), &made.to_string())).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:onboarding:problem:no-prospect")));
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_gets_no_answer_until_it_is_unblocked() {
    let app = TestApp::start().await;
    let client = Asker::named("US.blocked");
    let first = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&first).await, Outcome::Onboarded);
    let before = app.calls(&client).len();
    let rooms = app.rooms().await;
    let profile = rooms[0]["profile_id"].as_str().unwrap();
    let path = format!("/api/v1/companies/demo-bank/client-profiles/{profile}");

    let (status, blocked) = commanded(&app, &format!("{path}/block")).await;
    assert_eq!((status, blocked["profile_id"].as_str()), (200, Some(profile)), "{blocked}");
    let again = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Ignored);
    assert_eq!(app.calls(&client).len(), before, "somebody answered");

    assert_eq!(commanded(&app, &format!("{path}/unblock")).await.0, 200);
    let answered = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&answered).await, Outcome::Reminded);
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_sent_once_more_until_its_client_has_found_the_room() {
    let app = TestApp::start().await;
    let client = Asker::named("US.overlooks");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let rooms = app.rooms().await;
    let room = &rooms[0];
    let path = format!(
        "/api/v1/companies/demo-bank/chat-rooms/{}/resend-invitation",
        room["room_id"].as_str().unwrap()
    );
    let (status, resent) = commanded(&app, &path).await;
    assert_eq!(status, 200, "{resent}");
    app.outcome(&asked).await;
    assert_eq!(app.calls(&client), ["invitation", "text", "invitation"]);

    let wamid = app.stage.next_wamid();
    let hello = ClientMessage::text(&client.client, wamid.as_str(), app.stage.now(), "Hello");
    app.stage.deliver(room["number"].as_str().unwrap(), hello).await.unwrap();
    let refused = app.stage.until("the client has written", async || {
        let (status, problem) = commanded(&app, &path).await;
        let needless = problem["type"] == "urn:onboarding:problem:no-invitation-needed";
        Ok((status == 409 && needless).then_some(()))
    });
    refused.await.unwrap();
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
