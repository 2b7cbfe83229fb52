use bytes::Bytes;
use messaging::dlq::{DlqPublisher, ParkedConsumer, Parking};

use crate::support::{nats_with_streams, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_input_keeps_its_bytes_and_its_reason() {
    let (_nats, client, _streams) = nats_with_streams().await;
    let parking = Parking {
        subject: "wa.in.v1.acme.1".into(),
        payload: Bytes::from_static(b"\xffnot json"),
        code: "malformed-input".into(),
        reason: "from: two\r\nlines".into(),
        inbox_sequence: 17,
        traceparent: None,
    };
    DlqPublisher::new(&client).park(parking.clone()).await.unwrap();
    let mut consumer = ParkedConsumer::open(&client).await.unwrap();
    let parked = soon(consumer.next()).await;
    assert_eq!(parked.subject, parking.subject);
    assert_eq!(parked.payload, parking.payload);
    assert_eq!(parked.code, parking.code);
    assert_eq!(parked.reason, "from: two  lines");
    assert_eq!(parked.inbox_sequence, Some(17));
    parked.handle.settle().await.unwrap();
}
