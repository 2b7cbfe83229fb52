//! Keeps the bytes of every post, and a row for every parked input. Never under
//! the append lock.

use std::time::Duration;

use domain::ids::CompanyId;
use engine::Clock;
use eventstore::{Arrival, EventStore, NewParkedInput, Piece, StoreError};
use messaging::Client;
use messaging::dlq::{ParkedConsumer, Parking};
use messaging::inbox::{EvidenceConsumer, RawPiece};
use messaging::subject::Subject;
use tokio_util::sync::CancellationToken;

use super::parking::ParkingLot;
use super::pause;

/// Pause before something that could not be stored is delivered again.
const PAUSE: Duration = Duration::from_secs(2);

/// Stores the pieces of posts until `cancel`.
pub async fn run(store: EventStore, client: Client, cancel: CancellationToken) {
    let parking = ParkingLot::new(&client);
    while !cancel.is_cancelled() {
        let mut posts = match EvidenceConsumer::open(&client).await {
            Ok(posts) => posts,
            Err(error) => {
                tracing::warn!(%error, "posts can't be read; trying again");
                pause(&cancel, PAUSE).await;
                continue;
            }
        };
        while let Some(next) = cancel.run_until_cancelled(posts.next()).await {
            let (handle, stored) = match next {
                Ok(piece) => {
                    let stored = keep(&store, &piece).await.map_err(|error| error.to_string());
                    (piece.handle, stored)
                }
                Err(bad) => {
                    let parked = parking.park(Parking {
                        subject: bad.subject,
                        payload: bad.payload,
                        code: "bad-piece".into(),
                        reason: bad.reason.into(),
                        inbox_sequence: bad.stream_sequence,
                        traceparent: None,
                    });
                    (bad.handle, parked.await.map_err(|error| error.to_string()))
                }
            };
            settle(handle, stored).await;
        }
    }
}

async fn keep(store: &EventStore, piece: &RawPiece) -> Result<(), StoreError> {
    store
        .store_piece(Piece {
            post_sha256: &piece.post_sha256,
            app: &piece.app,
            piece: piece.piece,
            pieces: piece.pieces,
            bytes: &piece.bytes,
        })
        .await?;
    if piece.piece > 0 {
        return Ok(());
    }
    store
        .store_arrival(&Arrival {
            post_sha256: piece.post_sha256.clone(),
            app: piece.app.clone(),
            received_at: piece.received_at,
            inbox_sequence: piece.stream_sequence,
            headers: None,
        })
        .await
}

/// Writes a row for each parked input until `cancel`.
pub async fn run_parked(
    store: EventStore,
    client: Client,
    clock: Clock,
    cancel: CancellationToken,
) {
    while !cancel.is_cancelled() {
        let mut parked = match ParkedConsumer::open(&client).await {
            Ok(parked) => parked,
            Err(error) => {
                tracing::warn!(%error, "parked inputs can't be read; trying again");
                pause(&cancel, PAUSE).await;
                continue;
            }
        };
        while let Some(input) = cancel.run_until_cancelled(parked.next()).await {
            let row = NewParkedInput {
                inbox_sequence: input.inbox_sequence.unwrap_or(0),
                company: company_of(&input.subject),
                subject: input.subject,
                code: input.code,
                reason: input.reason,
                payload: input.payload.to_vec(),
                parked_at: clock.now(),
                traceparent: input.traceparent,
            };
            let stored = store.park(&row);
            settle(input.handle, stored.await.map_err(|error| error.to_string())).await;
        }
    }
}

async fn settle<T>(handle: messaging::Handle, stored: Result<T, String>) {
    let told = match stored {
        Ok(_) => handle.settle().await,
        Err(problem) => {
            tracing::warn!(problem, "something to keep could not be stored; trying again");
            handle.retry_after(PAUSE).await
        }
    };
    if let Err(error) = told {
        tracing::warn!(%error, "what is stored could not be settled; it comes again and is recognised");
    }
}

/// Whose lane an input was meant for, if its subject tells.
fn company_of(subject: &str) -> Option<CompanyId> {
    match subject.parse().ok()? {
        Subject::Message { company, .. }
        | Subject::Status { company, .. }
        | Subject::Command { company, .. } => Some(company),
        Subject::RawPost { .. }
        | Subject::Event { .. }
        | Subject::Parked { .. }
        | Subject::Query { .. } => None,
    }
}
