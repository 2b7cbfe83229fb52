use messaging::numbers::{NumberMap, Numbers, Reconciled};

use crate::support::{Nats, soon};

fn map(numbers: &[(&str, &str, &str)]) -> NumberMap {
    numbers
        .iter()
        .map(|(number, company, pool)| {
            let entry = serde_json::json!({ "company": company, "pool": pool });
            (number.parse().unwrap(), serde_json::from_value(entry).unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_sees_numbers_come_change_and_go() {
    let nats = Nats::start().await;
    let numbers = Numbers::new(&nats.client().await, 1);
    let mut watch = numbers.watch().await.unwrap();
    assert!(watch.current().is_empty());

    let one = map(&[("1", "acme", "main"), ("2", "acme", "main"), ("3", "other", "x")]);
    let done = numbers.put_all(&one).await.unwrap();
    assert_eq!((done.written, done.deleted), (3, 0));
    assert_eq!(
        *soon(watch.changed()).await,
        one,
        "half a map would make strangers of known numbers"
    );
    assert_eq!(numbers.put_all(&one).await.unwrap(), Reconciled::default());

    let two = map(&[("1", "acme", "main"), ("2", "other", "main"), ("4", "acme", "x")]);
    let done = numbers.put_all(&two).await.unwrap();
    assert_eq!((done.written, done.deleted), (2, 1));
    while *soon(watch.changed()).await != two {}

    let later = numbers.watch().await.unwrap();
    assert_eq!(*later.current(), two);
    nats.server.stop().await.unwrap();
    assert_eq!(*later.current(), two, "the last known map stays");
}
