//! How fast messages go, and what rests: counted in Postgres (`migrations/0076_send_paces.sql`), so
//! that several senders keep WhatsApp's limits together and a restart forgets none.

use chrono::TimeDelta;
use domain::identity::Recipient;
use domain::ids::{AppId, PhoneNumberId};
use domain::input::Timestamp;

use super::SendQueue;
use crate::error::DatabaseError;
use crate::projection::address;

/// So long after its turn a message takes a new one.
const LATE: TimeDelta = TimeDelta::seconds(10);

/// One message in so long, and so many at once (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Whole microseconds.
    pub interval: TimeDelta,
    /// 1 at least.
    pub burst: u32,
}

/// How fast messages may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paces {
    /// Those of one number.
    pub number: Pace,
    /// Those of one number to one client.
    pub pair: Pace,
}

/// What WhatsApp has refused to take more from.
#[derive(Clone, Copy, Debug)]
pub enum Resting<'a> {
    /// All numbers of an app.
    Account(&'a AppId),
    /// A number.
    Number(&'a PhoneNumberId),
    /// A number, to one client.
    Pair(&'a PhoneNumberId, &'a Recipient),
}

impl SendQueue {
    /// The same queue, of which messages are taken no faster than this.
    #[must_use]
    pub fn at(self, paces: Paces) -> Self {
        Self { paces, ..self }
    }

    /// Nothing of it goes until then, whoever claims it. A rest that lasts longer stays.
    ///
    /// # Errors
    /// If the database fails; calling again is safe.
    pub async fn rest(&self, what: Resting<'_>, until: Timestamp) -> Result<(), DatabaseError> {
        let (scope, name, client) = match what {
            Resting::Account(app) => ("account", app.as_str(), None),
            Resting::Number(number) => ("number", number.as_str(), None),
            Resting::Pair(number, to) => ("pair", number.as_str(), Some(address(to))),
        };
        sqlx::query(REST)
            .bind(scope)
            .bind(name)
            .bind(client)
            .bind(until)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets what holds up nothing any more.
    ///
    /// # Errors
    /// If the database fails; calling again is safe.
    pub async fn forget_paces(&self, now: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query(FORGET).bind(now).execute(&self.pool).await?;
        Ok(())
    }
}

impl Paces {
    /// As fast as they come.
    pub(super) const UNLIMITED: Self = {
        let pace = Pace { interval: TimeDelta::zero(), burst: 1 };
        Self { number: pace, pair: pace }
    };

    /// Binds the last arguments of `claim_messages`.
    pub(super) fn bind<'q, O>(self, query: QueryAs<'q, O>) -> QueryAs<'q, O> {
        let Self { number, pair } = self;
        let burst = |pace: Pace| i32::try_from(pace.burst.max(1)).unwrap_or(i32::MAX);
        query
            .bind(number.interval)
            .bind(burst(number))
            .bind(pair.interval)
            .bind(burst(pair))
            .bind(LATE)
    }
}

type QueryAs<'q, O> = sqlx::query::QueryAs<'q, sqlx::Postgres, O, sqlx::postgres::PgArguments>;

const REST: &str = "
    INSERT INTO send_paces AS known (scope, name, client, due, rests_until)
    VALUES ($1, $2, coalesce(sha256(convert_to($3, 'UTF8')), ''), 'epoch', $4)
    ON CONFLICT (scope, name, client) DO UPDATE
    SET rests_until = greatest(known.rests_until, excluded.rests_until)";

/// What is due by now is as if nothing had been sent. One at a time with claims, which write the same
/// rows.
const FORGET: &str = "
    WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtext('send_paces')))
    DELETE FROM send_paces p USING turn WHERE p.due < $1 AND p.rests_until < $1";
