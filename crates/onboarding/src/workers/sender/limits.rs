//! WhatsApp's limits of a number and of a pair, kept before it has to refuse.
//!
//! A number sends `sender.messages_per_second` at most. To one client it sends
//! one message in 6 s, with bursts of 45 (WhatsApp's own limit of a pair). Where that is counted, and
//! what rests after a refusal: `migrations/0076_send_paces.sql`.

use chrono::TimeDelta;
use readmodel::{Pace, Paces};

/// One number to one client.
const PAIR: Pace = Pace { interval: TimeDelta::seconds(6), burst: 45 };
/// Of a number's messages of a second, how many may go at once: the tenth part.
const BURSTS: u32 = 10;

/// With this many messages a second of each number, 1 at least.
pub(crate) fn paces(messages_per_second: u32) -> Paces {
    let per_second = messages_per_second.max(1);
    let number = Pace {
        interval: TimeDelta::microseconds(1_000_000 / i64::from(per_second)),
        burst: (per_second / BURSTS).max(1),
    };
    Paces { number, pair: PAIR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_sends_a_tenth_of_a_seconds_messages_at_once_and_the_rest_evenly() {
        for (per_second, interval, burst) in [(80, 12_500, 8), (20, 50_000, 2), (1, 1_000_000, 1)] {
            let interval = TimeDelta::microseconds(interval);
            assert_eq!(paces(per_second).number, Pace { interval, burst });
        }
        assert_eq!(paces(0), paces(1));
    }
}
