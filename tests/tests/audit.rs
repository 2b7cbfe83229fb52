//! What auditors and operators rely on: a past decision is made again, a read model is
//! built again, and what was tampered with is found.

use std::process::ExitCode;

use acceptance::{PRIMARY, TestApp};
use domain::ids::{RequestId, Wamid};
use domain::request::Outcome;
use onboarding::commands::{check, rebuild, replay};
use onboarding::whatsapp::post::{Client, ClientMessage};

/// One client that is onboarded; its message and request.
async fn onboarded(app: &TestApp) -> (Wamid, RequestId) {
    let client = Client::with_phone("12025550111").and_bsuid("US.audit").named("Audited");
    let wamid = app.stage.next_wamid();
    let message = ClientMessage::text(&client, wamid.as_str(), app.stage.now(), "#michael");
    app.stage.deliver(PRIMARY, message).await.unwrap();
    let request = app.stage.request_of("demo-bank", PRIMARY, &wamid).unwrap();
    let (outcome, _) = app.stage.settled("demo-bank", request).await.unwrap();
    assert_eq!(outcome, Outcome::Onboarded);
    (wamid, request)
}

async fn scalar(app: &TestApp, sql: &str) -> String {
    sqlx::query_scalar(sql).fetch_one(&app.stage.pool).await.unwrap()
}

/// Changes rows behind the back of the triggers that forbid it.
async fn tamper(app: &TestApp, sql: &str) {
    let mut connection = app.stage.pool.acquire().await.unwrap();
    for statement in
        ["SET session_replication_role = replica", sql, "RESET session_replication_role"]
    {
        sqlx::query(statement).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_onboarding_is_found_by_every_id_and_decided_again() {
    let app = TestApp::start().await;
    let (wamid, request) = onboarded(&app).await;
    let message = scalar(&app, "SELECT message_id::text FROM rm_outbound_messages LIMIT 1").await;
    let room = scalar(&app, "SELECT room_id::text FROM rm_chat_rooms").await;
    let sent = scalar(&app, "SELECT wamid FROM message_references LIMIT 1").await;
    for id in [request.to_string(), message, room, wamid.as_str().to_owned(), sent] {
        for json in [false, true] {
            let code = replay::run(&app.stage.config, &id, json).await.unwrap();
            assert_eq!(code, ExitCode::SUCCESS, "{id}");
        }
    }
    let unknown = replay::run(&app.stage.config, "wamid.NOBODY", false).await.unwrap_err();
    assert!(unknown.to_string().contains("nothing is recorded"), "{unknown}");

    let events = app.stage.store.events_by_correlation(request.as_uuid()).await.unwrap();
    let again = replay::decide_again(&events).unwrap();
    assert_eq!(again.iter().map(|one| one.same).collect::<Vec<_>>(), [true]);
    let forged = events.into_iter().map(|mut event| {
        event.payload =
            event.payload.replace("\"auto_promotion\":true", "\"auto_promotion\":false");
        event
    });
    let again = replay::decide_again(&forged.collect::<Vec<_>>()).unwrap();
    assert_eq!(again.iter().map(|one| one.same).collect::<Vec<_>>(), [false]);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_read_model_is_found_and_mended_by_a_rebuild() {
    let app = TestApp::start().await;
    onboarded(&app).await;
    app.stage
        .until("statuses are in", async || Ok(app.findings().await.is_empty().then_some(())))
        .await
        .unwrap();
    let spoilt = [
        ("chat-rooms", "UPDATE rm_chat_rooms SET phase = 'closed'"),
        ("onboarding-requests", "DELETE FROM rm_onboarding_requests"),
        ("outbound-messages", "UPDATE rm_outbound_messages SET attempts = 7"),
    ];
    for (view, sql) in spoilt {
        tamper(&app, sql).await;
        let findings = app.findings().await;
        assert!(!findings.is_empty(), "{view}");
        assert!(
            findings.iter().all(|finding| finding.starts_with(&format!("view-{view}"))),
            "{findings:?}"
        );
        assert_eq!(check::run(&app.stage.config, true).await.unwrap(), ExitCode::FAILURE);
        rebuild::run(&app.stage.config, view).await.unwrap();
        assert_eq!(app.findings().await, Vec::<String>::new(), "{view}");
    }
    assert_eq!(check::run(&app.stage.config, false).await.unwrap(), ExitCode::SUCCESS);
    let unknown = rebuild::run(&app.stage.config, "rooms").await.unwrap_err().to_string();
    assert!(unknown.contains("chat-rooms"), "{unknown}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_log_is_found() {
    let app = TestApp::start().await;
    onboarded(&app).await;
    app.stage
        .until("statuses are in", async || Ok(app.findings().await.is_empty().then_some(())))
        .await
        .unwrap();
    let refused = sqlx::query("UPDATE events SET company = 'x'").execute(&app.stage.pool).await;
    assert!(refused.is_err(), "the log can be changed");
    tamper(
        &app,
        "UPDATE events SET payload = replace(payload::text, 'onboarded', 'reminded')::json
         WHERE event_type = 'outcome-recorded'",
    )
    .await;
    let findings = app.findings().await;
    for kind in ["digest: ", "evt: ", "view-onboarding-requests: "] {
        assert!(findings.iter().any(|finding| finding.starts_with(kind)), "{kind}{findings:?}");
    }
    app.stop().await;
}
