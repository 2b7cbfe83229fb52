//! From INBOX into the engine, and the engine's word back to INBOX.

use std::time::Duration;

use engine::{Settlement, Submission};
use messaging::dlq::Parking;
use messaging::inbox::{Delivery, InboxConsumer, purge_settled};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::parking::ParkingLot;
use super::pause;

/// How often INBOX is relieved of what all its consumers have settled.
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// Runs until `cancel`: every input is decided, or parked with its reason.
pub async fn run(
    client: messaging::Client,
    engine: mpsc::Sender<Submission>,
    cancel: CancellationToken,
) {
    let parking = ParkingLot::new(&client);
    let settling = TaskTracker::new();
    let purging = purge(client.clone(), cancel.clone());
    let taking = async {
        while !cancel.is_cancelled() {
            match InboxConsumer::open(&client).await {
                Ok(inbox) => take(inbox, &engine, &parking, &settling, &cancel).await,
                Err(error) => tracing::warn!(%error, "INBOX can't be read; trying again"),
            }
            pause(&cancel, Duration::from_secs(1)).await;
        }
    };
    tokio::join!(taking, purging);
    settling.close();
    settling.wait().await;
}

async fn take(
    mut inbox: InboxConsumer,
    engine: &mpsc::Sender<Submission>,
    parking: &ParkingLot,
    settling: &TaskTracker,
    cancel: &CancellationToken,
) {
    while let Some(Some(delivery)) = cancel.run_until_cancelled(inbox.next()).await {
        metrics::counter!("onboarding_inputs_total").increment(1);
        let largest = parking.largest_input();
        match &delivery.body {
            Ok(_) if delivery.payload.len() > largest => {
                let reason = format!("the body is larger than {largest} bytes");
                settling.spawn(park(delivery, parking.clone(), "too-large", reason));
            }
            Ok(input) => {
                let input = input.clone();
                let traceparent = delivery.traceparent.clone();
                let (settle, settled) = oneshot::channel();
                let submission = Submission { input, traceparent, settle };
                if engine.send(submission).await.is_err() {
                    break;
                }
                settling.spawn(settle_when_told(delivery, settled, parking.clone()));
            }
            Err(malformed) => {
                let reason = malformed.to_string();
                settling.spawn(park(delivery, parking.clone(), "malformed", reason));
            }
        }
    }
    inbox.close();
}

/// Settles a delivery as the engine says. If the engine says nothing, it is
/// stopping: the delivery comes again.
async fn settle_when_told(
    delivery: Delivery,
    settled: oneshot::Receiver<Settlement>,
    parking: ParkingLot,
) {
    let told = match settled.await {
        Ok(Settlement::Done { answer }) => {
            if let Some(answer) = answer
                && let Err(error) = delivery.handle.answer(answer.to_string().into()).await
            {
                tracing::warn!(%error, "an operator's answer could not be sent; asking again gives it");
            }
            delivery.handle.settle().await
        }
        Ok(Settlement::RetryAfter(delay)) => delivery.handle.retry_after(delay).await,
        Ok(Settlement::Park { code, reason }) => {
            return park(delivery, parking, code, reason).await;
        }
        Err(_) => return,
    };
    if let Err(error) = told {
        tracing::warn!(%error, "an input could not be settled; it comes again and is recognised");
    }
}

/// Parks an input, and settles it only once the parking is acknowledged.
async fn park(delivery: Delivery, parking: ParkingLot, code: &str, reason: String) {
    let Delivery { subject, payload, stream_sequence, traceparent, handle, .. } = delivery;
    let answer = serde_json::json!({ "status": "parked", "code": code, "detail": reason });
    let parked = Parking {
        subject,
        payload,
        code: code.to_owned(),
        reason,
        inbox_sequence: stream_sequence,
        traceparent,
    };
    let told = match parking.park(parked).await {
        Ok(()) => {
            if let Err(error) = handle.answer(answer.to_string().into()).await {
                tracing::warn!(%error, "an operator could not be told that a command is parked");
            }
            handle.settle().await
        }
        Err(error) => {
            tracing::warn!(%error, "an input could not be parked; trying again");
            handle.retry_after(Duration::from_secs(5)).await
        }
    };
    if let Err(error) = told {
        tracing::warn!(%error, "a parked input could not be settled; it comes again");
    }
}

async fn purge(client: messaging::Client, cancel: CancellationToken) {
    while pause(&cancel, PURGE_EVERY).await {
        if let Err(error) = purge_settled(&client).await {
            tracing::warn!(%error, "INBOX could not be relieved of what is settled; trying again");
        }
    }
}
