//! What a run tells: lines while it goes on, a table at its end, JSON for machines.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use devservers::Progress;
use serde::Serialize;
use tokio::time::Instant;

use crate::check::Finding;
use crate::fault::Fault;

/// Tells lines with the time since the load began.
pub struct Tell<'a> {
    /// Where to.
    pub say: &'a Progress<'a>,
    /// When the load began.
    pub begun: Instant,
}

impl Tell<'_> {
    /// Tells a line.
    pub fn line(&self, text: &str) {
        (self.say)(&format!("{:7.1} s  {text}", self.begun.elapsed().as_secs_f64()));
    }
}

/// A fault that was there and was healed.
#[derive(Clone, Debug, Serialize)]
pub struct Inflicted {
    /// Its kind.
    pub kind: &'static str,
    /// What exactly.
    pub fault: Fault,
    /// When, since the load began.
    pub at_seconds: f64,
    /// How long it took until it was healed, with the time that a server's new start took.
    pub seconds: f64,
}

/// What was done and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Draws the same schedule and load again.
    pub seed: u64,
    /// All faults, in the order of the schedule.
    pub faults: Vec<Inflicted>,
    /// Clients' messages.
    pub messages: usize,
    /// Posts that they came in, those that came twice counted twice.
    pub posts: usize,
    /// How often a post got no answer, or not 200, and came again.
    pub posted_again: usize,
    /// How the requests ended.
    pub outcomes: BTreeMap<String, usize>,
    /// Events in the log.
    pub events: usize,
    /// Messages that the fake Cloud API took.
    pub calls: usize,
    /// Of these, messages that it had already; each was allowed to come again, or is a finding.
    pub sent_again: usize,
    /// Commits whose answer was lost.
    pub commit_answers_lost: u64,
    /// How often a copy of the service ended that nobody had killed, and was started again.
    pub ended_by_themselves: u32,
    /// How long it took after the last fault was healed until nothing was left to do.
    pub drained_seconds: f64,
    /// How long it might have taken.
    pub drain_limit_seconds: f64,
    /// Which faults there were not, and why.
    pub left_out: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Where the stores and logs are, if they were kept.
    pub kept: Vec<PathBuf>,
}

impl Report {
    /// Whether all is well.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
        for Inflicted { kind, seconds, .. } in &self.faults {
            let (times, longest) = kinds.entry(kind).or_default();
            *times += 1;
            *longest = longest.max(*seconds);
        }
        writeln!(f, "{:<28}{:>8}{:>12}", "fault", "times", "longest")?;
        for (kind, (times, longest)) in kinds {
            writeln!(f, "{kind:<28}{times:>8}{longest:>10.1} s")?;
        }
        writeln!(f)?;
        let mut row = |what: &str, value: String| writeln!(f, "{what:<40}{value:>8}");
        row("faults", self.faults.len().to_string())?;
        row("messages of clients", self.messages.to_string())?;
        row("posts", self.posts.to_string())?;
        row("posts that came again", self.posted_again.to_string())?;
        for (outcome, count) in &self.outcomes {
            row(&format!("  {outcome}"), count.to_string())?;
        }
        row("events", self.events.to_string())?;
        row("messages taken by WhatsApp", self.calls.to_string())?;
        row("of these once more than once", self.sent_again.to_string())?;
        row("commits whose answer was lost", self.commit_answers_lost.to_string())?;
        row("copies that ended by themselves", self.ended_by_themselves.to_string())?;
        row("seconds until all was done", format!("{:.1}", self.drained_seconds))?;
        row("… of at most", format!("{:.0}", self.drain_limit_seconds))?;
        row("findings", self.findings.len().to_string())?;
        for Finding { by, kind, what } in &self.findings {
            writeln!(f, "{by}: {kind}: {what}")?;
        }
        writeln!(f, "left out: {}", self.left_out)?;
        for folder in &self.kept {
            writeln!(f, "kept: {}", folder.display())?;
        }
        let verdict = if self.is_sound() { "Sound." } else { "NOT SOUND." };
        writeln!(f, "{verdict} Seed {}.", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Twin;

    fn report() -> Report {
        let killed = Fault::Killed(Twin::First);
        let inflicted =
            |seconds| Inflicted { kind: killed.kind(), fault: killed, at_seconds: 1.0, seconds };
        Report {
            seed: 7,
            faults: vec![inflicted(1.0), inflicted(3.0)],
            messages: 3,
            posts: 2,
            posted_again: 0,
            outcomes: BTreeMap::from([("onboarded".to_owned(), 3)]),
            events: 30,
            calls: 6,
            sent_again: 0,
            commit_answers_lost: 0,
            ended_by_themselves: 0,
            drained_seconds: 4.0,
            drain_limit_seconds: 120.0,
            left_out: "full disks: only root may mount small disks".to_owned(),
            findings: vec![],
            kept: vec![],
        }
    }

    #[test]
    fn the_table_tells_each_kind_of_fault_once_and_how_it_ended() {
        let mut report = report();
        let text = report.to_string();
        assert!(text.contains("copy killed                        2       3.0 s"), "{text}");
        assert!(text.ends_with("Sound. Seed 7.\n"), "{text}");
        assert!(text.contains("left out: full disks: only root"), "{text}");
        report.findings.push(Finding::new("webhook-lost", "one".into()));
        let text = report.to_string();
        assert!(text.contains("lab: webhook-lost: one") && text.contains("NOT SOUND"), "{text}");
    }
}
