//! The example consumer in Python sees every event once, also after a hole and a
//! restart of NATS.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use acceptance::{PRIMARY, TestApp};
use domain::ids::RequestId;
use domain::record::RecordedEvent;
use domain::request::Outcome;
use onboarding::whatsapp::post::{Client, ClientMessage};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

const COMPANY: &str = "demo-bank";
const PRINTED: [&str; 5] =
    ["room-reserved", "room-invited", "room-activated", "room-closed", "outcome-recorded"];
const PATIENCE: Duration = Duration::from_secs(60);
const INSTALL: &str = "this test needs python3 (3.9 or newer) with pip 22.3 or newer: \
                       apt-get install python3 python3-pip, or see https://www.python.org";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/examples")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {INSTALL}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}\n{INSTALL}");
}

/// A Python with what the example requires, made once below the target folder.
fn python() -> PathBuf {
    let requirements = examples().join("requirements.txt");
    let text = std::fs::read_to_string(&requirements).unwrap();
    let (_, hash) = text.split_once("sha256:").unwrap();
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = tmp.join(format!("python-{}", hash.get(..12).unwrap()));
    let (python, done) = (folder.join("bin/python"), folder.join("done"));
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        // Without pip, which Debian has in a package of its own: the outer pip installs.
        run(Command::new("python3").args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder));
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "--python"]).arg(&python);
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
        run(pip.arg(&requirements));
        File::create(done).unwrap();
    }
    python
}

/// The example as a process.
struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    fn start(app: &TestApp, state: &Path) -> Self {
        let mut command = tokio::process::Command::new(python());
        command.arg(examples().join("consumer.py")).arg("--state").arg(state);
        command.env("NATS_URL", app.nats.url()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next events that it prints; fails if there are not as many in time.
    async fn printed(&mut self, count: usize) -> Vec<Value> {
        let mut printed = vec![];
        while printed.len() < count {
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("{} of {count} events", printed.len()));
            let line = line.unwrap().expect("the example ended; see what it said above");
            printed.push(serde_json::from_str(&line).unwrap());
        }
        printed
    }

    /// Ends it as a service manager does; what it still printed.
    async fn stop(mut self) -> Vec<Value> {
        run(Command::new("kill").arg(self.child.id().unwrap().to_string()));
        let mut rest = vec![];
        while let Some(line) = self.lines.next_line().await.unwrap() {
            rest.push(serde_json::from_str(&line).unwrap());
        }
        assert!(self.child.wait().await.unwrap().success());
        rest
    }
}

/// One client asks for Michael.
async fn ask(app: &TestApp, client: &Client, expected: Outcome) -> RequestId {
    let wamid = app.stage.next_wamid();
    let message = ClientMessage::text(client, wamid.as_str(), app.stage.now(), "#michael");
    app.stage.deliver(PRIMARY, message).await.unwrap();
    let request = app.stage.request_of(COMPANY, PRIMARY, &wamid).unwrap();
    let (outcome, _) = app.stage.settled(COMPANY, request).await.unwrap();
    assert_eq!(outcome, expected);
    request
}

/// What the example must print of the log after a position: an aggregate's events in
/// order; between aggregates, a filled hole may change it.
async fn expected(app: &TestApp, after: u64) -> (u64, Vec<Value>) {
    let log = app.stage.store.events_after(after, 10_000).await.unwrap();
    let last = log.last().map_or(after, |event| event.position);
    let wanted = log.iter().filter(|event| PRINTED.contains(&event.event_type.as_str()));
    (last, sorted(wanted.map(line).collect()))
}

fn line(event: &RecordedEvent) -> Value {
    json!({
        "position": event.position,
        "id": event.event_id,
        "time": event.recorded_at,
        "company": event.company,
        "aggregate_type": event.aggregate_type,
        "aggregate_id": event.aggregate_id,
        "aggregate_version": event.sequence,
        "type": event.event_type,
        "type_version": event.event_version,
        "data": serde_json::from_str::<Value>(&event.payload).unwrap(),
    })
}

fn sorted(mut lines: Vec<Value>) -> Vec<Value> {
    lines
        .sort_by_key(|line| (line["aggregate_id"].to_string(), line["aggregate_version"].as_u64()));
    lines
}

/// Takes one message out of EVT, as a damaged disk might.
async fn plant_hole(app: &TestApp, event: &RecordedEvent) {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let filter = format!(
        "evt.onboarding.{}.{}.v{}.{}.{}",
        event.aggregate_type,
        event.event_type,
        event.event_version,
        event.company,
        event.aggregate_id
    );
    let question = json!({ "filter": filter }).to_string();
    let answer = nats.request("$JS.API.STREAM.PURGE.EVT", question.into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(answer["purged"], 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_prints_every_event_once() {
    let app = TestApp::start().await;
    let state = tempfile::tempdir().unwrap();
    let state = state.path().join("consumer.db");
    let (anna, ben) = (Client::with_phone("12025550151"), Client::with_phone("12025550152"));

    ask(&app, &anna, Outcome::Onboarded).await;
    let mut example = Example::start(&app, &state);
    let (seen, lines) = expected(&app, 0).await;
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert_eq!(sorted(example.printed(lines.len()).await), lines);

    app.nats.restart().await.unwrap();
    app.stage.ready().await.unwrap();
    ask(&app, &anna, Outcome::Reminded).await;
    let (seen, lines) = expected(&app, seen).await;
    assert_eq!(sorted(example.printed(lines.len()).await), lines);
    assert_eq!(example.stop().await, Vec::<Value>::new());

    ask(&app, &ben, Outcome::Onboarded).await;
    let log = app.stage.store.events_after(seen, 10_000).await.unwrap();
    let invited = log.iter().find(|event| event.event_type == "room-invited").unwrap();
    plant_hole(&app, invited).await;
    let mut example = Example::start(&app, &state);
    let (_, lines) = expected(&app, seen).await;
    assert!(lines.iter().any(|line| line["id"] == json!(invited.event_id)));
    assert_eq!(sorted(example.printed(lines.len()).await), lines);
    assert_eq!(example.stop().await, Vec::<Value>::new());
    app.stop().await;
}
