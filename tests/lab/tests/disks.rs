//! The lab with full disks, short: Postgres' and NATS' take nothing more for a while, each once, while
//! messages come.

use std::path::Path;
use std::time::Duration;

use lab::fault::Fault;
use lab::schedule::Schedule;
use lab::{Mix, Plan};

fn schedule() -> Schedule {
    // NATS' for longer than who posts waits for it.
    let nats = (14_000, 12_000, Fault::NatsDiskFull);
    Schedule::of([(2_000, 4_000, Fault::PostgresDiskFull), nats])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and a mount that works: small disks in memory"]
async fn what_a_full_disk_did_not_take_comes_again_and_nothing_is_lost_or_done_twice() {
    let schedule = schedule();
    let plan = Plan { mix: Mix::WithDisks, ..Plan::short(5_005, 400, Duration::from_secs(24)) };
    let say = |line: &str| println!("{line}");
    println!("{schedule}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (2, 400));
    assert!(report.posted_again > 0, "every post was stored in time: {report}");
    // It was no calm run: there was work, and it went through.
    assert!(report.outcomes["onboarded"] > 100, "{:?}", report.outcomes);
    assert!(report.calls > 400 && report.events > 1_000, "{report}");
}
