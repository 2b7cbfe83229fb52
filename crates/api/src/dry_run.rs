//! `POST /api/v1/companies/{company}/dry-run`: what a message would lead to now, and why. The same
//! is asked as `qry.onboarding.v1.dry-run`; whoever has the event store answers, and nothing is
//! recorded.

use axum::Json;
use axum::extract::State;
use domain::Personal;
use domain::flow::{Decision, Facts};
use domain::identity::Sender;
use domain::ids::{CompanyId, PhoneNumberId, ProfileId, RoomId};
use domain::outbound::OutboundMessage;
use domain::request::Outcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::params::{InCompany, JsonBody, Params};
use crate::problem::Problem;
pub use crate::schema::DryRunAnswer;

/// The query's name: the last token of its subject.
pub const NAME: &str = "dry-run";

/// A message that nobody sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunMessage {
    /// Who would write it: at least one of `bsuid`, `wa_id` and `phone`. Personal data.
    #[schema(value_type = Object, example = json!({ "phone": "+447700900123" }))]
    pub client: Sender,
    /// The number that would be written to.
    #[schema(value_type = String, example = "100100")]
    pub phone_number_id: PhoneNumberId,
    /// Its words; none for a voice message, a sticker, ….
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "#michael")]
    pub text: Option<Personal<String>>,
}

/// The question over NATS: the same with the company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRunQuery {
    /// The company.
    pub company: CompanyId,
    /// Who would write: at least one of `bsuid`, `wa_id` and `phone`.
    pub client: Sender,
    /// The number that would be written to.
    pub phone_number_id: PhoneNumberId,
    /// Its words; none for a voice message, a sticker, ….
    #[serde(default)]
    pub text: Option<Personal<String>>,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DryRun {
    /// The message would make a request.
    Request {
        /// What would be decided, with every candidate and the reason why it is taken or not. Where
        /// it draws by lot, the real message draws again; ids that it makes are placeholders.
        decision: Box<Decision>,
        /// How the request would end at once, if it would.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
        /// What would be sent at once, as it would be sent.
        messages: Vec<OutboundMessage>,
        /// What it would be decided on.
        facts: Box<Facts>,
    },
    /// The message belongs to a room that the client has on this number.
    IntoRoom {
        /// The room's profile.
        profile_id: ProfileId,
        /// The room.
        room_id: RoomId,
        /// Whether the room becomes active by it.
        activates: bool,
    },
}

/// What a message would lead to if it came now: decided as it would be, and recorded nowhere.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/dry-run",
    tag = "queries",
    params(InCompany),
    request_body = DryRunMessage,
    responses(
        (status = 200, description = "What would happen, and why. Personal data", body = DryRunAnswer),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-number`", body = Problem),
        (status = 409, description = "`rejected`: the message would be parked", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(InCompany { company }): Params<InCompany>,
    JsonBody(message): JsonBody<DryRunMessage>,
) -> Result<Json<DryRunAnswer>, Problem> {
    let DryRunMessage { client, phone_number_id, text } = message;
    let question = DryRunQuery { company, client, phone_number_id, text };
    let answer = crate::ask::ask(&state.client, NAME, &question).await?;
    Ok(Json(DryRunAnswer(answer)))
}
