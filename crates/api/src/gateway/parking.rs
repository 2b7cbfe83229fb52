//! Publishing a post's parts, and parking those that no lane takes.

use bytes::Bytes;
use domain::ids::AppId;
use futures::{StreamExt, TryStreamExt, stream};
use messaging::PublishFailure;
use messaging::dlq::Parking;
use messaging::inbox::{InboxBody, InboxMessage, PublishError};
use messaging::subject::{Subject, Token};
use serde_json::json;

use super::GatewayState;

/// Items of one post on their way into `DLQ` at a time.
const AT_A_TIME: usize = 64;

/// A part of a post that no lane takes. Not `Debug`: it holds personal data.
pub(super) struct Parked {
    pub(super) code: &'static str,
    pub(super) reason: String,
    pub(super) payload: Bytes,
}

/// Publishes all of it, pipelined, and gives what NATS will never take.
pub(super) async fn publish(
    state: &GatewayState,
    bodies: Vec<InboxBody>,
    traceparent: &str,
) -> Result<Vec<Parked>, PublishError> {
    let source = source()?;
    let message = |body: &InboxBody| InboxMessage {
        body: body.clone(),
        source: source.clone(),
        traceparent: Some(traceparent.to_owned()),
    };
    match state.inbox.publish(bodies.iter().map(message).collect()).await {
        Ok(()) => return Ok(vec![]),
        Err(error) if !is_unfit(&error) => return Err(error),
        Err(_) => {}
    }
    // Some item is too large for NATS, and the publisher sent nothing: one by one.
    let mut unfit = vec![];
    for body in &bodies {
        match state.inbox.publish(vec![message(body)]).await {
            Ok(()) => {}
            Err(error) if is_unfit(&error) && !matches!(body, InboxBody::RawPost { .. }) => {
                unfit.push(Parked {
                    code: "bad-item",
                    reason: error.kind.to_string(),
                    payload: json_of(body),
                });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(unfit)
}

/// Parks items below the app's raw posts, which is where they came from.
pub(super) async fn park_all(
    state: &GatewayState,
    app: &AppId,
    post_sha256: &str,
    traceparent: &str,
    parked: Vec<Parked>,
) -> Result<(), PublishError> {
    let subject = Subject::RawPost { app: app.clone() }.to_string();
    let parking = |item: Parked| Parking {
        subject: subject.clone(),
        payload: item.payload,
        code: item.code.to_owned(),
        reason: format!("{} (post {post_sha256})", item.reason),
        // Not from INBOX: only evidence of it is there.
        inbox_sequence: 0,
        traceparent: Some(traceparent.to_owned()),
    };
    stream::iter(parked)
        .map(|item| park(state, post_sha256, parking(item)))
        .buffer_unordered(AT_A_TIME)
        .try_collect::<()>()
        .await
}

/// An item that is larger than NATS takes is parked as a pointer to the evidence.
async fn park(
    state: &GatewayState,
    post_sha256: &str,
    parking: Parking,
) -> Result<(), PublishError> {
    let (bytes, code) = (parking.payload.len(), parking.code.clone());
    match state.dlq.park(parking.clone()).await {
        Err(error) if is_unfit(&error) => {
            let pointer = json!({ "post_sha256": post_sha256, "bytes": bytes });
            let payload = Bytes::from(pointer.to_string());
            state.dlq.park(Parking { payload, ..parking }).await?;
        }
        done => done?,
    }
    metrics::counter!("onboarding_parked_total", "code" => code).increment(1);
    Ok(())
}

const fn is_unfit(error: &PublishError) -> bool {
    matches!(error.kind, PublishFailure::TooLarge | PublishFailure::Unfit(_))
}

fn json_of(body: &InboxBody) -> Bytes {
    let json = match body {
        InboxBody::Message { message, .. } => serde_json::to_vec(message),
        InboxBody::Status { status, .. } => serde_json::to_vec(status),
        InboxBody::RawPost { .. }
        | InboxBody::Receipt { .. }
        | InboxBody::Command { .. }
        | InboxBody::Again { .. } => Ok(vec![]),
    };
    json.unwrap_or_default().into()
}

fn source() -> Result<Token, PublishError> {
    let unfit = |_| PublishError { kind: PublishFailure::Unfit("the source is no token".into()) };
    "gateway".parse().map_err(unfit)
}
