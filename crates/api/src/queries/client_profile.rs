//! `GET /api/v1/companies/{company}/client-profiles/{profile_id}`, and the query `client-profile`: what a
//! company's record of a client is now. From the log, not from a read model.

use axum::Json;
use axum::extract::State;
use domain::identity::Identifier;
use domain::ids::{CompanyId, ExternalCompanyId, ProfileId, RoomId, UserId};
use domain::{Language, Personal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::commands::register_client_profile::IdentifierBody;
use crate::params::Params;
use crate::problem::Problem;

/// The query's name: the last token of its subject.
pub const NAME: &str = "client-profile";

/// Which profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientProfileQuery {
    /// Whose.
    pub company: CompanyId,
    /// Which one.
    pub profile_id: ProfileId,
}

/// A company's record of a client. Holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientProfile {
    /// The profile.
    #[schema(value_type = uuid::Uuid)]
    pub profile_id: ProfileId,
    /// Its version, for `If-Match` of commands on it and on its rooms.
    pub version: u64,
    /// What leads to the client.
    #[schema(value_type = Vec<IdentifierBody>)]
    pub identifiers: Vec<Personal<Identifier>>,
    /// The language that the client reads, if it is not its country's.
    #[schema(value_type = Option<String>, example = "pt_BR")]
    pub language: Option<Language>,
    /// Only users assigned to this external company see the profile.
    #[schema(value_type = Option<String>)]
    pub external_company: Option<ExternalCompanyId>,
    /// Whether its client is not answered.
    pub blocked: bool,
    /// Whether it is out of use.
    pub archived: bool,
    /// The users who look after the client.
    #[schema(value_type = Vec<String>)]
    pub users: Vec<UserId>,
    /// Its rooms that are open.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub open_rooms: Vec<RoomId>,
}

/// A company's record of a client, as it is now.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{company}/client-profiles/{profile_id}",
    tag = "queries",
    params(
        ("company" = String, Path, description = "Whose", example = "acme"),
        ("profile_id" = uuid::Uuid, Path, description = "The profile, as a room names it"),
    ),
    responses(
        (status = 200, description = "The profile. Personal data", body = ClientProfile),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-client-profile`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<ClientProfileQuery>,
) -> Result<Json<ClientProfile>, Problem> {
    crate::ask::ask(&state.client, NAME, &asked).await.map(Json)
}
