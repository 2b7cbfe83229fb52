//! `POST /api/v1/companies/{company}/client-profiles`: an operator enters a client that the company
//! knows already.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::identity::Identifier;
use domain::ids::{ExternalCompanyId, ProfileId, UserId};
use domain::input::{KnownClient, OperatorRequest};
use domain::{Language, Personal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, Pending};
use crate::ApiState;
use crate::params::{InCompany, JsonBody, Params};
use crate::problem::Problem;

/// A client to enter.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClientProfile {
    /// What leads to the client; at least one.
    #[schema(value_type = Vec<IdentifierBody>, min_items = 1)]
    identifiers: Vec<Personal<Identifier>>,
    /// The client's name. Personal data.
    #[schema(value_type = Option<String>)]
    name: Option<Personal<String>>,
    /// The language that the client reads, if it is not its country's: one that the company has texts
    /// in.
    #[schema(value_type = Option<String>, example = "pt_BR")]
    language: Option<Language>,
    /// Only users assigned to this external company may see the profile.
    #[schema(value_type = Option<String>)]
    external_company: Option<ExternalCompanyId>,
    /// Users who look after the client.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    users: Vec<UserId>,
}

/// One thing that leads to a client.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes domain::identity::Identifier, is never made")]
pub struct IdentifierBody {
    /// `bsuid`, `wa_id` or `phone`.
    kind: String,
    /// The identifier; a phone number in international format. Personal data.
    #[schema(example = "+491511234567")]
    value: String,
}

/// A profile that was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredClientProfile {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Position of the last event that the command led to: a read model at it shows the profile.
    pub position: Option<u64>,
    /// The version of the client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Enters a client that the company knows already. The same key gets the same answer, however
/// often it is asked; a key belongs to one command, so another command needs another key.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles",
    tag = "commands",
    params(InCompany, CommandHeaders),
    request_body = NewClientProfile,
    responses(
        (status = 201, description = "Entered, now or before", body = RegisteredClientProfile),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`", body = Problem),
        (status = 409, description = "`phone-taken`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `no-identifier`, `unknown-user`, `unknown-external-company`, `unknown-language`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(InCompany { company }): Params<InCompany>,
    asked: Asked,
    JsonBody(body): JsonBody<NewClientProfile>,
) -> Result<Response, Problem> {
    let NewClientProfile { identifiers, name, language, external_company, users } = body;
    let client = KnownClient { identifiers, name, language, external_company, users };
    let request = OperatorRequest::RegisterClientProfile(client);
    asked.ask::<RegisteredClientProfile>(&state, company, request, StatusCode::CREATED).await
}
