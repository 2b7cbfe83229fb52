use std::time::{Duration, Instant};

use async_nats::jetstream;
use bytes::Bytes;
use domain::input::Input;
use messaging::inbox::{
    Answers, EvidenceConsumer, InboxBody, InboxConsumer, InboxPublisher, purge_settled,
};
use messaging::{PublishFailure, StreamSettings, Streams};

use crate::support::{Nats, acme, from_gateway, inputs, message, nats_with_streams, soon, until};

#[tokio::test(flavor = "multi_thread")]
async fn inputs_come_in_the_order_in_which_they_were_published() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    publisher.publish(inputs(0..1000)).await.unwrap();
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    for n in 0..1000 {
        let delivery = soon(consumer.next()).await.unwrap();
        let input = delivery.body.unwrap();
        assert_eq!(input.company, acme());
        assert_eq!(input.input, Input::Message(message(n)));
        assert_eq!(delivery.company, Some(acme()));
        assert_eq!(delivery.delivered, 1);
        assert_eq!(delivery.source.as_deref(), Some("gateway"));
        assert!(delivery.traceparent.is_some());
        delivery.handle.settle().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_given_back_comes_again_after_its_delay() {
    let (_nats, client, _streams) = nats_with_streams().await;
    InboxPublisher::new(&client).publish(inputs(0..2)).await.unwrap();
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    let first = soon(consumer.next()).await.unwrap();
    let given_back = Instant::now();
    let delay = Duration::from_millis(700);
    first.handle.retry_after(delay).await.unwrap();
    let second = soon(consumer.next()).await.unwrap();
    assert_eq!(second.stream_sequence, 2);
    second.handle.settle().await.unwrap();
    let again = soon(consumer.next()).await.unwrap();
    assert_eq!((again.stream_sequence, again.delivered), (1, 2));
    assert!(given_back.elapsed() >= delay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_where_its_sender_waits() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let mut answers = Answers::open(&client).await.unwrap();
    let command: domain::input::OperatorCommand = serde_json::from_value(serde_json::json!({
        "operation_id": "0197f0a8-0000-7000-8000-000000000001",
        "actor": "operator",
        "at": "2026-01-01T00:00:00Z",
        "request": { "command": "register-client-profile", "identifiers": [] },
    }))
    .unwrap();
    let asked = |reply_to| {
        vec![from_gateway(InboxBody::Command {
            company: acme(),
            command: command.clone(),
            reply_to,
        })]
    };
    let publisher = InboxPublisher::new(&client);
    let foreign = publisher.publish(asked(Some("evt.onboarding.x".into()))).await;
    assert!(matches!(foreign.unwrap_err().kind, PublishFailure::Unfit(_)));
    let reply_to = Some(answers.subject().to_owned());
    publisher.publish(asked(reply_to)).await.unwrap();
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    let delivery = soon(consumer.next()).await.unwrap();
    assert_eq!(delivery.body.unwrap().input, Input::Command(command));
    assert!(delivery.handle.wants_answer());
    delivery.handle.answer(Bytes::from("{}")).await.unwrap();
    let answer = answers.next(Duration::from_secs(10)).await;
    assert_eq!(answer, Some(Bytes::from("{}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_input_is_delivered_with_its_fault() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let js = jetstream::new(client.clone());
    for (subject, body) in
        [("wa.in.v1.acme.1", r#"{"phone_number_id":"2"}"#), ("wa.in.v1.ACME.1", "{}")]
    {
        js.publish(subject, body.into()).await.unwrap().await.unwrap();
    }
    let mut consumer = InboxConsumer::open(&client).await.unwrap();
    let first = soon(consumer.next()).await.unwrap();
    assert_eq!(first.body.unwrap_err().to_string(), "missing field `id`");
    assert_eq!(first.company, Some(acme()));
    assert_eq!(first.payload, r#"{"phone_number_id":"2"}"#);
    let second = soon(consumer.next()).await.unwrap();
    assert!(second.body.is_err());
    assert_eq!(second.company, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_larger_than_a_message_comes_back_whole() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let post: Bytes = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sha = "ab".repeat(32);
    let received_at = "2026-01-01T00:00:00.123456Z".parse().unwrap();
    InboxPublisher::new(&client)
        .publish(vec![from_gateway(InboxBody::RawPost {
            app: "main".parse().unwrap(),
            post_sha256: sha.clone(),
            received_at,
            bytes: post.clone(),
        })])
        .await
        .unwrap();
    let mut consumer = EvidenceConsumer::open(&client).await.unwrap();
    let mut whole = Vec::new();
    for n in 0.. {
        let Ok(piece) = soon(consumer.next()).await else { panic!("not a piece") };
        assert_eq!((piece.app.as_str(), piece.piece), ("main", n));
        assert_eq!((&piece.post_sha256, piece.received_at), (&sha, received_at));
        whole.extend_from_slice(&piece.bytes);
        piece.handle.settle().await.unwrap();
        if piece.piece + 1 == piece.pieces {
            break;
        }
    }
    assert!(whole == post, "the post came back changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_every_consumer_has_settled_is_purged() {
    let (_nats, client, streams) = nats_with_streams().await;
    let publisher = InboxPublisher::new(&client);
    let raw = |n: u8| {
        from_gateway(InboxBody::RawPost {
            app: "main".parse().unwrap(),
            post_sha256: "ab".repeat(32),
            received_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            bytes: Bytes::from(vec![n]),
        })
    };
    let mut all = vec![raw(1)];
    all.extend(inputs(0..2));
    all.push(raw(2));
    publisher.publish(all).await.unwrap();
    let mut engine = InboxConsumer::open(&client).await.unwrap();
    for _ in 0..2 {
        soon(engine.next()).await.unwrap().handle.settle().await.unwrap();
    }
    assert_eq!(purge_settled(&client).await.unwrap(), 0, "evidence has not begun");
    let mut evidence = EvidenceConsumer::open(&client).await.unwrap();
    let Ok(piece) = soon(evidence.next()).await else { panic!("not a piece") };
    piece.handle.settle().await.unwrap();
    let purged = until(|| async {
        let purged = purge_settled(&client).await.unwrap();
        (purged > 0).then_some(purged)
    })
    .await;
    assert!((1..=3).contains(&purged), "{purged}");
    let left = streams.usage().await.unwrap()[0].messages;
    assert_eq!(left, 4 - purged, "the second post is not settled");
    let Ok(piece) = soon(evidence.next()).await else { panic!("not a piece") };
    assert_eq!(piece.bytes, Bytes::from_static(&[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_missing_inbox_refuses_and_says_whether_a_retry_helps() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let publisher = InboxPublisher::new(&client);
    let error = publisher.publish(inputs(0..3)).await.unwrap_err();
    assert_eq!(error.kind, PublishFailure::NoStream);
    assert!(error.retry_helps());
    let settings = StreamSettings { inbox_max_bytes: Some(2000), ..StreamSettings::default() };
    Streams::new(&client, settings).ensure_inbox().await.unwrap();
    let error = publisher.publish(inputs(0..100)).await.unwrap_err();
    assert_eq!(error.kind, PublishFailure::Full);
    assert!(error.retry_helps());
}
