//! WhatsApp's webhook: check the signature, split the post, publish, answer 200.
//!
//! **Invariants:** 200 only after NATS has acknowledged everything. No Postgres. One bad item
//! never costs the others.
//!
//! What becomes of a post's parts:
//!
//! | part | goes to |
//! |---|---|
//! | the raw bytes | `INBOX`, as evidence, whenever the answer is 200 |
//! | a message or status of a known number | its company's lane |
//! | an item that can't be read | `DLQ`, code `bad-item` |
//! | a message or status of a number that no company has, or another app's | `DLQ`, code `unknown-number`, as it was read: [`messaging::stray`] |
//! | an update of another kind (`account_update`, …) | nowhere else: nothing asks for it, the evidence keeps it, a metric counts it |
//! | a post that is no JSON object | `DLQ`, code `malformed-post` |

mod apps;
pub(crate) mod handshake;
mod parking;
pub(crate) mod post;
mod split;
mod taking;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::ids::AppId;
use messaging::dlq::DlqPublisher;
use messaging::inbox::InboxPublisher;
use messaging::numbers::NumbersWatch;

pub use apps::{App, Secret};
pub use taking::PostMemory;

use crate::ClockFn;

/// Bytes of a post that are taken at most: WhatsApp's limit.
pub const MAX_POST: usize = 3 * 1024 * 1024;

/// What the gateway works with.
#[derive(Clone)]
pub struct GatewayState {
    /// The apps whose webhooks it takes.
    pub apps: Arc<HashMap<AppId, App>>,
    /// Whose number is whose.
    pub numbers: Arc<NumbersWatch>,
    /// Takes posts and updates.
    pub inbox: InboxPublisher,
    /// Takes what can't be decided.
    pub dlq: DlqPublisher,
    /// The clock.
    pub clock: ClockFn,
    /// Where posts are while they are taken in.
    pub memory: PostMemory,
}

/// `GET` and `POST /webhooks/whatsapp/{app}`.
pub fn router(state: GatewayState) -> Router {
    Router::new()
        .route("/webhooks/whatsapp/{app}", get(handshake::handshake).post(post::receive))
        .with_state(state)
}
