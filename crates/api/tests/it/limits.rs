//! Who asks for too much, too slowly or too often gets no more than its part, over real sockets.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Limits;
use api::ops::{self, OpsState};
use axum::Router;
use axum::routing::get;
use directory::access::AccessRole;
use domain::input::Input;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use whatsapp::post::WebhookPost;

use crate::gateway::{Gateway, hello};
use crate::support::{Nats, Served, api, api_with, database, soon, token};

/// Between two bytes of somebody slow, or two questions of somebody who waits.
const PAUSE: Duration = Duration::from_millis(50);
/// As long as anything short may take here.
const SHORT: Duration = Duration::from_millis(600);

/// `/healthz`, and something large that nobody has to take in.
fn routes() -> Router {
    let state = OpsState {
        checks: Arc::new(|| Box::pin(async { vec![] })),
        metrics: Arc::new(String::new),
    };
    // More than the buffers of both sides hold.
    ops::router(state).route("/large", get(|| async { vec![b'x'; 64 << 20] }))
}

/// A connection from an address of this machine.
async fn connect(to: SocketAddr, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whatever comes in a moment; `None` once the other side has closed.
async fn heard(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = [0; 4_096];
    match timeout(PAUSE, stream.read(&mut bytes)).await {
        Ok(Ok(0) | Err(_)) => None,
        Ok(Ok(length)) => Some(String::from_utf8_lossy(&bytes[..length]).into_owned()),
        Err(_) => Some(String::new()),
    }
}

/// Sends a byte, waits, and so on, until the other side closes; what it has said by then.
async fn drip(stream: &mut TcpStream) -> String {
    let mut said = String::new();
    loop {
        // What fails here is seen below.
        let _ = stream.write_all(b"a").await;
        match heard(stream).await {
            Some(more) => said.push_str(&more),
            None => return said,
        }
    }
}

/// Asks until there is an answer other than this one.
async fn until_not(status: u16, http: &Served, path: &str) -> u16 {
    soon(async {
        loop {
            let answer = http.get(path).await;
            if answer.status != status {
                return answer.status;
            }
            sleep(PAUSE).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_a_byte_at_a_time_is_cut_off_while_others_are_answered() {
    let http = Served::within(Limits { head: SHORT, ..Limits::default() }, routes()).await;
    let mut slow = connect(http.address, "127.0.0.1").await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: ").await.unwrap();
    let begun = Instant::now();
    let (said, ()) = soon(async {
        let answered = async {
            for _ in 0..5 {
                assert_eq!(http.get("/healthz").await.status, 200);
                sleep(PAUSE).await;
            }
        };
        tokio::join!(drip(&mut slow), answered)
    })
    .await;
    assert_eq!(said, "", "it is closed without a word");
    assert!(begun.elapsed() >= SHORT / 2, "not at once: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_closed() {
    let http = Served::within(Limits { head: SHORT, ..Limits::default() }, routes()).await;
    let mut silent = connect(http.address, "127.0.0.1").await;
    let mut idle = connect(http.address, "127.0.0.1").await;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    soon(async {
        let mut answered = String::new();
        while let Some(more) = heard(&mut idle).await {
            answered.push_str(&more);
        }
        assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
        assert!(answered.ends_with("ok"), "{answered}");
        while let Some(more) = heard(&mut silent).await {
            assert_eq!(more, "");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_comes_a_byte_at_a_time_is_refused_so_that_it_comes_again() {
    let gateway = Gateway::within(Limits { body: SHORT, ..Limits::default() }, 64 << 20).await;
    let mut slow = connect(gateway.http.address, "127.0.0.1").await;
    let head = "POST /webhooks/whatsapp/main HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\
                X-Hub-Signature-256: sha256=00\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let said = soon(drip(&mut slow)).await;
    assert!(said.starts_with("HTTP/1.1 504 "), "{said}");
    assert!(said.contains("retry-after: 5\r\n"), "{said}");
    assert!(said.contains("urn:onboarding:problem:too-slow"), "{said}");
    assert_eq!(gateway.stored().await, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_in_is_cut_off() {
    // Long enough to look at it before.
    let stalled = Duration::from_secs(3);
    let limits = Limits { connections: 1, stalled, ..Limits::default() };
    let http = Served::within(limits, routes()).await;
    let mut deaf = connect(http.address, "127.0.0.1").await;
    deaf.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(http.get("/healthz").await.status, 503, "its place is taken");
    assert_eq!(until_not(503, &http, "/healthz").await, 200);
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_told_to_come_again() {
    let http = Served::within(Limits { connections: 2, ..Limits::default() }, routes()).await;
    let first = connect(http.address, "127.0.0.1").await;
    let _second = connect(http.address, "127.0.0.2").await;
    let refused = http.get("/healthz").await;
    assert_eq!(refused.problem(), (503, "too-many-connections".into(), None));
    assert_eq!(refused.headers["retry-after"], "5");
    drop(first);
    assert_eq!(until_not(503, &http, "/healthz").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_leaves_places_for_others() {
    let limits = Limits { connections_per_peer: 1, ..Limits::default() };
    let http = Served::within(limits, routes()).await;
    let _first = connect(http.address, "127.0.0.1").await;
    assert_eq!(http.get("/healthz").await.problem().1, "too-many-connections");
    let mut other = connect(http.address, "127.0.0.2").await;
    let question = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    other.write_all(question).await.unwrap();
    let mut answered = String::new();
    soon(other.read_to_string(&mut answered)).await.unwrap();
    assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let http = Served::start(routes()).await;
    let many: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    let large = format!("X-Large: {}\r\n", "x".repeat(33 * 1_024));
    let fine = format!("X-Fine: {}\r\n", "x".repeat(30 * 1_024));
    for (headers, status) in [(many, "431"), (large, "431"), (fine, "200")] {
        let mut stream = connect(http.address, "127.0.0.1").await;
        let head = format!("GET /healthz HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        // It may be refused before all of it is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answered = vec![];
        let _ = soon(stream.read_to_end(&mut answered)).await;
        let answered = String::from_utf8_lossy(&answered);
        assert!(answered.starts_with(&format!("HTTP/1.1 {status} ")), "{answered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_refused_when_it_is_too_large_or_too_deep() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    let asked = async |body: String| {
        let json = [("content-type", "application/json")];
        http.post("/api/v1/companies/acme/dry-run", &json, body).await.problem()
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(asked(nested(200)).await, (400, "not-json".into(), None));
    assert_eq!(asked(nested(30_000)).await, (400, "not-json".into(), None));
    // As deep as anything may be it is read, and something else is wrong with it.
    assert_eq!(asked(nested(100)).await.1, "bad-parameter");
    let padded = |bytes: usize| format!("[{}]", " ".repeat(bytes - 2));
    assert_eq!(asked(padded(64 * 1_024)).await.1, "bad-parameter");
    assert_eq!(asked(padded(64 * 1_024 + 1)).await, (413, "body-too-large".into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_calls_too_often_waits_and_the_others_do_not() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api_with(&nats.client, &pool, 1)).await;
    let other = token(&pool, 1, "acme", AccessRole::Dashboard).await.to_string();
    let mut refused = None;
    for _ in 0..50 {
        let answer = http.get("/api/v1/me").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("fifty calls in a moment are too many");
    assert_eq!(refused.problem(), (429, "too-many-calls".into(), None));
    assert_eq!(refused.headers["retry-after"], "1");
    let answer = http.ask(Method::GET, "/api/v1/me", Some(other)).await;
    assert_eq!(answer.status, 200, "it is not the other's fault");
    assert_eq!(until_not(429, &http, "/api/v1/me").await, 200);
}

/// Posts a message until it is taken, as WhatsApp does; how often it was refused.
async fn posted(gateway: &Gateway, wamid: &str) -> usize {
    let body = WebhookPost::new().messages("1", &[hello(wamid)]).into_body();
    let mut refusals = 0;
    loop {
        let answer = gateway.post(body.clone()).await;
        if answer.status == 200 {
            return refusals;
        }
        assert_eq!(answer.problem().1, "too-many-connections");
        refusals += 1;
        sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_where_connections_are_short() {
    const MESSAGES: usize = 40;
    let gateway = Gateway::within(Limits { connections: 3, ..Limits::default() }, 64 << 20).await;
    let wamids: Vec<_> = (0..MESSAGES).map(|number| format!("wamid.N{number}")).collect();
    let posting = wamids.iter().map(|wamid| posted(&gateway, wamid));
    let refusals: usize = soon(futures::future::join_all(posting)).await.into_iter().sum();
    assert!(refusals > 0, "there were places for all");
    let stored = gateway.inputs(MESSAGES).await.into_iter().map(|input| match input {
        Input::Message(message) => message.id.as_str().to_owned(),
        other => panic!("{other:?}"),
    });
    assert_eq!(stored.collect::<BTreeSet<_>>(), wamids.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_where_memory_is_short() {
    let gateway = Gateway::within(Limits::default(), 1 << 20).await;
    let post = |wamid: &str, padding: usize| {
        let padding = serde_json::json!({ "padding": "x".repeat(padding) });
        WebhookPost::new().messages("1", &[hello(wamid)]).change("other", padding).into_body()
    };
    let refused = gateway.post(post("wamid.A", 1_100_000)).await;
    assert_eq!(refused.problem(), (503, "unavailable".into(), None));
    assert_eq!(refused.headers["retry-after"], "5");
    assert_eq!(gateway.stored().await, [0, 0]);
    // What the refused one held is free again.
    for wamid in ["wamid.B", "wamid.C"] {
        assert_eq!(gateway.post(post(wamid, 900_000)).await.status, 200);
    }
    assert_eq!(gateway.inputs(2).await.len(), 2);
}
