//! What several calls bring into `INBOX` at the same time.

use async_nats::jetstream;
use bytes::Bytes;
use domain::input::Input;
use futures::future::join_all;
use messaging::inbox::{InboxBody, InboxConsumer, InboxPublisher};
use messaging::{PublishFailure, StreamSettings, Streams};

use crate::support::{Nats, from_gateway, inputs, message, nats_with_streams, soon};

const CALLS: usize = 300;
const EACH: usize = 3;

/// Some calls at once, and then the numbers of their messages as the stream has them.
async fn all_at_once(client: &messaging::Client) -> Vec<usize> {
    let publisher = InboxPublisher::new(client);
    let calls = (0..CALLS).map(|call| publisher.publish(inputs(call * EACH..(call + 1) * EACH)));
    for outcome in join_all(calls).await {
        outcome.unwrap();
    }
    let mut consumer = InboxConsumer::open(client).await.unwrap();
    let mut stored = vec![];
    for _ in 0..CALLS * EACH {
        let delivery = soon(consumer.next()).await.unwrap();
        let Input::Message(message) = delivery.body.unwrap().input else { panic!("no message") };
        stored.push(message.id.as_str().trim_start_matches("wamid.").parse().unwrap());
        delivery.handle.settle().await.unwrap();
    }
    stored
}

fn assert_each_call_is_in_order(stored: &[usize]) {
    let mut sorted = stored.to_vec();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..CALLS * EACH), "something is missing or there twice");
    for call in 0..CALLS {
        let of_call = stored.iter().copied().filter(|n| n / EACH == call);
        assert!(of_call.eq(call * EACH..(call + 1) * EACH), "call {call} is out of order");
    }
}

/// The batches that the stream's messages came in.
async fn batches(client: &messaging::Client) -> Vec<Option<String>> {
    let stream = jetstream::new(client.clone()).get_stream("INBOX").await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let mut batches = vec![];
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let batch = message.headers.get_last("Nats-Batch-Id");
        batches.push(batch.map(|id| id.as_str().to_owned()));
    }
    batches
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_the_same_moment_are_stored_in_a_few_batches() {
    let (_nats, client, _streams) = nats_with_streams().await;
    assert_each_call_is_in_order(&all_at_once(&client).await);
    let mut batches = batches(&client).await;
    assert_eq!(batches.len(), CALLS * EACH);
    batches.dedup();
    assert!(batches.len() <= 10, "{} batches for {CALLS} calls", batches.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_takes_no_batches_gets_them_one_by_one_and_is_reported() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let streams = Streams::new(&client, StreamSettings::default());
    streams.ensure_inbox().await.unwrap();
    let js = jetstream::new(client.clone());
    let mut config = js.get_stream("INBOX").await.unwrap().cached_info().config.clone();
    config.allow_atomic_publish = false;
    js.update_stream(config).await.unwrap();
    let differences = streams.ensure_inbox().await.unwrap();
    let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["allow_atomic"]);
    assert_each_call_is_in_order(&all_at_once(&client).await);
    assert!(batches(&client).await.iter().all(Option::is_none));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_one_batch_comes_in_order() {
    let (_nats, client, _streams) = nats_with_streams().await;
    InboxPublisher::new(&client).publish(inputs(0..2500)).await.unwrap();
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    for n in 0..2500 {
        let delivery = soon(consumer.next()).await.unwrap();
        assert_eq!(delivery.body.unwrap().input, Input::Message(message(n)));
        delivery.handle.settle().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_fit_into_the_stream_costs_the_others_nothing() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let settings = StreamSettings { inbox_max_bytes: Some(100_000), ..StreamSettings::default() };
    let streams = Streams::new(&client, settings);
    streams.ensure_inbox().await.unwrap();
    let publisher = InboxPublisher::new(&client);
    let post = InboxBody::RawPost {
        app: "main".parse().unwrap(),
        post_sha256: "ab".repeat(32),
        received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        bytes: Bytes::from(vec![0; 200_000]),
    };
    let calls = (0..41).map(|call| {
        let messages =
            if call == 20 { vec![from_gateway(post.clone())] } else { inputs(call..call + 1) };
        publisher.publish(messages)
    });
    for (call, outcome) in join_all(calls).await.into_iter().enumerate() {
        match outcome {
            Ok(()) => assert_ne!(call, 20),
            Err(error) => assert_eq!((call, error.kind), (20, PublishFailure::Full)),
        }
    }
    assert_eq!(streams.usage().await.unwrap()[0].messages, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_headers_make_it_too_large_is_refused_before_anything_is_sent() {
    let (_nats, client, streams) = nats_with_streams().await;
    let mut long = message(1);
    let fits =
        client.max_payload() - serde_json::to_vec(&long).unwrap().len() + "hello".len() - 100;
    long.text = Some("x".repeat(fits).into());
    let company = crate::support::acme();
    let long = from_gateway(InboxBody::Message { company, message: long });
    let mut messages = inputs(0..1);
    messages.push(long);
    let error = InboxPublisher::new(&client).publish(messages).await.unwrap_err();
    assert_eq!(error.kind, PublishFailure::TooLarge);
    assert_eq!(streams.usage().await.unwrap()[0].messages, 0);
}
