//! `GET /api/v1/users/{id}/qr.svg`.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use fast_qr::QRCode;
use fast_qr::convert::Builder;
use fast_qr::convert::svg::SvgBuilder;

use super::{CAPTION, UserQuery, code, link};
use crate::ApiState;
use crate::params::Params;
use crate::problem::Problem;

/// Light modules around the code: what readers need.
const MARGIN: usize = 4;
/// Height of the caption, in modules.
const CAPTION_HEIGHT: usize = 4;

/// The user's QR code with a caption, as a drawing.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}/qr.svg",
    tag = "pages",
    params(
        ("id" = String, Path, description = "The user; unique in the company only"),
        ("company" = String, Query, description = "Whose user", example = "acme"),
    ),
    responses(
        (status = 200, description = "The code", body = String, content_type = "image/svg+xml"),
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
    let headers =
        [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "private, no-cache")];
    Ok((headers, drawing(&code)))
}

/// The code, and below it the caption squeezed to its width.
fn drawing(code: &QRCode) -> String {
    let width = code.size + 2 * MARGIN;
    let height = width + CAPTION_HEIGHT;
    let inner = SvgBuilder::default().margin(MARGIN).to_str(code);
    let inner = inner.replacen("<svg ", &format!("<svg width=\"{width}\" height=\"{width}\" "), 1);
    let (centre, line, length) = (width / 2, width + 1, width - MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{CAPTION}\"><rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\
         {inner}<text x=\"{centre}\" y=\"{line}\" font-family=\"sans-serif\" font-size=\"1.8\" \
         text-anchor=\"middle\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{CAPTION}</text></svg>"
    )
}

#[cfg(test)]
mod tests {
    use fast_qr::QRBuilder;

    use super::*;

    #[test]
    fn the_drawing_holds_the_code_and_its_caption() {
        let code = QRBuilder::new("https://wa.me/4930123456?text=%23michael").build().unwrap();
        let svg = drawing(&code);
        assert!(svg.contains(">Use this QR code to onboard a client face-to-face</text>"), "{svg}");
        assert_eq!(svg.matches("<svg ").count(), 2);
        assert!(svg.contains("<path d=\""), "{svg}");
    }
}
