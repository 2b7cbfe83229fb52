//! `GET /api/v1/companies/{company}/numbers`, and the query `secondary-numbers`: which secondary numbers
//! a company has, and what each of them does now. From the log, not from a read model.

use axum::Json;
use axum::extract::State;
use domain::identity::{Country, PhoneNumber};
use domain::ids::{CompanyId, PhoneNumberId, PoolKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// The query's name: the last token of its subject.
pub const NAME: &str = "secondary-numbers";

/// Whose numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondaryNumbersQuery {
    /// The company.
    pub company: CompanyId,
    /// Only those of this pool, as the directory names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolKey>,
}

/// A company's secondary numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondaryNumbers {
    /// The newest version of the directory, for `If-Match` of commands that change it.
    pub directory_version: u64,
    /// The pools that the directory has, in the order of their names.
    pub pools: Vec<PoolOfNumbers>,
}

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolOfNumbers {
    /// The pool, as the directory names it.
    #[schema(value_type = String, example = "head-office")]
    pub pool: PoolKey,
    /// Its version, for `If-Match` of `set-number-service`.
    pub version: u64,
    /// Its numbers; those that were removed, or moved to another pool, while they carry open rooms.
    pub numbers: Vec<SecondaryNumber>,
}

/// A secondary number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondaryNumber {
    /// The number, as WhatsApp's id of it.
    #[schema(value_type = String, example = "100101")]
    pub number: PhoneNumberId,
    /// As clients see it.
    #[schema(value_type = String, example = "+447700900101")]
    pub phone: PhoneNumber,
    /// Its country.
    #[schema(value_type = String, example = "GB")]
    pub country: Country,
    /// `in_service`; `suspended`, `draining` or `removed`: it takes no new rooms.
    pub service: String,
    /// How many open rooms it carries.
    pub open_rooms: u32,
    /// How many it may carry at most; no limit without.
    pub capacity: Option<u32>,
}

/// The secondary numbers of a company, with what each does now.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{company}/numbers",
    tag = "queries",
    params(
        ("company" = String, Path, description = "Whose", example = "acme"),
        ("pool" = Option<String>, Query, description = "Only those of this pool, as the directory names it"),
    ),
    responses(
        (status = 200, description = "The numbers, pool by pool", body = SecondaryNumbers),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-pool`", body = Problem),
        (status = 413, description = "`answer-too-large`: thousands of numbers; ask pool by pool", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<SecondaryNumbersQuery>,
) -> Result<Json<SecondaryNumbers>, Problem> {
    crate::ask::ask(&state.client, NAME, &asked).await.map(Json)
}
