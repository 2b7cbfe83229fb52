use std::collections::BTreeMap;

use directory::access::{AccessRole, AccessTokens, TokenText};
use domain::Personal;
use reqwest::Method;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Answer, Nats, Served, api, database, now, token, token_text};

const ADMIN: &str = "admin";
const OPERATOR: &str = "operator";
const AUDITOR: &str = "auditor";
const DASHBOARD: &str = "dashboard";
const AM_USER: &str = "am-user";

/// Every route that is not open, and who may call it.
const WHO_MAY: [(&str, &str, &[&str]); 31] = [
    ("get", "/api/v1/me", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD, AM_USER]),
    ("get", "/api/v1/onboarding-requests", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    ("get", "/api/v1/onboarding-requests/{id}", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    ("get", "/api/v1/chat-rooms", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    ("get", "/api/v1/chat-rooms/{id}", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    ("get", "/api/v1/reminders", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    ("get", "/api/v1/onboarding-requests/{id}/history", &[ADMIN, AUDITOR]),
    ("post", "/api/v1/companies/{company}/client-profiles", &[ADMIN, OPERATOR]),
    (
        "post",
        "/api/v1/companies/{company}/client-profiles/{profile_id}/archive",
        &[ADMIN, OPERATOR],
    ),
    ("post", "/api/v1/companies/{company}/client-profiles/{profile_id}/block", &[ADMIN, OPERATOR]),
    (
        "post",
        "/api/v1/companies/{company}/client-profiles/{profile_id}/unblock",
        &[ADMIN, OPERATOR],
    ),
    (
        "post",
        "/api/v1/companies/{company}/client-profiles/{profile_id}/language",
        &[ADMIN, OPERATOR],
    ),
    (
        "post",
        "/api/v1/companies/{company}/onboarding-requests/{request_id}/promote",
        &[ADMIN, OPERATOR],
    ),
    ("post", "/api/v1/companies/{company}/numbers/{number}/service", &[ADMIN, OPERATOR]),
    ("post", "/api/v1/companies/{company}/numbers/{number}/remove", &[ADMIN, OPERATOR]),
    ("post", "/api/v1/companies/{company}/pools/{pool}/numbers", &[ADMIN, OPERATOR]),
    ("post", "/api/v1/companies/{company}/users/{user_id}/extension", &[ADMIN, OPERATOR]),
    ("post", "/api/v1/companies/{company}/chat-rooms/{room_id}/close", &[ADMIN, OPERATOR]),
    ("post", "/api/v1/companies/{company}/chat-rooms/{room_id}/reassign", &[ADMIN, OPERATOR]),
    (
        "post",
        "/api/v1/companies/{company}/chat-rooms/{room_id}/resend-invitation",
        &[ADMIN, OPERATOR],
    ),
    ("get", "/api/v1/companies/{company}/numbers", &[ADMIN, OPERATOR, AUDITOR, DASHBOARD]),
    (
        "get",
        "/api/v1/companies/{company}/client-profiles/{profile_id}",
        &[ADMIN, OPERATOR, AUDITOR, DASHBOARD],
    ),
    ("get", "/api/v1/companies/{company}/parked-inputs", &[ADMIN, OPERATOR, AUDITOR]),
    (
        "get",
        "/api/v1/companies/{company}/parked-inputs/{parked_input_id}",
        &[ADMIN, OPERATOR, AUDITOR],
    ),
    (
        "get",
        "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/content",
        &[ADMIN, AUDITOR],
    ),
    (
        "post",
        "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/drop",
        &[ADMIN, OPERATOR],
    ),
    (
        "post",
        "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/retry",
        &[ADMIN, OPERATOR],
    ),
    ("post", "/api/v1/companies/{company}/dry-run", &[ADMIN, OPERATOR]),
    ("get", "/api/v1/users/{id}/qr.svg", &[ADMIN, OPERATOR, AM_USER]),
    ("get", "/api/v1/users/{id}/qr.png", &[ADMIN, OPERATOR, AM_USER]),
    ("get", "/api/v1/users/{id}/click-to-chat", &[ADMIN, OPERATOR, AM_USER]),
];

/// Every operation of the published document: method and path, and whether it has a lock.
async fn operations(http: &Served) -> BTreeMap<(String, String), bool> {
    let document = http.ask(Method::GET, "/api/v1/openapi.json", None).await.json();
    let mut operations = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let locked = operation["security"] == serde_json::json!([{ "token": [] }]);
            operations.insert((method.clone(), path.clone()), locked);
        }
    }
    operations
}

/// A path of a company with its places filled. Bodies and keys are left out: who may not call learns
/// nothing of them.
fn of_company(path: &str, company: &str) -> String {
    let user = path.starts_with("/api/v1/users/");
    let id = if user { "michael".to_owned() } else { Uuid::from_u128(1).to_string() };
    let filled = path.replace("{company}", company).replace("{id}", &id);
    let filled = filled.replace("{room_id}", &id).replace("{profile_id}", &id);
    let filled = filled.replace("{request_id}", &id);
    let filled = filled.replace("{number}", "101").replace("{user_id}", "michael");
    let filled = filled.replace("{pool}", "main").replace("{parked_input_id}", "1");
    if path.contains("{company}") || path == "/api/v1/me" {
        filled
    } else {
        format!("{filled}?company={company}")
    }
}

fn method(name: &str) -> Method {
    name.to_uppercase().parse().unwrap()
}

fn roles() -> [AccessRole; 5] {
    [
        AccessRole::Admin,
        AccessRole::Operator,
        AccessRole::Auditor,
        AccessRole::Dashboard,
        AccessRole::AmUser("michael".parse().unwrap()),
    ]
}

/// A token of acme for each role.
async fn tokens(pool: &PgPool) -> Vec<(&'static str, String)> {
    let mut made = vec![];
    for (number, role) in (1..).zip(roles()) {
        let name = role.as_str();
        made.push((name, token(pool, number, "acme", role).await.to_string()));
    }
    made
}

/// Status and code of an answer if it is a refusal of the guard.
fn refused(answer: &Answer) -> Option<(u16, String)> {
    matches!(answer.status, 401 | 403).then(|| {
        let (status, code, _) = answer.problem();
        (status, code)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_serves_the_roles_that_may_call_it_and_no_other() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for (role, token) in tokens(&pool).await {
        for (name, path, who) in WHO_MAY {
            let answer =
                http.ask(method(name), of_company(path, "acme"), Some(token.clone())).await;
            let expected = (!who.contains(&role)).then(|| (403, "role-forbids".to_owned()));
            assert_eq!(refused(&answer), expected, "{role}: {name} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_shows_another_companys_data() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for (role, token) in tokens(&pool).await {
        let of_role = WHO_MAY.into_iter().filter(|(_, _, who)| who.contains(&role));
        for (name, path, _) in of_role.filter(|(_, path, _)| *path != "/api/v1/me") {
            let answer =
                http.ask(method(name), of_company(path, "other"), Some(token.clone())).await;
            assert_eq!(refused(&answer), Some((403, "other-company".into())), "{role}: {path}");
            let (_, _, field) = answer.problem();
            assert_eq!(field.as_deref(), Some("company"));
        }
    }
    let me = http.ask(Method::GET, "/api/v1/me", Some(tokens_of_michael())).await.json();
    assert_eq!(
        me,
        serde_json::json!({
            "company": "acme", "role": "am-user", "name": "console", "user": "michael"
        })
    );
}

/// The token that [`tokens`] makes for the AM user.
fn tokens_of_michael() -> String {
    token_text(5).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_document_is_open_or_asks_for_a_token() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let mut locked: Vec<_> =
        WHO_MAY.map(|(name, path, _)| (name.to_owned(), path.to_owned())).into();
    locked.sort();
    let of_document = operations(&http).await;
    let with_lock: Vec<_> =
        of_document.iter().filter(|(_, locked)| **locked).map(|(it, _)| it.clone()).collect();
    assert_eq!(with_lock, locked);
    for (name, path) in with_lock {
        let answer = http.ask(method(&name), of_company(&path, "acme"), None).await;
        assert_eq!(refused(&answer), Some((401, "no-token".into())), "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let api_only =
        of_document.iter().filter(|((_, path), locked)| !**locked && path.starts_with("/api/v1/"));
    for ((name, path), _) in api_only {
        let answer = http.ask(method(name), path.replace("{name}", "events/a.json"), None).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_am_user_has_their_own_code_only() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    tokens(&pool).await;
    for page in ["qr.svg", "qr.png", "click-to-chat"] {
        let own = format!("/api/v1/users/michael/{page}?company=acme");
        let others = format!("/api/v1/users/jelena/{page}?company=acme");
        assert_eq!(http.ask(Method::GET, own, Some(tokens_of_michael())).await.status, 200);
        let answer = http.ask(Method::GET, others, Some(tokens_of_michael())).await;
        assert_eq!(answer.problem(), (403, "other-user".into(), Some("id".into())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_opens_nothing_is_refused() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let path = "/api/v1/chat-rooms?company=acme";
    let good = token(&pool, 1, "acme", AccessRole::Dashboard).await;
    let asked = |token: String| http.ask(Method::GET, path, Some(token));
    assert_eq!(asked(good.to_string()).await.status, 200);

    let wrong = TokenText { id: good.id, secret: directory::access::Secret::new([8; 32]) };
    for token in ["onb_".to_owned(), token_text(99).to_string(), wrong.to_string()] {
        let answer = asked(token).await;
        assert_eq!(refused(&answer), Some((401, "token-invalid".into())));
    }
    let by = Personal::new("test".to_owned());
    AccessTokens::new(pool.clone()).revoke(good.id, &by, now()).await.unwrap();
    assert_eq!(refused(&asked(good.to_string()).await), Some((401, "token-invalid".into())));

    sqlx::query("UPDATE access_tokens SET revoked_at = NULL, revoked_by = NULL, expires_at = $1")
        .bind(now())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(refused(&asked(good.to_string()).await), Some((401, "token-invalid".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_guard_refuses_learns_nothing_by_a_second_company() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for query in ["company=acme&company=other", "company=other&company=acme"] {
        let answer = http.get(&format!("/api/v1/chat-rooms?{query}")).await;
        assert_eq!(answer.problem(), (400, "bad-parameter".into(), Some("company".into())));
    }
    let both = "/api/v1/companies/acme/dry-run?company=other";
    let answer: Value = http.ask(Method::POST, both, Some(token_text(0).to_string())).await.json();
    assert_eq!(answer["type"], "urn:onboarding:problem:bad-parameter");
}
