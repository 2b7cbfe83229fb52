//! What became of the messages that we asked WhatsApp to send.

use domain::Personal;
use domain::identity::Recipient;
use domain::ids::{CompanyId, MessageId, PhoneNumberId, RequestId, RoomId, Wamid};
use domain::input::Timestamp;
use domain::outbound::{Content, ErrorClass, Purpose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;

use super::{MessageState, QueryError, failed};

/// A message of ours and how far it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutboundMessageRow {
    /// The message.
    pub message_id: MessageId,
    /// The request that it belongs to.
    pub request_id: RequestId,
    /// Its company.
    pub company: CompanyId,
    /// Why it is sent.
    pub purpose: Purpose,
    /// The company's number that sends it.
    pub from_number: PhoneNumberId,
    /// Who gets it.
    pub recipient: Personal<Recipient>,
    /// What it says.
    pub content: Content,
    /// The room that it belongs to, if any.
    pub room_id: Option<RoomId>,
    /// After this moment it must not be sent any more.
    pub expires_at: Timestamp,
    /// How far it got.
    pub state: MessageState,
    /// How often the sender tried.
    pub attempts: u32,
    /// WhatsApp's id of it.
    pub wamid: Option<Personal<Wamid>>,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// When the sender last tried.
    pub attempted_at: Option<Timestamp>,
    /// When WhatsApp took it.
    pub accepted_at: Option<Timestamp>,
    /// When it left WhatsApp's servers, by WhatsApp's clock.
    pub sent_at: Option<Timestamp>,
    /// When it reached the client's device, by WhatsApp's clock.
    pub delivered_at: Option<Timestamp>,
    /// When the client saw it, by WhatsApp's clock.
    pub read_at: Option<Timestamp>,
    /// When it was given up, or WhatsApp told that it will not arrive.
    pub failed_at: Option<Timestamp>,
    /// WhatsApp's `error.code`; 0 where there was no answer.
    pub error_code: Option<i64>,
    /// What the code asks for.
    pub error_class: Option<ErrorClass>,
    /// Whether WhatsApp definitely refused the message.
    pub error_definite: Option<bool>,
    /// WhatsApp's title of the code.
    pub error_title: Option<String>,
    /// Position of the event that changed it last.
    pub position: u64,
}

/// The messages that a request led to, in order.
///
/// # Errors
/// If the database fails.
pub async fn outbound_messages(
    pool: &PgPool,
    company: &CompanyId,
    request_id: RequestId,
) -> Result<Vec<OutboundMessageRow>, QueryError> {
    let rows: Vec<Json<OutboundMessageRow>> = sqlx::query_scalar(
        "SELECT to_jsonb(m) FROM rm_outbound_messages m WHERE request_id = $1 AND company = $2
         ORDER BY requested_at, message_id",
    )
    .bind(request_id.as_uuid())
    .bind(company.as_str())
    .fetch_all(pool)
    .await
    .map_err(failed("outbound messages"))?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
}
