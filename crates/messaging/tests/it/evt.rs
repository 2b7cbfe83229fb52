use std::time::Duration;

use async_nats::jetstream;
use domain::record::RecordedEvent;
use messaging::evt::{EvtReader, EvtWriter, ReaderError};
use messaging::{PublishFailure, encode};

use crate::support::{Nats, event, events, nats_with_streams, soon, until};

const LONG: Duration = Duration::from_secs(10);

async fn read(reader: &mut EvtReader, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        let batch = soon(reader.next_batch(count, LONG)).await.unwrap();
        positions.extend(batch.iter().map(|event| event.position));
    }
    positions
}

/// As a projector does: what passes is asked again.
async fn read_patiently(reader: &mut EvtReader, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        match soon(reader.next()).await {
            Ok(event) => positions.push(event.position),
            Err(error) if error.retry_helps() => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    positions
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_as_they_were_written_each_at_its_position() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    assert_eq!(writer.last_position().await.unwrap(), 0);
    assert_eq!(writer.publish::<RecordedEvent>(&[]).await.unwrap(), 0);
    let written = events(1..=5000);
    assert_eq!(writer.publish(&written).await.unwrap(), 5000);
    assert_eq!(writer.last_position().await.unwrap(), 5000);
    let mut reader = EvtReader::from(&client, 1);
    let mut got = Vec::new();
    while got.len() < 5000 {
        got.extend(reader.next_batch(700, LONG).await.unwrap());
    }
    assert!(got == written, "what was read is not what was written");
    let mut reader = EvtReader::from(&client, 4999);
    assert_eq!(read(&mut reader, 2).await, [4999, 5000]);
    let none = reader.next_batch(10, Duration::from_millis(50)).await;
    assert!(none.unwrap().is_empty());
    writer.publish(&events(5001..=5001)).await.unwrap();
    assert_eq!(read(&mut reader, 1).await, [5001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_ends_though_events_keep_coming() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=20_000)).await.unwrap();
    let writing = tokio::spawn(async move {
        for n in 200..2_000 {
            writer.publish(&events(n * 100 + 1..=(n + 1) * 100)).await.unwrap();
        }
    });
    let mut reader = EvtReader::from(&client, 1);
    let batch = soon(reader.next_batch(usize::MAX, LONG)).await.unwrap();
    assert!(!batch.is_empty());
    assert!(!writing.is_finished(), "{} events: it waited for the last one", batch.len());
    writing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_writer_breaks_the_chain_and_the_relay_goes_on_after_reading_back() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=3)).await.unwrap();
    // Another relay wrote event 4 meanwhile: our 4 is refused, what follows fits.
    let other = EvtWriter::new(&client);
    other.publish(&events(4..=4)).await.unwrap();
    let error = writer.publish(&events(4..=300)).await.unwrap_err();
    assert_eq!(error.kind, PublishFailure::WrongSequence);
    assert_eq!((error.first, error.last_acked), (4, None));
    assert!(error.retry_helps());
    assert_eq!(writer.last_position().await.unwrap(), 300);
    assert_eq!(writer.publish(&events(301..=310)).await.unwrap(), 310);
    // A gap in what is to be written is refused before it is sent.
    let error = writer.publish(&[event(311), event(313)]).await.unwrap_err();
    assert_eq!(error.last_acked, Some(311));
    assert!(matches!(error.kind, PublishFailure::Unfit(_)) && !error.retry_helps());
    let mut reader = EvtReader::from(&client, 1);
    assert_eq!(read(&mut reader, 311).await, (1..=311).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_tail_fails_every_later_event_until_it_is_written_again() {
    let (_nats, client, streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=10)).await.unwrap();
    streams.delete_evt().await.unwrap();
    let error = writer.publish(&events(11..=20)).await.unwrap_err();
    assert_eq!((error.kind, error.last_acked), (PublishFailure::NoStream, None));
    streams.ensure_evt(1).await.unwrap();
    writer.publish(&events(1..=4)).await.unwrap();
    let error = writer.publish(&events(11..=500)).await.unwrap_err();
    assert_eq!((error.kind, error.last_acked), (PublishFailure::WrongSequence, None));
    let next = writer.last_position().await.unwrap() + 1;
    assert_eq!(next, 5);
    assert_eq!(writer.publish(&events(next..=500)).await.unwrap(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_reported_and_not_skipped() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let js = jetstream::new(client.clone());
    js.publish("evt.onboarding.a.b.v1.acme.c", "{}".into()).await.unwrap().await.unwrap();
    let message = encode(&event(7)).unwrap();
    js.publish_with_headers(message.subject.to_string(), message.headers, message.body)
        .await
        .unwrap()
        .await
        .unwrap();
    let mut reader = EvtReader::from(&client, 1);
    for position in [1, 1, 2] {
        reader.seek(position);
        let error = soon(reader.next()).await.unwrap_err();
        assert!(matches!(error, ReaderError::NotAnEvent { position: p, .. } if p == position));
        assert!(!error.retry_helps());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_begins_later_reports_the_hole_before_it() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let writer = EvtWriter::new(&client);
    assert!(writer.last_position().await.is_err());
    let mut reader = EvtReader::from(&client, 40);
    let error = soon(reader.next()).await.unwrap_err();
    assert!(matches!(error, ReaderError::NoStream) && error.retry_helps());

    let streams = messaging::Streams::new(&client, messaging::StreamSettings::default());
    assert_eq!(streams.ensure_evt(50).await.unwrap(), []);
    assert_eq!(streams.ensure_evt(1).await.unwrap(), [], "its beginning may differ");
    assert_eq!(writer.last_position().await.unwrap(), 49);
    writer.publish(&events(50..=60)).await.unwrap();

    let Err(ReaderError::Hole { expected, found }) = soon(reader.next()).await else {
        panic!("no hole")
    };
    assert_eq!((expected, found), (40, 50));
    reader.seek(found);
    assert_eq!(read(&mut reader, 11).await, (50..=60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_after_the_server_restarts() {
    let (nats, client, _streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=10)).await.unwrap();
    let mut reader = EvtReader::from(&client, 1);
    assert_eq!(read(&mut reader, 10).await.len(), 10);
    nats.server.restart().await.unwrap();
    let next = until(|| async { writer.last_position().await.ok() }).await + 1;
    until(|| async { writer.publish(&events(next..=20)).await.ok() }).await;
    assert_eq!(read_patiently(&mut reader, 10).await, (11..=20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_a_crash_took_is_written_again_and_not_read_twice() {
    let (nats, client, _streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=3000)).await.unwrap();
    let mut reader = EvtReader::from(&client, 1);
    assert_eq!(read(&mut reader, 3000).await.len(), 3000);
    nats.server.kill().await.unwrap();
    nats.server.restart().await.unwrap();
    let next = until(|| async { writer.last_position().await.ok() }).await + 1;
    assert!(next <= 3001);
    until(|| async { writer.publish(&events(next..=3100)).await.ok() }).await;
    assert_eq!(read_patiently(&mut reader, 100).await, (3001..=3100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_after_the_stream_was_made_anew() {
    let (_nats, client, streams) = nats_with_streams().await;
    let writer = EvtWriter::new(&client);
    writer.publish(&events(1..=10)).await.unwrap();
    let mut reader = EvtReader::from(&client, 1);
    assert_eq!(read(&mut reader, 10).await.len(), 10);

    streams.delete_evt().await.unwrap();
    let error = soon(reader.next()).await.unwrap_err();
    assert!(matches!(error, ReaderError::NoStream), "{error}");
    streams.ensure_evt(1).await.unwrap();
    // The relay is still refilling: what was read already is not read again.
    writer.publish(&events(1..=5)).await.unwrap();
    let quiet = reader.next_batch(10, Duration::from_millis(300)).await;
    assert!(quiet.unwrap().is_empty());
    writer.publish(&events(6..=12)).await.unwrap();
    assert_eq!(read_patiently(&mut reader, 2).await, [11, 12]);
}
