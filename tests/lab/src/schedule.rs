//! When which fault strikes, and for how long: drawn from a seed before anything runs.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use crate::fault::{Fault, Place};

/// A place that was healed is left alone for so long.
const REST: Duration = Duration::from_millis(500);

/// All faults of a run, by the time at which they strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(pub Vec<Planned>);

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it strikes, since the load began.
    pub at: Duration,
    /// After so long it is healed.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
}

impl Schedule {
    /// Draws so many of the usual faults over this time. The same arguments give the same schedule.
    ///
    /// Every kind comes before one comes again, in a drawn order. Several may be there at once, but
    /// not in the same place.
    pub fn draw(seed: u64, faults: u32, over: Duration) -> Self {
        Self::draw_from(&Fault::KINDS, seed, faults, over)
    }

    /// The same, of some kinds.
    pub fn draw_from(kinds: &[&'static [Fault]], seed: u64, faults: u32, over: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let slot = (over.as_millis() as u64 / u64::from(faults.max(1))).max(1);
        let mut deck = Deck { all: kinds, left: vec![] };
        let mut busy: Vec<(Place, Duration)> = vec![];
        let mut planned = vec![];
        let mut earliest = Duration::ZERO;
        for number in 0..u64::from(faults) {
            let drawn = slot * number + rng.random_range(0..slot);
            let mut at = Duration::from_millis(drawn).max(earliest);
            let fault = loop {
                busy.retain(|(_, until)| *until > at);
                let free = |fault: &Fault| busy.iter().all(|(place, _)| *place != fault.place());
                if let Some(fault) = deck.next(&mut rng, free) {
                    break fault;
                }
                // Everything is broken already.
                at += REST;
            };
            let lasts = Duration::from_millis(rng.random_range(fault.lasts()));
            busy.push((fault.place(), at + lasts + REST));
            planned.push(Planned { at, lasts, fault });
            earliest = at;
        }
        Self(planned)
    }

    /// A schedule that is written out: when each strikes, after how long it is healed (both in
    /// milliseconds), and what it is.
    pub fn of(faults: impl IntoIterator<Item = (u64, u64, Fault)>) -> Self {
        let planned = faults.into_iter().map(|(at, lasts, fault)| Planned {
            at: Duration::from_millis(at),
            lasts: Duration::from_millis(lasts),
            fault,
        });
        Self(planned.collect())
    }

    /// By how much the clocks have jumped forward for good by then, for everybody.
    pub fn ahead_at(&self, at: Duration) -> TimeDelta {
        let jumps = self.0.iter().filter(|planned| planned.at <= at);
        TimeDelta::seconds(jumps.map(|planned| i64::from(planned.fault.seconds_ahead())).sum())
    }
}

/// The kinds, and those that have still to come, in their drawn order.
struct Deck<'a> {
    all: &'a [&'static [Fault]],
    left: Vec<&'static [Fault]>,
}

impl Deck<'_> {
    /// The first that has a free place; `None` if none has.
    fn next(&mut self, rng: &mut StdRng, free: impl Fn(&Fault) -> bool) -> Option<Fault> {
        if self.left.is_empty() {
            self.left = self.all.to_vec();
            self.left.shuffle(rng);
        }
        let at = self.left.iter().position(|kind| kind.iter().any(&free))?;
        let kind = self.left.remove(at);
        let places: Vec<Fault> = kind.iter().copied().filter(free).collect();
        places.choose(rng).copied()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Planned { at, lasts, fault } in &self.0 {
            let (at, lasts) = (at.as_secs_f64(), lasts.as_secs_f64());
            writeln!(f, "{at:9.3} s  {fault}, for {lasts:.3} s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fault::{Twin, Whose};

    const OVER: Duration = Duration::from_secs(300);

    #[test]
    fn the_same_seed_draws_the_same_schedule() {
        let one = Schedule::draw(7, 60, OVER);
        assert_eq!(one, Schedule::draw(7, 60, OVER));
        assert_eq!(one.to_string(), Schedule::draw(7, 60, OVER).to_string());
        assert_ne!(one, Schedule::draw(8, 60, OVER));
        assert_eq!(one.0.len(), 60);
    }

    #[test]
    fn every_kind_comes_before_one_comes_again() {
        let all = Fault::KINDS.len();
        for seed in 0..50 {
            let schedule = Schedule::draw(seed, all as u32 * 2, OVER);
            for round in schedule.0.chunks(all) {
                let kinds: BTreeSet<_> = round.iter().map(|planned| planned.fault.kind()).collect();
                assert_eq!(kinds.len(), all, "seed {seed}:\n{schedule}");
            }
        }
    }

    #[test]
    fn one_place_is_broken_in_one_way_at_a_time_and_some_faults_overlap() {
        let mut overlaps = 0;
        for seed in 0..50 {
            let Schedule(planned) = Schedule::draw(seed, 100, OVER);
            for (number, one) in planned.iter().enumerate() {
                for next in &planned[number + 1..] {
                    assert!(next.at >= one.at);
                    let overlap = next.at < one.at + one.lasts;
                    let place = next.fault.place() == one.fault.place();
                    assert!(!(overlap && place), "seed {seed}: {one:?}, {next:?}");
                    overlaps += usize::from(overlap);
                }
            }
        }
        assert!(overlaps > 100, "{overlaps}");
    }

    #[test]
    fn faults_come_over_the_whole_time_however_dense_they_are() {
        let Schedule(sparse) = Schedule::draw(1, 10, OVER);
        assert!(sparse[9].at > OVER * 8 / 10 && sparse[9].at < OVER);
        let Schedule(dense) = Schedule::draw(1, 200, Duration::from_secs(2));
        assert_eq!(dense.len(), 200);
    }

    #[test]
    fn clocks_that_jumped_forward_stay_there_and_those_that_jumped_back_do_not() {
        let schedule = Schedule::of([
            (1_000, 1_000, Fault::ClockAhead(Whose::Both, 60)),
            (5_000, 1_000, Fault::ClockBack(Whose::Both, 600)),
            (9_000, 1_000, Fault::ClockAhead(Whose::One(Twin::First), 7_200)),
        ]);
        let ahead = |second| schedule.ahead_at(Duration::from_secs(second)).num_seconds();
        assert_eq!([0, 1, 6, 9].map(ahead), [0, 60, 60, 7_260]);
    }
}
