//! One part is away, slow, or older than what it reads: what goes on, what clients see, what an
//! operator is told, and that the rest follows by itself. The table "When something is away" of
//! docs/OPERATIONS.md, row by row.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::Command;
use std::time::{Duration, Instant};

use acceptance::TestApp;
use acceptance::ask::{Asked, Asker};
use acceptance::process::{Process, free_port};
use domain::request::Outcome;
use onboarding::cli::Role;
use onboarding::demo::StageOptions;
use onboarding::whatsapp::fake::{Behaviour, Rule};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

const ROOMS: &str = "/api/v1/chat-rooms?company=demo-bank";
const LAG: &str = "onboarding_lag_events";
const MEASURED: &str = "onboarding_lag_measured_timestamp_seconds";
/// A webhook that NATS does not answer for is refused within this time: WhatsApp waits for about ten
/// seconds.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// The service in processes of its own, whose logs are kept.
struct Site {
    app: TestApp,
    logs: TempDir,
}

impl Site {
    async fn new() -> Self {
        let options = StageOptions { roles: vec![], ..StageOptions::default() };
        Self::of(TestApp::with(options).await)
    }

    async fn with_own_postgres() -> Self {
        let options = StageOptions { roles: vec![], ..StageOptions::default() };
        Self::of(TestApp::with_own_postgres(options).await)
    }

    fn of(mut app: TestApp) -> Self {
        // These tests run beside each other, and share what connections Postgres has.
        app.stage.config.database_connections = 4;
        Self { app, logs: tempfile::tempdir().unwrap() }
    }

    /// A process with these roles, once it is ready; what the test asks for goes there.
    async fn serve(&mut self, roles: &[Role]) -> Process {
        let log = self.logs.path().join(Uuid::now_v7().to_string());
        let process = Process::new(env!("CARGO_BIN_EXE_service"), &self.app.stage.config).unwrap();
        let mut process = process.with_roles(roles).with_log(&log);
        process.start().unwrap();
        self.turn_to(&process);
        self.app.stage.ready().await.unwrap();
        process
    }

    fn turn_to(&mut self, process: &Process) {
        self.app.stage.use_service_at(process.api());
    }

    /// The client asks for Michael; the webhook is answered 200.
    async fn ask(&self, name: &str) -> (Asker, Asked) {
        let asker = Asker::named(&format!("US.{name}"));
        let asked = self.app.ask(&asker, "#michael").await;
        (asker, asked)
    }

    /// The client's request ends well, and WhatsApp got each message once.
    async fn is_onboarded(&self, (asker, asked): &(Asker, Asked)) {
        assert_eq!(self.app.outcome(asked).await, Outcome::Onboarded);
        assert_eq!(self.app.calls(asker), ["invitation", "text"]);
    }

    async fn until(&self, what: &str, so: impl AsyncFn() -> bool) {
        self.app.stage.until(what, async || Ok(so().await.then_some(()))).await.unwrap();
    }

    /// Waits until a process has told its operator this.
    async fn told(&self, process: &Process, words: &str) {
        let is_told = async || {
            let logged = process.logged().unwrap();
            logged.iter().any(|message| message.contains(words))
        };
        self.until(words, is_told).await;
    }

    /// Nothing is wrong with what is stored, and everything ends.
    async fn ends_well(self, processes: Vec<Process>) {
        assert_eq!(self.app.findings().await, Vec::<String>::new());
        drop(processes);
        self.app.stop().await;
    }
}

async fn got(process: &Process, path: &str) -> (u16, String) {
    let request = reqwest::Client::new().get(format!("{}{path}", process.api()));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What a process is not ready for.
async fn not_ready_for(process: &Process) -> Vec<String> {
    let (status, body) = got(process, "/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ready"], status == 200, "{body}");
    let checks = body["checks"].as_array().unwrap().iter();
    let bad = checks.filter(|check| check["ok"] == false);
    bad.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

/// A metric of a process: the sum of its series with this label.
async fn metric(process: &Process, name: &str, label: &str) -> f64 {
    let (_, text) = got(process, "/metrics").await;
    let is_of = |line: &&str| line.split(['{', ' ']).next() == Some(name) && line.contains(label);
    let values = text.lines().filter(is_of).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<f64>().unwrap()).sum()
}

fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().rsplit(':').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_down_messages_are_taken_and_afterwards_each_is_decided_once() {
    let mut site = Site::with_own_postgres().await;
    let others = [Role::Engine, Role::Relay, Role::Projector, Role::Sender, Role::Api];
    let rest = site.serve(&others).await;
    let gateway = site.serve(&[Role::Gateway]).await;
    let before = site.ask("before").await;
    site.turn_to(&rest);
    site.is_onboarded(&before).await;

    site.app.postgres.as_ref().unwrap().kill().await.unwrap();
    site.turn_to(&gateway);
    let during = [site.ask("ann").await, site.ask("bob").await];
    assert_eq!(not_ready_for(&gateway).await, Vec::<String>::new(), "it needs no Postgres");
    site.turn_to(&rest);
    let (missing, read) = tokio::join!(not_ready_for(&rest), site.app.stage.get(ROOMS));
    assert_eq!(missing, ["postgres"]);
    let (status, problem) = read.unwrap();
    assert_eq!((status, kind(&problem)), (503, "unavailable"), "{problem}");
    for words in [
        "what inputs need cannot be looked up; trying again",
        "the relay cannot reach Postgres; trying again",
        "the lag can't be measured; it is tried again",
    ] {
        site.told(&rest, words).await;
    }
    let stale = metric(&rest, MEASURED, "").await;

    site.app.postgres.as_ref().unwrap().restart().await.unwrap();
    for client in &during {
        site.is_onboarded(client).await;
    }
    let measured = async || metric(&rest, MEASURED, "").await > stale;
    site.until("the lag is measured again", measured).await;
    assert_eq!(not_ready_for(&rest).await, Vec::<String>::new());
    site.ends_well(vec![gateway, rest]).await;
}

/// As after a migration or a grant that went wrong: it is nobody's input that is at fault.
#[tokio::test(flavor = "multi_thread")]
async fn while_something_lacks_in_the_database_messages_wait_and_none_is_parked() {
    let mut site = Site::new().await;
    let service = site.serve(&Role::ALL).await;
    site.is_onboarded(&site.ask("before").await).await;

    let url = site.app.stage.config.database_url.expose();
    let mut owner = PgConnection::connect(url).await.unwrap();
    owner.execute("ALTER TABLE profiles RENAME TO profiles_away").await.unwrap();
    let during = [site.ask("ann").await, site.ask("bob").await];
    site.told(&service, "what inputs need cannot be looked up; trying again").await;
    owner.execute("ALTER TABLE profiles_away RENAME TO profiles").await.unwrap();
    for client in &during {
        site.is_onboarded(client).await;
    }
    let parked = sqlx::query_scalar("SELECT count(*) FROM parked_inputs").fetch_one(&mut owner);
    let parked: i64 = parked.await.unwrap();
    assert_eq!(parked, 0);
    site.ends_well(vec![service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_locked_messages_wait_and_everything_else_is_answered() {
    let mut site = Site::new().await;
    let service = site.serve(&Role::ALL).await;
    site.is_onboarded(&site.ask("before").await).await;

    let url = site.app.stage.config.database_url.expose();
    let mut blocker = PgConnection::connect(url).await.unwrap();
    let mut held = blocker.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *held).await.unwrap();
    let during = [site.ask("ann").await, site.ask("bob").await];
    let waiting = async || metric(&service, LAG, "stage=\"engine\"").await > 0.0;
    site.until("the engine's lag shows", waiting).await;
    assert_eq!(site.app.stage.get(ROOMS).await.unwrap().0, 200);
    assert_eq!(not_ready_for(&service).await, Vec::<String>::new(), "Postgres answers");
    for (asker, _) in &during {
        assert!(site.app.calls(asker).is_empty(), "nothing is sent that is not recorded");
    }

    held.rollback().await.unwrap();
    for client in &during {
        site.is_onboarded(client).await;
    }
    let caught_up = async || metric(&service, LAG, "stage=\"engine\"").await == 0.0;
    site.until("the lag is gone", caught_up).await;
    site.ends_well(vec![service]).await;
}

/// Posts until WhatsApp would stop: the webhook is answered 200.
async fn post_again(site: &Site, asked: &Asked) {
    let is_taken = async || {
        let status = site.app.stage.post_bytes(asked.body.clone()).await;
        status.is_ok_and(|status| status == 200)
    };
    site.until("the webhook is answered 200", is_taken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_down_webhooks_are_refused_and_what_is_known_is_read() {
    let mut site = Site::new().await;
    let service = site.serve(&Role::ALL).await;
    site.is_onboarded(&site.ask("before").await).await;

    site.app.nats.kill().await.unwrap();
    let [ann, bob] = ["US.ann", "US.bob"].map(Asker::named);
    let asked = [site.app.message(&ann, "#michael"), site.app.message(&bob, "#michael")];
    let posts = asked.iter().map(|asked| site.app.stage.post_bytes(asked.body.clone()));
    for status in futures::future::join_all(posts).await {
        assert_eq!(status.unwrap(), 503);
    }
    assert_eq!(site.app.stage.get(ROOMS).await.unwrap().0, 200, "Postgres has them");
    let path = "/api/v1/companies/demo-bank/numbers/100101/service";
    let (key, body) = (Uuid::now_v7(), json!({ "service": "in_service" }));
    let (status, problem) = site.app.stage.operate(path, key, &body).await.unwrap();
    assert_eq!((status, kind(&problem)), (503, "unavailable"), "{problem}");
    let numbers = "/api/v1/companies/demo-bank/numbers";
    let (status, problem) = site.app.stage.get(numbers).await.unwrap();
    assert_eq!((status, kind(&problem)), (503, "unavailable"), "the log is asked over NATS");
    assert_eq!(not_ready_for(&service).await, ["nats"]);
    let refused = metric(&service, "onboarding_gateway_posts_total", "unavailable").await;
    assert!(refused >= 2.0, "{refused}");
    site.told(&service, "a post is not stored; WhatsApp will repeat it").await;

    site.app.nats.restart().await.unwrap();
    for (asker, asked) in [ann, bob].into_iter().zip(asked) {
        post_again(&site, &asked).await;
        site.is_onboarded(&(asker, asked)).await;
    }
    let is_done = async || {
        let again = site.app.stage.operate(path, key, &body).await;
        again.is_ok_and(|(status, _)| status == 200)
    };
    site.until("the command is answered, with the same key", is_done).await;
    site.until("all is ready", async || not_ready_for(&service).await.is_empty()).await;
    site.ends_well(vec![service]).await;
}

/// Sends a signal to a server.
fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_hangs_is_refused_for_in_time_and_what_comes_twice_is_decided_once() {
    let mut site = Site::new().await;
    let service = site.serve(&Role::ALL).await;
    site.is_onboarded(&site.ask("before").await).await;

    let nats = site.app.nats.pid().unwrap();
    signal(nats, "-STOP");
    let ann = Asker::named("US.ann");
    let asked = site.app.message(&ann, "#michael");
    let posted = Instant::now();
    assert_eq!(site.app.stage.post_bytes(asked.body.clone()).await.unwrap(), 503);
    let took = posted.elapsed();
    signal(nats, "-CONT");
    assert!(took < REFUSED_WITHIN, "refused after {took:?}");
    post_again(&site, &asked).await;
    site.is_onboarded(&(ann, asked)).await;
    site.ends_well(vec![service]).await;
}

/// The way to a server, which can be slow, cut and mended.
struct Line {
    port: u16,
    to: String,
    carrying: JoinHandle<()>,
}

impl Line {
    async fn to(to: &str) -> Self {
        Self::slow_to(to, Duration::ZERO).await
    }

    /// Whatever is said, either way, arrives so much later.
    async fn slow_to(to: &str, delay: Duration) -> Self {
        let (port, to) = (free_port().unwrap(), to.to_owned());
        Self { carrying: carry(port, to.clone(), delay).await, port, to }
    }

    async fn cut(&mut self) {
        self.carrying.abort();
        let _ = (&mut self.carrying).await;
    }

    async fn mend(&mut self) {
        self.carrying = carry(self.port, self.to.clone(), Duration::ZERO).await;
    }
}

async fn carry(port: u16, to: String, delay: Duration) -> JoinHandle<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            connections.spawn(async move {
                let Ok(mut far) = TcpStream::connect(&to).await else { return };
                let (from_near, to_near) = near.split();
                let (from_far, to_far) = far.split();
                tokio::select! {
                    () = copy_late(from_near, to_far, delay) => {}
                    () = copy_late(from_far, to_near, delay) => {}
                }
            });
        }
    })
}

/// Until one of them ends it.
async fn copy_late(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
) {
    let mut said = [0; 64 * 1024];
    while let Ok(length) = from.read(&mut said).await
        && length > 0
    {
        tokio::time::sleep(delay).await;
        if to.write_all(&said[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_slow_everything_goes_on_later() {
    const DELAY: Duration = Duration::from_millis(150);
    let mut site = Site::new().await;
    let address = site.app.nats.url().strip_prefix("nats://").unwrap().to_owned();
    let line = Line::slow_to(&address, DELAY).await;
    site.app.stage.config.nats_url = format!("nats://127.0.0.1:{}", line.port).as_str().into();
    let service = site.serve(&Role::ALL).await;

    let posted = Instant::now();
    let clients = [site.ask("ann").await, site.ask("bob").await];
    let took = posted.elapsed();
    assert!(took > DELAY * 4, "two posts were stored over there within {took:?}");
    for client in &clients {
        site.is_onboarded(client).await;
    }
    assert_eq!(not_ready_for(&service).await, Vec::<String>::new());
    let repeated = metric(&service, "onboarding_sends_repeated_total", "").await;
    assert!(repeated < 1.0, "{repeated} messages were sent again");
    site.ends_well(vec![service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_whatsapp_is_slow_its_answers_are_awaited_and_nothing_else_is() {
    const LATE: Duration = Duration::from_secs(10);
    let mut site = Site::new().await;
    site.app.stage.config.cloud_api.timeout_seconds = 20;
    site.app.stage.config.sender.grace_seconds = 40;
    let service = site.serve(&Role::ALL).await;
    // Both invitations are answered late.
    site.app.stage.cloud.script(Rule::always(Behaviour::AnswerLate(LATE)).times(2));

    let ann = site.ask("ann").await;
    let called = async |asker: &Asker| site.app.calls(asker) == ["invitation"];
    site.until("WhatsApp is asked", async || called(&ann.0).await).await;
    let posted = Instant::now();
    let bob = site.ask("bob").await;
    site.until("WhatsApp is asked for the other client too", async || called(&bob.0).await).await;
    let took = posted.elapsed();
    assert!(took < LATE, "a client waited for the answer to another: {took:?}");
    assert_eq!(site.app.calls(&ann.0), ["invitation"], "that is still awaited");
    for client in [&ann, &bob] {
        site.is_onboarded(client).await;
    }
    assert_eq!(not_ready_for(&service).await, Vec::<String>::new());
    let repeated = metric(&service, "onboarding_sends_repeated_total", "").await;
    assert!(repeated < 1.0, "{repeated} messages were sent again");
    let (took, calls) = ("onboarding_send_seconds_sum", "onboarding_send_seconds_count");
    let (took, calls) = (metric(&service, took, "").await, metric(&service, calls, "").await);
    assert!(calls >= 4.0 && took >= 2.0 * LATE.as_secs_f64(), "{calls} calls took {took} s");
    site.ends_well(vec![service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_whatsapp_is_down_messages_wait_in_the_send_queue_and_go_out_once() {
    let mut site = Site::new().await;
    let url = site.app.stage.cloud.url().to_owned();
    let address = url.strip_prefix("http://").unwrap();
    let mut line = Line::to(address).await;
    site.app.stage.config.cloud_api.base_url = format!("http://127.0.0.1:{}", line.port);
    site.app.stage.config.sender.grace_seconds = 3;
    site.app.stage.config.cloud_api.timeout_seconds = 2;
    let service = site.serve(&Role::ALL).await;
    site.is_onboarded(&site.ask("before").await).await;

    line.cut().await;
    let ann = site.ask("ann").await;
    let tried = async || {
        let all = metric(&service, "onboarding_sends_total", "").await;
        all > metric(&service, "onboarding_sends_total", "accepted").await
    };
    site.until("a send has failed", tried).await;
    let kept = sqlx::query_scalar(
        "SELECT count(*) FROM send_queue WHERE request_id = $1 AND state <> 'done'",
    );
    let kept: i64 =
        kept.bind(ann.1.request.as_uuid()).fetch_one(&site.app.stage.pool).await.unwrap();
    assert_eq!(kept, 1, "the invitation waits");
    let path = format!("/api/v1/onboarding-requests/{}?company=demo-bank", ann.1.request);
    let (status, request) = site.app.stage.get(&path).await.unwrap();
    assert_eq!((status, &request["outcome"]), (200, &Value::Null), "{request}");
    assert_eq!(not_ready_for(&service).await, Vec::<String>::new());

    line.mend().await;
    site.is_onboarded(&ann).await;
    site.ends_well(vec![service]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_projector_is_stopped_the_rest_goes_on_and_its_lag_shows() {
    let mut site = Site::new().await;
    let others = [Role::Gateway, Role::Engine, Role::Relay, Role::Sender, Role::Api];
    let rest = site.serve(&others).await;
    let mut projector = site.serve(&[Role::Projector]).await;
    site.turn_to(&rest);
    site.is_onboarded(&site.ask("before").await).await;

    projector.kill().unwrap();
    let ann = site.ask("ann").await;
    let sent = async || site.app.calls(&ann.0) == ["invitation", "text"];
    site.until("the client is answered", sent).await;
    let views = ["chat-rooms", "onboarding-requests", "outbound-messages"];
    for view in views {
        let behind = async || metric(&rest, LAG, &format!("stage=\"{view}\"")).await > 0.0;
        site.until("its lag shows", behind).await;
    }
    let queue = async || metric(&rest, LAG, "stage=\"send-queue\"").await == 0.0;
    site.until("the send queue is not behind", queue).await;
    let end = site.app.stage.store.last_position().await.unwrap();
    let (status, problem) = site.app.stage.get(&format!("{ROOMS}&wait={end}")).await.unwrap();
    assert_eq!((status, kind(&problem)), (503, "not-yet-visible"), "{problem}");
    let (status, rooms) = site.app.stage.get(ROOMS).await.unwrap();
    let rooms = rooms["items"].as_array().unwrap().len();
    assert_eq!((status, rooms), (200, 1), "what is older is still read");

    projector.start().unwrap();
    site.is_onboarded(&ann).await;
    for view in views {
        let caught_up = async || metric(&rest, LAG, &format!("stage=\"{view}\"")).await == 0.0;
        site.until("its lag is gone", caught_up).await;
    }
    site.ends_well(vec![projector, rest]).await;
}

/// A newer program has recorded what this one does not know, as while versions are changed.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_unknown_version_stops_the_views_before_it_and_says_so() {
    let mut site = Site::new().await;
    let service = site.serve(&Role::ALL).await;
    let before = site.ask("before").await;
    site.is_onboarded(&before).await;

    let pool = &site.app.stage.pool;
    let recorded = sqlx::query_scalar(
        "WITH head AS (UPDATE log_head SET position = position + 1 RETURNING position, digest), \
         latest AS (SELECT * FROM events WHERE correlation_id = $1 \
             AND aggregate_type = 'onboarding-request' ORDER BY sequence DESC LIMIT 1) \
         INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, \
             payload, metadata, position, event_id, recorded_at, company, correlation_id, \
             causation_id, digest) \
         SELECT aggregate_type, aggregate_id, sequence + 1, event_type, '9', payload, metadata, \
             head.position, $2, latest.recorded_at, company, correlation_id, causation_id, head.digest \
         FROM head, latest RETURNING position",
    );
    let recorded = recorded.bind(before.1.request.as_uuid()).bind(Uuid::now_v7());
    let unknown: i64 = recorded.fetch_one(pool).await.unwrap();
    site.told(&service, "the read model stands still; trying again").await;
    // Those that requests' events mean something to.
    for view in ["onboarding-requests", "send-queue"] {
        let label = format!("view=\"{view}\"");
        let broke =
            async || metric(&service, "onboarding_projector_breaks_total", &label).await > 0.0;
        site.until("its break is counted", broke).await;
        let stage = format!("stage=\"{view}\"");
        let behind = async || metric(&service, LAG, &stage).await > 0.0;
        site.until("its lag shows", behind).await;
    }

    let ann = site.ask("ann").await;
    let decided = async || {
        let request = ann.1.request.as_uuid();
        !site.app.stage.store.events_by_correlation(request).await.unwrap().is_empty()
    };
    site.until("messages are decided meanwhile", decided).await;
    let furthest = "SELECT max(position) FROM rm_checkpoints \
         WHERE view IN ('onboarding-requests', 'outbound-messages', 'send-queue')";
    let furthest: i64 = sqlx::query_scalar(furthest).fetch_one(pool).await.unwrap();
    assert_eq!(furthest, unknown - 1, "it is not skipped");
    assert!(site.app.calls(&ann.0).is_empty(), "the send queue stands before it too");
    assert_eq!(site.app.stage.get(ROOMS).await.unwrap().0, 200, "what is older is still read");
    drop(service);
    site.app.stop().await;
}
