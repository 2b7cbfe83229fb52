//! Three servers that are one.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{Consumer, pull};
use devservers::{Options, Routes, nats_cluster};
use messaging::evt::{EvtReader, EvtWriter};
use messaging::inbox::{InboxConsumer, InboxPublisher};
use messaging::numbers::{NumberMap, Numbers};
use messaging::{ConnectSettings, Security, StreamSettings, Streams, connect};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{SOON, events, inputs};

/// Who leads is found out four to nine seconds after it is gone, and each try may take as long.
const ELECTION: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn everything_has_three_copies_and_goes_on_without_the_server_that_a_client_was_at() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { durable: false, ignore_env: true, ..Options::new(dir.path().join("data")) };
    let routes = Routes::between(3).unwrap();
    let cluster = nats_cluster(&routes, &options, &|_| {}).await.unwrap();
    let settings = ConnectSettings {
        url: cluster.url(),
        name: "test".into(),
        patience: SOON,
        security: Security::default(),
    };
    let client = connect(&settings).await.unwrap();
    let streams = Streams::new(&client, StreamSettings { replicas: 3, ..Default::default() });
    assert_eq!(streams.ensure_inbox().await.unwrap(), []);
    assert_eq!(streams.ensure_evt(1).await.unwrap(), []);
    assert_eq!(streams.ensure_dlq().await.unwrap(), []);
    assert_eq!(streams.differences().await.unwrap(), []);
    Numbers::new(&client, 3).put_all(&NumberMap::new()).await.unwrap();
    let mut consumer = InboxConsumer::open(&client).await.unwrap();

    let js = jetstream::new(client.clone());
    for name in ["INBOX", "EVT", "DLQ", "KV_onboarding-numbers"] {
        let stream = js.get_stream(name).await.unwrap();
        let info = stream.cached_info();
        assert_eq!(info.config.num_replicas, 3, "{name}");
        assert_eq!(info.cluster.as_ref().unwrap().replicas.len(), 2, "{name}");
    }
    let engine: Consumer<pull::Config> =
        js.get_consumer_from_stream("engine", "INBOX").await.unwrap();
    assert_eq!(engine.cached_info().cluster.as_ref().unwrap().replicas.len(), 2);

    let (publisher, writer) = (InboxPublisher::new(&client), EvtWriter::new(&client));
    publisher.publish(inputs(0..20)).await.unwrap();
    writer.publish(&events(1..=20)).await.unwrap();
    let at = client.server_info().server_name;
    let node = cluster.nodes.iter().find(|node| node.name == at).unwrap();
    node.server.kill().await.unwrap();

    patiently(|| async { publisher.publish(inputs(20..21)).await.ok() }).await;
    // The last may be there more than once, and what was on its way comes again later.
    let mut seen = BTreeSet::new();
    while seen.len() < 21 {
        let delivery = timeout(ELECTION, consumer.next()).await.expect("it comes again").unwrap();
        seen.insert(delivery.stream_sequence.min(21));
        delivery.handle.settle().await.unwrap();
    }
    assert!(seen.into_iter().eq(1..=21));

    // As the relay does.
    patiently(|| async {
        let last = writer.last_position().await.ok()?;
        writer.publish(&events(last + 1..=40)).await.ok()
    })
    .await;
    let mut reader = EvtReader::from(&client, 1);
    let mut positions = vec![];
    while positions.len() < 40 {
        match timeout(ELECTION, reader.next()).await.expect("it is there") {
            Ok(event) => positions.push(event.position),
            Err(error) => {
                assert!(error.retry_helps(), "{error}");
                sleep(PAUSE).await;
            }
        }
    }
    assert!(positions.into_iter().eq(1..=40));
}

/// Asks again and again until there is an answer, for as long as an election may take.
async fn patiently<T, Fut: Future<Output = Option<T>>>(ask: impl Fn() -> Fut) -> T {
    let deadline = Instant::now() + ELECTION;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "did not become true in time");
        sleep(PAUSE).await;
    }
}
