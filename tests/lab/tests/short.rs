//! The lab itself, short: every kind of fault that fits, some hundred messages, always the same seed.

use std::path::Path;
use std::time::Duration;

use lab::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_nothing_is_lost_or_done_twice() {
    let plan = Plan { faults: 8, ..Plan::short(2_026, 300, Duration::from_secs(24)) };
    let say = |line: &str| println!("{line}");
    println!("{}", plan.schedule());
    let report = lab::run(Path::new(env!("CARGO_BIN_EXE_lab")), &plan, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (8, 300));
    // It was no calm run: there was work, and it went through.
    assert!(report.outcomes["onboarded"] > 100, "{:?}", report.outcomes);
    assert!(report.calls > 300 && report.events > 1_000, "{report}");
}
