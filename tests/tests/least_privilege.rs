//! Each role of the service works as a user of its own at NATS and at Postgres, with the
//! configuration that `deploy/` has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::apart::{Apart, as_user};
use acceptance::ask::Asker;
use acceptance::process::Process;
use domain::request::Outcome;
use onboarding::commands::check;
use onboarding::whatsapp::post::{ClientMessage, WebhookPost};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

const BANK: &str = "/api/v1/companies/demo-bank";

/// Everything that a role does: messages in and out, commands and their answers, changes of the
/// directory, queries, what can't be decided, the lag.
async fn does_its_work(apart: &mut Apart) {
    let client = Asker::named("US.apart1");
    let (_, outcome) = apart.ask(&client, "#michael").await;
    assert_eq!(outcome, Outcome::Onboarded);
    assert_eq!(apart.app.calls(&client).len(), 2, "an invitation and the user info");
    let (_, outcome) = apart.ask(&client, "#michael").await;
    assert_eq!(outcome, Outcome::Reminded);
    let (_, outcome) = apart.ask(&Asker::named("US.apart2"), "no extension").await;
    assert_eq!(outcome, Outcome::ExtensionMissing);

    // Answered within the patience of the API: 202 would mean that no answer came back.
    let mike = operate(apart, "users/michael/extension", json!({ "extension": "mike" })).await;
    assert!(mike["directory_version"].is_u64(), "{mike}");
    let (_, outcome) = apart.ask(&Asker::named("US.apart3"), "#mike").await;
    assert_eq!(outcome, Outcome::Onboarded);
    let room = apart.app.rooms().await[0]["room_id"].as_str().unwrap().to_owned();
    operate(apart, &format!("chat-rooms/{room}/close"), json!({})).await;
    let profile = apart.app.rooms().await[0]["profile_id"].as_str().unwrap().to_owned();
    for path in ["numbers".to_owned(), format!("client-profiles/{profile}")] {
        let (status, seen) = apart.app.stage.get(&format!("{BANK}/{path}")).await.unwrap();
        assert_eq!(status, 200, "{path}: {seen}");
    }
    let message = json!({
        "client": { "phone": "+12025550177" }, "phone_number_id": acceptance::PRIMARY, "text": "#mike",
    });
    let dry_run = operate(apart, "dry-run", message).await;
    assert_eq!(dry_run["decision"]["kind"], "open_room", "{dry_run}");
}

async fn operate(apart: &Apart, path: &str, body: Value) -> Value {
    let path = format!("{BANK}/{path}");
    let (status, answer) = apart.app.stage.operate(&path, Uuid::now_v7(), &body).await.unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A post with a number that nobody has: the gateway parks it, the engine keeps it in its table.
async fn parks_what_it_does_not_know(apart: &Apart) {
    let stage = &apart.app.stage;
    let client = Asker::named("US.apart4").client;
    let message =
        ClientMessage::text(&client, stage.next_wamid().as_str(), stage.now(), "#michael");
    let body = WebhookPost::new().messages("999999", &[message]).into_body();
    assert_eq!(stage.post_bytes(body).await.unwrap(), 200);
    stage
        .until("it is parked, and its post is kept", async || {
            let count = "SELECT (SELECT count(*) FROM parked_inputs), \
                 (SELECT count(*) FROM evidence_arrivals)";
            let (parked, posts): (i64, i64) = sqlx::query_as(count).fetch_one(&stage.pool).await?;
            Ok((parked == 1 && posts >= 1).then_some(()))
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_its_work_as_a_user_of_its_own() {
    let mut apart = Apart::start().await;
    does_its_work(&mut apart).await;
    apart.use_gateway();
    parks_what_it_does_not_know(&apart).await;
    // The projector's: it asks for the lag of every stage, the streams' too.
    let http = reqwest::Client::new();
    apart
        .app
        .stage
        .until("the lag is measured", async || {
            let metrics = http.get(format!("{}/metrics", apart.app.stage.api())).send().await?;
            let metrics = metrics.text().await?;
            let all = ["onboarding_lag_measured_timestamp_seconds", "onboarding_stream_bytes"];
            Ok(all.iter().all(|name| metrics.contains(name)).then_some(()))
        })
        .await
        .unwrap();
    // What is not allowed is a warning of the worker that lacks it, and a place where it stands
    // still: an auditor finds nothing of that.
    let auditor = as_user(&apart.database, "onboarding_auditor");
    let auditor = PgPool::connect(&auditor).await.unwrap();
    let nats = onboarding::nats_client(&apart.app.stage.config).await.unwrap();
    let findings = check::findings(&auditor, &nats, |_| {}).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    auditor.close().await;
    apart.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_roles_in_one_process_do_their_work_as_one_user() {
    let mut apart = Apart::together().await;
    does_its_work(&mut apart).await;
    parks_what_it_does_not_know(&apart).await;
    assert_eq!(apart.app.findings().await, Vec::<String>::new());
    apart.stop().await;
}

/// Whoever runs the service uses its commands as the operator.
#[tokio::test(flavor = "multi_thread")]
async fn operators_use_the_programs_commands_as_users_of_their_own() {
    let apart = Apart::together().await;
    parks_what_it_does_not_know(&apart).await;
    let program = env!("CARGO_BIN_EXE_service");
    let operator = apart.config("operator", "onboarding_operator", "_INBOX.operator");
    let operator = Process::new(program, &operator).unwrap();
    let auditor = apart.config("operator", "onboarding_auditor", "_INBOX.operator");
    let auditor = Process::new(program, &auditor).unwrap();
    let shown = auditor.run(&["directory", "show", "--company", "demo-bank"]).unwrap();
    assert!(shown.status.success(), "{}", shown.stderr);
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), shown.stdout.replace("Michael Stone", "Michael Stein")).unwrap();
    let file = file.path().to_str().unwrap();
    let parked = sqlx::query_scalar::<_, i64>("SELECT id FROM parked_inputs");
    let parked = parked.fetch_one(&apart.app.stage.pool).await.unwrap().to_string();
    for arguments in [
        &["directory", "apply", file][..],
        &["token", "create", "--company", "demo-bank", "--role", "admin", "--name", "x"],
        &["rebuild", "chat-rooms"],
        &["check"],
        &["parked", "drop", "--reason", "of no use", parked.as_str()],
        &["doctor"],
    ] {
        let ran = operator.run(arguments).unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    }
    for arguments in [
        &["directory", "apply", file][..],
        &["token", "create", "--company", "demo-bank", "--role", "admin", "--name", "x"],
        &["rebuild", "chat-rooms"],
    ] {
        let ran = auditor.run(arguments).unwrap();
        assert!(!ran.status.success(), "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains("permission denied"), "{arguments:?}: {}", ran.stderr);
    }
    apart.stop().await;
}
