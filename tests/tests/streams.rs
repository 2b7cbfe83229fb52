//! JetStream may lose what it holds, stop, and be used by several services: nothing is lost,
//! decided twice or out of its place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::{Duration, Instant};

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use acceptance::process::Process;
use async_nats::jetstream::{self, Context, stream};
use domain::request::Outcome;
use onboarding::cli::Role;
use onboarding::demo::StageOptions;
use onboarding::demo::stage::{APP, APP_SECRET};
use onboarding::service::Service;
use onboarding::whatsapp::fake::{ReceivedMessage, Statuses, Webhook};

/// Another service takes over within this time.
const FAIL_OVER: Duration = Duration::from_secs(15);

async fn jetstream(app: &TestApp) -> Context {
    jetstream::new(onboarding::nats_client(&app.stage.config).await.unwrap())
}

async fn evt(js: &Context) -> stream::Info {
    js.get_stream("EVT").await.unwrap().cached_info().clone()
}

/// Waits until EVT holds all events of the log, from 1 on, and every projection has applied them.
async fn everything_is_projected(app: &TestApp) {
    let js = jetstream(app).await;
    app.stage
        .until("EVT and the read models are complete", async || {
            let end = app.stage.store.last_position().await?;
            let Ok(evt) = js.get_stream("EVT").await else { return Ok(None) };
            let state = &evt.cached_info().state;
            let least: i64 = sqlx::query_scalar("SELECT min(position) FROM rm_checkpoints")
                .fetch_one(&app.stage.pool)
                .await?;
            let complete = state.messages == end && state.last_sequence == end;
            Ok((complete && least as u64 == end).then_some(()))
        })
        .await
        .unwrap();
    assert_eq!(app.findings().await, Vec::<String>::new());
}

/// New clients ask for a user, one after the other is answered 200.
async fn ask_many(app: &TestApp, name: &str, clients: usize) -> Vec<Asked> {
    let mut asked = vec![];
    for number in 0..clients {
        asked.push(app.ask(&Asker::named(&format!("US.{name}{number}")), "#michael").await);
    }
    asked
}

async fn all_onboarded(app: &TestApp, asked: &[Asked]) {
    for asked in asked {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
    }
}

/// Each was sent one invitation and one user-info message.
fn sent_once(app: &TestApp, asked: &[Asked]) {
    for asked in asked {
        let received = app.stage.cloud.received();
        let of = |m: &&ReceivedMessage| {
            m.reference.is_some_and(|reference| reference.request_id == asked.request)
        };
        assert_eq!(received.iter().filter(of).count(), 2, "{asked:?}");
    }
}

/// While the relay makes a long EVT anew, it is as if nobody published.
#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_comes_on_evt_clients_are_onboarded_all_the_same() {
    let roles = [Role::Gateway, Role::Engine, Role::Projector, Role::Sender, Role::Api];
    let options = StageOptions { roles: roles.to_vec(), ..StageOptions::default() };
    let app = TestApp::with(options).await;
    let asked = ask_many(&app, "unpublished", 3).await;
    all_onboarded(&app, &asked).await;
    sent_once(&app, &asked);
    let js = jetstream(&app).await;
    let published = js.get_stream("EVT").await.map(|evt| evt.cached_info().state.messages);
    assert_eq!(published.unwrap_or(0), 0, "nobody has published");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_evt_is_built_anew_with_the_same_positions() {
    let app = TestApp::start().await;
    all_onboarded(&app, &ask_many(&app, "before", 3).await).await;
    everything_is_projected(&app).await;
    let js = jetstream(&app).await;
    // Nobody asks for anything: it comes back by itself.
    js.delete_stream("EVT").await.unwrap();
    everything_is_projected(&app).await;
    // In the middle of work.
    let asked = ask_many(&app, "during", 20).await;
    js.delete_stream("EVT").await.unwrap();
    let more = ask_many(&app, "after", 20).await;
    all_onboarded(&app, &asked).await;
    all_onboarded(&app, &more).await;
    everything_is_projected(&app).await;
    sent_once(&app, &asked);
    sent_once(&app, &more);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_of_evt_is_published_again() {
    let app = TestApp::start().await;
    all_onboarded(&app, &ask_many(&app, "before", 3).await).await;
    everything_is_projected(&app).await;
    let js = jetstream(&app).await;
    let whole = evt(&js).await;
    let kept = whole.state.last_sequence - 7;
    recreate_shorter(&js, whole.config.clone(), kept).await;
    everything_is_projected(&app).await;
    recreate_shorter(&js, whole.config, kept).await;
    let asked = ask_many(&app, "after", 10).await;
    all_onboarded(&app, &asked).await;
    everything_is_projected(&app).await;
    sent_once(&app, &asked);
    app.stop().await;
}

/// As after a crash of a server that had not written everything to its disk.
async fn recreate_shorter(js: &Context, config: stream::Config, kept: u64) {
    let whole = js.get_stream("EVT").await.unwrap();
    let mut messages = vec![];
    for sequence in 1..=kept {
        messages.push(whole.get_raw_message(sequence).await.unwrap());
    }
    js.delete_stream("EVT").await.unwrap();
    // The relay may be quicker: then it has published all of it, which is as good.
    let _ = js.create_stream(config).await;
    for message in messages {
        let sent = js.publish_with_headers(message.subject, message.headers, message.payload);
        if sent.await.unwrap().await.is_err() {
            break;
        }
    }
}

/// An EVT that begins later, as after an operator's limit: projectors need what it lacks.
#[tokio::test(flavor = "multi_thread")]
async fn what_evt_lacks_is_filled_from_postgres() {
    let roles = vec![Role::Gateway, Role::Engine, Role::Api];
    let app = TestApp::with(StageOptions { roles, ..StageOptions::default() }).await;
    let asked = ask_many(&app, "hole", 3).await;
    app.stage
        .until("all is decided", async || {
            let end = app.stage.store.last_position().await?;
            Ok((end >= 18).then_some(()))
        })
        .await
        .unwrap();
    let relay = start(&app, &[Role::Relay]).await.0;
    let js = jetstream(&app).await;
    let config = evt(&js).await.config;
    relay.stop().await;
    js.delete_stream("EVT").await.unwrap();
    js.create_stream(stream::Config { first_sequence: Some(10), ..config }).await.unwrap();
    let (others, _) = start(&app, &[Role::Relay, Role::Projector, Role::Sender]).await;
    all_onboarded(&app, &asked).await;
    sent_once(&app, &asked);
    let findings = app.findings().await;
    assert!(findings[0].starts_with("evt: position 1"), "{findings:?}");
    // What an operator does about it.
    js.delete_stream("EVT").await.unwrap();
    everything_is_projected(&app).await;
    others.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_dead_webhooks_are_refused_and_afterwards_everything_drains() {
    let app = TestApp::start().await;
    let under_way = ask_many(&app, "before", 30).await;
    app.nats.kill().await.unwrap();
    let refused: Vec<_> = (0..5)
        .map(|number| app.message(&Asker::named(&format!("US.during{number}")), "#michael"))
        .collect();
    let posts = refused.iter().map(|asked| app.stage.post_bytes(asked.body.clone()));
    for status in futures::future::join_all(posts).await {
        assert_eq!(status.unwrap(), 503);
    }
    app.nats.restart().await.unwrap();
    // WhatsApp comes again.
    for asked in &refused {
        app.stage
            .until("the webhook is answered 200", async || {
                let status = app.stage.post_bytes(asked.body.clone()).await?;
                Ok((status == 200).then_some(()))
            })
            .await
            .unwrap();
    }
    all_onboarded(&app, &under_way).await;
    all_onboarded(&app, &refused).await;
    everything_is_projected(&app).await;
    sent_once(&app, &under_way);
    sent_once(&app, &refused);
    app.stop().await;
}

/// Another service in this process, and where it serves HTTP.
async fn start(app: &TestApp, roles: &[Role]) -> (Service, String) {
    let clock = app.stage.clock.clone();
    let service = Service::start(&app.stage.config, roles, clock).await.unwrap();
    let api = format!("http://{}", service.http());
    (service, api)
}

fn webhook(app: &TestApp) -> Webhook {
    let url = format!("{}/webhooks/whatsapp/{APP}", app.stage.api());
    Webhook::new(&url, APP_SECRET.as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_decide_each_request_once_and_one_takes_over() {
    let roles = vec![];
    let mut app = TestApp::with(StageOptions { roles, ..StageOptions::default() }).await;
    app.stage.config.log.filter = "error".into();
    app.stage.config.sender.grace_seconds = 3;
    app.stage.config.cloud_api.timeout_seconds = 2;
    let mut first = Process::serve(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    app.stage.use_service_at(first.api());
    app.stage.ready().await.unwrap();
    let (second, api_of_second) = start(&app, &Role::ALL).await;
    let (third, _) = start(&app, &Role::ALL).await;

    // Both take webhooks, one decides.
    let mut asked = ask_many(&app, "first", 20).await;
    app.stage.use_service_at(api_of_second);
    app.stage.ready().await.unwrap();
    app.stage.cloud.post_statuses_to(webhook(&app), Statuses::AtOnce);
    asked.extend(ask_many(&app, "second", 20).await);
    all_onboarded(&app, &asked).await;

    // The one that decides dies in the middle.
    asked.extend(ask_many(&app, "dying", 20).await);
    first.kill().unwrap();
    let died = Instant::now();
    asked.extend(ask_many(&app, "dead", 10).await);
    all_onboarded(&app, &asked).await;
    let took = died.elapsed();
    println!("fail-over after kill -9: {:.1} s", took.as_secs_f64());
    assert!(took < FAIL_OVER, "{took:?}");

    // Now one of the others stops softly.
    let (fourth, api) = start(&app, &Role::ALL).await;
    app.stage.use_service_at(api);
    app.stage.ready().await.unwrap();
    app.stage.cloud.post_statuses_to(webhook(&app), Statuses::AtOnce);
    asked.extend(ask_many(&app, "stopping", 20).await);
    let stopped = Instant::now();
    tokio::join!(second.stop(), third.stop());
    asked.extend(ask_many(&app, "stopped", 10).await);
    all_onboarded(&app, &asked).await;
    let took = stopped.elapsed();
    println!("fail-over after a soft stop: {:.1} s", took.as_secs_f64());
    assert!(took < FAIL_OVER, "{took:?}");
    everything_is_projected(&app).await;
    sent_once(&app, &asked);
    fourth.stop().await;
    app.stop().await;
}
