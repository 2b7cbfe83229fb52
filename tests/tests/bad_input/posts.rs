//! Posts that are wrong as a whole.

use acceptance::PRIMARY;
use domain::request::Outcome;
use onboarding::demo::APP;
use onboarding::demo::stage::APP_SECRET;
use onboarding::whatsapp::post::WebhookPost;
use onboarding::whatsapp::signature;
use serde_json::{Value, json};

use crate::bank::{Bank, WORDS, client, post_of};

/// Posts bytes with a signature; status, media type and body of the answer.
async fn post(url: &str, signature: Option<&str>, body: &[u8]) -> (u16, String, Value) {
    let mut request = reqwest::Client::new().post(url).body(body.to_vec());
    if let Some(signature) = signature {
        request = request.header("X-Hub-Signature-256", signature);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type");
    let kind = kind.map_or_else(String::new, |kind| kind.to_str().unwrap().to_owned());
    (status, kind, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_body_that_is_no_json_is_parked_and_kept() {
    let bank = Bank::opens().await;
    let cut = br#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"mess"#;
    let cases: [(&[u8], &str); 6] = [
        (b"", "the body is not JSON (at byte 0)"),
        (b"+12025550111 says #michael", "the body is not JSON (at byte 0)"),
        (b"[{\"entry\":[]}]", "the body is not a JSON object (at byte 0)"),
        (cut, "the body is not JSON (at byte 72)"),
        (b"{\"entry\":[\"\0\"]}", "the body is not JSON (at byte 10)"),
        (b"{\"entry\":[\"\xff\"]}", "the body is not JSON (at byte 11)"),
    ];
    for (body, _) in cases {
        bank.takes_bytes(body).await;
        bank.keeps(body).await;
    }
    let parked = bank.parked(cases.len()).await;
    for (body, reason) in cases {
        let row = parked.iter().find(|row| row.payload == body).unwrap();
        assert_eq!((row.code.as_str(), row.reason.as_str()), ("malformed-post", reason));
        assert_eq!((row.subject.as_str(), row.company.as_deref()), ("wa.raw.v1.demo", None));
        let evidence = bank.app.stage.store.evidence(row.post.as_deref().unwrap()).await.unwrap();
        assert_eq!(evidence.as_deref(), Some(body));
    }
    bank.closes(0, cases.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_object_that_is_no_post_is_parked_with_the_member_at_fault() {
    let bank = Bank::opens().await;
    let cases = [
        (json!({}), "entry is missing"),
        (json!({ "object": "page", "entry": [] }), "object is not whatsapp_business_account"),
        (json!({ "entry": "+12025550111" }), "entry is not a list"),
        (json!({ "entry": [7] }), "entry[] is not an object"),
        (json!({ "entry": [{ "id": "1" }] }), "entry[].changes is missing"),
        (json!({ "entry": [{ "changes": ["#michael"] }] }), "changes[] is not an object"),
        (
            json!({ "entry": [{ "changes": [{ "field": "messages" }] }] }),
            "changes[].value is missing",
        ),
    ];
    for (post, _) in &cases {
        bank.takes_bytes(post.to_string()).await;
        bank.keeps(post.to_string().as_bytes()).await;
    }
    let parked = bank.parked(cases.len()).await;
    let mut found: Vec<_> = parked.iter().map(|row| row.reason.as_str()).collect();
    let mut expected: Vec<_> = cases.iter().map(|(_, reason)| *reason).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(parked.iter().all(|row| row.code == "bad-item"), "{parked:?}");
    bank.closes(0, cases.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_the_app_did_not_sign_is_refused_and_leaves_no_trace() {
    let bank = Bank::opens().await;
    let url = format!("{}/webhooks/whatsapp/{APP}", bank.app.stage.api());
    let (wamid, message) = bank.text(&client("12025550111"), "#michael");
    let body = WebhookPost::new().messages(PRIMARY, &[message]).into_body();
    let good = signature::sign(APP_SECRET.as_bytes(), &body);
    let hex = good.strip_prefix("sha256=").unwrap();
    let missing = "the header X-Hub-Signature-256 is missing";
    let malformed = "the header X-Hub-Signature-256 is not sha256=<hex>";
    let mismatch = "the signature does not match the body";
    let changed = [body.as_slice(), b" "].concat();
    let of_another = signature::sign(b"another app's secret", &body);
    let (sha1, shouted) = (format!("sha1={hex}"), format!("SHA256={hex}"));
    let cases: [(Option<&str>, &[u8], &str); 9] = [
        (None, &body, missing),
        (Some(""), &body, malformed),
        (Some(hex), &body, malformed),
        (Some(&sha1), &body, malformed),
        (Some(&shouted), &body, malformed),
        (Some("sha256=no hex"), &body, malformed),
        (Some("sha256="), &body, mismatch),
        (Some(&of_another), &body, mismatch),
        (Some(&good), &changed, mismatch),
    ];
    for (signature, body, why) in cases {
        let (status, kind, problem) = post(&url, signature, body).await;
        assert_eq!((status, kind.as_str()), (401, "application/problem+json"), "{why}");
        assert_eq!(problem["type"], "urn:onboarding:problem:bad-signature");
        assert_eq!(problem["field"], "X-Hub-Signature-256");
        assert_eq!((&problem["detail"], &problem["status"]), (&json!(why), &json!(401)));
    }
    let elsewhere = format!("{}/webhooks/whatsapp/nobody", bank.app.stage.api());
    let (status, _, problem) = post(&elsewhere, Some(&good), &body).await;
    let unknown = json!("urn:onboarding:problem:unknown-app");
    assert_eq!((status, &problem["type"]), (404, &unknown));

    bank.catches_up().await;
    assert_eq!(bank.events(&wamid).await, []);
    assert_eq!((bank.arrivals(&body).await, bank.arrivals(&changed).await), (0, 0));
    // What was refused before is taken once it is signed.
    assert_eq!(post(&url, Some(&good), &body).await.0, 200);
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_megabytes_are_taken_and_kept_and_a_byte_more_is_refused() {
    const MOST: usize = 3 * 1024 * 1024;
    let bank = Bank::opens().await;
    let (wamid, message) = bank.text(&client("12025550111"), "#michael");
    let mut body = WebhookPost::new().messages(PRIMARY, &[message]).into_body();
    body.resize(MOST + 1, b' ');
    let url = format!("{}/webhooks/whatsapp/{APP}", bank.app.stage.api());
    let signed = signature::sign(APP_SECRET.as_bytes(), &body);
    let (status, kind, problem) = post(&url, Some(&signed), &body).await;
    assert_eq!((status, kind.as_str()), (413, "application/problem+json"));
    assert_eq!(problem["type"], "urn:onboarding:problem:body-too-large");

    body.truncate(MOST);
    bank.takes_bytes(body.clone()).await;
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    let sha256 = bank.recorded(&wamid).await.evidence.unwrap().post_sha256;
    let kept = bank
        .app
        .stage
        .until("all pieces are kept", async || Ok(bank.app.stage.store.evidence(&sha256).await?));
    assert!(kept.await.unwrap() == body, "the evidence is what was posted");
    bank.closes(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_adds_one_day_disturbs_nothing() {
    let bank = Bank::opens().await;
    let (wamid, mut message) = bank.raw_text("12025550111", &format!("#michael {WORDS}"));
    message["mood"] = json!({ "colour": ["blue", null], "michael": "#anna" });
    message["text"]["caption"] = json!("#anna");
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    message["depth"] = json!("DEEP");
    let mut post = post_of(&[message]).change("account_update", json!({ "event": "?" }));
    post = post.change("something_new", json!([1, 2, 3]));
    let mut post: Value = serde_json::from_slice(&post.into_body()).unwrap();
    post["version"] = json!(99);
    post["entry"][0]["region"] = json!({ "name": "moon" });
    post["entry"][0]["changes"][0]["since"] = json!(null);
    post["entry"][0]["changes"][0]["value"]["weather"] = json!([{}]);
    post["entry"][0]["changes"][0]["value"]["metadata"]["shard"] = json!(3);
    let body = post.to_string().replace("\"DEEP\"", &deep);
    bank.takes_bytes(body.clone()).await;
    assert_eq!(bank.outcome(&wamid).await, Outcome::Onboarded);
    bank.invited_by_michael("+12025550111");
    bank.keeps(body.as_bytes()).await;
    bank.closes(1, 0).await;
}
