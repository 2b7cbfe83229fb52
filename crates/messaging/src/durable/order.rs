//! Whether deliveries come as the server sent them: it numbers them from 1, and from 1 again after the
//! consumer was reset.

use std::time::Duration;

use tokio::time::Instant;

/// For how long after a reset older deliveries may still come in.
const STALE: Duration = Duration::from_secs(5);

/// What came so far.
#[derive(Default)]
pub(super) struct Order {
    /// The number of the last delivery that counted.
    last: u64,
    /// The newest stream sequence that counted since the numbers began.
    newest: u64,
    /// The number that was reached when the consumer was reset, until the numbers begin again.
    reset_at: Option<(u64, Instant)>,
}

impl Order {
    /// The consumer was reset because of the delivery with this number.
    pub(super) fn reset_at(&mut self, number: u64) {
        self.reset_at = Some((number, Instant::now() + STALE));
    }

    /// Whether a delivery was sent before the consumer was reset: its number goes on instead of beginning
    /// again. (Not by the stream sequence: the server may just have been sending old messages again.)
    pub(super) fn is_stale(&mut self, number: u64) -> bool {
        let is_stale =
            self.reset_at.is_some_and(|(at, until)| number > at && Instant::now() < until);
        if !is_stale {
            self.reset_at = None;
        }
        is_stale
    }

    /// Whether nothing was sent between the last delivery and this one. What went to somebody else, or
    /// was lost on the way, would come again behind what is newer.
    pub(super) const fn follows(&self, number: u64) -> bool {
        number == self.last + 1
    }

    /// A delivery counts, of the message with this stream sequence. What comes again by itself, after a
    /// delay or its `ack_wait`, is behind others rightly; what comes for the first time should not be:
    /// then the newest that came before it is given.
    pub(super) fn note(&mut self, number: u64, sequence: u64, is_first: bool) -> Option<u64> {
        if number <= self.last {
            self.newest = 0;
        }
        self.last = number;
        let newest = self.newest;
        self.newest = newest.max(sequence);
        (is_first && sequence < newest).then_some(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_reset_what_was_on_its_way_is_stale_however_old_its_message_is() {
        let mut order = Order::default();
        order.reset_at(740);
        // The server was sending again what it could not deliver to somebody who was gone.
        for number in 741..=760 {
            assert!(order.is_stale(number), "{number}");
        }
        assert!(!order.is_stale(1), "the numbers begin again");
        assert!(!order.is_stale(741), "as they reach it again");
    }

    #[test]
    fn a_number_that_is_missing_is_noticed() {
        let mut order = Order::default();
        assert!(order.follows(1));
        assert_eq!(order.note(1, 10, true), None);
        assert!(order.follows(2) && !order.follows(3) && !order.follows(1));
    }

    #[test]
    fn what_comes_first_behind_a_newer_one_is_told_and_what_comes_again_is_not() {
        let mut order = Order::default();
        assert_eq!(order.note(1, 10, true), None);
        assert_eq!(order.note(2, 12, true), None);
        assert_eq!(order.note(3, 11, true), Some(12));
        assert_eq!(order.note(4, 10, false), None, "given back, and due again");
        assert_eq!(order.note(5, 13, true), None);
        assert_eq!(order.note(1, 10, true), None, "after a reset");
    }
}
