//! What is published is what the code does, and other programs can rely on it.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use acceptance::{PRIMARY, TestApp};
use domain::identity::{Bsuid, Country, PhoneNumber, WaId};
use domain::ids::{CompanyId, PhoneNumberId, PoolId, UserId, Wamid};
use domain::record::RecordedEvent;
use domain::request::Outcome;
use jsonschema::{Retrieve, Uri, Validator};
use onboarding::whatsapp::fake::{Behaviour, Rule};
use onboarding::whatsapp::post::{Client, ClientMessage};
use serde_json::{Value, json};

const COMPANY: &str = "demo-bank";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn folder() -> PathBuf {
    root().join("docs/contracts")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The generated contracts, as another program reads them.
struct Contracts;

impl Contracts {
    fn read(path: &str) -> Option<Value> {
        let (_, text) = onboarding::contracts::all().into_iter().find(|(name, _)| name == path)?;
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The schema at a reference like `asyncapi.json#/components/schemas/eventHeaders`.
    fn schema(reference: &str) -> Validator {
        jsonschema::options()
            .with_retriever(Self)
            .should_validate_formats(true)
            .build(&json!({ "$ref": format!("contract:///{reference}") }))
            .unwrap_or_else(|error| panic!("{reference}: {error}"))
    }
}

impl Retrieve for Contracts {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let path = uri.path().as_str().trim_start_matches('/');
        Self::read(path).ok_or_else(|| format!("there is no contract {path}").into())
    }
}

fn assert_fits(validator: &Validator, value: &Value, what: &str) {
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:#?} in {value:#}");
}

fn schema_of(event: &RecordedEvent) -> String {
    let RecordedEvent { aggregate_type, event_type, event_version, .. } = event;
    format!("schemas/events/{aggregate_type}/{event_type}.v{event_version}.json")
}

#[test]
fn the_committed_contracts_are_those_of_the_code() {
    let mut expected = BTreeSet::new();
    let all = onboarding::contracts::all().into_iter();
    for (name, text) in all.chain(onboarding::contracts::for_people()) {
        let path = folder().join(&name);
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{name} differs; run `cargo run -p onboarding -- contracts`");
        expected.insert(path);
    }
    assert!(expected.len() > 25, "every event has a schema");
    for path in files(&folder()) {
        assert!(expected.contains(&path), "{} is not generated any more", path.display());
    }
}

#[test]
fn every_reference_between_the_contracts_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut count = 0;
    for (name, text) in onboarding::contracts::all() {
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut found = vec![];
        references(&document, &mut found);
        for reference in found {
            count += 1;
            let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
            let target = match file.strip_prefix("./") {
                // Only the two documents in the top folder refer to other files.
                Some(file) if !name.contains('/') => Contracts::read(file),
                Some(_) => None,
                None => Some(document.clone()),
            };
            let target = target.as_ref().and_then(|target| target.pointer(pointer));
            assert!(target.is_some(), "{name}: {reference} leads nowhere");
        }
    }
    assert!(count > 200, "only {count} references were found");
}

#[test]
fn the_golden_files_fit_their_schemas() {
    let golden = root().join("crates/domain/tests/golden/events");
    let files = files(&golden);
    for file in &files {
        let mut parts = file.strip_prefix(&golden).unwrap().to_str().unwrap().split(['/', '.']);
        let mut part = || parts.next().unwrap().to_owned();
        let schema = format!("schemas/events/{}/{}.{}.json", part(), part(), part());
        let event = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert_fits(&Contracts::schema(&schema), &event, &file.display().to_string());
    }
    assert!(files.len() > 25, "only {} golden files were found", files.len());
}

/// The patterns in the schemas are written by hand.
#[test]
fn a_schema_takes_a_text_exactly_if_the_program_does() {
    fn check<T: FromStr>(name: &str, texts: &[&str]) {
        let holders = onboarding::contracts::all();
        let definition = holders.iter().find_map(|(path, text)| {
            let schema: Value = serde_json::from_str(text).unwrap();
            path.starts_with("schemas/").then(|| schema["$defs"].get(name).cloned()).flatten()
        });
        let definition = definition.unwrap_or_else(|| panic!("no schema defines {name}"));
        assert!(definition["pattern"].is_string(), "{name} has no pattern");
        let validator = jsonschema::validator_for(&definition).unwrap();
        for text in texts {
            let (read, valid) = (text.parse::<T>().is_ok(), validator.is_valid(&json!(text)));
            assert_eq!(read, valid, "{name} {text:?}: read {read}, valid by its schema {valid}");
        }
    }
    let long = "a".repeat(63);
    let tokens =
        ["", "a", "a-b", "-a", "a-", "A", "a.b", "a_b", "a\n", "ä", &long, &format!("{long}a")];
    check::<CompanyId>("CompanyId", &tokens);
    check::<UserId>("UserId", &tokens);
    check::<PoolId>("PoolId", &["a_b", "a", "_", "a_", "_b", "a_b_c", "a-_b", "a-b_c-d"]);
    check::<PhoneNumberId>("PhoneNumberId", &["", "1", "12a", &"1".repeat(32), &"1".repeat(33)]);
    check::<Wamid>("Wamid", &["", "wamid.A=", "a b", "ä", &"w".repeat(512), &"w".repeat(513)]);
    check::<Country>("Country", &["", "GB", "gb", "GBR", "G1"]);
    check::<WaId>("WaId", &["1234", "12345", "+12345", &"1".repeat(20), &"1".repeat(21)]);
    check::<Bsuid>("Bsuid", &["US.a", "US.", "us.a", "US.a-b", "USA.a", "US"]);
    // A phone number is read more tolerantly than it is written.
    let numbers = ["", "+", "+447700900123", "+0123456789", "+123456", "+1234567890123456"];
    check::<PhoneNumber>("PhoneNumber", &numbers);
}

/// A few scenes that write most events; everything that they record.
async fn play(app: &TestApp) -> Vec<RecordedEvent> {
    let stage = &app.stage;
    let anna = Client::with_phone("12025550131").and_bsuid("US.anna").named("Anna");
    let body =
        json!({ "identifiers": [{ "kind": "phone", "value": "+12025550131" }], "name": "A" });
    let path = format!("/api/v1/companies/{COMPANY}/client-profiles");
    let (status, answer) = stage.operate(&path, uuid::Uuid::now_v7(), &body).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    let nameless = Client::with_bsuid("GB.nameless");
    let unlucky = Client::with_phone("12025550132");
    for number in ["100101", "100102"] {
        let rule = Rule::once(Behaviour::refuse(131_026)).from_number(&number.parse().unwrap());
        stage.cloud.script(rule);
    }
    for (client, number, text, outcome) in [
        (&unlucky, PRIMARY, "#michael", Outcome::InvitationFailed),
        (&anna, PRIMARY, "Hello?", Outcome::ExtensionMissing),
        (&anna, PRIMARY, "#nobody", Outcome::UserNotFound),
        (&anna, PRIMARY, "#michael", Outcome::Onboarded),
        (&anna, PRIMARY, "#michael", Outcome::Reminded),
        (&nameless, "100400", "#tim", Outcome::Onboarded),
        (&unlucky, "100400", "#tim", Outcome::NoSecondaryNumber),
        (&unlucky, "100101", "Hello?", Outcome::Redirected),
        (&unlucky, PRIMARY, "STOP", Outcome::Stopped),
        (&unlucky, PRIMARY, "#michael", Outcome::TemplatesStopped),
        (&anna, PRIMARY, "START", Outcome::Started),
    ] {
        let wamid = stage.next_wamid();
        let message = ClientMessage::text(client, wamid.as_str(), stage.now(), text);
        stage.deliver(number, message).await.unwrap();
        let request = stage.request_of(COMPANY, number, &wamid).unwrap();
        let (found, _) = stage.settled(COMPANY, request).await.unwrap();
        assert_eq!(found, outcome, "{text} to {number}");
    }
    let log = stage.store.events_after(0, 10_000).await.unwrap();
    let kinds: BTreeSet<_> = log.iter().map(|event| event.event_type.as_str()).collect();
    assert!(kinds.len() > 15, "the scenes write only {kinds:?}");
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_published_and_answered_is_as_described() {
    let app = TestApp::start().await;
    let log = play(&app).await;
    check_events(&app, &log).await;
    check_queries(&app, &log).await;
    app.stop().await;
}

/// Every event: its JSON, and its message on EVT.
async fn check_events(app: &TestApp, log: &[RecordedEvent]) {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let headers_schema = Contracts::schema("asyncapi.json#/components/schemas/eventHeaders");
    let message_schema = Contracts::schema("schemas/inputs/inbound-message.v1.json");
    let asyncapi = Contracts::read("asyncapi.json").unwrap();
    for event in log {
        let what = format!("{} at {}", event.event_type, event.position);
        let payload: Value = serde_json::from_str(&event.payload).unwrap();
        assert_fits(&Contracts::schema(&schema_of(event)), &payload, &what);
        if event.event_type == "onboarding-requested" {
            assert_fits(&message_schema, &payload["message"], &what);
        }
        let question = json!({ "seq": event.position }).to_string();
        let published = app.stage.until(&what, async || {
            let answer = nats.request("$JS.API.DIRECT.GET.EVT", question.clone().into()).await?;
            Ok((answer.status.is_none()).then_some(answer))
        });
        let published = published.await.unwrap();
        let sent = published.headers.unwrap();
        let header = |name: &str| sent.get(name).map(|value| value.as_str().to_owned());
        let headers: serde_json::Map<_, _> = (sent.iter())
            .filter_map(|(name, _)| Some((name.to_string(), json!(header(name.as_ref())?))))
            .collect();
        assert_fits(&headers_schema, &Value::Object(headers), &what);
        assert_eq!(published.payload, event.payload.as_bytes(), "{what}");

        let channel =
            &asyncapi["channels"][format!("{}.{}", event.aggregate_type, event.event_type)];
        let subject = (channel["address"].as_str().unwrap())
            .replace("{company}", event.company.as_str())
            .replace("{aggregate_id}", &event.aggregate_id);
        assert_eq!(header("Nats-Subject").unwrap(), subject);

        let dataschema = header("ce-dataschema").unwrap();
        let path = dataschema.strip_prefix("urn:onboarding:").unwrap();
        assert_eq!(path, schema_of(event));
        let (status, served) = app.stage.get(&format!("/api/v1/contracts/{path}")).await.unwrap();
        assert_eq!((status, served["$id"].as_str()), (200, Some(dataschema.as_str())));
    }
}

/// Every query over NATS: which there are, questions, answers, refusals.
async fn check_queries(app: &TestApp, log: &[RecordedEvent]) {
    let nats = onboarding::nats_client(&app.stage.config).await.unwrap();
    let info = nats.request("$SRV.INFO.onboarding-queries", "".into()).await.unwrap();
    let info: Value = serde_json::from_slice(&info.payload).unwrap();
    let subjects = info["endpoints"].as_array().unwrap().iter();
    let answered: BTreeSet<_> = subjects.map(|e| e["subject"].as_str().unwrap()).collect();
    let asyncapi = Contracts::read("asyncapi.json").unwrap();
    let channels = asyncapi["channels"].as_object().unwrap().values();
    let described: BTreeSet<_> = channels
        .filter_map(|channel| channel["address"].as_str())
        .filter(|address| address.starts_with("qry."))
        .collect();
    assert_eq!(answered, described);

    let request = log.iter().find(|e| e.aggregate_type == "onboarding-request").unwrap();
    let reserved = log.iter().find(|e| e.event_type == "room-reserved").unwrap();
    let profile = &reserved.aggregate_id;
    let reserved: Value = serde_json::from_str(&reserved.payload).unwrap();
    let stream =
        json!({ "aggregate_type": request.aggregate_type, "aggregate_id": request.aggregate_id });
    let parked: i64 = sqlx::query_scalar(
        "INSERT INTO parked_inputs \
         (inbox_sequence, company, subject, code, reason, payload, parked_at) \
         VALUES (1, $1, 'wa.in.v1.demo-bank.100100', 'malformed', 'it is so', '{', now()) RETURNING id",
    )
    .bind(COMPANY)
    .fetch_one(&app.stage.pool)
    .await
    .unwrap();
    for (query, question) in [
        ("events", json!({ "by": "position", "after": 3, "limit": 5 })),
        ("events", json!({ "by": { "stream": stream } })),
        ("events", json!({ "by": { "correlation_id": request.correlation_id } })),
        (
            "events",
            json!({ "by": { "time": { "from": log[0].recorded_at, "to": request.recorded_at } } }),
        ),
        ("onboarding-requests", json!({ "company": COMPANY, "limit": 2 })),
        ("onboarding-request", json!({ "company": COMPANY, "id": request.aggregate_id })),
        ("chat-rooms", json!({ "company": COMPANY })),
        ("chat-room", json!({ "company": COMPANY, "id": reserved["room_id"] })),
        ("reminders", json!({ "company": COMPANY })),
        ("secondary-numbers", json!({ "company": COMPANY })),
        ("client-profile", json!({ "company": COMPANY, "profile_id": profile })),
        ("parked-inputs", json!({ "company": COMPANY, "limit": 2 })),
        ("parked-input", json!({ "company": COMPANY, "parked_input_id": parked })),
        ("parked-input-content", json!({ "company": COMPANY, "parked_input_id": parked })),
    ] {
        let channel = format!("asyncapi.json#/channels/query.{query}");
        let asked = Contracts::schema(&format!("{channel}/messages/{query}/payload"));
        assert_fits(&asked, &question, query);
        let answer = Contracts::schema(&format!("{channel}.reply/messages/answer/payload"));
        let subject = format!("qry.onboarding.v1.{query}");
        let found = nats.request(subject, question.to_string().into()).await.unwrap();
        let found = serde_json::from_slice(&found.payload).unwrap();
        assert_fits(&answer, &found, &format!("{query} {question}"));

        let wrong = json!({ "neither": "nor" });
        assert!(!asked.is_valid(&wrong));
        let problem = Contracts::schema(&format!("{channel}.reply/messages/problem/payload"));
        let subject = format!("qry.onboarding.v1.{query}");
        let refused = nats.request(subject, wrong.to_string().into()).await.unwrap();
        assert!(refused.headers.is_some_and(|h| h.get("Nats-Service-Error-Code").is_some()));
        let refused = serde_json::from_slice(&refused.payload).unwrap();
        assert_fits(&problem, &refused, query);
    }
}
