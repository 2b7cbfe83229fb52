use std::sync::Arc;

use api::ops::{self, Check, OpsState};
use serde_json::json;

use crate::support::Served;

async fn process(nats_is_there: bool) -> Served {
    let checks = move || -> futures::future::BoxFuture<'static, Vec<Check>> {
        let nats = Check {
            name: "nats".into(),
            ok: nats_is_there,
            detail: if nats_is_there { String::new() } else { "does not answer".into() },
        };
        Box::pin(async move { vec![nats] })
    };
    let metrics = || "onboarding_inputs_total 7\n".to_owned();
    let state = OpsState { checks: Arc::new(checks), metrics: Arc::new(metrics) };
    Served::start(ops::router(state)).await
}

#[tokio::test]
async fn a_process_tells_whether_it_is_up_and_ready_and_how_it_does() {
    let ready = process(true).await;
    assert_eq!(ready.get("/healthz").await.text(), "ok");
    assert_eq!(ready.get("/metrics").await.text(), "onboarding_inputs_total 7\n");
    let answer = ready.get("/readyz").await;
    let checks = json!([{ "name": "nats", "ok": true }]);
    assert_eq!((answer.status, answer.json()), (200, json!({ "ready": true, "checks": checks })));

    let answer = process(false).await.get("/readyz").await;
    let checks = json!([{ "name": "nats", "ok": false, "detail": "does not answer" }]);
    assert_eq!((answer.status, answer.json()), (503, json!({ "ready": false, "checks": checks })));
}
