use std::time::Duration;

use api::events_query::{self, EventsBy, EventsPage, EventsQuery};
use directory::access::AccessRole;
use domain::ids::InputId;
use domain::record::RecordedEvent;
use messaging::query::{AskError, QueryService, ask};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Nats, Served, api, database, now, token};

/// Three rooms of acme and one of another company; the third was reserved last.
async fn rooms(pool: &PgPool) {
    for (n, company) in [(1, "acme"), (2, "acme"), (3, "acme"), (4, "other")] {
        sqlx::query(
            "INSERT INTO rm_chat_rooms (room_id, company, profile_id, client_id, user_id, number,
             pool_id, request_id, phase, reserved_at, joined, position)
             VALUES ($1, $2, $1, $1, $3, '101', $2 || '_main', $1, 'active', $4, 0, $5)",
        )
        .bind(Uuid::from_u128(n))
        .bind(company)
        .bind(if n == 2 { "anna" } else { "michael" })
        .bind(now() + chrono::TimeDelta::seconds(n as i64))
        .bind(n as i64)
        .execute(pool)
        .await
        .unwrap();
    }
}

async fn request(pool: &PgPool, id: Uuid) {
    sqlx::query(
        "INSERT INTO rm_onboarding_requests (request_id, company, number, client_id, message_kind,
         message_text, sent_at, received_at, outcome, outcome_at, user_id, messages, position)
         VALUES ($1, 'acme', '100', $1, 'text', 'Hi #michael', $2, $2, 'onboarded', $2, 'michael', 0, 1)",
    )
    .bind(id)
    .bind(now())
    .execute(pool)
    .await
    .unwrap();
}

fn ids(list: &Value) -> Vec<u128> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["room_id"].as_str().unwrap().parse::<Uuid>().unwrap().as_u128())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_in_parts_and_filtered() {
    let (nats, pool) = (Nats::start().await, database().await);
    rooms(&pool).await;
    let http = Served::start(api(&nats.client, &pool)).await;
    let first = http.get("/api/v1/chat-rooms?company=acme&limit=2").await.json();
    assert_eq!(ids(&first), [3, 2]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = http.get(&format!("/api/v1/chat-rooms?company=acme&cursor={cursor}")).await.json();
    assert_eq!((ids(&second), &second["next_cursor"]), (vec![1], &Value::Null));
    let filtered =
        "/api/v1/chat-rooms?company=acme&user=michael&phase=active&to=2026-05-01T12:00:02Z";
    assert_eq!(ids(&http.get(filtered).await.json()), [1]);

    let one = http.get(&format!("/api/v1/chat-rooms/{}?company=acme", Uuid::from_u128(1))).await;
    assert_eq!(one.json()["user_id"], "michael");
    let foreign =
        http.get(&format!("/api/v1/chat-rooms/{}?company=acme", Uuid::from_u128(4))).await;
    assert_eq!(foreign.problem(), (404, "unknown-chat-room".into(), None));
    let reminders = http.get("/api/v1/reminders?company=acme&suppressed=true").await.json();
    assert_eq!(reminders, json!({ "items": [], "next_cursor": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_parameter_is_named_with_the_way_out() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for (query, field) in [
        ("chat-rooms", "company"),
        ("chat-rooms?company=acme&cursor=x", "cursor"),
        ("reminders?company=acme&limit=500", "limit"),
        ("onboarding-requests?company=acme&outcome=x", "outcome"),
        ("onboarding-requests?company=acme&company=other", "company"),
        ("onboarding-requests/7?company=acme", "id"),
        ("chat-rooms?company=acme&usr=x", "usr"),
        ("reminders?company=acme&suppressed=1", "suppressed"),
        ("onboarding-requests?company=acme&promoted=yes", "promoted"),
    ] {
        let answer = http.get(&format!("/api/v1/{query}")).await;
        assert_eq!(answer.problem(), (400, "bad-parameter".into(), Some(field.into())), "{query}");
    }
    let gone = http.get("/api/v1/chat-rooms?company=acme&cursor=x").await.json();
    let detail = gone["detail"].as_str().unwrap();
    assert!(detail.contains("start again without a cursor"), "{detail}");
    pool.close().await;
    let away = http.get("/api/v1/chat-rooms?company=acme").await;
    assert!(away.status >= 500, "{}", away.text());
    assert_eq!(away.problem().0, away.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_shown_with_its_words_and_its_history() {
    let (nats, pool) = (Nats::start().await, database().await);
    let id = Uuid::from_u128(7);
    request(&pool, id).await;
    let http = Served::start(api(&nats.client, &pool)).await;
    let path = format!("/api/v1/onboarding-requests/{id}");
    let shown = http.get(&format!("{path}?company=acme")).await.json();
    assert_eq!(shown["message_text"], "Hi #michael");
    let other = token(&pool, 1, "other", AccessRole::Auditor).await.to_string();
    let of_other = |path: String| http.ask(Method::GET, path, Some(other.clone()));
    assert_eq!(of_other(format!("{path}?company=other")).await.status, 404);
    let list = "/api/v1/onboarding-requests?company=acme&status=ended&outcome=onboarded";
    let list = http.get(list).await.json();
    assert_eq!(list["items"][0].get("message_text"), None);
    assert_eq!(list["items"][0]["promoted_by"], Value::Null);
    let prospects = "/api/v1/onboarding-requests?company=acme&promoted=false";
    assert_eq!(http.get(prospects).await.json()["items"], json!([]), "it is none");

    let nobody = http.get(&format!("{path}/history?company=acme")).await;
    assert_eq!(nobody.problem().0, 503);
    let _log = log(&nats, id).await;
    let history = http.get(&format!("{path}/history?company=acme&limit=1")).await.json();
    assert_eq!(history["items"][0]["data"], json!({ "n": 1 }));
    assert_eq!(history["next_cursor"], "1");
    let rest = http.get(&format!("{path}/history?company=acme&cursor=1")).await;
    assert!(rest.text().contains("\"data\":{ \"n\" : 2 }"), "{}", rest.text());
    assert_eq!(of_other(format!("{path}/history?company=other")).await.status, 404);
    let none = format!("/api/v1/onboarding-requests/{}/history?company=acme", Uuid::from_u128(8));
    assert_eq!(http.get(&none).await.problem().1, "unknown-onboarding-request");
}

/// Plays whoever has the event store: two events of one request.
async fn log(nats: &Nats, id: Uuid) -> QueryService {
    let mut service = QueryService::start(&nats.client, "log", "1.0.0").await.unwrap();
    let answer = move |question: Value| async move {
        let EventsQuery { by, after, limit } = serde_json::from_value(question).unwrap();
        let mine = by == EventsBy::CorrelationId(id);
        let events: Vec<_> = (1..=2).filter(|n| mine && *n > after).map(|n| event(n, id)).collect();
        let more = events.len() > limit as usize;
        let events: Vec<_> = events.into_iter().take(limit as usize).collect();
        let next_after = events.last().filter(|_| more).map(|event| event.position);
        Ok(serde_json::to_value(EventsPage { events, next_after }).unwrap())
    };
    service.endpoint(events_query::NAME, answer).await.unwrap();
    service
}

fn event(position: u64, correlation_id: Uuid) -> RecordedEvent {
    RecordedEvent {
        position,
        event_id: Uuid::from_u128(position.into()),
        company: "acme".parse().unwrap(),
        aggregate_type: "onboarding-request".into(),
        aggregate_id: correlation_id.to_string(),
        sequence: position,
        event_type: "decision-made".into(),
        event_version: "1".into(),
        payload: format!("{{ \"n\" : {position} }}"),
        recorded_at: now(),
        correlation_id,
        causation_id: InputId::from_uuid(Uuid::from_u128(9)),
        traceparent: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_gives_the_same_answers_and_problems_as_http() {
    let (nats, pool) = (Nats::start().await, database().await);
    rooms(&pool).await;
    request(&pool, Uuid::from_u128(7)).await;
    let http = Served::start(api(&nats.client, &pool)).await;
    let _service = api::nats::serve(&nats.client, pool.clone()).await.unwrap();
    let asked = |query: &'static str, question: Value| {
        let client = nats.client.clone();
        async move { ask(&client, query, &question, Duration::from_secs(5)).await }
    };
    for (query, question, path) in [
        ("chat-rooms", json!({ "company": "acme", "limit": 2 }), "chat-rooms?company=acme&limit=2"),
        ("reminders", json!({ "company": "acme" }), "reminders?company=acme"),
        ("onboarding-requests", json!({ "company": "acme" }), "onboarding-requests?company=acme"),
    ] {
        let over_http = http.get(&format!("/api/v1/{path}")).await.json();
        assert_eq!(asked(query, question).await.unwrap(), over_http);
    }
    for (query, n) in [("chat-room", 1), ("onboarding-request", 7)] {
        let id = Uuid::from_u128(n);
        let over_http = http.get(&format!("/api/v1/{query}s/{id}?company=acme")).await.json();
        assert_eq!(asked(query, json!({ "company": "acme", "id": id })).await.unwrap(), over_http);
    }
    let Err(AskError::Problem(problem)) = asked("chat-rooms", json!({ "limit": 1 })).await else {
        panic!("no problem")
    };
    assert_eq!(problem.kind, "urn:onboarding:problem:bad-parameter");
    assert_eq!((problem.status, problem.detail.as_str()), (400, "company: is required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let document = http.get("/api/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(http.get("/api/v1/contracts").await.json()["items"], json!(["events/a.json"]));
    let contract = http.get("/api/v1/contracts/events/a.json").await.json();
    assert_eq!(contract["title"], "a contract");
    assert_eq!(http.get("/api/v1/contracts/x").await.problem().1, "unknown-contract");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_waits_until_what_its_caller_was_told_is_shown() {
    let (nats, pool) = (Nats::start().await, database().await);
    rooms(&pool).await;
    let http = Served::start(api(&nats.client, &pool)).await;
    let path = "/api/v1/chat-rooms?company=acme&wait=7";
    let begun = std::time::Instant::now();
    let early = http.get(path).await;
    assert_eq!(early.problem(), (503, "not-yet-visible".into(), Some("wait".into())));
    assert_eq!(early.headers["retry-after"], "1");
    assert!(begun.elapsed() > Duration::from_secs(4), "it did not wait");
    let apply = sqlx::query("UPDATE rm_checkpoints SET position = 7 WHERE view = 'chat-rooms'");
    let (shown, applied) = tokio::join!(http.get(path), apply.execute(&pool));
    assert_eq!((shown.status, applied.unwrap().rows_affected()), (200, 1));
    let reminders = http.get("/api/v1/reminders?company=acme&wait=7").await;
    assert_eq!(reminders.problem().0, 503, "another view is not that far");
}
