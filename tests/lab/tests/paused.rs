//! A sender that is stopped between claiming a message and calling WhatsApp, for longer than its
//! claim's lease.

use std::path::Path;
use std::time::Duration;

use lab::Plan;
use lab::fault::{Fault, Server, Twin, Way};
use lab::schedule::Schedule;

const PAUSE: Duration = Duration::from_secs(8);

/// Its way to NATS is stalled a moment before, until a moment after: what it has claimed by then it
/// can't record, and so it is stopped with messages in its hands.
fn stopped(twin: Twin, at: u64) -> [(u64, u64, Fault); 2] {
    let way = Fault::Stalled(Way { twin, to: Server::Nats });
    let (moment, pause) = (300, PAUSE.as_millis() as u64);
    [(at, moment + pause + moment, way), (at + moment, pause, Fault::Paused(twin))]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_stopped_for_longer_than_its_lease_does_not_call() {
    let turns = [(Twin::First, 2), (Twin::Second, 12), (Twin::First, 22), (Twin::Second, 32)];
    let stops = turns.map(|(twin, second)| stopped(twin, second * 1_000));
    let schedule = Schedule::of(stops.concat());
    let plan = Plan {
        // Half of the pause.
        grace: 4,
        ..Plan::short(4_008, 400, Duration::from_secs(42))
    };
    let say = |line: &str| println!("{line}");
    println!("{schedule}");
    let program = Path::new(env!("CARGO_BIN_EXE_lab"));
    let report = lab::run_by(program, &plan, &schedule, &say).await.unwrap();
    println!("{report}");
    assert_eq!(report.findings, []);
    assert_eq!((report.faults.len(), report.messages), (8, 400));
    assert!(report.faults.iter().all(|fault| fault.seconds >= PAUSE.as_secs_f64()));
    assert!(report.calls > 400, "{report}");
}
