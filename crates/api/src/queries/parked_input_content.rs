//! `GET /api/v1/companies/{company}/parked-inputs/{parked_input_id}/content`, and the query
//! `parked-input-content`: the bytes of an input of a company that could not be decided. They may be
//! what a client wrote, so that this is for those who may see original bytes.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parked_input::ParkedInputQuery;
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// The query's name: the last token of its subject.
pub const NAME: &str = "parked-input-content";

/// The content of a parked input. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParkedInputContent {
    /// The input's number.
    pub parked_input_id: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// The bytes as text, the first 131,072 of them; what is not UTF-8 is replaced. Personal data.
    pub text: String,
    /// Whether the text is all of it, byte for byte.
    pub is_exact: bool,
}

/// The bytes of an input that is parked, as text. Of one that was dropped they are not kept.
#[utoipa::path(
    get,
    path = "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/content",
    tag = "queries",
    params(
        ("company" = String, Path, description = "Whose", example = "acme"),
        ("parked_input_id" = u64, Path, description = "Its number, as the list has it"),
    ),
    responses(
        (status = 200, description = "The content. Personal data.", body = ParkedInputContent),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-parked-input`: also one that was dropped", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<ParkedInputQuery>,
) -> Result<Json<ParkedInputContent>, Problem> {
    crate::ask::ask(&state.client, NAME, &asked).await.map(Json)
}
