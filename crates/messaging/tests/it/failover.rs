use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{Consumer, pull};
use domain::input::Input;
use futures::StreamExt;
use messaging::Client;
use messaging::inbox::{InboxConsumer, InboxPublisher};

use crate::support::{Nats, inputs, message, nats_with_streams, soon, until};

/// Two workers; the first has settled the inputs 1 to 4 and 8 of 20, and holds the rest.
async fn a_worker_and_its_standby(
    nats: &Nats,
    publisher: &InboxPublisher,
) -> (Client, InboxConsumer, InboxConsumer) {
    publisher.publish(inputs(0..10)).await.unwrap();
    let client = nats.client().await;
    let mut first = InboxConsumer::open(&client).await.unwrap();
    let mut second = InboxConsumer::open(&nats.client().await).await.unwrap();
    for n in 1..=20 {
        if n == 10 {
            publisher.publish(inputs(10..20)).await.unwrap();
        }
        let delivery = soon(first.next()).await.unwrap();
        assert_eq!(delivery.stream_sequence, n);
        if n <= 4 || n == 8 {
            delivery.handle.settle().await.unwrap();
        }
    }
    assert!(second.try_next().is_none(), "the standby got an input");
    (client, first, second)
}

async fn takes_over(second: &mut InboxConsumer, gone: Instant, sequences: RangeInclusive<u64>) {
    for n in sequences {
        let delivery = soon(second.next()).await.unwrap();
        assert_eq!(delivery.stream_sequence, n);
        let took = gone.elapsed();
        assert!(took < Duration::from_secs(10), "took over after {took:?}");
        delivery.handle.settle().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_what_is_not_settled_in_order() {
    let (nats, client, _streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    let (gone_client, first, mut second) = a_worker_and_its_standby(&nats, &publisher).await;
    drop(first);
    gone_client.drain().await.unwrap();
    takes_over(&mut second, Instant::now(), 5..=20).await;
    publisher.publish(inputs(20..25)).await.unwrap();
    takes_over(&mut second, Instant::now(), 21..=25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_inputs_do_not_overtake_what_a_lost_worker_held() {
    let (nats, client, _streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    let (gone_client, first, mut second) = a_worker_and_its_standby(&nats, &publisher).await;
    drop(first);
    gone_client.drain().await.unwrap();
    let gone = Instant::now();
    publisher.publish(inputs(20..60)).await.unwrap();
    takes_over(&mut second, gone, 5..=60).await;
}

/// As when a pull of somebody who is gone is still served: with the active worker's pin it gets inputs
/// that the worker then lacks.
#[tokio::test(flavor = "multi_thread")]
async fn what_went_to_somebody_else_is_fetched_back_before_anything_newer() {
    let (nats, client, _streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    let mut worker = InboxConsumer::open(&client).await.unwrap();
    publisher.publish(inputs(0..5)).await.unwrap();
    takes_over(&mut worker, Instant::now(), 1..=5).await;

    let js = async_nats::jetstream::new(client.clone());
    let consumer: Consumer<pull::Config> =
        js.get_consumer_from_stream("engine", "INBOX").await.unwrap();
    let pin = consumer.cached_info().priority_groups[0].pinned_client_id.clone().unwrap();
    let other = nats.client().await;
    let inbox = other.new_inbox();
    let mut gets = other.subscribe(inbox.clone()).await.unwrap();
    let pull = serde_json::json!({
        "batch": 3, "expires": 10_000_000_000_u64, "group": "active", "id": pin,
    });
    let next = "$JS.API.CONSUMER.MSG.NEXT.INBOX.engine";
    other.publish_with_reply(next, inbox, pull.to_string().into()).await.unwrap();
    other.flush().await.unwrap();

    publisher.publish(inputs(5..25)).await.unwrap();
    let stolen = soon(gets.next()).await.unwrap();
    assert!(!stolen.payload.is_empty(), "{stolen:?}");
    let mut newest = 5;
    while newest < 25 {
        let delivery = soon(worker.next()).await.unwrap();
        let sequence = delivery.stream_sequence;
        assert!(sequence <= newest + 1, "{sequence} comes after {newest}");
        newest = newest.max(sequence);
        delivery.handle.settle().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_loses_no_input() {
    let (nats, client, _streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    publisher.publish(inputs(0..5)).await.unwrap();
    for n in 1..=5 {
        let delivery = soon(consumer.next()).await.unwrap();
        assert_eq!(delivery.stream_sequence, n);
        delivery.handle.settle().await.unwrap();
    }
    client.flush().await.unwrap();
    nats.server.restart().await.unwrap();
    until(|| async { publisher.publish(inputs(5..8)).await.ok() }).await;
    // A retried publish may have stored an input twice.
    let mut seen = BTreeSet::new();
    while !(5..8).all(|n| seen.contains(&n)) {
        let delivery = soon(consumer.next()).await.unwrap();
        let input = delivery.body.unwrap().input;
        seen.extend((0..8).filter(|&n| input == Input::Message(message(n))));
        delivery.handle.settle().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_stays_pinned_and_so_a_delay_is_kept() {
    let (nats, client, _streams) = nats_with_streams().await;
    InboxPublisher::new(&client).publish(inputs(0..1)).await.unwrap();
    let mut worker = InboxConsumer::open(&client).await.unwrap();
    let delivery = soon(worker.next()).await.unwrap();
    let mut standby = InboxConsumer::open(&nats.client().await).await.unwrap();
    // Longer than a lost pin would need to be noticed.
    let (given_back, delay) = (Instant::now(), Duration::from_secs(11));
    delivery.handle.retry_after(delay).await.unwrap();
    let again = soon(worker.next()).await.unwrap();
    assert_eq!(again.delivered, 2, "the consumer was reset");
    assert!(given_back.elapsed() >= delay);
    assert!(standby.try_next().is_none());
}
