//! The service's own clock, which tests can advance.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::input::Timestamp;

/// Tells the time of decisions and deadlines. Clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_millis: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The present, in whole microseconds (what Postgres keeps).
    pub fn now(&self) -> Timestamp {
        let now: DateTime<Utc> = std::time::SystemTime::now().into();
        let ahead = TimeDelta::milliseconds(self.ahead_millis.load(Ordering::Relaxed));
        let now = now + ahead;
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves this clock ahead of the system's; for tests that cannot wait.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_millis.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}
