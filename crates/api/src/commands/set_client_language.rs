//! `POST /api/v1/companies/{company}/client-profiles/{profile_id}/language`: an operator says in which
//! language a client is written to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::Language;
use domain::ids::ProfileId;
use domain::input::OperatorRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asked, CommandHeaders, Pending, ProfileInCompany};
use crate::ApiState;
use crate::params::{JsonBody, Params};
use crate::problem::Problem;

/// A language that a client reads.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientLanguage {
    /// As WhatsApp writes it; one that the company has texts in. `null`: that of the client's country.
    /// Never left out.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, required = true, example = "pt_BR")]
    language: Option<Language>,
}

/// A profile whose client is written to in a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientLanguageSet {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Position of the last event that the command led to; none if it was so before.
    pub position: Option<u64>,
    /// The version of the client profile then, for `If-Match`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Has a profile's client written to in this language from its next message on, whatever country it is
/// from. The same key gets the same answer, however often it is asked.
#[utoipa::path(
    post,
    path = "/api/v1/companies/{company}/client-profiles/{profile_id}/language",
    tag = "commands",
    params(ProfileInCompany, CommandHeaders),
    request_body = ClientLanguage,
    responses(
        (status = 200, description = "Set, now or before", body = ClientLanguageSet),
        (status = 202, description = "Stored and not decided yet: ask again with the same key", body = Pending),
        (status = 400, description = "`bad-parameter`, `not-json`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-client-profile`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 64 KB", body = Problem),
        (status = 415, description = "`not-json`", body = Problem),
        (status = 422, description = "Refused: `unknown-language`", body = Problem),
        (status = 503, description = "`unavailable`: ask again with the same key", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(ProfileInCompany { company, profile_id }): Params<ProfileInCompany>,
    asked: Asked,
    JsonBody(ClientLanguage { language }): JsonBody<ClientLanguage>,
) -> Result<Response, Problem> {
    let request = OperatorRequest::SetClientLanguage { profile_id, language };
    asked.ask::<ClientLanguageSet>(&state, company, request, StatusCode::OK).await
}
