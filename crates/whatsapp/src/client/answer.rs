//! The answer to a send call.

use std::time::Duration;

use domain::ids::Wamid;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::failure::SendFailure;

/// The message id, or what the lack of one means.
pub(super) async fn read(response: Response) -> Result<Wamid, SendFailure> {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    // A body that breaks off says nothing more than its status does.
    let body = response.bytes().await.unwrap_or_default();
    if status.is_success() {
        accepted(&body).ok_or_else(SendFailure::unreadable_success)
    } else {
        let code = serde_json::from_slice::<Refusal>(&body).ok().map(|refusal| refusal.error.code);
        Err(SendFailure::answered(status.as_u16(), code, retry_after))
    }
}

#[derive(Deserialize)]
struct Acceptance {
    messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
struct AcceptedMessage {
    id: Wamid,
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    code: i64,
}

fn accepted(body: &[u8]) -> Option<Wamid> {
    let acceptance: Acceptance = serde_json::from_slice(body).ok()?;
    acceptance.messages.into_iter().next().map(|message| message.id)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
