//! `/qr`: the page on which an AM user shows clients their QR code, in a browser or as a tab of
//! another program.
//!
//! The page itself is the same for everybody and asks the API for the rest, with the token that
//! stands behind `#` in its address: browsers keep that part to themselves, so it is in no log.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::ApiState;
use crate::users::{BROKEN, CAPTION};

/// The page and what it is made of. `frame_ancestors` are the origins whose pages may show it in a
/// frame, as in Content Security Policy; with none, nobody may.
pub(crate) fn routes(frame_ancestors: &[String]) -> Router<ApiState> {
    let policy = policy(frame_ancestors);
    Router::new()
        .route("/qr", get(handler))
        .route("/qr/page.css", get(|| file("text/css", include_str!("qr.css"))))
        .route("/qr/page.js", get(|| file("text/javascript", include_str!("qr.js"))))
        .layer(map_response(move |response: Response| guarded(response, policy.clone())))
}

/// The page on which an AM user shows their QR code. The user's token stands behind `#` in its
/// address.
#[utoipa::path(
    get,
    path = "/qr",
    tag = "pages",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub(crate) async fn handler() -> impl IntoResponse {
    let page = include_str!("qr.html").replace("{caption}", CAPTION).replace("{broken}", BROKEN);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page)
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}

/// Nothing from elsewhere is loaded or run, and only those who are named may frame it.
fn policy(frame_ancestors: &[String]) -> HeaderValue {
    let ancestors = match frame_ancestors {
        [] => "'none'".to_owned(),
        some => some.join(" "),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    );
    let nobody = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    HeaderValue::try_from(policy).unwrap_or(nobody)
}

async fn guarded(mut response: Response, policy: HeaderValue) -> Response {
    let fixed = HeaderValue::from_static;
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::CACHE_CONTROL, fixed("no-cache")),
    ];
    response.headers_mut().extend(headers);
    response
}
