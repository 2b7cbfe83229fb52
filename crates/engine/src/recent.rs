//! The last events, kept in memory for the one who needs them next: what is committed for the relay,
//! what is published for the projections. Read back, every event would be carried and parsed again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Told;
use tokio::sync::Notify;

/// Most events that are kept. Who is further behind reads where they come from.
const MOST: usize = 20_000;

/// Batches are given together up to so many events. Who takes them commits, or waits for
/// acknowledgements, once for all: given one by one, many small ones come faster than they are taken.
const TOGETHER: usize = 2_000;

/// The events that somebody passes on, in order, to one other.
#[derive(Default)]
pub struct Recent {
    state: Mutex<State>,
    word: Notify,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Vec<Told>>,
    events: usize,
    /// The position of the last event that was passed on; `None` while nobody does.
    last: Option<u64>,
}

/// What comes after a position.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// These events. They are given once, and what lies before them is forgotten.
    Events(Vec<Told>),
    /// Nothing yet: [`Recent::changed`] tells.
    NothingYet,
    /// Somebody passes events on and has not come so far: whoever asks has read elsewhere.
    Behind,
    /// It is not known here.
    Elsewhere,
}

impl Recent {
    /// Returns once something changed that the caller has not been told of.
    pub async fn changed(&self) {
        self.word.notified().await;
    }

    /// What comes right after `position`.
    pub fn after(&self, position: u64) -> Next {
        let mut state = self.state();
        while let Some((first, last)) = state.batches.front().and_then(|b| ends(b)) {
            if first > position + 1 {
                return Next::Elsewhere;
            }
            let Some(mut batch) = state.batches.pop_front() else { break };
            state.events -= batch.len();
            if last > position {
                // Who has read elsewhere comes back in the middle of a batch.
                let known = batch.len() - usize::try_from(last - position).unwrap_or(0);
                batch.drain(..known);
                state.join(&mut batch, last);
                return Next::Events(batch);
            }
        }
        match state.last {
            Some(last) if last == position => Next::NothingYet,
            Some(last) if last < position => Next::Behind,
            Some(_) | None => Next::Elsewhere,
        }
    }

    /// From here on, everything after `position` is passed on.
    pub fn begin(&self, position: u64) {
        *self.state() = State { last: Some(position), ..State::default() };
        self.word.notify_one();
    }

    /// Nothing more is passed on for now.
    pub fn end(&self) {
        self.state().last = None;
        self.word.notify_one();
    }

    /// Passes on events.
    pub fn add(&self, events: Vec<Told>) {
        if let Some(last) = events.last() {
            let mut state = self.state();
            state.last = Some(last.recorded.position);
            state.events += events.len();
            state.batches.push_back(events);
            while state.events > MOST
                && let Some(oldest) = state.batches.pop_front()
            {
                state.events -= oldest.len();
            }
        }
        self.word.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds to a batch that ends at `last` what follows it, as long as there are not too many.
    fn join(&mut self, batch: &mut Vec<Told>, mut last: u64) {
        while let Some((first, next_last)) = self.batches.front().and_then(|next| ends(next)) {
            let many = batch.len() as u64 + (next_last - first + 1);
            if first != last + 1 || many > TOGETHER as u64 {
                return;
            }
            let Some(next) = self.batches.pop_front() else { return };
            self.events -= next.len();
            last = next_last;
            batch.extend(next);
        }
    }
}

/// The positions of a batch's first and last event; all in between are there.
fn ends(batch: &[Told]) -> Option<(u64, u64)> {
    batch.first().zip(batch.last()).map(|(a, b)| (a.recorded.position, b.recorded.position))
}

#[cfg(test)]
mod tests {
    use domain::ids::InputId;
    use domain::record::RecordedEvent;
    use uuid::Uuid;

    use super::*;

    fn events(positions: std::ops::RangeInclusive<u64>) -> Vec<Told> {
        let event = |position| RecordedEvent {
            position,
            event_id: Uuid::nil(),
            company: "acme".parse().unwrap(),
            aggregate_type: "client-profile".into(),
            aggregate_id: "1".into(),
            sequence: position,
            event_type: "room-invited".into(),
            event_version: "1".into(),
            payload: "{}".into(),
            recorded_at: Default::default(),
            correlation_id: Uuid::nil(),
            causation_id: InputId::from_uuid(Uuid::nil()),
            traceparent: None,
        };
        positions.map(event).map(Told::from).collect()
    }

    fn positions(next: Next) -> Vec<u64> {
        let Next::Events(batch) = next else { panic!("{next:?}") };
        batch.iter().map(|event| event.recorded.position).collect()
    }

    #[test]
    fn what_is_there_is_given_to_who_is_right_before_it_and_older_batches_are_forgotten() {
        let recent = Recent::default();
        recent.add(events(1..=2));
        recent.add(events(3..=5));
        recent.add(events(6..=6));
        assert_eq!(positions(recent.after(2)), [3, 4, 5, 6]);
        assert_eq!(recent.after(2), Next::Elsewhere, "what comes next is not 3");
        assert_eq!(recent.after(6), Next::NothingYet);
        recent.add(events(7..=7));
        assert_eq!(recent.after(5), Next::Elsewhere, "what comes next is not 6");
        assert_eq!(positions(recent.after(6)), [7]);
        assert_eq!(recent.state().events, 0);
    }

    #[test]
    fn batches_are_given_together_up_to_a_limit_and_never_across_a_gap() {
        let recent = Recent::default();
        for batch in 0..3 {
            recent.add(events(batch * 900 + 1..=(batch + 1) * 900));
        }
        recent.add(events(2_702..=2_703));
        recent.add(events(2_704..=5_000));
        assert_eq!(positions(recent.after(0)).len(), 1_800);
        assert_eq!(positions(recent.after(1_800)).len(), 900);
        assert_eq!(recent.after(2_700), Next::Elsewhere, "2701 was never told");
        assert_eq!(positions(recent.after(2_701)), [2_702, 2_703]);
        assert_eq!(positions(recent.after(2_703)).len(), 2_297, "a large one stays whole");
    }

    #[test]
    fn a_reader_in_the_middle_of_a_batch_gets_the_rest_of_it() {
        let recent = Recent::default();
        recent.add(events(1..=4));
        recent.add(events(5..=6));
        assert_eq!(positions(recent.after(2)), [3, 4, 5, 6]);
        assert_eq!(recent.after(2), Next::Elsewhere, "it is given once");
        recent.add(events(7..=9));
        assert_eq!(positions(recent.after(8)), [9]);
        assert_eq!(recent.state().events, 0);
    }

    #[test]
    fn only_while_somebody_passes_events_on_there_is_nothing_to_look_for_elsewhere() {
        let recent = Recent::default();
        assert_eq!(recent.after(0), Next::Elsewhere);
        recent.begin(7);
        assert_eq!(recent.after(7), Next::NothingYet);
        assert_eq!(recent.after(6), Next::Elsewhere);
        assert_eq!(recent.after(8), Next::Behind);
        recent.end();
        assert_eq!(recent.after(7), Next::Elsewhere);
    }

    #[test]
    fn without_a_reader_the_oldest_batches_are_dropped() {
        let recent = Recent::default();
        for batch in 0..25 {
            recent.add(events(batch * 1_000 + 1..=(batch + 1) * 1_000));
        }
        assert_eq!(recent.state().events, MOST);
        assert_eq!(recent.after(0), Next::Elsewhere);
        assert_eq!(positions(recent.after(5_000)).len(), 2_000);
    }
}
