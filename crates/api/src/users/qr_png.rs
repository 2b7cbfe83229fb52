//! `GET /api/v1/users/{id}/qr.png`.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use fast_qr::QRCode;
use fast_qr::convert::image::ImageBuilder;

use super::{UserQuery, code, link};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// Width and height in pixels.
const PIXELS: u32 = 768;

/// The user's QR code without words, 768 by 768 pixels.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}/qr.png",
    tag = "pages",
    params(
        ("id" = String, Path, description = "The user; unique in the company only"),
        ("company" = String, Query, description = "Whose user", example = "acme"),
    ),
    responses(
        (status = 200, description = "The code", body = Vec<u8>, content_type = "image/png"),
        (status = 400, description = "`bad-parameter`", body = Problem),
        (status = 404, description = "`unknown-company`, `unknown-user`", body = Problem),
        (status = 409, description = "`no-extension`, `account-configuration-broken`", body = Problem),
        (status = 503, description = "`unavailable`", body = Problem),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Params(asked): Params<UserQuery>,
) -> Result<impl IntoResponse, Problem> {
    let code = code(&link(&state, &asked).await?)?;
    // Drawing takes some milliseconds: not on a thread that serves others.
    let drawn = tokio::task::spawn_blocking(move || picture(&code)).await;
    let png = drawn.ok().flatten().ok_or_else(|| {
        tracing::error!("a QR code could not be drawn");
        Problem::internal()
    })?;
    let headers =
        [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, no-cache")];
    Ok((headers, png))
}

fn picture(code: &QRCode) -> Option<Vec<u8>> {
    ImageBuilder::default().fit_width(PIXELS).to_bytes(code).ok()
}

#[cfg(test)]
mod tests {
    use fast_qr::QRBuilder;

    use super::*;

    #[test]
    fn the_picture_is_a_png_of_the_promised_size() {
        let code = QRBuilder::new("https://wa.me/4930123456?text=%23michael").build().unwrap();
        let png = picture(&code).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..24], [0, 0, 3, 0, 0, 0, 3, 0]);
    }
}
