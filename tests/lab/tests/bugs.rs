//! The lab finds bugs: each is put under the running service, and what comes of it is named. (What the
//! checker makes of stores that a bug has left is in `planted.rs`, to the row.)

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab::bug::Bug;
use lab::fault::{Fault, Server, Twin, Way};
use lab::schedule::{Planned, Schedule};
use lab::{Mix, Plan};
use tokio::sync::Mutex;

/// One at a time: each is two copies of the service and all that they stand on.
static TURN: Mutex<()> = Mutex::const_new(());

const fn way(twin: Twin, to: Server) -> Way {
    Way { twin, to }
}

/// What a run finds with a bug, where faults come at these times (milliseconds) for so long.
async fn found(bug: Bug, faults: &[(u64, u64, Fault)]) -> BTreeSet<String> {
    let _turn = TURN.lock().await;
    let planned = faults.iter().map(|&(at, lasts, fault)| Planned {
        at: Duration::from_millis(at),
        lasts: Duration::from_millis(lasts),
        fault,
    });
    let schedule = Schedule(planned.collect());
    let plan = Plan {
        seed: 5_005,
        faults: 0,
        messages: 300,
        over: Duration::from_secs(16),
        nats: 1,
        grace: 4,
        // Some of them hinder that anything drains.
        drain: Duration::from_secs(15),
        mix: Mix::Usual,
        keep: false,
        second: None,
        plant: Some(bug),
    };
    let say = |line: &str| println!("{line}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.expect("a run");
    println!("{report}");
    report.findings.into_iter().map(|finding| finding.kind).collect()
}

fn assert_names(found: &BTreeSet<String>, kinds: &[&str]) {
    for kind in kinds {
        assert!(found.contains(*kind), "{kind} is not among {found:?}");
    }
}

/// Each copy is killed with inputs in its hands that it can't commit.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_before_the_commit_is_found() {
    let killed = |twin, at| {
        let stalled = Fault::Stalled(way(twin, Server::Postgres));
        [(at, 3_000, stalled), (at + 1_500, 1_000, Fault::Killed(twin))]
    };
    let faults = [killed(Twin::First, 2_000), killed(Twin::Second, 9_000)].concat();
    let found = found(Bug::EarlyAcknowledgement, &faults).await;
    assert_names(&found, &["webhook-lost"]);
}

/// Each copy loses the relay's lock while what it publishes is still on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_chain_is_found() {
    let overtaken = |twin, at| {
        let stalled = Fault::Stalled(way(twin, Server::Nats));
        [(at, 5_000, stalled), (at + 1_000, 3_500, Fault::Cut(way(twin, Server::Postgres)))]
    };
    let faults = [overtaken(Twin::First, 2_000), overtaken(Twin::Second, 9_000)].concat();
    let found = found(Bug::NoChain, &faults).await;
    assert_names(&found, &["evt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_stands_for_what_is_not_there_is_found() {
    let found = found(Bug::CheckpointAlone, &[(8_000, 500, Fault::PostgresCrashed)]).await;
    assert_names(&found, &["view-chat-rooms"]);
}

/// Commits whose answers are lost are tried again.
fn lost_answers() -> [(u64, u64, Fault); 2] {
    [
        (2_000, 5_000, Fault::CommitAnswersLost(Twin::First)),
        (8_000, 5_000, Fault::CommitAnswersLost(Twin::Second)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_check_that_is_off_is_found() {
    let found = found(Bug::NoDuplicateCheck, &lost_answers()).await;
    assert_names(&found, &["decided-twice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_that_are_taken_before_the_lock_are_found() {
    let found = found(Bug::PositionBeforeLock, &lost_answers()).await;
    assert_names(&found, &["position-hole"]);
}
