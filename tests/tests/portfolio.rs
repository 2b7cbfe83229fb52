//! The limit of a portfolio: templates to so many different clients within 24 hours.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use chrono::TimeDelta;
use domain::ids::AppId;
use domain::input::Timestamp;
use domain::request::Outcome;
use onboarding::cli::Role;
use onboarding::demo::StageOptions;
use onboarding::demo::stage::{APP, APP_SECRET};
use onboarding::service::Service;
use onboarding::whatsapp::fake::{Behaviour, Rule, Statuses, Webhook};
use serde_json::json;
use uuid::Uuid;

/// Nobody serves yet. The portfolio may write to two clients a day, and invitations wait for two.
async fn limited_to_two() -> TestApp {
    let features = "    features: { auto_promotion: true }\n";
    let directory = StageOptions::default().directory;
    assert!(directory.contains(features), "the bank's");
    let timing = "    timing: { invitation_deadline_seconds: 172800 }\n";
    let directory = directory.replace(features, &format!("{features}{timing}"));
    let roles = vec![];
    let options = StageOptions { roles, directory: directory.leak(), ..StageOptions::default() };
    let mut app = TestApp::with(options).await;
    let id: AppId = APP.parse().unwrap();
    app.stage.config.apps.get_mut(&id).unwrap().unique_clients_per_day = Some(2);
    app
}

/// Starts the service, again after it was stopped.
async fn serve(app: &mut TestApp) -> Service {
    let clock = app.stage.clock.clone();
    let service = Service::start(&app.stage.config, &Role::ALL, clock).await.unwrap();
    app.stage.use_service_at(format!("http://{}", service.http()));
    app.stage.ready().await.unwrap();
    let url = format!("{}/webhooks/whatsapp/{APP}", app.stage.api());
    let webhook = Webhook::new(&url, APP_SECRET.as_bytes()).unwrap();
    app.stage.cloud.post_statuses_to(webhook, Statuses::AtOnce);
    service
}

/// Waits until a message of this request is put off to a later day; until when.
async fn put_off(app: &TestApp, asked: &Asked) -> Timestamp {
    let query = "SELECT next_attempt_at FROM send_queue \
                 WHERE request_id = $1 AND state = 'waiting' AND next_attempt_at > $2";
    let (request, later) = (asked.request.as_uuid(), app.stage.clock.now() + TimeDelta::hours(1));
    app.stage
        .until("a template waits", async || {
            let until = sqlx::query_scalar(query).bind(request).bind(later);
            Ok(until.fetch_optional(&app.stage.pool).await?)
        })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_third_client_of_a_day_is_invited_the_next_day() {
    let mut app = limited_to_two().await;
    let service = serve(&mut app).await;
    let [ann, bob, eve] = ["US.ann", "US.bob", "US.eve"].map(Asker::named);
    for client in [&ann, &bob] {
        let asked = app.ask(client, "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    let begun = app.stage.clock.now();
    let third = app.ask(&eve, "#michael").await;
    let until = put_off(&app, &third).await;
    assert!(until <= begun + TimeDelta::minutes(24 * 60 + 1), "when the first is a day old");

    // What is no template, and who is counted already, goes on.
    let question = app.ask(&eve, "hello").await;
    assert_eq!(app.outcome(&question).await, Outcome::ExtensionMissing);
    let again = app.ask(&ann, "#anna").await;
    assert_eq!(app.outcome(&again).await, Outcome::Onboarded);
    assert_eq!(app.calls(&eve), ["text"]);

    // A restart forgets nothing.
    service.stop().await;
    let service = serve(&mut app).await;
    let fourth = app.ask(&Asker::named("US.fay"), "#michael").await;
    assert!(put_off(&app, &fourth).await > until, "behind the third");
    assert_eq!(app.calls(&eve), ["text"]);

    app.stage.clock.advance(TimeDelta::hours(24) + TimeDelta::minutes(2));
    assert_eq!(app.outcome(&third).await, Outcome::Onboarded);
    // The user info, which answers what eve wrote a day ago, comes too late.
    assert_eq!(app.calls(&eve), ["text", "invitation"]);
    assert_eq!(app.outcome(&fourth).await, Outcome::Onboarded, "two are a day old");
    assert_eq!(app.findings().await, Vec::<String>::new());
    service.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_waits_is_withdrawn_when_its_client_stops_templates_or_is_blocked() {
    let mut app = limited_to_two().await;
    let service = serve(&mut app).await;
    let [ann, bob, eve, fay, gus] =
        ["US.ann", "US.bob", "US.eve", "US.fay", "US.gus"].map(Asker::named);
    for client in [&ann, &bob] {
        let asked = app.ask(client, "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    let mut waiting = vec![];
    for client in [&eve, &fay, &gus] {
        let asked = app.ask(client, "#michael").await;
        put_off(&app, &asked).await;
        waiting.push(asked);
    }
    let stop = app.ask(&eve, "STOP").await;
    assert_eq!(app.outcome(&stop).await, Outcome::Stopped);
    let profile: Uuid = sqlx::query_scalar("SELECT profile_id FROM rooms WHERE request_id = $1")
        .bind(waiting[1].request.as_uuid())
        .fetch_one(&app.stage.pool)
        .await
        .unwrap();
    let block = format!("/api/v1/companies/demo-bank/client-profiles/{profile}/block");
    let (status, told) = app.stage.operate(&block, Uuid::now_v7(), &json!({})).await.unwrap();
    assert_eq!(status, 200, "{told}");

    app.stage.clock.advance(TimeDelta::hours(24) + TimeDelta::minutes(2));
    assert_eq!(app.outcome(&waiting[0]).await, Outcome::TemplatesStopped);
    assert_eq!(app.outcome(&waiting[1]).await, Outcome::InvitationFailed);
    assert_eq!(app.outcome(&waiting[2]).await, Outcome::Onboarded);
    assert_eq!(app.calls(&eve), ["text"], "the answer to the stop word");
    assert_eq!(app.calls(&fay), [""; 0]);
    assert_eq!(app.calls(&gus), ["invitation"]);
    let why = "SELECT error_title FROM rm_outbound_messages WHERE request_id = $1";
    for (asked, title) in
        waiting.iter().zip(["its client wants no templates any more", "its client is blocked"])
    {
        let told: String = sqlx::query_scalar(why)
            .bind(asked.request.as_uuid())
            .fetch_one(&app.stage.pool)
            .await
            .unwrap();
        assert_eq!(told, title);
    }
    let open = "SELECT count(*) FROM rooms WHERE phase <> 'closed'";
    let open: i64 = sqlx::query_scalar(open).fetch_one(&app.stage.pool).await.unwrap();
    assert_eq!(open, 3, "those of ann, bob and gus");
    assert_eq!(app.findings().await, Vec::<String>::new());
    service.stop().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_was_refused_counts_for_nobody() {
    let mut app = limited_to_two().await;
    let service = serve(&mut app).await;
    let [ann, bob, eve] = ["US.ann", "US.bob", "US.eve"].map(Asker::named);
    app.stage.cloud.script(Rule::once(Behaviour::refuse(131_026)).to(&ann.to));
    let refused = app.ask(&ann, "#michael").await;
    assert_eq!(app.outcome(&refused).await, Outcome::InvitationFailed);
    for client in [&bob, &eve] {
        let asked = app.ask(client, "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    service.stop().await;
    app.stop().await;
}
