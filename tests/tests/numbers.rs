//! An operator adds numbers to a pool and takes them out of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::ask::Asker;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

const MORE: &str = "/api/v1/companies/demo-bank/pools/head-office/numbers";

async fn operate(app: &TestApp, path: &str, body: &Value) -> (u16, Value) {
    app.stage.operate(path, Uuid::now_v7(), body).await.unwrap()
}

fn remove(number: &str) -> String {
    format!("/api/v1/companies/demo-bank/numbers/{number}/remove")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_goes_on_with_the_number_that_it_was_given() {
    let app = TestApp::start().await;
    let more = json!({ "number": "100103", "display_number": "+1 202 555 0103", "capacity": 9 });
    let (status, added) = operate(&app, MORE, &more).await;
    assert_eq!((status, &added["number"]), (200, &json!("100103")), "{added}");
    for number in ["100101", "100102", "100201"] {
        let (status, removed) = operate(&app, &remove(number), &json!({})).await;
        assert_eq!((status, &removed["number"]), (200, &json!(number)), "{removed}");
    }
    let asked = app.ask(&Asker::named("US.added"), "#michael").await;
    assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    assert_eq!(app.rooms().await[0]["number"], "100103");

    operate(&app, &remove("100103"), &json!({})).await;
    let path = "/api/v1/chat-rooms?company=demo-bank&phase=closed";
    let closed = app.stage.until("the room is closed", async || {
        let (_, shown) = app.stage.get(path).await?;
        Ok(shown["items"].get(0).cloned())
    });
    assert_eq!(closed.await.unwrap()["close_reason"], "number_removed");
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_what_is_wrong() {
    let app = TestApp::start().await;
    let elsewhere = MORE.replace("head-office", "nowhere");
    let new = |number: &str, display: &str| json!({ "number": number, "display_number": display });
    let primary = remove("100100");
    let cases = [
        (MORE, new("100301", "+447700900301"), 409, "number-exists", "number"),
        (MORE, new("200101", "+12025550171"), 409, "number-taken", "number"),
        (MORE, new("100103", "+12025550102"), 409, "display-number-taken", "display_number"),
        (elsewhere.as_str(), new("100103", "+12025550103"), 404, "unknown-pool", "pool"),
        (MORE, new("100103", "no number"), 400, "bad-parameter", "display_number"),
        (primary.as_str(), json!({}), 409, "number-is-primary", "number"),
    ];
    for (path, body, status, code, field) in cases {
        let (got, problem) = operate(&app, path, &body).await;
        assert_eq!((got, &problem["field"]), (status, &json!(field)), "{problem}");
        assert_eq!(problem["type"], format!("urn:onboarding:problem:{code}"));
    }
    let mut none = new("100103", "+12025550103");
    none["capacity"] = json!(0);
    let (status, problem) = operate(&app, MORE, &none).await;
    assert_eq!((status, &problem["field"]), (422, &json!("capacity")), "{problem}");
    app.stop().await;
}
