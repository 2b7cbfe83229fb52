//! Evidence and parked inputs: kept once, however often they come.

use domain::ids::AppId;
use eventstore::{Arrival, EventStore, NewParkedInput, Piece};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::*;

async fn store_in_pieces(store: &EventStore, post: &[u8], size: usize) {
    let (hash, app) = (hex::encode(Sha256::digest(post)), app());
    let pieces = post.chunks(size).count() as u32;
    for (n, bytes) in post.chunks(size).enumerate() {
        let piece = Piece { post_sha256: &hash, app: &app, piece: n as u32, pieces, bytes };
        store.store_piece(piece).await.unwrap();
    }
}

fn app() -> AppId {
    "main".parse().unwrap()
}

#[tokio::test]
async fn a_post_is_put_together_once_all_its_pieces_are_there() {
    let store = store().await;
    let post = b"0123456789".repeat(3);
    let hash = hex::encode(Sha256::digest(&post));
    assert_eq!(store.evidence(&hash).await.unwrap(), None);
    let first = Piece { post_sha256: &hash, app: &app(), piece: 0, pieces: 4, bytes: &post[..8] };
    store.store_piece(first).await.unwrap();
    assert_eq!(store.evidence(&hash).await.unwrap(), None);
    // A second arrival is cut differently; a third like the first.
    store_in_pieces(&store, &post, 13).await;
    assert_eq!(store.evidence(&hash).await.unwrap(), Some(post.clone()));
    store_in_pieces(&store, &post, 8).await;
    store_in_pieces(&store, &post, 8).await;
    assert_eq!(store.evidence(&hash).await.unwrap(), Some(post));
}

#[tokio::test]
async fn evidence_that_was_changed_is_not_handed_out() {
    let store = store().await;
    store_in_pieces(&store, b"a post", 10).await;
    sqlx::raw_sql("UPDATE evidence_pieces SET bytes = 'another'")
        .execute(store.pool())
        .await
        .unwrap();
    let error = store.evidence(&hex::encode(Sha256::digest(b"a post"))).await.unwrap_err();
    assert!(error.to_string().contains("corrupt"), "{error}");
}

#[tokio::test]
async fn every_arrival_is_kept_once() {
    let store = store().await;
    let hash = hex::encode(Sha256::digest(b"a post"));
    let arrival = |sequence, seconds| Arrival {
        post_sha256: hash.clone(),
        app: app(),
        received_at: at(seconds),
        inbox_sequence: sequence,
        headers: Some(json!({"user-agent": "x"})),
    };
    // The last one: INBOX was lost and counts from 1 again.
    let all = [arrival(1, 0), arrival(2, 1), arrival(1, 500)];
    for arrival in all.iter().chain(&all) {
        store.store_arrival(arrival).await.unwrap();
    }
    assert_eq!(store.arrivals(&hash).await.unwrap(), all);
}

#[tokio::test]
async fn an_input_is_parked_once_with_its_first_reason() {
    let store = store().await;
    let input = |sequence, reason: &str| NewParkedInput {
        inbox_sequence: sequence,
        company: Some(company("acme")),
        subject: "wa.in.v1.acme.100".to_owned(),
        code: "unreadable".to_owned(),
        reason: reason.to_owned(),
        payload: b"{".to_vec(),
        parked_at: at(0),
        traceparent: None,
    };
    for (sequence, reason) in [(1, "first"), (1, "second"), (2, "another")] {
        store.park(&input(sequence, reason)).await.unwrap();
    }
    let parked = store.parked(10).await.unwrap();
    let reasons: Vec<_> =
        parked.iter().map(|p| (p.input.inbox_sequence, p.input.reason.as_str())).collect();
    assert_eq!(reasons, [(2, "another"), (1, "first")]);
    assert_eq!(parked[1].input.payload, b"{");
}
