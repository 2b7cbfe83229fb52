use std::time::Duration;

use async_nats::jetstream;
use messaging::{ConnectError, ConnectSettings, Security, StreamSettings, Streams, connect};

use crate::support::{Nats, nats_with_streams};

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_made_once_and_found_as_they_should_be() {
    let (_nats, client, streams) = nats_with_streams().await;
    assert_eq!(streams.ensure_inbox().await.unwrap(), []);
    assert_eq!(streams.ensure_evt(1).await.unwrap(), []);
    assert_eq!(streams.differences().await.unwrap(), []);
    let usage = streams.usage().await.unwrap();
    assert_eq!(usage[0].max_bytes, Some(2 << 30));
    let js = jetstream::new(client);
    let evt = js.get_stream("EVT").await.unwrap();
    let mode = evt.cached_info().config.persist_mode;
    assert_eq!(mode, Some(jetstream::stream::PersistenceMode::Async));
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_reported_field_by_field_and_left_alone() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let js = jetstream::new(client.clone());
    js.create_stream(jetstream::stream::Config {
        name: "INBOX".into(),
        subjects: vec!["wa.in.v1.>".into()],
        max_age: Duration::from_secs(60),
        ..Default::default()
    })
    .await
    .unwrap();
    let streams = Streams::new(&client, StreamSettings::default());
    let found = streams.ensure_inbox().await.unwrap();
    let fields: Vec<&str> = found.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "allow_atomic",
            "allow_direct",
            "discard",
            "duplicate_window",
            "max_age",
            "max_bytes",
            "subjects"
        ]
    );
    assert_eq!(found[4].to_string(), "INBOX: max_age is 60000000000, expected 1209600000000000");
    assert_eq!(streams.ensure_inbox().await.unwrap(), found);
    let missing = streams.differences().await.unwrap();
    assert_eq!(missing.last().unwrap().to_string(), "DLQ: stream is missing, expected present");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_an_error_after_the_patience_is_over() {
    let settings = ConnectSettings {
        url: "nats://user:secret@127.0.0.1:1".into(),
        name: "test".into(),
        patience: Duration::from_millis(300),
        security: Security::default(),
    };
    let error = connect(&settings).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(..)) && error.retry_helps());
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let settings = ConnectSettings { url: "http://127.0.0.1:1".into(), ..settings };
    assert!(matches!(connect(&settings).await, Err(ConnectError::Url(_))));
}
