//! The fake itself: what it refuses, what it can be told to do, what it posts.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::outbound::DeliveryStatus::{self, Delivered, Failed, Sent};
use serde_json::{Value, json};
use support::{a_fake, a_text, at, by_phone, client_of, message, reference, send_to, text, token};
use tokio::sync::mpsc;
use whatsapp::client::{AccessToken, CloudApi};
use whatsapp::fake::{Behaviour, FakeCloudApi, Rule, Statuses, Webhook};
use whatsapp::signature;
use whatsapp::webhook::{Update, parse};

const SECRET: &[u8] = b"app-secret";

/// A webhook that checks signatures, as the gateway does, and hands on what came.
struct Gateway {
    url: String,
    posts: mpsc::UnboundedReceiver<Vec<(String, DeliveryStatus)>>,
    answer: Arc<Mutex<StatusCode>>,
}

impl Gateway {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, posts) = mpsc::unbounded_channel();
        let answer = Arc::new(Mutex::new(StatusCode::OK));
        let answers = answer.clone();
        let hook = post(async move |headers: HeaderMap, body: Bytes| {
            let header = headers.get(signature::HEADER).unwrap().to_str().unwrap();
            signature::verify(SECRET, &body, Some(header)).unwrap();
            let answer = *answers.lock().unwrap();
            if answer == StatusCode::OK {
                sender.send(statuses_in(&body)).unwrap();
            }
            answer
        });
        let router = Router::new().route("/hook", hook);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, posts, answer }
    }

    fn webhook(&self) -> Webhook {
        Webhook::new(&self.url, SECRET).unwrap()
    }

    async fn next_post(&mut self) -> Vec<(String, DeliveryStatus)> {
        self.posts.recv().await.unwrap()
    }
}

fn statuses_in(body: &[u8]) -> Vec<(String, DeliveryStatus)> {
    let post = parse(body, at(0)).unwrap();
    post.items
        .into_iter()
        .map(|item| match item.content {
            Ok(Update::Status(status)) => {
                assert_eq!((status.reference, status.at), (Some(reference()), at(5)));
                (status.wamid.to_string(), status.status)
            }
            other => panic!("not a status: {other:?}"),
        })
        .collect()
}

async fn send(fake: &FakeCloudApi) -> String {
    send_to(fake).await.unwrap().to_string()
}

#[tokio::test]
async fn statuses_come_when_they_are_asked_for() {
    let (fake, mut gateway) = (a_fake().await, Gateway::start().await);
    fake.use_clock(|| at(5));
    fake.script(Rule::once(Behaviour::Accept));
    fake.script(Rule::once(Behaviour::FailLater(131_026)));
    let (first, second) = (send(&fake).await, send(&fake).await);
    assert_eq!(fake.deliver_statuses().await, 0, "there is no webhook yet");

    fake.post_statuses_to(gateway.webhook(), Statuses::OnDemand);
    *gateway.answer.lock().unwrap() = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(fake.deliver_statuses().await, 0, "the webhook did not take them");

    *gateway.answer.lock().unwrap() = StatusCode::OK;
    assert_eq!(fake.deliver_statuses().await, 2);
    assert_eq!(fake.deliver_statuses().await, 0, "all are told");
    assert_eq!(
        gateway.next_post().await,
        [(first.clone(), Sent), (first, Delivered), (second.clone(), Sent), (second, Failed),]
    );
}

#[tokio::test]
async fn statuses_come_at_once_even_if_the_answer_is_lost() {
    let (fake, mut gateway) = (a_fake().await, Gateway::start().await);
    fake.use_clock(|| at(5));
    fake.post_statuses_to(gateway.webhook(), Statuses::AtOnce);
    let wamid = send(&fake).await;
    assert_eq!(gateway.next_post().await, [(wamid.clone(), Sent), (wamid, Delivered)]);

    fake.script(Rule::once(Behaviour::LoseAnswer));
    assert!(send_to(&fake).await.is_err());
    let lost = fake.received()[1].wamid.to_string();
    assert_eq!(gateway.next_post().await, [(lost.clone(), Sent), (lost, Delivered)]);
}

#[tokio::test]
async fn a_rule_holds_for_its_number_its_client_and_its_calls() {
    let fake = a_fake().await;
    let client = client_of(&fake);
    let (ann, ben) = (by_phone("+12025550101"), by_phone("+447700900123"));
    fake.script(Rule::once(Behaviour::refuse(131_056)).to(&ann));
    fake.script(Rule::always(Behaviour::refuse(131_048)).from_number(&"1002".parse().unwrap()));
    let mut answers = Vec::new();
    for (from, to) in
        [("1001", &ben), ("1001", &ann), ("1001", &ann), ("1002", &ben), ("1002", &ann)]
    {
        let mut message = message(to.clone(), text("Hello"));
        message.from = from.parse().unwrap();
        let sent = client.send(&token(), &message, reference(), None).await;
        answers.push(sent.err().map(|failure| failure.into_error().code));
    }
    let codes = [None, Some(131_056), None, Some(131_048), Some(131_048)];
    assert_eq!(answers, codes);
    let orders: Vec<_> = fake.received().iter().map(|m| m.order).collect();
    assert_eq!(orders, [1, 3]);
    let refused: Vec<_> = fake.refusals().iter().map(|r| (r.order, r.code)).collect();
    assert_eq!(refused, [(2, codes[1]), (4, codes[3]), (5, codes[4])]);

    fake.forget_script();
    send(&fake).await;
}

#[tokio::test]
async fn only_the_right_token_is_let_in() {
    let fake = a_fake().await;
    fake.require_token("good-token");
    let with = |token: &str| {
        let (client, token) = (client_of(&fake), AccessToken::new(token));
        async move { client.send(&token, &a_text(), reference(), None).await }
    };
    assert_eq!(with("bad-token").await.unwrap_err().fault().error.code, 190);
    assert!(with("good-token").await.is_ok());
}

#[tokio::test]
async fn a_version_may_stand_in_the_address() {
    let fake = a_fake().await;
    let url = format!("{}/v23.0/", fake.url());
    let client = CloudApi::new(&url, std::time::Duration::from_secs(5)).unwrap();
    client.send(&token(), &a_text(), reference(), None).await.unwrap();
    assert_eq!(fake.received()[0].from.as_str(), "1001");
}

#[tokio::test]
async fn waiting_ends_when_the_message_is_there() {
    let fake = Arc::new(a_fake().await);
    let waiting = {
        let fake = fake.clone();
        tokio::spawn(async move { fake.wait_until(|received| received.len() == 2).await })
    };
    send(&fake).await;
    send(&fake).await;
    assert_eq!(waiting.await.unwrap().len(), 2);

    fake.script(Rule::once(Behaviour::HangUp));
    assert!(send_to(&fake).await.is_err());
    fake.wait_until_refused(|refused| !refused.is_empty()).await;
}

#[tokio::test]
async fn the_port_is_free_after_stopping() {
    let fake = a_fake().await;
    send(&fake).await;
    let addr = fake.url().trim_start_matches("http://").parse().unwrap();
    fake.stop().await;
    let again = FakeCloudApi::start(addr).await.unwrap();
    send(&again).await;
    assert_eq!(again.received().len(), 1);
}

#[tokio::test]
async fn malformed_calls_are_refused() {
    let fake = a_fake().await;
    let good = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+12025550101",
        "type": "text",
        "text": { "body": "Hello" },
    });
    let template = |parameters: Value| {
        json!({ "type": "template", "text": null, "template": {
            "name": "invitation",
            "language": { "code": "en" },
            "components": [{ "type": "body", "parameters": parameters }],
        } })
    };
    let parameter = |text: &str| template(json!([{ "type": "text", "text": text }]));
    for (change, code) in [
        (json!({}), None),
        (parameter("Michael"), None),
        (json!({ "messaging_product": "sms" }), Some(100)),
        (json!({ "recipient_type": "group" }), Some(100)),
        (json!({ "to": "12025550101" }), Some(100)),
        (json!({ "to": "+1 202 555 0101" }), Some(100)),
        (json!({ "to": null }), Some(100)),
        (json!({ "recipient": "US.1" }), Some(100)),
        (json!({ "to": null, "recipient": "us.1" }), Some(100)),
        (json!({ "text": { "body": "" } }), Some(100)),
        (json!({ "text": { "body": "x".repeat(4097) } }), Some(100)),
        (json!({ "type": "template" }), Some(100)),
        (json!({ "unheard_of": 1 }), Some(100)),
        (json!({ "biz_opaque_callback_data": "x".repeat(513) }), Some(100)),
        (parameter(""), Some(132_018)),
        (parameter("two\nlines"), Some(132_018)),
    ] {
        let mut body = good.clone();
        let change = change.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(change.clone());
        let before = fake.refusals().len();
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap()
            .post(format!("{}/1001/messages", fake.url()))
            .bearer_auth("any")
            .json(&body)
            .send()
            .await
            .unwrap();
        let answered = fake.refusals().get(before).map(|refusal| refusal.code);
        assert_eq!(answered.flatten(), code, "{change:?}");
    }
}
