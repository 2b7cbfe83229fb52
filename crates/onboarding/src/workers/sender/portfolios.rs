//! WhatsApp's limit of a business portfolio: to how many different clients, who have not written
//! first, it may send templates within a moving 24 hours.
//!
//! A portfolio is known by its Meta app: a message's number names the app, whose token belongs to
//! one portfolio, so that its pools, of whichever company, count together. Who was counted is in
//! Postgres: a restart forgets nothing, and several senders keep one limit together. Where no limit
//! is configured, nothing is asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use domain::ids::AppId;
use domain::input::Timestamp;
use domain::outbound::{Content, OutboundMessage};
use readmodel::{DatabaseError, SendQueue};

/// How often an operator is told that a portfolio's templates wait.
const TELL_EVERY: TimeDelta = TimeDelta::hours(1);
/// How long it is kept, by a digest, who was counted.
const KEEP: TimeDelta = TimeDelta::days(2);

/// The portfolios that have a limit.
pub(super) struct Portfolios {
    most: HashMap<AppId, u32>,
    /// When an operator was told last.
    told: Mutex<HashMap<AppId, Timestamp>>,
}

impl Portfolios {
    /// With these limits; the portfolios of other apps have none.
    pub(super) fn new(most: HashMap<AppId, u32>) -> Self {
        Self { most, told: Mutex::default() }
    }

    /// Counts the client of a message that is about to go. `None`: it may; else when to ask again.
    ///
    /// # Errors
    /// The database fails; asking again is safe.
    pub(super) async fn count(
        &self,
        queue: &SendQueue,
        message: &OutboundMessage,
        app: &AppId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DatabaseError> {
        let Some(most) = self.most.get(app).filter(|_| is_template(message)) else {
            return Ok(None);
        };
        let waits = queue.count_client(app, message.message_id, *most, now).await?;
        if let Some(until) = waits {
            metrics::counter!("onboarding_sends_held_total", "app" => app.to_string()).increment(1);
            if self.is_news(app, now) {
                tracing::warn!(%app, most, %until, "the portfolio has written to as many clients within 24 hours as it may; templates to others wait");
            }
        }
        Ok(waits)
    }

    /// A message was not sent after all.
    pub(super) async fn uncount(
        &self,
        queue: &SendQueue,
        message: &OutboundMessage,
        now: Timestamp,
    ) {
        if self.most.is_empty() || !is_template(message) {
            return;
        }
        if let Err(error) = queue.uncount_client(message.message_id, now).await {
            tracing::warn!(%error, "a message that was not sent stays counted for 24 hours");
        }
    }

    /// After a start: the limits may be others than those that templates wait for.
    pub(super) async fn try_waiting(&self, queue: &SendQueue, now: Timestamp) {
        if let Err(error) = queue.try_waiting(now).await {
            tracing::warn!(%error, "templates that wait for a place are tried when one is free by the clock");
        }
    }

    /// Now and then: whoever waited for one that was given up meanwhile need not wait for another day.
    pub(super) async fn try_first_waiting(&self, queue: &SendQueue, now: Timestamp) {
        if self.most.is_empty() {
            return;
        }
        if let Err(error) = queue.try_first_waiting(now).await {
            tracing::warn!(%error, "the template that waits for the next place can't be tried; trying again");
        }
    }

    /// Forgets who was counted some days ago.
    pub(super) async fn forget_the_past(&self, queue: &SendQueue, now: Timestamp) {
        if self.most.is_empty() {
            return;
        }
        if let Err(error) = queue.forget_counted(now - KEEP).await {
            tracing::warn!(%error, "who was counted can't be forgotten; trying again");
        }
    }

    fn is_news(&self, app: &AppId, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = told.get(app).is_none_or(|last| now - *last >= TELL_EVERY);
        if is_news {
            told.insert(app.clone(), now);
        }
        is_news
    }
}

/// Free text goes to who has written within 24 hours, and does not count.
const fn is_template(message: &OutboundMessage) -> bool {
    matches!(message.content, Content::Template { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_told_once_an_hour_of_each_portfolio() {
        let at = |minutes: i64| Timestamp::from_timestamp(1_800_000_000 + 60 * minutes, 0).unwrap();
        let (main, other) = ("main".parse().unwrap(), "other".parse().unwrap());
        let portfolios = Portfolios::new(HashMap::new());
        assert!(portfolios.is_news(&main, at(0)));
        assert!(!portfolios.is_news(&main, at(59)));
        assert!(portfolios.is_news(&other, at(59)));
        assert!(portfolios.is_news(&main, at(60)));
    }
}
