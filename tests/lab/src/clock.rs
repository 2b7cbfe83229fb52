//! The copies' own clocks, which the lab moves.
//!
//! A copy of the service tells the time by a [`Clock`], as it does anyway; the program that it runs in
//! for the lab lets that clock follow a file with one number: by how many milliseconds it is ahead of
//! the machine's. Postgres, NATS and the machine keep their time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use chrono::TimeDelta;
use domain::input::Timestamp;
use onboarding::Clock;

use crate::fault::Twin;
use crate::site::CLOUD_TIMEOUT;

/// Names the file in a copy's environment.
pub(crate) const VARIABLE: &str = "LAB_CLOCK";
/// How often a copy looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A copy that is stopped looks only when it goes on: longer than the longest pause.
const UNSEEN: TimeDelta = TimeDelta::seconds(30);

/// A copy's clock: follows the file that its environment names for as long as the process lives.
/// Without one it is the machine's.
pub fn of_this_copy() -> Clock {
    let clock = Clock::system();
    if let Some(file) = std::env::var_os(VARIABLE) {
        let mut hand = Hand { file: file.into(), clock: clock.clone(), ahead: TimeDelta::zero() };
        // Before anything asks what time it is.
        hand.look();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(LOOK_EVERY);
                hand.look();
            }
        });
    }
    clock
}

/// What moves a copy's clock.
struct Hand {
    file: PathBuf,
    clock: Clock,
    /// As it is now.
    ahead: TimeDelta,
}

impl Hand {
    fn look(&mut self) {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        if let Ok(milliseconds) = text.trim().parse() {
            let ahead = TimeDelta::milliseconds(milliseconds);
            self.clock.advance(ahead - self.ahead);
            self.ahead = ahead;
        }
    }
}

/// The lab's side: moves the clocks of both copies, and remembers how they stood.
pub(crate) struct Clocks {
    files: [PathBuf; 2],
    standing: Mutex<Standing>,
}

struct Standing {
    ahead: [TimeDelta; 2],
    /// The stretches before those that are still going on.
    past: Vec<Stretch>,
    since: [Timestamp; 2],
    /// The longest way that one was moved at once.
    longest: TimeDelta,
}

impl Clocks {
    /// Both as the machine's.
    pub(crate) fn new(folder: &Path) -> Self {
        let files = Twin::BOTH.map(|twin| folder.join(format!("{twin}.clock")));
        let standing = Standing {
            ahead: [TimeDelta::zero(); 2],
            past: vec![],
            since: [Timestamp::MIN_UTC; 2],
            longest: TimeDelta::zero(),
        };
        Self { files, standing: Mutex::new(standing) }
    }

    /// What a copy follows.
    pub(crate) fn file(&self, twin: Twin) -> &Path {
        &self.files[twin.index()]
    }

    /// Moves some of them on, or back.
    pub(crate) fn advance(&self, twins: &[Twin], by: TimeDelta) -> anyhow::Result<()> {
        let mut standing = self.lock();
        for twin in twins {
            let ahead = standing.ahead[twin.index()] + by;
            self.set(&mut standing, *twin, ahead)?;
        }
        Ok(())
    }

    /// The one that is behind is put right by the other.
    pub(crate) fn agree(&self) -> anyhow::Result<()> {
        let mut standing = self.lock();
        let ahead = standing.ahead[0].max(standing.ahead[1]);
        Twin::BOTH.iter().try_for_each(|twin| self.set(&mut standing, *twin, ahead))
    }

    /// How they have stood until now.
    pub(crate) fn history(&self) -> History {
        let standing = self.lock();
        if standing.past.is_empty() {
            return History::default();
        }
        let present = Twin::BOTH.map(|twin| Stretch {
            from: standing.since[twin.index()],
            until: None,
            ahead: standing.ahead[twin.index()],
        });
        let stretches = standing.past.iter().copied().chain(present).collect();
        History { stretches, longest: standing.longest }
    }

    fn set(&self, standing: &mut Standing, twin: Twin, ahead: TimeDelta) -> anyhow::Result<()> {
        let one = twin.index();
        if standing.ahead[one] == ahead {
            return Ok(());
        }
        let now = SystemTime::now().into();
        let stretch =
            Stretch { from: standing.since[one], until: Some(now), ahead: standing.ahead[one] };
        standing.past.push(stretch);
        standing.longest = standing.longest.max((ahead - standing.ahead[one]).abs());
        (standing.since[one], standing.ahead[one]) = (now, ahead);
        // Whole, or not at all: a copy may be reading.
        let file = self.file(twin);
        let new = file.with_extension("new");
        let written = std::fs::write(&new, ahead.num_milliseconds().to_string());
        written.and_then(|()| std::fs::rename(&new, file)).context("moving a copy's clock")
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in which one copy's clock was so much ahead of the machine's.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: Timestamp,
    /// A copy that was stopped just then may have told the time by it for a little longer.
    until: Option<Timestamp>,
    ahead: TimeDelta,
}

/// How the copies' clocks have stood: what a time that one of them has recorded may have been by the
/// machine's clock, which the lab goes by.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// None where none was ever moved.
    stretches: Vec<Stretch>,
    longest: TimeDelta,
}

impl History {
    /// One copy's clock was moved once.
    #[cfg(test)]
    pub(crate) fn of_one_moved(at: Timestamp, ahead: TimeDelta) -> Self {
        let from = Timestamp::MIN_UTC;
        let before = Stretch { from, until: Some(at), ahead: TimeDelta::zero() };
        let after = Stretch { from: at, until: None, ahead };
        let others = Stretch { until: None, ..before };
        Self { stretches: vec![before, after, others], longest: ahead.abs() }
    }

    /// Whether the lease of a claim may have been over for the other copy before the call that it was
    /// for had to begin: a clock was moved by more than the time that is kept for the call itself.
    pub fn has_leapt(&self) -> bool {
        self.longest > TimeDelta::seconds(CLOUD_TIMEOUT.cast_signed())
    }

    /// The earliest moment by the machine's clock at which a copy can have recorded this time: nobody
    /// knows which copy did.
    pub fn earliest(&self, recorded: Timestamp) -> Timestamp {
        if self.stretches.is_empty() {
            return recorded;
        }
        let moment = |stretch: &Stretch| {
            let moment = recorded - stretch.ahead;
            let begun = stretch.from <= moment;
            let over = stretch.until.is_some_and(|until| moment - until > UNSEEN);
            (begun && !over).then_some(moment)
        };
        // None: it can't be told, and nothing may be concluded from it.
        self.stretches.iter().filter_map(moment).min().unwrap_or(Timestamp::MIN_UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn stretch(from: i64, until: Option<i64>, ahead: i64) -> Stretch {
        let (from, until) = (second(from), until.map(second));
        Stretch { from, until, ahead: TimeDelta::seconds(ahead) }
    }

    fn of(stretches: Vec<Stretch>) -> History {
        History { stretches, longest: TimeDelta::hours(1) }
    }

    #[test]
    fn clocks_that_nobody_moved_tell_the_machines_time() {
        let history = History::default();
        assert!(!history.has_leapt());
        assert_eq!(history.earliest(second(100)), second(100));
    }

    #[test]
    fn a_time_that_only_one_stretch_explains_is_told_exactly() {
        // One copy's clock was an hour ahead from 100 on, the other's never.
        let history =
            of(vec![stretch(0, Some(100), 0), stretch(100, None, 3_600), stretch(0, None, 0)]);
        assert_eq!(history.earliest(second(90)), second(90));
        assert_eq!(history.earliest(second(200)), second(200), "by the other");
        assert_eq!(history.earliest(second(3_750)), second(150));
    }

    #[test]
    fn of_two_moments_that_explain_a_time_the_earlier_counts() {
        // Back by 50 seconds from 100 on: 120 was told at 120 by the one, at 170 by the other.
        let history =
            of(vec![stretch(0, Some(100), 0), stretch(100, None, -50), stretch(0, None, 0)]);
        assert_eq!(history.earliest(second(120)), second(120));
        // A copy that was stopped when its clock was moved tells the old time for a while.
        let stopped = of(vec![stretch(0, Some(100), 0), stretch(100, None, 3_600)]);
        assert_eq!(stopped.earliest(second(110)), second(110));
        assert_eq!(stopped.earliest(second(200)), Timestamp::MIN_UTC, "nobody can have told it");
    }

    #[test]
    fn a_clock_that_was_moved_by_no_more_than_a_call_takes_has_not_leapt() {
        let moved = |seconds| History::of_one_moved(second(1), TimeDelta::seconds(seconds));
        assert!(![1, 2, -2].into_iter().any(|seconds| moved(seconds).has_leapt()));
        assert!([3, -3, 7_200].into_iter().all(|seconds| moved(seconds).has_leapt()));
    }

    #[test]
    fn a_clock_follows_its_file_in_both_directions() {
        let folder = std::env::temp_dir().join(format!("lab-clock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let clocks = Clocks::new(&folder);
        let mut hands = Twin::BOTH.map(|twin| Hand {
            file: clocks.file(twin).to_owned(),
            clock: Clock::system(),
            ahead: TimeDelta::zero(),
        });
        let mut ahead = || {
            hands.each_mut().map(|hand| {
                hand.look();
                let ahead = hand.clock.now() - Timestamp::from(SystemTime::now());
                (ahead.as_seconds_f64() / 60.0).round() as i64
            })
        };
        assert_eq!(ahead(), [0, 0]);
        clocks.advance(&[Twin::First], TimeDelta::minutes(90)).unwrap();
        assert_eq!(ahead(), [90, 0]);
        clocks.agree().unwrap();
        assert_eq!(ahead(), [90, 90]);
        clocks.advance(&Twin::BOTH, TimeDelta::minutes(-5)).unwrap();
        assert_eq!(ahead(), [85, 85]);
        assert!(clocks.history().has_leapt());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
