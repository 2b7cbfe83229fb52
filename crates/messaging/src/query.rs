//! Request/reply as a NATS service (ADR-32): `qry.onboarding.v1.<query>`.
//!
//! A question is JSON, an answer is JSON; a refusal is a [`Problem`] as JSON plus the two headers
//! that NATS services mark errors with, so that `nats micro` and foreign clients see it too.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::service::{
    NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request, Service, ServiceExt,
};
use async_nats::{Client, HeaderMap, RequestErrorKind};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::error::NatsError;
use crate::header::cleaned;
use crate::subject::{BadSubject, Subject, Token};

/// Questions of one kind that are answered at a time; more of them wait.
const AT_A_TIME: usize = 32;

/// A refusal (RFC 9457), the same as over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// A stable name of the kind of problem: a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the kind means, in a few words.
    pub title: String,
    /// As an HTTP status.
    pub status: u16,
    /// What it is in this case; no personal data.
    #[serde(default)]
    pub detail: String,
    /// The member of the question that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    fn new(kind: &str, title: &str, status: u16, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:onboarding:problem:{kind}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            field: None,
        }
    }
}

/// Answers questions for as long as it lives. Several instances share them.
pub struct QueryService {
    client: Client,
    service: Service,
    endpoints: JoinSet<()>,
}

impl QueryService {
    /// Announces the service; it answers nothing yet.
    ///
    /// # Errors
    /// A name other than letters, digits, `-` and `_`, a version that is not `x.y.z`, or the client
    /// is closed.
    pub async fn start(client: &Client, name: &str, version: &str) -> Result<Self, NatsError> {
        let service = client
            .service_builder()
            .start(name, version)
            .await
            .map_err(|e| NatsError::lasting("starting the query service", e))?;
        Ok(Self { client: client.clone(), service, endpoints: JoinSet::new() })
    }

    /// Answers `qry.onboarding.v1.<query>` with `handler`. A body that is empty counts as `null`.
    ///
    /// # Errors
    /// A query that can't be a token, or the client is closed.
    pub async fn endpoint<F, Fut>(&mut self, query: &str, handler: F) -> Result<(), NatsError>
    where
        F: Fn(Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, Problem>> + Send + 'static,
    {
        let failed = || format!("answering the query {query}");
        let subject = subject(query).map_err(|e| NatsError::lasting("naming a query", e))?;
        let requests = self
            .service
            .endpoint_builder()
            .name(query)
            .add(subject)
            .await
            .map_err(|e| NatsError::lasting(failed(), e))?;
        // Otherwise a question that is asked right now could find nobody.
        let flushed = self.client.flush().await;
        flushed.map_err(|e| NatsError::passing(failed(), e))?;
        let (handler, max) = (Arc::new(handler), self.client.max_payload());
        let query = query.to_owned();
        self.endpoints.spawn(requests.for_each_concurrent(AT_A_TIME, move |request| {
            let (handler, query) = (Arc::clone(&handler), query.clone());
            async move {
                let answer = AssertUnwindSafe(answer(&request, handler.as_ref()));
                let answer = answer.catch_unwind().await.unwrap_or_else(|_| {
                    Err(Problem::new("internal", "Internal error", 500, "the query failed"))
                });
                if let Err(error) = respond(&request, answer, max).await {
                    tracing::warn!(query, %error, "could not answer a query");
                }
            }
        }));
        Ok(())
    }

    /// Takes no more questions and drops the ones at hand.
    pub async fn stop(mut self) {
        self.endpoints.shutdown().await;
        let _ = self.service.stop().await;
    }
}

async fn answer<F, Fut>(request: &Request, handler: &F) -> Result<Value, Problem>
where
    F: Fn(Value) -> Fut,
    Fut: Future<Output = Result<Value, Problem>>,
{
    let body = request.message.payload.as_ref();
    let question = match body {
        b"" => Value::Null,
        body => serde_json::from_slice(body).map_err(|e| {
            let place = format!("line {}, column {}", e.line(), e.column());
            Problem::new("not-json", "The question is not JSON", 400, place)
        })?,
    };
    handler(question).await
}

async fn respond(
    request: &Request,
    answer: Result<Value, Problem>,
    max: usize,
) -> Result<(), async_nats::PublishError> {
    let body = |value: &Value| Bytes::from(value.to_string());
    let problem = match answer.map(|value| body(&value)) {
        Ok(answer) if answer.len() <= max => return request.respond(Ok(answer)).await,
        Ok(_) => Problem::new(
            "answer-too-large",
            "The answer is too large",
            413,
            "ask for less at a time",
        ),
        Err(problem) => problem,
    };
    let mut headers = HeaderMap::new();
    headers.insert(NATS_SERVICE_ERROR, cleaned(&problem.title));
    headers.insert(NATS_SERVICE_ERROR_CODE, problem.status.to_string());
    // async-nats' own way to respond with an error sends no body.
    let body = Bytes::from(serde_json::to_vec(&problem).unwrap_or_default());
    request.respond_with_headers(Ok(body), headers).await
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It was refused.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Nobody answers this query.
    #[error("nobody answers the query {0}")]
    NobodyThere(String),
    /// No answer in time.
    #[error("the query {0} was not answered within {1:?}")]
    TimedOut(String, Duration),
    /// The query's name can't be a token.
    #[error(transparent)]
    Query(#[from] BadSubject),
    /// The answer is not as agreed, or the client is closed.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

impl AskError {
    /// Whether asking again may work later.
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.status >= 500 || problem.status == 429,
            Self::NobodyThere(_) | Self::TimedOut(..) => true,
            Self::Query(_) => false,
            Self::Nats(error) => error.retry_helps(),
        }
    }
}

/// Asks `qry.onboarding.v1.<query>`.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(
    client: &Client,
    query: &str,
    question: &Value,
    timeout: Duration,
) -> Result<Value, AskError> {
    let failed = || format!("asking the query {query}");
    let request =
        async_nats::Request::new().payload(question.to_string().into()).timeout(Some(timeout));
    let answer = match client.send_request(subject(query)?, request).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(match error.kind() {
                RequestErrorKind::TimedOut => AskError::TimedOut(query.to_owned(), timeout),
                RequestErrorKind::NoResponders => AskError::NobodyThere(query.to_owned()),
                _ => NatsError::lasting(failed(), error).into(),
            });
        }
    };
    let is_error = (answer.headers.as_ref())
        .is_some_and(|headers| headers.get(NATS_SERVICE_ERROR_CODE).is_some());
    // Not serde's words: they quote values.
    let unreadable = |_| NatsError::lasting(failed(), "the answer is not as agreed");
    if is_error {
        let problem: Problem = serde_json::from_slice(&answer.payload).map_err(unreadable)?;
        return Err(problem.into());
    }
    Ok(serde_json::from_slice(&answer.payload).map_err(unreadable)?)
}

fn subject(query: &str) -> Result<String, BadSubject> {
    let query: Token = query.parse()?;
    Ok(Subject::Query { query }.to_string())
}
