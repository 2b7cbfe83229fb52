//! The queries over NATS: `qry.onboarding.v1.<query>`. The question is the query's parameters as a
//! JSON object, with the names that HTTP has; answers and problems are the same.

use std::future::Future;

use messaging::query::QueryService;
use messaging::{Client, NatsError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgPool;

use crate::problem::Problem;
use crate::queries::{chat_room, chat_rooms, onboarding_request, onboarding_requests, reminders};
use crate::read::read;

const SERVICE: &str = "onboarding-queries";
const VERSION: &str = "1.0.0";

/// Answers `onboarding-requests`, `onboarding-request`, `chat-rooms`, `chat-room` and `reminders`
/// for as long as what it gives lives. Whoever has the event store adds
/// [`events`](crate::events_query::NAME), [`dry-run`](crate::dry_run::NAME), the three of
/// [`parked-inputs`](crate::queries::parked_inputs::NAME),
/// [`secondary-numbers`](crate::queries::secondary_numbers::NAME) and
/// [`client-profile`](crate::queries::client_profile::NAME).
///
/// # Errors
/// NATS is away.
pub async fn serve(client: &Client, readmodel: PgPool) -> Result<QueryService, NatsError> {
    let mut service = QueryService::start(client, SERVICE, VERSION).await?;
    let pool = || readmodel.clone();
    service.endpoint("onboarding-requests", over(pool(), onboarding_requests_of)).await?;
    service.endpoint("onboarding-request", over(pool(), onboarding_request_of)).await?;
    service.endpoint("chat-rooms", over(pool(), chat_rooms_of)).await?;
    service.endpoint("chat-room", over(pool(), chat_room_of)).await?;
    service.endpoint("reminders", over(pool(), reminders_of)).await?;
    Ok(service)
}

macro_rules! owned {
    ($($name:ident = $query:ident ( $asked:ty ) -> $answer:ty;)+) => {$(
        async fn $name(pool: PgPool, asked: $asked) -> Result<$answer, Problem> {
            $query::answer(&pool, asked).await
        }
    )+};
}
owned! {
    onboarding_requests_of = onboarding_requests(onboarding_requests::RequestsQuery)
        -> crate::queries::Items<crate::schema::OnboardingRequest>;
    onboarding_request_of = onboarding_request(crate::queries::OneQuery)
        -> crate::schema::OnboardingRequestDetail;
    chat_rooms_of = chat_rooms(chat_rooms::ChatRoomsQuery)
        -> crate::queries::Items<crate::schema::ChatRoom>;
    chat_room_of = chat_room(crate::queries::OneQuery) -> crate::schema::ChatRoom;
    reminders_of = reminders(reminders::RemindersQuery)
        -> crate::queries::Items<crate::schema::Reminder>;
}

type Answered = std::pin::Pin<
    Box<dyn Future<Output = Result<Value, messaging::query::Problem>> + Send + 'static>,
>;

/// A query as an endpoint: JSON in, JSON out.
fn over<Q, A, F, Fut>(pool: PgPool, query: F) -> impl Fn(Value) -> Answered + Send + Sync + 'static
where
    Q: DeserializeOwned + Send,
    A: Serialize,
    F: Fn(PgPool, Q) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<A, Problem>> + Send,
{
    move |question| {
        let pool = pool.clone();
        Box::pin(async move {
            let answer = query(pool, read::<Q>(question)?).await?;
            Ok(serde_json::to_value(answer).map_err(|_| Problem::internal())?)
        })
    }
}
