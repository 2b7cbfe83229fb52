//! What becomes of a message that WhatsApp refuses: each class of `docs/contracts/error-codes.md`.
//! What a failed invitation does to its room is told in `sender.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use chrono::TimeDelta;
use domain::request::Outcome;
use onboarding::whatsapp::fake::{Behaviour, Rule};
use serde_json::{Value, json};

/// More than the longest back-off of one refusal.
const BACK_OFF: TimeDelta = TimeDelta::minutes(6);

/// A new client writes something that is answered from the primary, and WhatsApp refuses the
/// answer once.
async fn refused_once(app: &TestApp, code: i64) -> (Asker, Asked) {
    let client = Asker::named(&format!("US.code{code}"));
    app.stage.cloud.script(Rule::once(Behaviour::refuse(code)).to(&client.to));
    let asked = app.ask(&client, "hello").await;
    (client, asked)
}

/// The answer as operators see it, once it is in this state.
async fn answer_in(app: &TestApp, asked: &Asked, state: &str) -> Value {
    let path = format!("/api/v1/onboarding-requests/{}?company=demo-bank", asked.request);
    let what = format!("the answer is {state}");
    let found = app.stage.until(&what, async || {
        let (_, request) = app.stage.get(&path).await?;
        let message = request["outbound"][0].clone();
        Ok((message["state"] == state).then_some(message))
    });
    found.await.unwrap()
}

/// Waits until the answer is kept for later, and says how many of its attempts count.
async fn kept(app: &TestApp, asked: &Asked) -> i32 {
    let refused = "SELECT attempts FROM send_queue WHERE request_id = $1 AND state = 'waiting' \
                   AND next_attempt_at > $2";
    let found = app.stage.until("the answer is kept for later", async || {
        let row = sqlx::query_scalar(refused).bind(asked.request.as_uuid());
        Ok(row.bind(app.stage.clock.now()).fetch_optional(&app.stage.pool).await?)
    });
    found.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_final_is_given_up_at_once_with_its_reason() {
    let app = TestApp::start().await;
    for (code, class) in [
        (131_026, "recipient_refused"),
        (131_050, "recipient_refused"),
        (130_403, "recipient_refused"),
        (131_047, "window_closed"),
        (132_001, "template"),
        (131_048, "number_unhealthy"),
        (131_031, "number_unhealthy"),
        (131_037, "number_unhealthy"),
        (131_045, "number_unhealthy"),
        (133_010, "number_unhealthy"),
        (424_242, "unknown"),
    ] {
        let (client, asked) = refused_once(&app, code).await;
        let answer = answer_in(&app, &asked, "failed").await;
        assert_eq!((&answer["error_code"], &answer["error_class"]), (&json!(code), &json!(class)));
        assert_eq!(answer["attempts"], 1, "{answer}");
        assert_eq!(app.outcome(&asked).await, Outcome::ExtensionMissing, "it was decided so");
        assert_eq!(app.calls(&client), Vec::<String>::new());
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again() {
    let app = TestApp::start().await;
    let rate_limited = [130_429, 4, 80_007, 131_056];
    let transient = [1, 2, 131_000, 131_016, 133_004];
    for code in rate_limited.into_iter().chain(transient) {
        let (client, asked) = refused_once(&app, code).await;
        assert_eq!(kept(&app, &asked).await, 1, "{code}");
        assert_eq!(app.calls(&client), Vec::<String>::new(), "{code}");
        app.stage.clock.advance(BACK_OFF);
        assert_eq!(app.outcome(&asked).await, Outcome::ExtensionMissing);
        assert_eq!(app.calls(&client), ["text"], "{code}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_in_trouble_rests_and_its_messages_wait() {
    let app = TestApp::start().await;
    for code in [0, 190, 3, 10, 200, 131_005] {
        let (client, asked) = refused_once(&app, code).await;
        assert_eq!(kept(&app, &asked).await, 0, "{code}: the message was not at fault");
        app.stage.clock.advance(BACK_OFF);
        assert_eq!(app.outcome(&asked).await, Outcome::ExtensionMissing);
        assert_eq!(app.calls(&client), ["text"], "{code}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_longer_than_its_window_expires() {
    let app = TestApp::start().await;
    let (client, asked) = refused_once(&app, 190).await;
    kept(&app, &asked).await;
    app.stage.clock.advance(TimeDelta::hours(25));
    let answer = answer_in(&app, &asked, "failed").await;
    assert_eq!(answer["error_class"], "expired", "{answer}");
    assert_eq!(app.calls(&client), Vec::<String>::new());
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

/// Where other clients of the bank write to.
const LONDON: &str = "100300";

/// WhatsApp refuses, and asks for two minutes.
fn for_two_minutes(http_status: u16, code: Option<i64>) -> Behaviour {
    Behaviour::Refuse { http_status, code, retry_after: Some(120) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_after_a_refusal_is_the_message_the_pair_the_number_or_the_account() {
    let app = TestApp::start().await;
    for (http_status, code, number_rests, account_rests) in [
        (400, Some(131_056), false, false),
        (500, None, false, false),
        (400, Some(130_429), true, false),
        (400, Some(4), true, true),
        (400, Some(80_007), true, true),
        (429, None, true, true),
        (401, Some(190), true, true),
        (401, None, true, true),
    ] {
        let case = format!("{http_status}x{}", code.unwrap_or_default());
        let [refused, other] =
            ["refused", "other"].map(|it| Asker::named(&format!("US.{it}{case}")));
        let refusal = Rule::once(for_two_minutes(http_status, code));
        app.stage.cloud.script(refusal.to(&refused.to));
        let first = app.ask(&refused, "hello").await;
        kept(&app, &first).await;
        let second = app.ask(&refused, "hello").await;
        let of_number = app.ask(&other, "hello").await;
        let of_account = app.ask_at(LONDON, &refused, "hello").await;
        for (asked, rests) in [(&of_number, number_rests), (&of_account, account_rests)] {
            if rests {
                assert_eq!(kept(&app, asked).await, 0, "{case}: it was not tried");
            } else {
                assert_eq!(app.outcome(asked).await, Outcome::ExtensionMissing, "{case}");
            }
        }
        assert_eq!(app.calls(&other).len(), usize::from(!number_rests), "{case}");
        assert_eq!(app.calls(&refused).len(), usize::from(!account_rests), "{case}");

        app.stage.clock.advance(BACK_OFF);
        for asked in [&first, &second, &of_number, &of_account] {
            assert_eq!(app.outcome(asked).await, Outcome::ExtensionMissing, "{case}");
        }
        assert_eq!(app.calls(&refused), ["text"; 3], "{case}");
        assert_eq!(app.calls(&other), ["text"], "{case}");
    }
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_a_code_is_judged_by_its_http_status() {
    let app = TestApp::start().await;
    // An account's refusal is not the message's fault: its attempt does not count.
    for (http_status, attempts) in [(401, 0), (403, 0), (429, 1), (500, 1), (503, 1)] {
        let client = Asker::named(&format!("US.http{http_status}"));
        let refusal = Rule::once(for_two_minutes(http_status, None));
        app.stage.cloud.script(refusal.to(&client.to));
        let asked = app.ask(&client, "hello").await;
        assert_eq!(kept(&app, &asked).await, attempts, "{http_status}");
        app.stage.clock.advance(BACK_OFF);
        assert_eq!(app.outcome(&asked).await, Outcome::ExtensionMissing, "{http_status}");
        assert_eq!(app.calls(&client), ["text"], "{http_status}");
    }
    let client = Asker::named("US.http404");
    app.stage.cloud.script(Rule::once(for_two_minutes(404, None)).to(&client.to));
    let asked = app.ask(&client, "hello").await;
    assert_eq!(answer_in(&app, &asked, "failed").await["error_class"], "unknown");
    assert_eq!(app.calls(&client), Vec::<String>::new(), "it is given up");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
