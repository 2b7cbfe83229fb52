//! The service answers as its OpenAPI document says, whatever it is asked: for each operation,
//! requests are made from the document's own schemas, good ones and spoilt ones, the same each time.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use jsonschema::Validator;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use uuid::Uuid;

/// How often each operation is asked, unless `OPENAPI_ROUNDS` says otherwise.
const ROUNDS: usize = 25;
/// What nobody means, as text.
const ODD: [&str; 10] =
    ["x", "-1", "0", "+12025550111", "жук", "a b", "%", "'; --", "{}", "99999999999999999999"];

/// What is there in the demo bank, by the name of the parameter.
struct Known(HashMap<&'static str, Vec<String>>);

impl Known {
    /// With one room.
    async fn of(app: &TestApp) -> Self {
        let asked = app.ask(&Asker::named("US.openapi"), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
        let rooms = "/api/v1/chat-rooms?company=demo-bank";
        let room = app.stage.until("the room is shown", async || {
            let (_, shown) = app.stage.get(rooms).await?;
            Ok(shown["items"].get(0).cloned())
        });
        let room = room.await.unwrap();
        let id = |name: &str| vec![room[name].as_str().unwrap().to_owned()];
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self(HashMap::from([
            ("company", words(&["demo-bank"])),
            ("app", words(&["demo"])),
            ("name", words(&["openapi.json", "asyncapi.json"])),
            ("room_id", id("room_id")),
            ("room", id("room_id")),
            ("profile_id", id("profile_id")),
            ("request_id", vec![asked.request.to_string()]),
            ("user_id", words(&["michael", "anna", "gone"])),
            ("user", words(&["michael", "nobody"])),
            ("number", words(&["100101", "100201", "999"])),
            ("pool", words(&["head-office", "nowhere"])),
            ("parked_input_id", words(&["1"])),
            ("limit", words(&["1", "200"])),
            // No position that is still to come: it would be waited for.
            ("wait", words(&["0"])),
            ("cursor", vec![]),
        ]))
    }

    /// A value that is there; what `id` is depends on the path.
    fn value(&self, name: &str, path: &str, random: &mut StdRng) -> Option<String> {
        let name = match name {
            "id" if path.contains("/users/") => "user_id",
            "id" if path.contains("/chat-rooms/") => "room_id",
            "id" => "request_id",
            other => other,
        };
        self.0.get(name)?.choose(random).cloned()
    }
}

/// A value that fits a schema, as far as the schema tells.
fn fitting(schema: &Value, document: &Value, random: &mut StdRng) -> Value {
    let of = |schema: &Value, random: &mut StdRng| fitting(schema, document, random);
    if let Some(reference) = schema["$ref"].as_str() {
        return of(document.pointer(&reference[1..]).unwrap(), random);
    }
    let example = schema.get("example").or_else(|| schema.get("const"));
    if let Some(example) = example.filter(|_| random.random_bool(0.7)) {
        return example.clone();
    }
    let choices = ["oneOf", "anyOf", "enum"]
        .into_iter()
        .find_map(|name| Some((name, schema[name].as_array()?)));
    if let Some((name, choices)) = choices {
        let choice = choices.choose(random).unwrap();
        return if name == "enum" { choice.clone() } else { of(choice, random) };
    }
    let kinds = schema["type"]
        .as_array()
        .map_or_else(|| vec![&schema["type"]], |kinds| kinds.iter().collect());
    match kinds.choose(random).and_then(|kind| kind.as_str()) {
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let members = schema["properties"].as_object().into_iter().flatten();
            let mut object = serde_json::Map::new();
            for (name, member) in members {
                if required.contains(&json!(name)) || random.random_bool(0.5) {
                    object.insert(name.clone(), of(member, random));
                }
            }
            Value::Object(object)
        }
        Some("array") => {
            (0..random.random_range(1..3)).map(|_| of(&schema["items"], random)).collect()
        }
        Some("string") => text(schema["format"].as_str(), random).into(),
        Some("integer") => {
            let least = schema["minimum"].as_i64().unwrap_or(0);
            json!(random.random_range(least..=schema["maximum"].as_i64().unwrap_or(least + 100)))
        }
        Some("boolean") => random.random::<bool>().into(),
        _ => Value::Null,
    }
}

fn text(format: Option<&str>, random: &mut StdRng) -> String {
    match format {
        Some("uuid") => Uuid::from_u128(random.random()).to_string(),
        Some("date-time") => "2026-01-31T12:00:00Z".to_owned(),
        _ => (*ODD.choose(random).unwrap()).to_owned(),
    }
}

/// Something that no operation expects, somewhere in a body.
fn spoil(body: &mut Value, random: &mut StdRng) {
    let odd = [
        json!(null),
        json!([]),
        json!({}),
        json!(-1),
        json!(1e300),
        json!("\0"),
        json!("x".repeat(5_000)),
        json!([[[[{ "a": [] }]]]]),
    ];
    let odd = odd.choose(random).unwrap().clone();
    let Value::Object(members) = body else {
        *body = odd;
        return;
    };
    let names: Vec<String> = members.keys().cloned().collect();
    match (random.random_range(0..4), names.choose(random)) {
        (0, Some(name)) => drop(members.remove(name)),
        (1 | 2, Some(name)) => drop(members.insert(name.clone(), odd)),
        (3, _) => drop(members.insert("unheard_of".into(), odd)),
        _ => *body = odd,
    }
}

/// What is asked, and what was answered.
struct Asking<'a> {
    document: &'a Value,
    known: &'a Known,
    token: &'a str,
    api: &'a str,
    http: reqwest::Client,
    validators: HashMap<String, Validator>,
    /// Statuses by operation.
    seen: BTreeMap<String, BTreeSet<u16>>,
}

impl Asking<'_> {
    /// Asks an operation once and holds the answer against the document.
    async fn ask(&mut self, method: &str, path: &str, random: &mut StdRng) {
        let document = self.document;
        let operation = &document["paths"][path][method];
        let request = self.request(method, path, operation, random);
        let asked = format!("{method} {path}: {request:?}");
        let answer = self.http.execute(request).await.unwrap();
        let status = answer.status().as_u16();
        self.seen.entry(format!("{method} {path}")).or_default().insert(status);
        let described = &operation["responses"][status.to_string()];
        assert!(described.is_object(), "{status} is not described for {asked}");
        assert!(status < 500, "{status} for {asked}");
        let Some(contents) = described["content"].as_object() else { return };
        let kind = answer.headers().get(CONTENT_TYPE).unwrap().to_str().unwrap();
        let kind = kind.split(';').next().unwrap().to_owned();
        let content = contents.get(&kind);
        let content = content.unwrap_or_else(|| panic!("{kind} with {status} for {asked}"));
        if kind.ends_with("json") {
            let body: Value = answer.json().await.unwrap();
            let key = format!("{method} {path} {status}");
            let validator = self.validators.entry(key).or_insert_with(|| {
                // References lead into the document's components.
                let components = &document["components"];
                let schema = json!({ "components": components, "allOf": [content["schema"]] });
                jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
            });
            let faults = validator.iter_errors(&body);
            let faults: Vec<_> =
                faults.map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
            assert!(faults.is_empty(), "{faults:#?} in {body:#} with {status} for {asked}");
        }
    }

    /// A request with good values for most of its parameters.
    fn request(
        &self,
        method: &str,
        path: &str,
        operation: &Value,
        random: &mut StdRng,
    ) -> reqwest::Request {
        let mut filled = path.to_owned();
        let (mut query, mut headers) = (vec![], vec![]);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let place = parameter["in"].as_str().unwrap();
            let needed = parameter["required"] == true;
            if place != "path" && !random.random_bool(if needed { 0.95 } else { 0.3 }) {
                continue;
            }
            let value = self.parameter(name, path, &parameter["schema"], random);
            match place {
                "path" => filled = filled.replace(&format!("{{{name}}}"), &escaped(&value)),
                "query" => query.push((name.to_owned(), value)),
                _ => headers.push((name.to_owned(), value)),
            }
        }
        let url: Url = format!("{}{filled}", self.api).parse().unwrap();
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut request = self.http.request(method, url).query(&query);
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value) {
                request = request.header(name, value);
            }
        }
        request = match random.random_range(0..10) {
            0 => request,
            1 => request.bearer_auth("onb_of_nobody"),
            _ => request.bearer_auth(self.token),
        };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_object() {
            let mut body = fitting(schema, self.document, random);
            if path.ends_with("/dry-run") {
                body["client"] = json!({ "bsuid": "US.openapi" });
            }
            if random.random_bool(0.5) {
                spoil(&mut body, random);
            }
            let kind = if random.random_bool(0.95) { "application/json" } else { "text/plain" };
            request = request.header(CONTENT_TYPE, kind).body(body.to_string());
        }
        request.build().unwrap()
    }

    fn parameter(&self, name: &str, path: &str, schema: &Value, random: &mut StdRng) -> String {
        let known = self.known.value(name, path, random);
        // Whoever waits for something that never comes is answered late.
        match (random.random_range(0..10), known) {
            (_, Some(known)) if name == "wait" => known,
            (0, _) => text(None, random),
            (1..=8, Some(known)) => known,
            _ => match fitting(schema, self.document, random) {
                Value::String(text) => text,
                other => other.to_string(),
            },
        }
    }
}

/// A segment of a path, whatever it holds.
fn escaped(segment: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    let escape = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    segment.bytes().map(escape).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let rounds = std::env::var("OPENAPI_ROUNDS").ok().map_or(ROUNDS, |it| it.parse().unwrap());
    let app = TestApp::start().await;
    let known = Known::of(&app).await;
    let (_, document) = app.stage.get("/api/v1/openapi.json").await.unwrap();
    let token = app.stage.token(&"demo-bank".parse().unwrap()).await.unwrap();
    let mut asking = Asking {
        document: &document,
        known: &known,
        token: &token,
        api: app.stage.api(),
        http: reqwest::Client::new(),
        validators: HashMap::new(),
        seen: BTreeMap::new(),
    };
    let mut random = StdRng::seed_from_u64(1);
    let paths = document["paths"].as_object().unwrap();
    // From the end: commands, which change what there is to read, come after most queries.
    for (path, methods) in paths.iter().rev() {
        for method in methods.as_object().unwrap().keys() {
            for _ in 0..rounds {
                asking.ask(method, path, &mut random).await;
            }
        }
    }
    let seen = asking.seen;
    let good = seen.values().filter(|statuses| statuses.iter().any(|status| *status < 300));
    assert!(good.count() * 2 > seen.len(), "hardly anything succeeded: {seen:#?}");
    let bad = seen.values().filter(|statuses| statuses.contains(&400));
    assert!(bad.count() * 2 > seen.len(), "hardly anything was refused: {seen:#?}");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
