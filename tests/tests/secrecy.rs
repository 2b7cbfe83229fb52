//! Whatever goes wrong: no log at any level, no metric, no subject and no header on NATS tells who a
//! client is, what it wrote, or a secret.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::{Arc, Mutex};

use acceptance::ask::Asker;
use acceptance::process::Process;
use acceptance::{PRIMARY, TestApp};
use domain::identity::Recipient;
use domain::request::Outcome;
use futures::StreamExt;
use onboarding::config::LogFormat;
use onboarding::demo::stage::APP_SECRET;
use onboarding::demo::{APP, StageOptions};
use onboarding::whatsapp::fake::{Behaviour, Rule, Statuses, Webhook};
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};
use onboarding::whatsapp::signature;
use serde_json::{Value, json};
use uuid::Uuid;

const BANK: &str = "/api/v1/companies/demo-bank";
const OTTOLINE: &str = "12025550187";
const BASIL: &str = "12025550188";
const UNKNOWN_TOKEN: &str = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

/// Whom and what nobody may read of, in small letters.
const PERSONAL: [&str; 20] = [
    "2025550187",
    "2025550188",
    "2025550189",
    "secretclient",
    "ottoline",
    "privatova",
    "basil",
    "knee hurts",
    "nosuchbody",
    "passport",
    "half a post",
    "soon enough",
    "wamid.",
    "michael stone",
    "anna bell",
    "tim young",
    "olga actorova",
    "have found an employee",
    "not in our phonebook",
    "secret kitchen",
];

/// The service as a process that logs everything into a file.
struct Watched {
    app: TestApp,
    service: Process,
    folder: tempfile::TempDir,
    /// What went over NATS.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    async fn start() -> Self {
        let options = StageOptions { roles: vec![], statuses: None, ..StageOptions::default() };
        let mut app = TestApp::with(options).await;
        app.stage.config.log.filter = "trace".into();
        app.stage.config.log.format = LogFormat::Json;
        app.stage.config.sender.back_off_seconds = 1;
        app.stage.config.sender.grace_seconds = 3;
        app.stage.config.cloud_api.timeout_seconds = 2;
        let heard = overhear(&app).await;
        let folder = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_service");
        let mut service = Process::new(program, &app.stage.config).unwrap();
        service.log_to(&folder.path().join("log"));
        service.start().unwrap();
        app.stage.use_service_at(service.api());
        app.stage.ready().await.unwrap();
        let webhook = Webhook::new(&Self::webhook_of(&app), APP_SECRET.as_bytes()).unwrap();
        app.stage.cloud.post_statuses_to(webhook, Statuses::AtOnce);
        Self { app, service, folder, heard }
    }

    fn webhook_of(app: &TestApp) -> String {
        format!("{}/webhooks/whatsapp/{APP}", app.stage.api())
    }

    async fn says(&self, client: &Asker, text: &str) -> Outcome {
        let asked = self.app.ask(client, text).await;
        self.app.outcome(&asked).await
    }

    /// Posts signed bytes and expects that they are taken.
    async fn takes(&self, body: impl Into<Vec<u8>>) {
        assert_eq!(self.app.stage.post_bytes(body.into()).await.unwrap(), 200);
    }

    /// Waits until a query of the database counts as many.
    async fn counts(&self, many: i64, query: &str) {
        let counted = self.app.stage.until(query, async || {
            let count: i64 = sqlx::query_scalar(query).fetch_one(&self.app.stage.pool).await?;
            Ok((count >= many).then_some(()))
        });
        counted.await.unwrap();
    }
}

fn client(phone: &str, bsuid: &str, name: &str) -> Asker {
    let to = Recipient::Phone(format!("+{phone}").parse().unwrap());
    Asker { client: Client::with_phone(phone).and_bsuid(bsuid).named(name), to }
}

/// Everything that ends well, or as badly as it may.
async fn play_messages(watched: &Watched) {
    let ottoline = client(OTTOLINE, "US.secretclient1", "Ottoline Privatova");
    for (text, outcome) in [
        ("Good day, this is Ottoline Privatova", Outcome::ExtensionMissing),
        ("#nosuchbody please", Outcome::UserNotFound),
        ("#michael my knee hurts", Outcome::Onboarded),
        ("#michael my knee hurts still", Outcome::Reminded),
    ] {
        assert_eq!(watched.says(&ottoline, text).await, outcome, "{text}");
    }
    let (stage, wamid) = (&watched.app.stage, watched.app.stage.next_wamid());
    let picture =
        ClientMessage::image(&ottoline.client, wamid.as_str(), stage.now(), "my passport");
    stage.deliver(PRIMARY, picture).await.unwrap();

    let basil = client(BASIL, "US.secretclient2", "Basil");
    for number in ["100101", "100102"] {
        let refusal = Rule::once(Behaviour::refuse(131_026));
        stage.cloud.script(refusal.from_number(&number.parse().unwrap()));
    }
    for (text, outcome) in [
        ("#michael it's Basil", Outcome::InvitationFailed),
        ("STOP", Outcome::Stopped),
        ("#michael it's Basil", Outcome::TemplatesStopped),
    ] {
        assert_eq!(watched.says(&basil, text).await, outcome, "{text}");
    }
    // One of the two was not needed.
    stage.cloud.forget_script();
}

/// Failures of WhatsApp after which nobody knows, or it is tried again.
async fn play_failures(watched: &Watched) {
    let cloud = &watched.app.stage.cloud;
    let broken = Behaviour::Refuse { http_status: 500, code: None, retry_after: None };
    for behaviour in [broken, Behaviour::refuse(131_000)] {
        cloud.script(Rule::once(behaviour));
    }
    let patient = client("12025550189", "US.secretclient3", "Basil");
    assert_eq!(watched.says(&patient, "#anna my knee hurts").await, Outcome::Onboarded);
    for behaviour in [Behaviour::HangUp, Behaviour::Garble, Behaviour::LoseAnswer] {
        cloud.script(Rule::once(behaviour));
    }
    for number in 4..=6 {
        let asker = Asker::named(&format!("US.secretclient{number}"));
        watched.app.ask(&asker, "#nora my knee hurts").await;
    }
    watched.counts(1, "SELECT count(*) FROM send_queue WHERE unresolved").await;
}

/// Posts that are broken, forged or for somebody else.
async fn play_bad_posts(watched: &Watched) {
    let stage = &watched.app.stage;
    let half = format!("{{\"entry\":[\"half a post of +{OTTOLINE}");
    watched.takes(half.clone()).await;
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "12025550100", "phone_number_id": PRIMARY },
        "contacts": [{ "wa_id": OTTOLINE, "profile": { "name": ["Ottoline"] } }],
        "messages": [
            { "from": { "phone": OTTOLINE }, "id": 7, "text": "my knee hurts" },
            { "from": OTTOLINE, "id": "wamid.KNEE", "timestamp": "soon enough", "type": "text",
              "text": { "body": "my knee hurts" } },
            { "from": format!("+{OTTOLINE} Ottoline"), "id": "wamid.KNEE2", "timestamp": "1", "type":
              "text", "text": { "body": ["my knee hurts"] } },
        ],
        "statuses": [{ "id": "wamid.KNEE3", "status": "my knee hurts", "recipient_id": OTTOLINE }],
    });
    let post = WebhookPost::new().change("messages", value);
    watched.takes(post.change(OTTOLINE, json!({})).into_body()).await;
    let stranger = client(OTTOLINE, "US.secretclient1", "Ottoline").client;
    let message = ClientMessage::text(&stranger, "wamid.KNEE4", stage.now(), "my knee hurts");
    watched.takes(WebhookPost::new().messages("999999", &[message]).into_body()).await;
    watched.counts(5, "SELECT count(*) FROM parked_inputs").await;

    let (http, url) = (reqwest::Client::new(), Watched::webhook_of(&watched.app));
    assert_eq!(http.post(&url).body(half.clone()).send().await.unwrap().status(), 401);
    let forged = signature::sign(b"another secret", half.as_bytes());
    let forged = http.post(&url).header(signature::HEADER, forged).body(half).send();
    assert_eq!(forged.await.unwrap().status(), 401);
    for (token, status) in [("the secret kitchen", 403), ("the stage's verify token", 200)] {
        let handshake = [
            ("hub.mode", "subscribe"),
            ("hub.challenge", "privatova"),
            ("hub.verify_token", token),
        ];
        let answer = http.get(&url).query(&handshake).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
}

/// Operators, and whoever tries to be one.
async fn play_operators(watched: &Watched) -> String {
    let stage = &watched.app.stage;
    let phone = json!([{ "kind": "phone", "value": format!("+{OTTOLINE}") }]);
    let wrong = json!([{ "kind": "phone", "value": format!("+{OTTOLINE} Ottoline") }]);
    for (path, body, status) in [
        ("client-profiles", json!({ "identifiers": phone, "name": "Ottoline Privatova" }), 201),
        ("client-profiles", json!({ "identifiers": wrong, "name": "Ottoline Privatova" }), 400),
        ("client-profiles", json!({ "Ottoline Privatova": OTTOLINE }), 400),
        ("users/michael/extension", json!({ "extension": "nosuchbody please" }), 400),
    ] {
        let key = Uuid::now_v7();
        let (found, answer) = stage.operate(&format!("{BANK}/{path}"), key, &body).await.unwrap();
        assert_eq!(found, status, "{answer}");
    }
    let question = json!({
        "client": { "phone": format!("+{OTTOLINE}"), "name": "Ottoline" },
        "phone_number_id": PRIMARY, "text": "#michael my knee hurts",
    });
    let path = format!("{BANK}/dry-run");
    stage.operate(&path, Uuid::now_v7(), &question).await.unwrap();

    let (http, api) = (reqwest::Client::new(), stage.api());
    let token = stage.token(&"demo-bank".parse().unwrap()).await.unwrap();
    let unknown = format!("onb_{}_{UNKNOWN_TOKEN}", "0".repeat(32));
    for (path, token, status) in [
        (format!("/{OTTOLINE}/Ottoline?name=Ottoline"), &token, 404),
        (format!("/api/v1/chat-rooms/+{OTTOLINE}?company=demo-bank"), &token, 400),
        (format!("/api/v1/chat-rooms?company=demo-bank&client=+{OTTOLINE}"), &token, 400),
        (format!("/api/v1/chat-rooms?company=demo-bank&cursor={OTTOLINE}"), &token, 400),
        ("/api/v1/chat-rooms?company=demo-bank".to_owned(), &unknown, 401),
    ] {
        let asked = http.get(format!("{api}{path}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(asked.status().as_u16(), status, "{path}");
    }
    let close = http.post(format!("{api}{BANK}/chat-rooms/{}/close", Uuid::now_v7()));
    let close = close.header("X-Actor", "Olga Actorova").bearer_auth(&token);
    let close = close.header("Idempotency-Key", Uuid::now_v7().to_string()).json(&json!({}));
    assert_eq!(close.send().await.unwrap().status(), 404);
    token
}

/// Subject and headers of whatever goes over NATS from now on.
async fn overhear(app: &TestApp) -> Arc<Mutex<Vec<String>>> {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let mut everything = nats.subscribe(">").await.unwrap();
    nats.flush().await.unwrap();
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let into = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Some(message) = everything.next().await {
            let line = format!("{} {:?} {:?}", message.subject, message.reply, message.headers);
            into.lock().unwrap().push(line);
        }
        drop(nats);
    });
    heard
}

fn assert_tells_nothing<'a>(lines: impl Iterator<Item = &'a str>, secrets: &[&str], what: &str) {
    let told: Vec<_> = lines
        .filter_map(|line| {
            let small = line.to_lowercase();
            let mut words = PERSONAL.iter().chain(secrets);
            let word = words.find(|word| small.contains(&word.to_lowercase()))?;
            Some(format!("{word:?} in {line}"))
        })
        .take(5)
        .collect();
    assert!(told.is_empty(), "{what}:\n{}", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_metrics_subjects_and_headers_tell_nothing_of_anybody() {
    let mut watched = Watched::start().await;
    play_messages(&watched).await;
    play_bad_posts(&watched).await;
    let token = play_operators(&watched).await;
    play_failures(&watched).await;

    // The words that are looked for below did go through all of it.
    let recorded = "SELECT count(*) FROM events WHERE payload::text LIKE '%my knee hurts%' \
                    AND payload::text LIKE '%2025550187%' AND payload::text LIKE '%Ottoline%'";
    watched.counts(1, recorded).await;

    let metrics = reqwest::get(format!("{}/metrics", watched.app.stage.api())).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("onboarding_gateway_posts_total"), "{metrics}");
    let heard = watched.heard.lock().unwrap().clone();
    for subject in ["wa.raw.", "wa.in.", "wa.status.", "cmd.", "evt.", "dlq.", "qry."] {
        let of_subject = heard.iter().filter(|message| message.starts_with(subject));
        assert!(of_subject.count() > 0, "nothing went over {subject}");
    }
    watched.service.kill().unwrap();
    let logs = std::fs::read_to_string(watched.folder.path().join("log")).unwrap();
    let levels = ["TRACE", "DEBUG", "INFO", "WARN"];
    for level in levels {
        assert!(logs.contains(&format!("\"level\":\"{level}\"")), "nothing is logged at {level}");
    }

    let secret = token.rsplit('_').next().unwrap();
    let secrets = [
        secret,
        UNKNOWN_TOKEN,
        APP_SECRET,
        "the stage's access token",
        "the stage's verify token",
        "another secret",
    ];
    assert_tells_nothing(logs.lines(), &secrets, "logs");
    assert_tells_nothing(metrics.lines(), &secrets, "metrics");
    assert_tells_nothing(heard.iter().map(String::as_str), &secrets, "NATS");
    watched.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_dumps_no_memory_and_shows_no_secret_of_its_configuration() {
    let options = StageOptions { roles: vec![], statuses: None, ..StageOptions::default() };
    let mut app = TestApp::with(options).await;
    let mut service = Process::serve(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    app.stage.use_service_at(service.api());
    app.stage.ready().await.unwrap();
    let limits = format!("/proc/{}/limits", service.id().unwrap());
    let limits = std::fs::read_to_string(limits).unwrap();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let cores: Vec<_> = cores.split_whitespace().skip(4).take(2).collect();
    assert_eq!(cores, ["0", "0"], "{limits}");

    let shown = service.run(&["config", "show"]).unwrap();
    assert!(shown.status.success(), "{}", shown.stderr);
    let config: Value = serde_json::from_str(&shown.stdout).unwrap();
    for secret in ["secret", "verify_token", "access_token"] {
        assert_eq!(config["apps"][APP][secret], "***");
    }
    let all = [shown.stdout, shown.stderr].concat();
    let hidden = [APP_SECRET, "the stage's", "postgres://", "nats://"];
    assert_tells_nothing(all.lines(), &hidden, "config show");
    service.kill().unwrap();
    app.stop().await;
}
