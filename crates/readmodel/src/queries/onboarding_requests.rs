//! Onboarding requests.

use domain::Personal;
use domain::ids::{ClientId, CompanyId, PhoneNumberId, RequestId, RoomId, UserId};
use domain::input::Timestamp;
use domain::request::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgPool, QueryBuilder};

use super::cursor::Cursor;
use super::outbound_messages::{OutboundMessageRow, outbound_messages};
use super::page::{List, Page, Paging, Place, equals, is};
use super::{QueryError, failed};

/// A client's message that asked for something, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnboardingRequest {
    /// The request.
    pub request_id: RequestId,
    /// Its company.
    pub company: CompanyId,
    /// The number that the client wrote to: a primary, or a secondary without a room.
    pub number: PhoneNumberId,
    /// Who asked.
    pub client_id: ClientId,
    /// `text`, `image`, …, as WhatsApp names it.
    pub message_kind: String,
    /// When the client sent the message, by WhatsApp's clock.
    pub sent_at: Timestamp,
    /// When we first took it in.
    pub received_at: Timestamp,
    /// What was made of it: the kind of the decision (`open_room`, `remind`, …).
    pub decision: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The directory version that it was decided with.
    pub directory_version: Option<u64>,
    /// The user who was asked for, if found.
    pub user_id: Option<UserId>,
    /// The room that it is about, if any.
    pub room_id: Option<RoomId>,
    /// How it ended; none while it is under way.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub outcome_at: Option<Timestamp>,
    /// How many messages it led to.
    pub messages: u32,
    /// Of a prospect: the request that its promotion made, of several the last. None while nobody
    /// has promoted it.
    pub promoted_by: Option<RequestId>,
    /// Position of the event that changed it last.
    pub position: u64,
}

/// One request with what was written. Holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnboardingRequestDetail {
    /// What lists show of it.
    #[serde(flatten)]
    pub request: OnboardingRequest,
    /// The words of the client's message.
    pub message_text: Option<Personal<String>>,
    /// The messages that it led to, in order. They are a view of their own, which may be
    /// some events ahead or behind.
    #[serde(default)]
    pub outbound: Vec<OutboundMessageRow>,
}

/// Whether a request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// It has no outcome yet.
    UnderWay,
    /// It has.
    Ended,
}

/// Which requests. What is left out does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnboardingRequestFilter {
    /// Whose.
    pub company: CompanyId,
    /// Under way, or ended.
    pub status: Option<RequestStatus>,
    /// Ended in this way.
    pub outcome: Option<Outcome>,
    /// Prospects only: those that were promoted, or those that were not.
    pub promoted: Option<bool>,
    /// About this user.
    pub user: Option<UserId>,
    /// By this client.
    pub client: Option<ClientId>,
    /// Received at this moment or later.
    pub from: Option<Timestamp>,
    /// Received before this moment.
    pub to: Option<Timestamp>,
}

impl OnboardingRequestFilter {
    /// All requests of a company.
    pub const fn of(company: CompanyId) -> Self {
        Self {
            company,
            status: None,
            outcome: None,
            promoted: None,
            user: None,
            client: None,
            from: None,
            to: None,
        }
    }
}

const LIST: List = List { name: "onboarding requests", time: "received_at", id: "request_id" };

impl Place for OnboardingRequest {
    fn place(&self) -> Cursor {
        Cursor { at: self.received_at, id: self.request_id.as_uuid() }
    }
}

/// A page of a company's requests, the one received last first.
///
/// # Errors
/// See [`QueryError`].
pub async fn onboarding_requests(
    pool: &PgPool,
    filter: &OnboardingRequestFilter,
    paging: &Paging,
) -> Result<Page<OnboardingRequest>, QueryError> {
    let mut sql = QueryBuilder::new(
        "SELECT to_jsonb(r) - 'message_text' FROM rm_onboarding_requests r WHERE company = ",
    );
    sql.push_bind(filter.company.as_str());
    match filter.status {
        Some(RequestStatus::UnderWay) => _ = sql.push(" AND outcome IS NULL"),
        Some(RequestStatus::Ended) => _ = sql.push(" AND outcome IS NOT NULL"),
        None => {}
    }
    equals(&mut sql, "outcome", filter.outcome.map(Outcome::as_str));
    if let Some(promoted) = filter.promoted {
        equals(&mut sql, "outcome", Some(Outcome::ProspectRecorded.as_str()));
        sql.push(" AND promoted_by IS ").push(if promoted { "NOT NULL" } else { "NULL" });
    }
    equals(&mut sql, "user_id", filter.user.clone());
    is(&mut sql, "client_id", filter.client.map(|id| id.as_uuid()));
    LIST.span(&mut sql, filter.from, filter.to);
    LIST.page(pool, sql, paging).await
}

/// One request of a company with what was written, or `None` if it has no such request.
///
/// # Errors
/// If the database fails.
pub async fn onboarding_request(
    pool: &PgPool,
    company: &CompanyId,
    request_id: RequestId,
) -> Result<Option<OnboardingRequestDetail>, QueryError> {
    let row: Option<Json<OnboardingRequestDetail>> = sqlx::query_scalar(
        "SELECT to_jsonb(r) FROM rm_onboarding_requests r WHERE company = $1 AND request_id = $2",
    )
    .bind(company.as_str())
    .bind(request_id.as_uuid())
    .fetch_optional(pool)
    .await
    .map_err(failed("an onboarding request"))?;
    let Some(Json(mut detail)) = row else { return Ok(None) };
    detail.outbound = outbound_messages(pool, company, request_id).await?;
    Ok(Some(detail))
}
