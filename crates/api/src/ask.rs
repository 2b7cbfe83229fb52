//! Questions that whoever has the event store answers, over NATS.

use std::time::Duration;

use messaging::query::AskError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `qry.onboarding.v1.<query>`. A refusal that is the question's fault is handed on.
pub(crate) async fn ask<A: DeserializeOwned>(
    client: &messaging::Client,
    query: &str,
    question: &(impl Serialize + Sync),
) -> Result<A, Problem> {
    let question = serde_json::to_value(question).map_err(|_| Problem::internal())?;
    let answer = messaging::query::ask(client, query, &question, PATIENCE).await;
    let answer = answer.map_err(|error| match error {
        AskError::Problem(problem) if problem.status < 500 => problem.into(),
        error => {
            tracing::warn!(query, %error, "a query could not be asked");
            match error {
                AskError::NobodyThere(_) | AskError::TimedOut(..) => {
                    Problem::unavailable("Nobody answers the query; try again in a moment")
                }
                // Whoever answers has told its operator what is wrong there.
                AskError::Problem(problem) if problem.status == 500 => Problem::internal(),
                error if error.retry_helps() => {
                    Problem::unavailable("The query failed; try again in a moment")
                }
                _ => Problem::internal(),
            }
        }
    })?;
    serde_json::from_value(answer).map_err(|_| {
        tracing::error!(query, "the answer to a query is not as agreed");
        Problem::internal()
    })
}
