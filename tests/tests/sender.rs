//! Sending: nothing twice that anybody could have told about, nothing forgotten, in order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use acceptance::process::Process;
use chrono::TimeDelta;
use domain::AnyEvent;
use domain::ids::PhoneNumberId;
use domain::input::Timestamp;
use domain::outbound::DeliveryStatus;
use domain::request::{Outcome, RequestEvent};
use onboarding::cli::Role;
use onboarding::demo::StageOptions;
use onboarding::demo::stage::{APP, APP_SECRET};
use onboarding::service::Service;
use onboarding::whatsapp::fake::{Behaviour, Rule, Statuses, Webhook};
use onboarding::whatsapp::post::{StatusUpdate, WebhookPost};

/// Longer than the sender waits for a status of a message whose answer is lost.
const GRACE: TimeDelta = TimeDelta::seconds(61);
/// More than the longest back-off.
const BACK_OFF: TimeDelta = TimeDelta::minutes(6);

/// Everything in this process; statuses come when the test says so.
async fn start() -> TestApp {
    let statuses = Some(Statuses::OnDemand);
    TestApp::with(StageOptions { statuses, ..StageOptions::default() }).await
}

async fn is_fine(app: TestApp) {
    app.stage.cloud.deliver_statuses().await;
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

/// One row of the send queue.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    unresolved: bool,
    next_attempt_at: Timestamp,
}

/// Waits until a message of this request is kept for another attempt.
async fn kept(app: &TestApp, asked: &Asked, attempts: i32) -> Row {
    let query = "SELECT unresolved, next_attempt_at FROM send_queue \
                 WHERE request_id = $1 AND state = 'waiting' AND attempts = $2";
    let request = asked.request.as_uuid();
    app.stage
        .until("a message is kept", async || {
            let row = sqlx::query_as(query).bind(request).bind(attempts);
            Ok(row.fetch_optional(&app.stage.pool).await?)
        })
        .await
        .unwrap()
}

/// When each attempt of a request's first message was recorded.
async fn attempts(app: &TestApp, asked: &Asked) -> Vec<Timestamp> {
    let events = app.stage.store.events_by_correlation(asked.request.as_uuid()).await.unwrap();
    let mut attempts = vec![];
    let mut first = None;
    for event in &events {
        match AnyEvent::read(event).unwrap() {
            AnyEvent::Request(RequestEvent::MessageRequested { message }) => {
                first.get_or_insert(message.message_id);
            }
            AnyEvent::Request(RequestEvent::MessageAttempted { message_id, at, .. })
                if first == Some(message_id) =>
            {
                attempts.push(at);
            }
            _ => {}
        }
    }
    attempts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_tells_what_a_lost_answer_did_not() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    for lost in [Behaviour::LoseAnswer, Behaviour::Garble] {
        app.stage.cloud.script(Rule::once(lost).to(&ann.to));
    }
    let asked = app.ask(&ann, "#michael").await;
    assert!(kept(&app, &asked, 1).await.unresolved);
    // The invitation's status; then the user-info message, whose answer can't be read; its status.
    assert_eq!(app.stage.cloud.deliver_statuses().await, 1);
    app.stage.cloud.wait_until(|received| received.len() == 2).await;
    assert!(kept(&app, &asked, 1).await.unresolved);
    assert_eq!(app.stage.cloud.deliver_statuses().await, 1);
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    app.stage.clock.advance(GRACE);
    let bob = Asker::named("US.bob");
    let other = app.ask(&bob, "#michael").await;
    assert_eq!(app.outcome(&other).await, Outcome::Onboarded);
    assert_eq!(app.calls(&ann), ["invitation", "text"], "sent once");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_status_it_is_sent_again_after_the_grace_time() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::once(Behaviour::LoseAnswer).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    let row = kept(&app, &asked, 1).await;
    let recorded = async || Ok(attempts(&app, &asked).await.first().copied());
    let attempt = app.stage.until("the attempt is recorded", recorded).await.unwrap();
    assert!(row.next_attempt_at - attempt >= TimeDelta::seconds(60), "{row:?}");
    app.stage.clock.advance(GRACE);
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.calls(&ann), ["invitation", "invitation", "text"]);
    // The status of the first comes late, and that of the second: nothing follows from them.
    assert_eq!(app.stage.cloud.deliver_statuses().await, 3);
    let told = app.stage.until("the statuses are recorded", async || {
        let path = format!("/api/v1/onboarding-requests/{}?company=demo-bank", asked.request);
        let (_, request) = app.stage.get(&path).await?;
        let messages = request["outbound"].as_array().cloned().unwrap_or_default();
        let all = messages.len() == 2 && messages.iter().all(|m| m["state"] == "delivered");
        Ok(all.then_some(()))
    });
    told.await.unwrap();
    assert_eq!(app.calls(&ann).len(), 3);
    is_fine(app).await;
}

/// WhatsApp tells how far the message got before it answers our call, and by its own id alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_faster_than_the_answer_counts_once_the_answer_is_there() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    let slow = Behaviour::AnswerLate(std::time::Duration::from_secs(2));
    app.stage.cloud.script(Rule::once(slow).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    let received = app.stage.cloud.wait_until(|received| received.len() == 1).await;
    let (call, now) = (&received[0], app.stage.now());
    for told in [DeliveryStatus::Read, DeliveryStatus::Sent] {
        let update = StatusUpdate::new(call.wamid.as_str(), told, now);
        let post = WebhookPost::new().statuses(call.from.as_str(), &[update]);
        assert_eq!(app.stage.post(post).await.unwrap(), 200);
    }
    let kept = app.stage.until("the statuses are kept", async || {
        let count = sqlx::query_scalar("SELECT count(*) FROM early_statuses");
        let count: i64 = count.fetch_one(&app.stage.pool).await?;
        Ok((count == 2).then_some(()))
    });
    kept.await.unwrap();
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let read = app.stage.until("the invitation is read", async || {
        let path = format!("/api/v1/onboarding-requests/{}?company=demo-bank", asked.request);
        let (_, request) = app.stage.get(&path).await?;
        Ok((request["outbound"][0]["state"] == "read").then_some(()))
    });
    read.await.unwrap();
    assert_eq!(app.calls(&ann), ["invitation", "text"], "sent once");
    is_fine(app).await;
}

/// The service dies in the middle of a call and is away for longer than the grace time: nobody
/// could tell, so the grace time begins again, and the status that comes in it counts.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_grace_time_begins_when_somebody_can_tell_again() {
    let roles = vec![];
    let mut app = TestApp::with(StageOptions { roles, ..StageOptions::default() }).await;
    app.stage.config.sender.grace_seconds = 3;
    app.stage.config.cloud_api.timeout_seconds = 2;
    app.stage.config.log.filter = "error".into();
    let mut service = Process::serve(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    app.stage.use_service_at(service.api());
    app.stage.ready().await.unwrap();
    let ann = Asker::named("US.ann");
    let slow = Behaviour::AnswerLate(std::time::Duration::from_secs(60));
    app.stage.cloud.script(Rule::once(slow).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    app.stage.cloud.wait_until(|received| received.len() == 1).await;
    service.kill().unwrap();
    app.stage
        .until("the grace time is over", async || {
            let query =
                "SELECT FROM send_queue WHERE state = 'sending' AND next_attempt_at < now()";
            Ok(sqlx::query(query).fetch_optional(&app.stage.pool).await?)
        })
        .await
        .unwrap();
    service.start().unwrap();
    app.stage.ready().await.unwrap();
    app.stage.cloud.post_statuses_to(webhook(&app), Statuses::OnDemand);
    assert_eq!(app.stage.cloud.deliver_statuses().await, 1);
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.calls(&ann), ["invitation", "text"], "sent once");
    service.kill().unwrap();
    is_fine(app).await;
}

/// However long the lane takes: what INBOX holds is heard before anything is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_the_lane_has_not_decided_yet_counts_too() {
    let roles = vec![];
    let mut app = TestApp::with(StageOptions { roles, ..StageOptions::default() }).await;
    let all_but_the_engine: Vec<_> =
        Role::ALL.into_iter().filter(|role| *role != Role::Engine).collect();
    let engine = start_roles(&app, &[Role::Engine]).await;
    let others = start_roles(&app, &all_but_the_engine).await;
    app.stage.use_service_at(format!("http://{}", others.http()));
    app.stage.ready().await.unwrap();
    app.stage.cloud.post_statuses_to(webhook(&app), Statuses::OnDemand);
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::once(Behaviour::LoseAnswer).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    kept(&app, &asked, 1).await;
    // The lanes stand still; the status is taken in, but nobody decides it.
    engine.stop().await;
    assert_eq!(app.stage.cloud.deliver_statuses().await, 1);
    app.stage.clock.advance(GRACE);
    let mut looked = app.stage.clock.now();
    for _ in 0..2 {
        looked = looked_at_after(&app, &asked, looked).await;
    }
    assert_eq!(app.calls(&ann), ["invitation"], "it may not be needed");
    let engine = start_roles(&app, &[Role::Engine]).await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.calls(&ann), ["invitation", "text"], "it was not needed");
    engine.stop().await;
    others.stop().await;
    is_fine(app).await;
}

async fn start_roles(app: &TestApp, roles: &[Role]) -> Service {
    Service::start(&app.stage.config, roles, app.stage.clock.clone()).await.unwrap()
}

/// Waits until the sender has looked at a message and put it back.
async fn looked_at_after(app: &TestApp, asked: &Asked, moment: Timestamp) -> Timestamp {
    let query = "SELECT updated_at FROM send_queue \
                 WHERE request_id = $1 AND state = 'waiting' AND updated_at > $2";
    app.stage
        .until("the sender has looked again", async || {
            let row = sqlx::query_scalar(query).bind(asked.request.as_uuid()).bind(moment);
            Ok(row.fetch_optional(&app.stage.pool).await?)
        })
        .await
        .unwrap()
}

fn webhook(app: &TestApp) -> Webhook {
    let url = format!("{}/webhooks/whatsapp/{APP}", app.stage.api());
    Webhook::new(&url, APP_SECRET.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_is_tried_again_with_growing_pauses() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::always(Behaviour::refuse(130_429)).times(2).to(&ann.to));
    let waits = Behaviour::Refuse { http_status: 429, code: Some(130_429), retry_after: Some(200) };
    app.stage.cloud.script(Rule::once(waits).to(&ann.to));
    let asked = app.ask(&ann, "hello").await;
    kept(&app, &asked, 3).await;
    app.stage.clock.advance(BACK_OFF);
    assert_eq!(app.outcome(&asked).await, Outcome::ExtensionMissing);
    assert_eq!(app.calls(&ann), ["text"]);
    let attempts = attempts(&app, &asked).await;
    let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Configured are 1 s, doubled each time, half of it at random; and WhatsApp's own wish.
    let least = [500, 1_000, 200_000].map(TimeDelta::milliseconds);
    assert_eq!(pauses.len(), least.len());
    assert!(pauses.iter().zip(least).all(|(pause, least)| *pause >= least), "{pauses:?}");
    is_fine(app).await;
}

/// It may have reached the client each time, so the pair rests.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_servers_in_trouble_never_answer_is_given_up() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::always(Behaviour::refuse(131_000)).times(8).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    for attempt in 1..=8 {
        assert!(kept(&app, &asked, attempt).await.unresolved);
        app.stage.clock.advance(GRACE);
    }
    assert_eq!(app.outcome(&asked).await, Outcome::InvitationFailed);
    assert_eq!(app.calls(&ann), ["text"], "an apology from the primary");
    let rooms = app.rooms().await;
    assert_eq!(rooms[0]["phase"], "closed", "{rooms:?}");
    assert_ne!(rooms[0]["quarantine_until"], serde_json::Value::Null, "{rooms:?}");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_while_the_token_is_refused() {
    let app = start().await;
    let app_of_stage = app.stage.config.apps.values().next().unwrap();
    app.stage.cloud.require_token("another token");
    let clients: Vec<_> = (0..3).map(|n| Asker::named(&format!("US.waits{n}"))).collect();
    let mut asked = vec![];
    for client in &clients {
        asked.push(app.ask(client, "#michael").await);
    }
    // Once WhatsApp has said it, nobody else of the account asks.
    let refusals = app.stage.cloud.wait_until_refused(|refusals| !refusals.is_empty()).await;
    assert!(refusals.iter().all(|refusal| refusal.code == Some(190)), "{refusals:?}");
    // Nothing was wrong with the messages: these attempts do not count.
    for asked in &asked {
        kept(&app, asked, 0).await;
    }
    app.stage.cloud.require_token(app_of_stage.access_token.expose());
    app.stage.clock.advance(BACK_OFF);
    for (client, asked) in clients.iter().zip(&asked) {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
        assert_eq!(app.calls(client), ["invitation", "text"]);
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_a_number_cannot_send_comes_from_another_one() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::once(Behaviour::refuse(131_031)).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.calls(&ann), ["invitation", "text"]);
    let rooms = app.rooms().await;
    let phases: Vec<_> = rooms.iter().map(|room| &room["phase"]).collect();
    assert_eq!(phases, ["active", "closed"], "{rooms:?}");
    assert_ne!(rooms[0]["number"], rooms[1]["number"]);
    // The number rests until an operator says that it may be used again.
    let bob = Asker::named("US.bob");
    let locked = rooms[1]["number"].clone();
    let asked = app.ask(&bob, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    let rooms = app.rooms().await;
    assert_ne!(rooms[0]["number"], locked, "{rooms:?}");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_is_compensated_and_may_ask_again_at_once() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    for number in ["100101", "100102", "100201"] {
        let number: PhoneNumberId = number.parse().unwrap();
        let refuse = Rule::once(Behaviour::refuse(131_026)).from_number(&number);
        app.stage.cloud.script(refuse.to(&ann.to));
    }
    let asked = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::InvitationFailed);
    assert_eq!(app.calls(&ann), ["text"]);
    app.stage.cloud.forget_script();
    let again = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&again).await, Outcome::Onboarded, "the pair does not rest");
    assert_eq!(app.calls(&ann), ["text", "invitation", "text"]);
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_fails_after_all_closes_its_room() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    app.stage.cloud.script(Rule::once(Behaviour::FailLater(131_026)).to(&ann.to));
    let asked = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded, "as far as anybody knew");
    app.stage.cloud.deliver_statuses().await;
    app.stage.cloud.wait_until(|received| received.len() == 3).await;
    assert_eq!(app.calls(&ann), ["invitation", "text", "text"], "an apology");
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded, "one outcome");
    let rooms = app.rooms().await;
    assert_eq!(rooms[0]["phase"], "closed", "{rooms:?}");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_of_one_room_do_not_overtake_each_other() {
    let app = start().await;
    let ann = Asker::named("US.ann");
    let asked = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    // The first reminder has to wait long enough for two more to come.
    let wait = Behaviour::Refuse { http_status: 429, code: Some(130_429), retry_after: Some(900) };
    app.stage.cloud.script(Rule::once(wait).to(&ann.to));
    let mut reminders = vec![];
    for _ in 0..3 {
        app.stage.clock.advance(TimeDelta::seconds(61));
        let reminder = app.ask(&ann, "#michael").await;
        // The one at the head of the line is tried, the others are not.
        if reminders.is_empty() {
            kept(&app, &reminder, 1).await;
        } else {
            kept(&app, &reminder, 0).await;
        }
        reminders.push(reminder);
    }
    assert_eq!(app.calls(&ann), ["invitation", "text"], "none has overtaken the first");
    app.stage.clock.advance(TimeDelta::seconds(900));
    for reminder in &reminders {
        assert_eq!(app.outcome(reminder).await, Outcome::Reminded);
    }
    let received = app.stage.received_by(&ann.to);
    let order: Vec<_> = received.iter().skip(2).map(|m| m.reference.unwrap().request_id).collect();
    let asked: Vec<_> = reminders.iter().map(|reminder| reminder.request).collect();
    assert_eq!(order, asked);
    is_fine(app).await;
}
