//! A client writes into its room: other services hear of it, and the room and its window open.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::{Asked, Asker};
use acceptance::{PRIMARY, TestApp};
use async_nats::jetstream;
use chrono::TimeDelta;
use domain::request::Outcome;
use onboarding::whatsapp::fake::{Behaviour, Rule};
use onboarding::whatsapp::post::ClientMessage;
use serde_json::{Value, json};

/// What nobody but the two of them needs to read.
const WORDS: &str = "the key is under the third flowerpot";

/// The client writes to its room's number.
async fn write(app: &TestApp, client: &Asker, number: &str) {
    let wamid = app.stage.next_wamid();
    let message = ClientMessage::text(&client.client, wamid.as_str(), app.stage.now(), WORDS);
    app.stage.deliver(number, message).await.unwrap();
}

/// The bank's only room, once it is in this phase, and its client has written or not.
async fn room_in(app: &TestApp, phase: &str, written: bool) -> Value {
    let room = app.stage.until("the room is in its phase", async || {
        let (_, rooms) = app.stage.get("/api/v1/chat-rooms?company=demo-bank").await?;
        let room = rooms["items"][0].clone();
        let is_so = room["phase"] == phase && room["client_wrote_at"].is_null() != written;
        Ok(is_so.then_some(room))
    });
    room.await.unwrap()
}

/// What the log has of this kind about what followed from a message.
async fn recorded(app: &TestApp, asked: &Asked, event_type: &str) -> Vec<Value> {
    let events = app.stage.store.events_by_correlation(asked.request.as_uuid()).await.unwrap();
    let events = events.iter().filter(|event| event.event_type == event_type);
    events.map(|event| serde_json::from_str(&event.payload).unwrap()).collect()
}

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_services_hear_of_it_and_its_words_are_in_no_event() {
    let app = TestApp::start().await;
    let client = Asker::named("US.writes");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = room_in(&app, "active", false).await;
    write(&app, &client, room["number"].as_str().unwrap()).await;

    let profile = room["profile_id"].as_str().unwrap();
    let subject = format!("evt.onboarding.client-profile.client-wrote.v1.demo-bank.{profile}");
    let js = jetstream::new(onboarding::nats_client(&app.stage.config).await.unwrap());
    let evt = js.get_stream("EVT").await.unwrap();
    let message = app.stage.until("the event is published", async || {
        Ok(evt.get_last_raw_message_by_subject(&subject).await.ok())
    });
    let message = message.await.unwrap();
    let kind = message.headers.get("ce-type").unwrap().as_str();
    assert_eq!(kind, "onboarding.client-profile.client-wrote.v1");
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&event["type"], &event["room_id"]), (&json!("client-wrote"), &room["room_id"]));
    assert!(event["sent_at"].is_string(), "{event}");

    let log = app.stage.store.events_after(0, 100_000).await.unwrap();
    assert!(log.iter().any(|event| event.event_type == "client-wrote"));
    assert!(log.iter().all(|event| !event.payload.contains(WORDS)));
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_activates_a_room_whose_user_info_is_still_under_way() {
    let app = TestApp::start().await;
    let client = Asker::named("US.quick");
    let waits = Behaviour::Refuse { http_status: 400, code: Some(131_056), retry_after: Some(300) };
    let rule = Rule::once(waits).from_number(&PRIMARY.parse().unwrap());
    app.stage.cloud.script(rule.to(&client.to));
    let asked = app.ask(&client, "#michael").await;
    app.stage.cloud.wait_until_refused(|refusals| refusals.len() == 1).await;
    let room = room_in(&app, "invited", false).await;
    assert_eq!(app.calls(&client), ["invitation"]);

    write(&app, &client, room["number"].as_str().unwrap()).await;
    let active = room_in(&app, "active", true).await;
    assert_eq!(active["room_id"], room["room_id"]);
    let outcomes = recorded(&app, &asked, "outcome-recorded").await;
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes[0]["outcome"], "onboarded");
    assert_eq!(app.calls(&client), ["invitation"], "the user info still waits");

    app.stage.clock.advance(TimeDelta::minutes(6));
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.calls(&client), ["invitation", "text"]);
    let log = app.stage.store.events_after(0, 100_000).await.unwrap();
    let activated: Vec<_> = log.iter().filter(|it| it.event_type == "room-activated").collect();
    assert_eq!(activated.len(), 1, "once");
    let activated: Value = serde_json::from_str(&activated[0].payload).unwrap();
    assert_eq!(activated["cause"], "client_wrote");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_the_rooms_window_for_a_day() {
    let app = TestApp::start().await;
    let client = Asker::named("US.window");
    let asked = app.ask(&client, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let room = room_in(&app, "active", false).await;
    let number = room["number"].as_str().unwrap();
    let remind = async |expected: &str| {
        let again = app.ask(&client, "#michael").await;
        assert_eq!(app.outcome(&again).await, Outcome::Reminded);
        assert_eq!(app.calls(&client).pop().unwrap(), expected);
        let sent = app.stage.received_by(&client.to).pop().unwrap();
        assert_eq!(sent.from.as_str(), number, "from the room's number");
    };
    remind("resume_conversation").await;
    write(&app, &client, number).await;
    room_in(&app, "active", true).await;
    app.stage.clock.advance(TimeDelta::seconds(61));
    remind("text").await;
    app.stage.clock.advance(TimeDelta::hours(24));
    remind("resume_conversation").await;
    assert_eq!(app.calls(&client).len(), 5, "invitation, user info and three reminders");
    is_fine(app).await;
}
