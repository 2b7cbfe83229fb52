//! What the world calls over HTTP, and the same queries over NATS.
//!
//! | router | routes | needs |
//! |---|---|---|
//! | [`gateway::router`] | `/webhooks/whatsapp/{app}` | NATS |
//! | [`router`] | `/api/v1/…`, `/qr` | NATS and Postgres |
//! | [`ops::router`] | `/healthz`, `/readyz`, `/metrics` | nothing |
//!
//! Whoever runs them merges those that its roles need and hands the result to [`serve`], which adds
//! what holds for all: limits, a problem instead of a panic, spans, answers to unknown routes.
//!
//! **Invariants:** a webhook is answered 200 only after NATS has acknowledged all of it. Nothing
//! here changes state: commands go into their company's lane. Every refusal is a [`Problem`].
//! No personal data in logs, metric labels and problems; URLs are logged by their pattern only.
//!
//! `access` says who may call what. Deliberately absent: retries of publishing (the caller
//! repeats), SQL.

#![forbid(unsafe_code)]

mod access;
mod app;
mod ask;
mod calls;
pub mod commands;
pub mod contracts;
pub mod dry_run;
pub mod events_query;
pub mod gateway;
mod limits;
mod me;
pub mod nats;
mod openapi;
pub mod ops;
mod page;
mod params;
mod pictures;
mod problem;
pub mod queries;
mod read;
mod schema;
mod server;
mod trace;
pub mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use directory::access::AccessTokens;
use domain::input::Timestamp;
use messaging::Client;
use messaging::inbox::InboxPublisher;
use sqlx::PgPool;

use access::{Gate, Permission};
use calls::Calls;

pub use limits::Limits;
pub use openapi::openapi;
pub use pictures::Pictures;
pub use problem::Problem;
pub use read::read;
pub use server::serve;

/// Tells the time.
pub type ClockFn = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Bytes of a request's body that [`router`] takes at most.
const MAX_BODY: usize = 64 * 1024;

/// What [`router`] works with.
#[derive(Clone)]
pub struct ApiState {
    /// Where history is asked for and answers to commands come in.
    pub client: Client,
    /// Takes commands; on the same connection as `client`.
    pub inbox: InboxPublisher,
    /// The read models.
    pub readmodel: PgPool,
    /// The companies' configuration.
    pub pictures: Arc<Pictures>,
    /// Who may call.
    pub tokens: AccessTokens,
    /// How often each token may call: so many times a second, and twice as often for a moment.
    pub calls_per_second: u32,
    /// Origins whose pages may show the QR page in a frame.
    pub frame_ancestors: Vec<String>,
    /// The clock.
    pub clock: ClockFn,
    /// Published contracts by name, e.g. `events/room-reserved.v1.json`.
    pub contracts: Arc<BTreeMap<String, serde_json::Value>>,
}

/// Queries, pages and operators' commands. What is not open has a guard, in groups that ask the same
/// of their callers.
pub fn router(state: ApiState) -> Router {
    let calls = Calls::per_second(state.calls_per_second);
    let guarded = |permission, routes: Router<ApiState>| {
        let (tokens, clock, calls) = (state.tokens.clone(), state.clock.clone(), calls.clone());
        let gate = Gate { tokens, clock, calls, permission };
        routes.route_layer(from_fn_with_state(gate, access::guard))
    };
    Router::new()
        .merge(open_routes())
        .merge(page::routes(&state.frame_ancestors))
        .merge(guarded(Permission::Call, Router::new().route("/api/v1/me", get(me::handler))))
        .merge(guarded(Permission::Read, read_routes()))
        .merge(guarded(Permission::Audit, audit_routes()))
        .merge(guarded(Permission::SeeParked, parked_routes()))
        .merge(guarded(Permission::Operate, command_routes()))
        .merge(guarded(Permission::ShowCode, code_routes()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(state)
}

/// What is the same for everybody and tells nothing of a company.
fn open_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::handler))
        .route("/api/v1/contracts", get(contracts::list))
        .route("/api/v1/contracts/{*name}", get(contracts::one))
}

fn read_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/onboarding-requests", get(queries::onboarding_requests::handler))
        .route("/api/v1/onboarding-requests/{id}", get(queries::onboarding_request::handler))
        .route("/api/v1/chat-rooms", get(queries::chat_rooms::handler))
        .route("/api/v1/chat-rooms/{id}", get(queries::chat_room::handler))
        .route("/api/v1/reminders", get(queries::reminders::handler))
        .route("/api/v1/companies/{company}/numbers", get(queries::secondary_numbers::handler))
        .route(
            "/api/v1/companies/{company}/client-profiles/{profile_id}",
            get(queries::client_profile::handler),
        )
}

fn audit_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/onboarding-requests/{id}/history", get(queries::history::handler))
        .route(
            "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/content",
            get(queries::parked_input_content::handler),
        )
}

fn parked_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/companies/{company}/parked-inputs", get(queries::parked_inputs::handler))
        .route(
            "/api/v1/companies/{company}/parked-inputs/{parked_input_id}",
            get(queries::parked_input::handler),
        )
}

fn command_routes() -> Router<ApiState> {
    Router::new()
        .route(
            "/api/v1/companies/{company}/client-profiles",
            post(commands::register_client_profile::handler),
        )
        .route(
            "/api/v1/companies/{company}/client-profiles/{profile_id}/archive",
            post(commands::archive_client_profile::handler),
        )
        .route(
            "/api/v1/companies/{company}/client-profiles/{profile_id}/block",
            post(commands::block_client::block),
        )
        .route(
            "/api/v1/companies/{company}/client-profiles/{profile_id}/unblock",
            post(commands::block_client::unblock),
        )
        .route(
            "/api/v1/companies/{company}/client-profiles/{profile_id}/language",
            post(commands::set_client_language::handler),
        )
        .route(
            "/api/v1/companies/{company}/onboarding-requests/{request_id}/promote",
            post(commands::promote_prospect::handler),
        )
        .route(
            "/api/v1/companies/{company}/users/{user_id}/extension",
            post(commands::set_user_extension::handler),
        )
        .route(
            "/api/v1/companies/{company}/numbers/{number}/service",
            post(commands::set_number_service::handler),
        )
        .route(
            "/api/v1/companies/{company}/numbers/{number}/remove",
            post(commands::remove_number::handler),
        )
        .route(
            "/api/v1/companies/{company}/pools/{pool}/numbers",
            post(commands::add_number::handler),
        )
        .route(
            "/api/v1/companies/{company}/chat-rooms/{room_id}/resend-invitation",
            post(commands::resend_invitation::handler),
        )
        .route(
            "/api/v1/companies/{company}/chat-rooms/{room_id}/reassign",
            post(commands::reassign_room::handler),
        )
        .route(
            "/api/v1/companies/{company}/chat-rooms/{room_id}/close",
            post(commands::close_room::handler),
        )
        .route(
            "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/retry",
            post(commands::retry_parked_input::handler),
        )
        .route(
            "/api/v1/companies/{company}/parked-inputs/{parked_input_id}/drop",
            post(commands::drop_parked_input::handler),
        )
        .route("/api/v1/companies/{company}/dry-run", post(dry_run::handler))
}

fn code_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/users/{id}/qr.svg", get(users::qr_svg::handler))
        .route("/api/v1/users/{id}/qr.png", get(users::qr_png::handler))
        .route("/api/v1/users/{id}/click-to-chat", get(users::click_to_chat::handler))
}
