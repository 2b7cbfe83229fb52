//! The lab finds bugs: each is put under the running service, and what comes of it is named. (What the
//! checker makes of stores that a bug has left is in `planted.rs`, to the row.)

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab::Plan;
use lab::bug::Bug;
use lab::fault::{Fault, Server, Twin, Way};
use lab::report::Report;
use lab::schedule::Schedule;
use tokio::sync::Mutex;

/// One at a time: each is two copies of the service and all that they stand on.
static TURN: Mutex<()> = Mutex::const_new(());

const fn way(twin: Twin, to: Server) -> Way {
    Way { twin, to }
}

/// A run with a bug, where faults come at these times (milliseconds) for so long.
async fn run(bug: Bug, faults: &[(u64, u64, Fault)]) -> Report {
    let _turn = TURN.lock().await;
    let schedule = Schedule::of(faults.iter().copied());
    let plan = Plan {
        grace: 4,
        // Some of them hinder that anything drains.
        drain: Duration::from_secs(15),
        plant: Some(bug),
        ..Plan::short(5_005, 300, Duration::from_secs(16))
    };
    let say = |line: &str| println!("{line}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.expect("a run");
    println!("{report}");
    report
}

fn assert_names(report: &Report, kind: &str) {
    let found: BTreeSet<_> = report.findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert!(found.contains(kind), "{kind} is not among {found:?}");
}

/// Each copy is killed with inputs in its hands that it can't commit.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_before_the_commit_is_found() {
    let killed = |twin, at| {
        let stalled = Fault::Stalled(way(twin, Server::Postgres));
        [(at, 3_000, stalled), (at + 1_500, 1_000, Fault::Killed(twin))]
    };
    let faults = [killed(Twin::First, 2_000), killed(Twin::Second, 9_000)].concat();
    assert_names(&run(Bug::EarlyAcknowledgement, &faults).await, "webhook-lost");
}

/// The relay loses its lock while what it publishes is still on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_the_chain_is_found() {
    assert_names(&run(Bug::NoChain, &[(2_000, 0, Fault::RelayOvertaken)]).await, "evt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_stands_for_what_is_not_there_is_found() {
    let report = run(Bug::CheckpointAlone, &[(8_000, 500, Fault::PostgresCrashed)]).await;
    assert_names(&report, "view-chat-rooms");
}

/// Commits whose answers are lost are tried again.
fn lost_answers() -> [(u64, u64, Fault); 2] {
    [
        (2_000, 5_000, Fault::CommitAnswersLost(Twin::First)),
        (8_000, 5_000, Fault::CommitAnswersLost(Twin::Second)),
    ]
}

/// What it leads to is that nobody knows what was decided. Nothing is decided twice even so: whatever an
/// input makes has ids that derive from it, and is there already the second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_check_that_is_off_is_found() {
    let report = run(Bug::NoDuplicateCheck, &lost_answers()).await;
    assert!(report.commit_answers_lost > 0, "nothing came twice: {report}");
    assert_names(&report, "inputs");
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_that_are_taken_before_the_lock_are_found() {
    assert_names(&run(Bug::PositionBeforeLock, &lost_answers()).await, "position-hole");
}
