use std::time::Duration;

use messaging::query::{AskError, Problem, QueryService, ask};
use serde_json::{Value, json};

use crate::support::Nats;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_or_refused_with_a_problem() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let mut service = QueryService::start(&client, "onboarding", "1.0.0").await.unwrap();
    let handler = |question: Value| async move {
        match question["n"].as_u64() {
            Some(0) => panic!("a bug"),
            Some(1) => Ok(Value::from("x".repeat(2_000_000))),
            Some(n) => Ok(json!({ "doubled": n * 2 })),
            None => Err(Problem {
                kind: "urn:onboarding:problem:n-missing".into(),
                title: "n is missing".into(),
                status: 422,
                detail: "ask with a number n".into(),
                field: Some("n".into()),
            }),
        }
    };
    service.endpoint("doubled", handler).await.unwrap();

    let asker = nats.client().await;
    let asked = |question: Value| {
        let asker = asker.clone();
        async move { ask(&asker, "doubled", &question, PATIENCE).await }
    };
    assert_eq!(asked(json!({ "n": 21 })).await.unwrap(), json!({ "doubled": 42 }));
    for (question, status, retry) in
        [(json!({}), 422, false), (json!({ "n": 0 }), 500, true), (json!({ "n": 1 }), 413, false)]
    {
        let Err(error) = asked(question).await else { panic!("answered") };
        assert_eq!(error.retry_helps(), retry);
        let AskError::Problem(problem) = error else { panic!("{error}") };
        assert_eq!(problem.status, status);
    }
    let raw = asker.request("qry.onboarding.v1.doubled", "no json".into()).await.unwrap();
    let headers = raw.headers.unwrap();
    assert_eq!(headers.get("Nats-Service-Error-Code").unwrap().as_str(), "400");
    let problem: Problem = serde_json::from_slice(&raw.payload).unwrap();
    assert_eq!(problem.kind, "urn:onboarding:problem:not-json");

    let nobody = ask(&asker, "unknown", &Value::Null, PATIENCE).await;
    assert!(matches!(nobody, Err(AskError::NobodyThere(_))));
    let injected = ask(&asker, "a.>", &Value::Null, PATIENCE).await;
    assert!(matches!(injected, Err(AskError::Query(_))));
    service.stop().await;
}
