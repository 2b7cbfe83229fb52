//! How often a token may call: whoever asks in a circle by mistake must not cost the others their
//! answers.
//!
//! Each process counts for itself. Only tokens that open something are counted, so there are never
//! more counts than tokens; a token that opens nothing is refused before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use uuid::Uuid;

use crate::problem::Problem;

/// What each token has left.
#[derive(Clone)]
pub(crate) struct Calls {
    per_second: u32,
    left: Arc<Mutex<HashMap<Uuid, Left>>>,
}

/// Calls that a token may make at once, as of a moment. They grow by so many a second, up to twice
/// as many.
struct Left {
    calls: f64,
    at: Instant,
}

impl Calls {
    pub(crate) fn per_second(per_second: u32) -> Self {
        Self { per_second, left: Arc::default() }
    }

    /// Counts a call of a token.
    ///
    /// # Errors
    /// `too-many-calls`, with the time after which there is a call left again.
    pub(crate) fn count(&self, token: Uuid) -> Result<(), Problem> {
        self.count_at(token, Instant::now()).map_err(|wait| {
            let most = self.per_second;
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-calls",
                "The token calls too often",
                format!("A token may call {most} times a second; wait as Retry-After says"),
            )
            .retry_after(seconds(wait))
        })
    }

    fn count_at(&self, token: Uuid, now: Instant) -> Result<(), Duration> {
        let per_second = f64::from(self.per_second);
        let most = 2.0 * per_second;
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.entry(token).or_insert(Left { calls: most, at: now });
        let grown = now.saturating_duration_since(left.at).as_secs_f64() * per_second;
        *left = Left { calls: (left.calls + grown).min(most), at: now };
        if left.calls < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left.calls) / per_second));
        }
        left.calls -= 1.0;
        Ok(())
    }
}

/// Whole seconds, none of them too few.
fn seconds(wait: Duration) -> u32 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_save_up_two_seconds_calls_and_no_more() {
        let (calls, begun) = (Calls::per_second(2), Instant::now());
        let one = |at: u64| calls.count_at(Uuid::from_u128(1), begun + Duration::from_millis(at));
        for _ in 0..4 {
            assert_eq!(one(0), Ok(()));
        }
        assert_eq!(one(0), Err(Duration::from_millis(500)));
        assert_eq!((one(500), one(500)), (Ok(()), Err(Duration::from_millis(500))));
        let saved = (0..10).filter(|_| one(3_600_000).is_ok());
        assert_eq!(saved.count(), 4);
    }

    #[test]
    fn each_token_has_calls_of_its_own() {
        let (calls, now) = (Calls::per_second(1), Instant::now());
        let count = |token| calls.count_at(Uuid::from_u128(token), now);
        assert!(count(1).is_ok() && count(1).is_ok() && count(1).is_err());
        assert!(count(2).is_ok());
    }

    #[test]
    fn who_waits_as_long_as_is_said_may_call() {
        let calls = Calls::per_second(1);
        let refused = (0..100).find_map(|_| calls.count(Uuid::nil()).err()).unwrap();
        assert_eq!((refused.status, refused.code()), (429, "too-many-calls"));
        assert_eq!(refused.retry_after, Some(1));
        for (millis, said) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2)] {
            assert_eq!(seconds(Duration::from_millis(millis)), said);
        }
    }
}
