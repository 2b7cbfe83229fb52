use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::Limits;
use api::gateway::{self, App, GatewayState, MAX_POST, PostMemory, Secret};
use domain::input::Input;
use messaging::StreamSettings;
use messaging::Streams;
use messaging::dlq::{DlqPublisher, ParkedConsumer};
use messaging::inbox::{EvidenceConsumer, InboxConsumer, InboxPublisher};
use messaging::numbers::{NumberMap, Numbers};
use serde_json::json;
use sha2::{Digest, Sha256};
use whatsapp::post::{Client, ClientMessage, StatusUpdate, WebhookPost};
use whatsapp::signature;

use crate::support::{Answer, Nats, Served, now, soon};

const PATH: &str = "/webhooks/whatsapp/main";
const SECRET: &[u8] = b"app-secret";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) struct Gateway {
    nats: Nats,
    pub(crate) http: Served,
}

impl Gateway {
    /// With the numbers 1 and 2 of acme.
    async fn start() -> Self {
        Self::within(Limits::default(), 64 << 20).await
    }

    /// The same, within limits, and with so many bytes of memory for posts.
    pub(crate) async fn within(limits: Limits, memory: usize) -> Self {
        let nats = Nats::start().await;
        let entry = || serde_json::from_value(json!({ "company": "acme", "app": "main" })).unwrap();
        let map: NumberMap =
            ["1", "2"].iter().map(|number| (number.parse().unwrap(), entry())).collect();
        let numbers = Numbers::new(&nats.client, 1);
        numbers.put_all(&map).await.unwrap();
        let app =
            App { secret: Secret::new("app-secret"), verify_token: Secret::new("verify-token") };
        let state = GatewayState {
            apps: Arc::new(HashMap::from([("main".parse().unwrap(), app)])),
            numbers: Arc::new(numbers.watch().await.unwrap()),
            inbox: InboxPublisher::new(&nats.client),
            dlq: DlqPublisher::new(&nats.client),
            clock: Arc::new(now),
            memory: PostMemory::of(memory),
        };
        let http = Served::within(limits, gateway::router(state)).await;
        Self { nats, http }
    }

    pub(crate) async fn post(&self, body: Vec<u8>) -> Answer {
        let signature = signature::sign(SECRET, &body);
        let headers = [(signature::HEADER, signature.as_str()), ("traceparent", TRACE)];
        self.http.post(PATH, &headers, body).await
    }

    /// The raw bytes of the next post, put together.
    async fn evidence(&self) -> (String, Vec<u8>) {
        let mut consumer = EvidenceConsumer::open(&self.nats.client).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let piece = soon(consumer.next()).await.ok().unwrap();
            assert_eq!(piece.app.as_str(), "main");
            assert_eq!(piece.received_at, now());
            bytes.extend_from_slice(&piece.bytes);
            piece.handle.settle().await.unwrap();
            if piece.piece + 1 == piece.pieces {
                return (piece.post_sha256, bytes);
            }
        }
    }

    pub(crate) async fn inputs(&self, count: usize) -> Vec<Input> {
        let mut consumer = InboxConsumer::open(&self.nats.client).await.unwrap();
        let mut inputs = Vec::new();
        while inputs.len() < count {
            let delivery = soon(consumer.next()).await.unwrap();
            assert_eq!(delivery.traceparent.as_deref(), Some(TRACE));
            assert_eq!(delivery.source.as_deref(), Some("gateway"));
            let input = delivery.body.unwrap();
            assert_eq!(input.company.as_str(), "acme");
            inputs.push(input.input);
            delivery.handle.settle().await.unwrap();
        }
        inputs
    }

    /// Codes and reasons of what is parked.
    async fn parked(&self, count: usize) -> Vec<(String, String, Vec<u8>)> {
        let mut consumer = ParkedConsumer::open(&self.nats.client).await.unwrap();
        let mut all = Vec::new();
        while all.len() < count {
            let parked = soon(consumer.next()).await;
            assert_eq!(parked.subject, "wa.raw.v1.main");
            parked.handle.settle().await.unwrap();
            all.push((parked.code, parked.reason, parked.payload.to_vec()));
        }
        all.sort();
        all
    }

    /// Messages in INBOX and DLQ.
    pub(crate) async fn stored(&self) -> Vec<u64> {
        let streams = Streams::new(&self.nats.client, StreamSettings::default());
        streams.usage().await.unwrap().iter().map(|usage| usage.messages).collect()
    }
}

pub(crate) fn hello(wamid: &str) -> ClientMessage {
    ClientMessage::text(&Client::with_phone("12025550111"), wamid, now(), "Hi #michael")
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_answers_the_challenge_to_who_knows_the_token() {
    let gateway = Gateway::start().await;
    let asked = |mode: &str, token: &str| {
        format!("{PATH}?hub.mode={mode}&hub.verify_token={token}&hub.challenge=12%2045")
    };
    let good = gateway.http.get(&asked("subscribe", "verify-token")).await;
    assert_eq!((good.status, good.text().as_str()), (200, "12 45"));
    assert!(good.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    for path in [asked("subscribe", "other"), asked("unsubscribe", "verify-token"), PATH.into()] {
        let refused = gateway.http.get(&path).await;
        assert_eq!(refused.problem().1, "handshake-refused");
        assert_eq!(refused.status, 403);
    }
    let unknown = gateway.http.get("/webhooks/whatsapp/other").await;
    assert_eq!(unknown.problem(), (404, "unknown-app".into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_lands_in_its_companys_lane_with_its_evidence() {
    let gateway = Gateway::start().await;
    let sent = StatusUpdate::new("wamid.S", domain::outbound::DeliveryStatus::Sent, now());
    // Larger than one message of NATS may be.
    let padding = json!({ "padding": "x".repeat(1_500_000) });
    let body = WebhookPost::new()
        .messages("1", &[hello("wamid.A"), hello("wamid.B")])
        .statuses("2", &[sent])
        .change("account_update", padding)
        .into_body();
    let answer = gateway.post(body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (hash, bytes) = gateway.evidence().await;
    assert_eq!((hash.as_str(), bytes == body), (sha256(&body).as_str(), true));
    let inputs = gateway.inputs(3).await;
    let ids: Vec<_> = inputs
        .iter()
        .map(|input| match input {
            Input::Message(message) => {
                assert_eq!(message.evidence.as_ref().unwrap().post_sha256, hash);
                assert_eq!(message.received_at, now());
                message.id.as_str()
            }
            Input::Status(status) => status.wamid.as_str(),
            _ => "other",
        })
        .collect();
    assert_eq!(ids, ["wamid.A", "wamid.B", "wamid.S"]);
    assert_eq!(gateway.stored().await.last(), Some(&0), "an update of another kind is parked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_not_signed_by_the_app_publishes_nothing() {
    let gateway = Gateway::start().await;
    let body = WebhookPost::new().messages("1", &[hello("wamid.A")]).into_body();
    let forged = signature::sign(b"other", &body);
    for headers in [vec![], vec![(signature::HEADER, forged.as_str())]] {
        let answer = gateway.http.post(PATH, &headers, body.clone()).await;
        assert_eq!(
            answer.problem(),
            (401, "bad-signature".into(), Some(signature::HEADER.to_owned()))
        );
    }
    let good = signature::sign(SECRET, &body);
    let other = gateway
        .http
        .post("/webhooks/whatsapp/other", &[(signature::HEADER, good.as_str())], body)
        .await;
    assert_eq!(other.problem().1, "unknown-app");
    assert_eq!(gateway.stored().await, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_above_three_megabytes_is_refused_and_one_of_them_is_not() {
    let gateway = Gateway::start().await;
    let mut body = WebhookPost::new().messages("1", &[hello("wamid.A")]).into_body();
    body.resize(MAX_POST, b' ');
    assert_eq!(gateway.post(body.clone()).await.status, 200);
    assert_eq!(gateway.inputs(1).await.len(), 1);
    body.push(b' ');
    assert_eq!(gateway.post(body).await.problem(), (413, "body-too-large".into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_items_and_foreign_numbers_never_cost_the_others() {
    let gateway = Gateway::start().await;
    let metadata = json!({ "phone_number_id": "1" });
    let broken = json!({ "metadata": metadata, "messages": [{ "id": "wamid.X" }, "y"] });
    let endless = ClientMessage::text(
        &Client::with_phone("12025550111"),
        "wamid.E",
        now(),
        &"e".repeat(1_200_000),
    );
    let huge = json!({ "metadata": { "x": "z".repeat(1_500_000) }, "messages": [] });
    let body = WebhookPost::new()
        .change("messages", broken)
        .messages("1", &[hello("wamid.A")])
        .messages("999", &[hello("wamid.C")])
        .messages("1", &[endless])
        .next_entry()
        .change("messages", huge)
        .messages("2", &[hello("wamid.B")])
        .into_body();
    let answer = gateway.post(body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(gateway.inputs(2).await.len(), 2);
    let parked = gateway.parked(5).await;
    let codes: Vec<_> = parked.iter().map(|(code, ..)| code.as_str()).collect();
    assert_eq!(codes, ["bad-item", "bad-item", "bad-item", "bad-item", "unknown-number"]);
    let hash = sha256(&body);
    assert!(parked.iter().all(|(_, reason, _)| reason.contains(&hash)));
    assert!(parked.iter().all(|(_, reason, _)| !reason.contains("1202555")));
    let pointer = json!({ "post_sha256": hash });
    let points = |payload: &[u8]| {
        let json: serde_json::Value = serde_json::from_slice(payload).unwrap();
        json.get("post_sha256") == pointer.get("post_sha256")
    };
    assert_eq!(parked.iter().filter(|(.., payload)| points(payload)).count(), 2);
    let (.., unknown) = &parked[4];
    assert!(String::from_utf8_lossy(unknown).contains("wamid.C"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_bytes_that_are_no_json_are_kept_and_parked_and_answered_200() {
    let gateway = Gateway::start().await;
    let body = b"{\"object\": ".to_vec();
    assert_eq!(gateway.post(body.clone()).await.status, 200);
    assert_eq!(gateway.evidence().await, (sha256(&body), body.clone()));
    let parked = gateway.parked(1).await;
    let (code, reason, payload) = &parked[0];
    assert_eq!((code.as_str(), payload), ("malformed-post", &body));
    assert!(reason.starts_with("the body is not JSON"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_a_post_is_answered_503_and_after_its_return_200() {
    let gateway = Gateway::start().await;
    let body = WebhookPost::new().messages("1", &[hello("wamid.A")]).into_body();
    gateway.nats.server.stop().await.unwrap();
    let refused = gateway.post(body.clone()).await;
    assert_eq!(refused.problem(), (503, "unavailable".into(), None));
    assert_eq!(refused.headers["retry-after"], "5");
    gateway.nats.server.restart().await.unwrap();
    // As WhatsApp does: again and again.
    let taken = async {
        while gateway.post(body.clone()).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(taken).await;
    assert!(!gateway.inputs(1).await.is_empty());
}
