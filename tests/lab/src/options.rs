//! The command line of `cargo lab`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::bug::Bug;
use crate::plan::{Mix, Plan};

/// How long a fault has for itself, on average, if nobody says how long all of them take.
const EACH: Duration = Duration::from_secs(5);

/// Hurts the service on purpose, then checks what is left.
///
/// Starts a private Postgres and NATS, a fake WhatsApp and two copies of the service, posts signed
/// webhooks whose contents are known, and meanwhile breaks things by a schedule that is drawn from a
/// seed: copies and servers are killed and paused, connections cut and stalled, answers to commits
/// lost, EVT deleted and truncated, INBOX full, clocks moved, WhatsApp away, slow or silent; with
/// --nats 3 also single nodes of the cluster killed, cut off and emptied. Each fault is healed after a
/// while. Once all are, and everything has drained, a checker looks at what was sent, what WhatsApp
/// received, and the stores.
///
/// The same --seed, --faults, --minutes, --nats, --disks and --leaps draw the same schedule; what meets
/// what in the processes still differs from run to run.
#[derive(Clone, Debug, Parser)]
#[command(name = "lab", bin_name = "cargo lab", max_term_width = 100)]
#[command(after_help = "Exit status: 0 all that must hold holds, 1 there is a finding or the lab \
    could not go on (it is said which), 2 the command line is wrong.\n\nExamples:\n  cargo lab\n  \
    cargo lab --seed 7 --schedule\n  cargo lab --seed 7 --faults 200 --messages 5000 --minutes 20 \
    --json > report.json\n\ndocs/RELIABILITY.md says what is checked and what is not covered.")]
pub struct LabOptions {
    /// Draws the schedule and the load; without it, a new one, which is printed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many faults.
    #[arg(long, default_value_t = 63, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub faults: u32,
    /// How many messages clients write, over the same time.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub messages: u32,
    /// Over how many minutes the faults come; without it, one comes every 5 seconds.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub minutes: Option<u32>,
    /// How many NATS servers: 1, or a cluster of 3, where nodes are also killed, cut off from the
    /// others and bereft of their stores one at a time.
    #[arg(long, default_value_t = 1, value_name = "SERVERS", value_parser = servers)]
    pub nats: u32,
    /// How many seconds it may take after the last fault until nothing is left to do.
    #[arg(long, default_value_t = 120, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub drain: u32,
    /// The sender's grace time in seconds: a message whose call may have been made and not answered is
    /// called again only after that.
    #[arg(long, default_value_t = 12, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(3..=600))]
    pub grace: u32,
    /// Keep the files of Postgres, and of a single NATS, on small disks in memory, and let these be
    /// full too. Needs root, who may mount them.
    #[arg(long)]
    pub disks: bool,
    /// Move the service's clocks by minutes and hours, and break nothing else.
    #[arg(long, conflicts_with = "disks")]
    pub leaps: bool,
    /// Keep the stores and the logs; they are kept anyhow if there is a finding.
    #[arg(long)]
    pub keep: bool,
    /// The second copy is this program, `onboarding` of an earlier release: two versions side by side on
    /// the same stores. Clocks then stay as they are.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "leaps")]
    pub second: Option<PathBuf>,
    /// Put a bug under the service, to see what is found of it.
    #[arg(long, value_enum, value_name = "BUG")]
    pub plant: Option<Bug>,
    /// Print the report for machines.
    #[arg(long)]
    pub json: bool,
    /// Print the schedule and do nothing.
    #[arg(long)]
    pub schedule: bool,
}

/// A cluster of two stands still without one of them, and one of many needs more than two cores.
fn servers(text: &str) -> Result<u32, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("it is 1, or 3 for a cluster".to_owned()),
    }
}

impl LabOptions {
    /// What is to be done.
    pub fn plan(&self) -> Plan {
        let over = self.minutes.map_or(EACH * self.faults.max(1), |minutes| {
            Duration::from_secs(60 * u64::from(minutes))
        });
        let mix = match (self.disks, self.leaps) {
            (true, _) => Mix::WithDisks,
            (_, true) => Mix::Leaps,
            _ => Mix::Usual,
        };
        Plan {
            seed: self.seed.unwrap_or_else(rand::random),
            faults: self.faults,
            messages: self.messages,
            over,
            nats: self.nats,
            grace: self.grace,
            drain: Duration::from_secs(self.drain.into()),
            mix,
            keep: self.keep,
            second: self.second.clone(),
            plant: self.plant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_every_five_seconds_unless_minutes_are_given() {
        let options = LabOptions::parse_from(["lab", "--faults", "12"]);
        assert_eq!(options.plan().over, Duration::from_secs(60));
        let options = LabOptions::parse_from(["lab", "--faults", "12", "--minutes", "3"]);
        assert_eq!(options.plan().over, Duration::from_secs(180));
    }

    #[test]
    fn nats_is_one_server_or_a_cluster_of_three() {
        let options = LabOptions::parse_from(["lab", "--nats", "3"]);
        assert_eq!(options.plan().nats, 3);
        let two = LabOptions::try_parse_from(["lab", "--nats", "2"]).unwrap_err();
        assert_eq!(two.exit_code(), 2);
        assert!(two.to_string().contains("1, or 3 for a cluster"), "{two}");
    }

    #[test]
    fn a_number_that_makes_no_sense_is_refused() {
        let zero = LabOptions::try_parse_from(["lab", "--messages", "0"]);
        assert_eq!(zero.unwrap_err().exit_code(), 2);
    }

    #[test]
    fn leaps_of_clocks_come_alone() {
        let mix = |arguments: &[&str]| LabOptions::parse_from(arguments).plan().mix;
        assert_eq!([mix(&["lab"]), mix(&["lab", "--leaps"])], [Mix::Usual, Mix::Leaps]);
        assert_eq!(mix(&["lab", "--disks"]), Mix::WithDisks);
        let both = LabOptions::try_parse_from(["lab", "--leaps", "--disks"]);
        assert_eq!(both.unwrap_err().exit_code(), 2);
    }
}
