//! Two copies of engine and relay, of which one dies: the other goes on within ten seconds, and
//! nothing is done twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::{Duration, Instant};

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use acceptance::process::Process;
use domain::request::Outcome;
use nix::sys::signal::Signal;
use onboarding::cli::Role;
use onboarding::demo::StageOptions;

/// From a kill until the next onboarding is visible.
const TAKEN_OVER: Duration = Duration::from_secs(10);
/// The same from the moment at which a copy stands still and holds what it had.
const TAKEN_FROM: Duration = Duration::from_secs(25);
/// What is doubled.
const DOUBLED: [Role; 2] = [Role::Engine, Role::Relay];

/// New clients ask for Michael, one after the other is answered 200.
async fn ask(app: &TestApp, name: &str, clients: usize) -> Vec<(Asker, Asked)> {
    let mut all = vec![];
    for number in 0..clients {
        let asker = Asker::named(&format!("US.{name}{number}"));
        let asked = app.ask(&asker, "#michael").await;
        all.push((asker, asked));
    }
    all
}

/// A copy of engine and relay on a port of its own, once it is up.
async fn copy(app: &TestApp) -> Process {
    let process = Process::new(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    let mut process = process.with_roles(&DOUBLED);
    process.start().unwrap();
    is_up(app, &process).await;
    process
}

async fn is_up(app: &TestApp, process: &Process) {
    let http = reqwest::Client::new();
    let up = app.stage.until("a copy is up", async || {
        let answer = http.get(format!("{}/readyz", process.api())).send().await;
        Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
    });
    up.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_next_onboarding_is_visible_within_ten_seconds_and_nothing_is_done_twice()
{
    // A copy has to be there before the stage is ready: it tells the gateway whose number is whose.
    let mut app = TestApp::with(StageOptions { roles: vec![], ..StageOptions::default() }).await;
    app.stage.config.log.filter = "error".into();
    let mut copies = [copy(&app).await, copy(&app).await];
    app.stage
        .start_service(&[Role::Gateway, Role::Projector, Role::Sender, Role::Api])
        .await
        .unwrap();
    let mut all = ask(&app, "before", 5).await;
    for (_, asked) in &all {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
    }
    // Whoever is active: after the first round the second copy has everything, and it dies next.
    for (round, copy) in copies.iter_mut().enumerate() {
        all.extend(ask(&app, &format!("dying{round}x"), 10).await);
        copy.kill().unwrap();
        let killed = Instant::now();
        let next = ask(&app, &format!("next{round}x"), 1).await;
        assert_eq!(app.outcome(&next[0].1).await, Outcome::Onboarded);
        let took = killed.elapsed();
        println!(
            "round {round}: the next onboarding is visible {:.1} s after the kill",
            took.as_secs_f64()
        );
        assert!(took <= TAKEN_OVER, "{took:?}");
        all.extend(next);
        copy.start().unwrap();
        is_up(&app, copy).await;
    }
    for (asker, asked) in &all {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
        assert_eq!(app.calls(asker), ["invitation", "text"], "sent once each");
    }
    for name in ["onboarding-requested", "room-reserved", "room-activated"] {
        let query = "SELECT count(*) FROM events WHERE event_type = $1";
        let recorded = sqlx::query_scalar::<_, i64>(query).bind(name).fetch_one(&app.stage.pool);
        assert_eq!(recorded.await.unwrap() as usize, all.len(), "{name}");
    }
    let ran = copies[0].run(&["check"]).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    drop(copies);
    app.stop().await;
}

/// Its connections stay, for its kernel answers: it must not hold up the other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_stands_still_is_taken_from_and_nothing_is_done_twice() {
    let mut app = TestApp::with(StageOptions { roles: vec![], ..StageOptions::default() }).await;
    app.stage.config.log.filter = "error".into();
    let mut copies = [copy(&app).await, copy(&app).await];
    app.stage
        .start_service(&[Role::Gateway, Role::Projector, Role::Sender, Role::Api])
        .await
        .unwrap();
    let mut all = ask(&app, "before", 3).await;
    for (_, asked) in &all {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
    }
    // One of them holds the relay's lock.
    for (round, copy) in copies.iter_mut().enumerate() {
        copy.signal(Signal::SIGSTOP).unwrap();
        let stopped = Instant::now();
        let next = ask(&app, &format!("next{round}x"), 3).await;
        for (_, asked) in &next {
            assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
        }
        let took = stopped.elapsed();
        assert!(took <= TAKEN_FROM, "{took:?}");
        all.extend(next);
        copy.signal(Signal::SIGCONT).unwrap();
        is_up(&app, copy).await;
    }
    for (asker, asked) in &all {
        assert_eq!(app.outcome(asked).await, Outcome::Onboarded);
        assert_eq!(app.calls(asker), ["invitation", "text"], "sent once each");
    }
    let ran = copies[0].run(&["check"]).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    drop(copies);
    app.stop().await;
}
