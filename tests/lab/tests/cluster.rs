//! The lab on a cluster of three NATS servers, short: whatever can be done to a node is done once, all
//! nodes die once, and INBOX is full once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab::Plan;
use lab::fault::{Fault, Twin};
use lab::node::{Clients, Leads};
use lab::schedule::Schedule;

/// Those of NATS take turns: each begins at its second, or when the one before is healed.
fn schedule() -> Schedule {
    Schedule::of([
        (1_000, 6_000, Fault::NodeKilled(Leads::Inbox)),
        (8_000, 8_000, Fault::NodeApart(Leads::Evt, Clients::Stay)),
        (10_000, 3_000, Fault::Killed(Twin::Second)),
        (17_000, 2_000, Fault::InboxFull),
        (20_000, 3_000, Fault::NodeEmptied(Leads::Inbox)),
        (28_000, 1_000, Fault::NatsCrashed),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_nodes_of_nats_nothing_is_lost_or_done_twice() {
    let schedule = schedule();
    let plan = Plan {
        nats: 3,
        drain: Duration::from_secs(180),
        ..Plan::short(3_003, 120, Duration::from_secs(30))
    };
    let say = |line: &str| println!("{line}");
    println!("{schedule}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (6, 120));
    // It was no calm run: there was work, and it went through.
    assert!(report.outcomes["onboarded"] > 40, "{:?}", report.outcomes);
    assert!(report.calls > 120 && report.events > 400, "{report}");
}

#[test]
fn all_that_can_be_done_to_a_node_is_done_here() {
    let done: BTreeSet<_> = schedule().0.iter().map(|planned| planned.fault.kind()).collect();
    for kind in Fault::OF_A_CLUSTER {
        assert!(done.contains(kind[0].kind()), "{done:?}");
    }
}
