//! The lab on a cluster of three NATS servers, short: whatever can be done to a node is done once, and
//! all nodes die once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lab::Plan;
use lab::fault::Fault;

/// The kinds that this test is about.
const KINDS: [&str; 4] =
    ["NATS killed", "NATS node killed", "NATS node cut off", "NATS node lost its store"];

/// The first seed whose schedule has all of them: the same until there are other kinds of faults.
fn plan() -> Plan {
    let plan = |seed| Plan {
        seed,
        faults: 6,
        messages: 120,
        over: Duration::from_secs(30),
        nats: 3,
        grace: 12,
        drain: Duration::from_secs(180),
        keep: false,
    };
    let has_all = |plan: &Plan| {
        let drawn: BTreeSet<_> =
            plan.schedule().0.iter().map(|planned| planned.fault.kind()).collect();
        KINDS.iter().all(|kind| drawn.contains(kind))
    };
    (0..100_000).map(plan).find(has_all).expect("a schedule with all of them")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_nodes_of_nats_nothing_is_lost_or_done_twice() {
    let plan = plan();
    let say = |line: &str| println!("{line}");
    println!("{}", plan.schedule());
    let report = lab::run(Path::new(env!("CARGO_BIN_EXE_lab")), &plan, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (6, 120));
    let inflicted: BTreeSet<_> = report.faults.iter().map(|fault| fault.kind).collect();
    assert!(KINDS.iter().all(|kind| inflicted.contains(kind)), "{inflicted:?}");
    // It was no calm run: there was work, and it went through.
    assert!(report.outcomes["onboarded"] > 40, "{:?}", report.outcomes);
    assert!(report.calls > 120 && report.events > 400, "{report}");
}

#[test]
fn the_kinds_of_this_test_are_kinds_of_the_lab() {
    let kinds: BTreeSet<_> = Fault::kinds(3).into_iter().map(|kind| kind[0].kind()).collect();
    assert!(KINDS.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}
