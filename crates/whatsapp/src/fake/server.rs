//! The fake's HTTP side.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::post;
use domain::identity::Recipient;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::ReceivedMessage;
use super::request::Request;
use super::script::Behaviour;
use super::state::Shared;
use super::webhook;

/// Serves until `stop` turns true.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let fake = Fake { shared, stop: stop.clone() };
    let router = Router::new()
        .route("/{number}/messages", post(send))
        .route("/{version}/{number}/messages", post(send_versioned))
        .with_state(fake);
    let stopped = stopped(stop);
    // Serving ends with the process's sockets only, and nobody is left to tell.
    let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
}

#[derive(Clone)]
struct Fake {
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the fake is gone, which is the same.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn send_versioned(
    fake: State<Fake>,
    Path((_version, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    send(fake, Path(number), headers, body).await
}

async fn send(
    State(fake): State<Fake>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !fake.knows(&headers) {
        return fake.refuse(&number, &Behaviour::refuse(190));
    }
    let request = match Request::read(&number, &headers, &body) {
        Ok(request) => request,
        Err(code) => return fake.refuse(&number, &Behaviour::refuse(code)),
    };
    let behaviour = fake.shared.lock().behaviour_for(&request);
    match behaviour {
        Behaviour::Accept => fake.accept(request, None),
        Behaviour::FailLater(code) => fake.accept(request, Some(code)),
        Behaviour::AnswerLate(delay) => {
            let answer = fake.accept(request, None);
            fake.pause(delay).await;
            answer
        }
        Behaviour::LoseAnswer => {
            fake.accept(request, None);
            cut_the_connection()
        }
        Behaviour::Garble => {
            fake.accept(request, None);
            "{\"messages\":[{\"id\":".into_response()
        }
        Behaviour::HangUp => {
            fake.shared.refuse(&number, None);
            cut_the_connection()
        }
        refusal @ Behaviour::Refuse { .. } => fake.refuse(&number, &refusal),
    }
}

impl Fake {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|h| h.to_str().ok());
        let token = header.and_then(|h| h.strip_prefix("Bearer "));
        let state = self.shared.lock();
        token.is_some_and(|token| state.token.as_deref().is_none_or(|known| known == token))
    }

    fn accept(&self, request: Request, fails_with: Option<i64>) -> Response {
        let Some(message) = self.shared.accept(request, fails_with) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        webhook::deliver_at_once(&self.shared);
        Json(acceptance(&message)).into_response()
    }

    fn refuse(&self, number: &str, refusal: &Behaviour) -> Response {
        let Behaviour::Refuse { http_status, code, retry_after } = refusal else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        self.shared.refuse(number, *code);
        let status = StatusCode::from_u16(*http_status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = code.map_or_else(
            || Html("<h1>Trouble</h1>").into_response(),
            |code| Json(error(code)).into_response(),
        );
        let mut response = (status, body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
        }
        response
    }

    async fn pause(&self, delay: Duration) {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = stopped(self.stop.clone()) => {}
        }
    }
}

fn acceptance(message: &ReceivedMessage) -> serde_json::Value {
    let contact = match message.to.expose() {
        Recipient::Phone(number) => json!({ "input": number, "wa_id": number.digits() }),
        Recipient::Bsuid(bsuid) => json!({ "input": bsuid, "user_id": bsuid }),
    };
    json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{ "id": message.wamid }],
    })
}

fn error(code: i64) -> serde_json::Value {
    json!({ "error": {
        "message": format!("(#{code}) As WhatsApp words it"),
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "FAKE",
    } })
}

/// Ends the connection's task, and with it the connection, without a word to
/// the client. No panic message: `resume_unwind` passes the hook by. Needs a
/// profile in which panics unwind.
fn cut_the_connection() -> ! {
    std::panic::resume_unwind(Box::new("the fake hangs up"))
}
