use domain::input::{Input, KnownClient, OperatorRequest};
use messaging::inbox::InboxConsumer;
use serde_json::{Value, json};

use crate::support::{Answer, Nats, Served, api, database, now, soon};

const PATH: &str = "/api/v1/companies/acme/client-profiles";
const KEY: &str = "0197f0a8-0000-7000-8000-000000000001";

/// Path, headers and body; status, code and field of the problem.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, Value, u16, &'a str, Option<&'a str>);

async fn posted(http: &Served, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    http.post(path, &all, body.to_string()).await
}

fn body() -> Value {
    json!({
        "identifiers": [{ "kind": "phone", "value": "+1 202 555 0177" }],
        "name": "Ann",
        "users": ["michael"],
    })
}

/// Asks, and plays the engine with one answer, if any.
async fn asked(answer: Option<Value>) -> Answer {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let mut engine = InboxConsumer::open(&nats.client).await.unwrap();
    let playing = tokio::spawn(async move {
        let delivery = soon(engine.next()).await.unwrap();
        let lane = delivery.body.as_ref().unwrap();
        assert_eq!(lane.company.as_str(), "acme");
        let Input::Command(command) = &lane.input else { panic!("no command") };
        assert_eq!(command.operation_id.to_string(), KEY);
        assert_eq!(command.actor.expose(), "Olga (console)");
        assert_eq!(command.at, now());
        assert_eq!(command.expected_version, Some(7));
        let OperatorRequest::RegisterClientProfile(client) = &command.request else {
            panic!("{:?}", command.request);
        };
        let KnownClient { identifiers, users, .. } = client;
        assert_eq!(identifiers[0].expose().value(), "+12025550177");
        assert_eq!(users[0].as_str(), "michael");
        assert!(delivery.handle.wants_answer());
        if let Some(answer) = answer {
            delivery.handle.answer(answer.to_string().into()).await.unwrap();
        }
        delivery.handle.settle().await.unwrap();
    });
    let headers = [("idempotency-key", KEY), ("x-actor", "Olga"), ("if-match", "\"7\"")];
    let answer = posted(&http, PATH, &headers, &body()).await;
    playing.await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_profile_is_answered_with_its_id_and_position() {
    let id = "0197f0a8-0000-7000-8000-000000000009";
    let answer = asked(Some(json!({ "status": "done", "profile_id": id, "position": 17 }))).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json(), json!({ "profile_id": id, "position": 17 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_problem_of_its_own_kind() {
    let detail = "users: the company has no active user x";
    let answer =
        asked(Some(json!({ "status": "refused", "code": "unknown-user", "detail": detail }))).await;
    assert_eq!(answer.problem(), (422, "unknown-user".into(), Some("users".into())));
    assert_eq!(answer.json()["detail"], detail);
    let taken = asked(Some(
        json!({ "status": "refused", "code": "phone-taken", "detail": "identifiers: taken" }),
    ));
    assert_eq!(taken.await.status, 409);
    let stopped = asked(Some(
        json!({ "status": "refused", "code": "client-stopped", "detail": "request_id: enough" }),
    ));
    let field = Some("request_id".into());
    assert_eq!(stopped.await.problem(), (409, "client-stopped".into(), field));
    let detail = "expected_version: it is at version 8 by now, not at 7; look at it again";
    let mismatch = json!({ "status": "refused", "code": "version-mismatch", "detail": detail });
    let problem = asked(Some(mismatch)).await.problem();
    assert_eq!(problem, (412, "version-mismatch".into(), Some("expected_version".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_answered_in_time_is_told_to_ask_again_with_the_same_key() {
    let answer = asked(None).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.headers["location"], PATH);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("Idempotency-Key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_no_command_is_refused_with_its_field() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let key = ("idempotency-key", KEY);
    let long = "x".repeat(201);
    let bad_phone = json!({ "identifiers": [{ "kind": "phone", "value": "4711-secret" }] });
    let cases: Vec<Case<'_>> = vec![
        (PATH, vec![], body(), 400, "bad-parameter", Some("Idempotency-Key")),
        (
            PATH,
            vec![("idempotency-key", "7")],
            body(),
            400,
            "bad-parameter",
            Some("Idempotency-Key"),
        ),
        (PATH, vec![key, ("x-actor", &long)], body(), 400, "bad-parameter", Some("X-Actor")),
        (PATH, vec![key, ("if-match", "7")], body(), 400, "bad-parameter", Some("If-Match")),
        (PATH, vec![key, ("if-match", "*")], body(), 400, "bad-parameter", Some("If-Match")),
        (PATH, vec![key, ("if-match", "W/\"7\"")], body(), 400, "bad-parameter", Some("If-Match")),
        (PATH, vec![key], json!({}), 400, "bad-parameter", Some("identifiers")),
        (
            PATH,
            vec![key],
            json!({ "identifiers": [], "nmae": 1 }),
            400,
            "bad-parameter",
            Some("nmae"),
        ),
        (PATH, vec![key], bad_phone, 400, "bad-parameter", Some("identifiers[0].value")),
        (
            "/api/v1/companies/other/client-profiles",
            vec![key],
            body(),
            403,
            "other-company",
            Some("company"),
        ),
    ];
    for (path, headers, body, status, code, field) in cases {
        let answer = posted(&http, path, &headers, &body).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), field.map(str::to_owned)));
        assert!(!answer.text().contains("4711"), "{}", answer.text());
    }
    let form = http.post(PATH, &[key], "a=b").await;
    assert_eq!(form.problem().0, 415);
    let headers = [key, ("content-type", "application/json")];
    assert_eq!(http.post(PATH, &headers, "{").await.problem().1, "not-json");
    let large = http.post(PATH, &headers, "x".repeat(65 * 1024)).await;
    assert_eq!(large.problem(), (413, "body-too-large".into(), None));
}
