//! `POST /webhooks/whatsapp/{app}`: a post of up to 1,000 updates.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use domain::ids::AppId;
use messaging::inbox::InboxBody;
use sha2::{Digest, Sha256};
use whatsapp::signature;

use super::GatewayState;
use super::parking::{Parked, park_all};
use super::split::{Split, split};
use super::taking::{self, Taken};
use crate::problem::Problem;
use crate::trace::traceparent;

/// How long WhatsApp is asked to wait, in seconds. It repeats for 7 days by its own rhythm.
const RETRY_AFTER: u32 = 5;

/// A post on its way.
struct Post {
    app: AppId,
    bytes: Bytes,
    received_at: domain::input::Timestamp,
    traceparent: String,
}

/// Takes WhatsApp's post. Answers 200 once everything in it is stored, whatever it says: what can't
/// be used is parked, because WhatsApp would only send the same bytes again.
#[utoipa::path(
    post,
    path = "/webhooks/whatsapp/{app}",
    tag = "webhooks",
    params(
        ("app" = String, Path, description = "The app's id in our configuration"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=<hex>`: HMAC-SHA256 of the raw body with the app's secret"),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context; made anew if missing"),
    ),
    request_body(content = Object, description = "A post of WhatsApp's, 3 MB at most. Personal data.", content_type = "application/json"),
    responses(
        (status = 200, description = "Stored; also for a body that is no JSON, which is parked"),
        (status = 400, description = "`body-unreadable`: the connection ended before the body did", body = Problem),
        (status = 401, description = "`bad-signature`: missing, or not the app's", body = Problem),
        (status = 404, description = "`unknown-app`", body = Problem),
        (status = 413, description = "`body-too-large`: more than 3 MB", body = Problem),
        (status = 503, description = "`unavailable`: not everything is stored; post it again", body = Problem),
        (status = 504, description = "`too-slow`: the post came too slowly, or storing it took too long; post it again", body = Problem),
    )
)]
pub(crate) async fn receive(
    State(state): State<GatewayState>,
    path: RawPathParams,
    request: Request,
) -> Result<StatusCode, Problem> {
    let begun = Instant::now();
    let taken = take(&state, &path, request).await;
    let result = match &taken {
        Ok(result) => (*result).to_owned(),
        Err(problem) => problem.code().to_owned(),
    };
    metrics::counter!("onboarding_gateway_posts_total", "result" => result).increment(1);
    metrics::histogram!("onboarding_gateway_post_seconds").record(begun.elapsed().as_secs_f64());
    taken.map(|_| StatusCode::OK)
}

/// Gives `ok` or `malformed-post`, for the metric.
async fn take(
    state: &GatewayState,
    path: &RawPathParams,
    request: Request,
) -> Result<&'static str, Problem> {
    let (id, app) = state.app(path)?;
    let header = request.headers().get(signature::HEADER).cloned();
    let header = header.as_ref().and_then(|value| value.to_str().ok());
    if header.is_none() {
        return Err(unsigned(&id, signature::BadSignature::Missing));
    }
    let traceparent = traceparent(request.headers());
    let Taken { bytes, held: _held } = taking::take(request, &state.memory).await?;
    signature::verify(app.secret.as_bytes(), &bytes, header).map_err(|bad| unsigned(&id, bad))?;
    let post = Post { app: id, bytes, received_at: (state.clock)(), traceparent };
    match whatsapp::webhook::parse(&post.bytes, post.received_at) {
        Ok(parsed) => {
            let numbers = state.numbers.current();
            let split = split(&post.app, parsed, &numbers)?;
            store(state, &post, split).await.map(|()| "ok")
        }
        // It is WhatsApp's, by its signature, and it will never be JSON: refusing it would bring
        // the same bytes again for 7 days and hide them from us.
        Err(malformed) => {
            tracing::warn!(app = %post.app, reason = %malformed, "a signed post is parked");
            let parked = Parked {
                code: "malformed-post",
                reason: malformed.to_string(),
                payload: post.bytes.clone(),
            };
            let post_sha256 = hex::encode(Sha256::digest(&post.bytes));
            let split = Split { parked: vec![parked], ..Split::new(post_sha256) };
            store(state, &post, split).await.map(|()| "malformed-post")
        }
    }
}

/// Publishes everything and waits until all of it is acknowledged.
async fn store(state: &GatewayState, post: &Post, split: Split) -> Result<(), Problem> {
    let Split { post_sha256, lanes, mut parked, kinds } = split;
    let raw = InboxBody::RawPost {
        app: post.app.clone(),
        post_sha256: post_sha256.clone(),
        received_at: post.received_at,
        bytes: post.bytes.clone(),
    };
    let bodies = std::iter::once(raw).chain(lanes).collect();
    let published = super::parking::publish(state, bodies, &post.traceparent).await;
    let stored = match published {
        Ok(unfit) => {
            parked.extend(unfit);
            park_all(state, &post.app, &post_sha256, &post.traceparent, parked).await
        }
        Err(error) => Err(error),
    };
    stored.map_err(|error| {
        tracing::warn!(app = %post.app, %error, "a post is not stored; WhatsApp will repeat it");
        Problem::unavailable("Not everything is stored; post the same again")
            .retry_after(RETRY_AFTER)
    })?;
    // Only now: a post that is refused, and so comes again, is not counted.
    for (kind, count) in kinds {
        metrics::counter!("onboarding_gateway_updates_total", "kind" => kind).increment(count);
    }
    Ok(())
}

fn unsigned(app: &AppId, bad: signature::BadSignature) -> Problem {
    tracing::warn!(%app, reason = %bad, "a post is refused");
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "bad-signature",
        "The post is not signed by this app",
        bad.to_string(),
    )
    .field(signature::HEADER)
}
