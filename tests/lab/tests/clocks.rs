//! The service's clock jumps forward and back, by minutes and hours, of one copy and of both: no other
//! fault meanwhile.

use std::path::Path;
use std::time::Duration;

use lab::fault::{Fault, Twin, Whose};
use lab::schedule::Schedule;
use lab::{Mix, Plan};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_time_it_is_nothing_is_lost_or_decided_twice() {
    let jumps = [
        Fault::ClockAhead(Whose::Both, 900),
        Fault::ClockBack(Whose::One(Twin::First), 300),
        Fault::ClockAhead(Whose::One(Twin::Second), 7_200),
        Fault::ClockBack(Whose::Both, 600),
        Fault::ClockAhead(Whose::One(Twin::First), 120),
        Fault::ClockAhead(Whose::Both, 5_400),
    ];
    let schedule = (0..).zip(jumps).map(|(number, fault)| (2_000 + 5_000 * number, 4_000, fault));
    let schedule = Schedule::of(schedule);
    let plan = Plan { mix: Mix::Leaps, ..Plan::short(60, 400, Duration::from_secs(34)) };
    let say = |line: &str| println!("{line}");
    println!("{schedule}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (6, 400));
    // Those under way when it is hours later are given up; the others are as without jumps.
    assert!(report.outcomes["onboarded"] > 100, "{:?}", report.outcomes);
}
