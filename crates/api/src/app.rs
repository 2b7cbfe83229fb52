//! What holds for every route.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::limits::{BodyTime, Limits};
use crate::problem::Problem;

/// The routes with a deadline, a problem instead of a panic, a span each, and problems for unknown
/// paths and methods. To be called once, on what is merged.
pub(crate) fn app(routes: Router, limits: &Limits) -> Router {
    let (deadline, body) = (limits.request, BodyTime(limits.body));
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn(move |mut request: Request, next: Next| {
            request.extensions_mut().insert(body);
            in_time(request, next, deadline)
        }))
        .layer(CatchPanicLayer::custom(problem_of_panic))
        .layer(from_fn(traced))
}

async fn in_time(request: Request, next: Next, deadline: Duration) -> Response {
    let late = |_| {
        Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "too-slow",
            "The request took too long",
            format!("It was not done within {} seconds; try again", deadline.as_secs()),
        )
        .retry_after(5)
        .into_response()
    };
    tokio::time::timeout(deadline, next.run(request)).await.unwrap_or_else(late)
}

/// What a panic says may hold anything, so it stays with the panic hook.
fn problem_of_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// Paths as patterns and no query strings: ids and filters may be personal data.
async fn traced(mut request: Request, next: Next) -> Response {
    let trace = crate::trace::ensure(request.headers_mut());
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("http", method = %request.method(), path, trace);
    let begun = Instant::now();
    let answered = async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
        tracing::debug!(status, milliseconds, "answered");
        response
    };
    answered.instrument(span).await
}

async fn unknown_path() -> Problem {
    Problem::not_found(
        "no-such-route",
        "There is nothing at this path",
        "/api/v1/openapi.json lists the paths",
    )
}

async fn unknown_method(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed here",
        format!("{method} is not answered; the header Allow names the methods that are"),
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    /// Serves routes and asks for a path.
    async fn asked(routes: Router, method: Method, path: &str) -> (u16, String, serde_json::Value) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let answer = client.request(method, url).send().await.unwrap();
        let allow = answer.headers().get("allow").map(|v| v.to_str().unwrap().to_owned());
        let got =
            (answer.status().as_u16(), allow.unwrap_or_default(), answer.json().await.unwrap());
        serving.abort();
        got
    }

    fn routes() -> Router {
        Router::new()
            .route("/panics", get(|| async { panic!("with +4915112345678") as () }))
            .route("/hangs", get(std::future::pending::<()>))
            .route("/works", get(|| async { Body::from("1") }))
    }

    fn served() -> Router {
        app(routes(), &Limits::default())
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_without_its_words() {
        let (status, _, body) = asked(served(), Method::GET, "/panics").await;
        assert_eq!((status, &body["type"]), (500, &"urn:onboarding:problem:internal".into()));
        assert!(!body.to_string().contains("49151"), "{body}");
    }

    #[tokio::test]
    async fn what_hangs_is_ended_with_a_problem() {
        let limits = Limits { request: Duration::from_millis(20), ..Limits::default() };
        let (status, _, body) = asked(app(routes(), &limits), Method::GET, "/hangs").await;
        assert_eq!((status, &body["type"]), (504, &"urn:onboarding:problem:too-slow".into()));
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let (status, _, body) = asked(served(), Method::GET, "/nothing").await;
        assert_eq!((status, &body["type"]), (404, &"urn:onboarding:problem:no-such-route".into()));
        let (status, allow, body) = asked(served(), Method::PUT, "/works").await;
        assert_eq!(
            (status, &body["type"]),
            (405, &"urn:onboarding:problem:method-not-allowed".into())
        );
        assert!(allow.contains("GET"), "{allow}");
    }
}
