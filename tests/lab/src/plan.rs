//! What is to be done in a run, and of which kinds its faults are.

use std::path::PathBuf;
use std::time::Duration;

use crate::bug::Bug;
use crate::disk;
use crate::fault::{Fault, Place, Server};
use crate::schedule::Schedule;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Draws schedule and load.
    pub seed: u64,
    /// How many faults.
    pub faults: u32,
    /// How many messages of clients.
    pub messages: u32,
    /// Over which time faults and messages come.
    pub over: Duration,
    /// How many NATS servers: 1, or 3 as a cluster.
    pub nats: u32,
    /// The sender's grace time in seconds.
    pub grace: u32,
    /// How long it may take after the last fault until nothing is left to do.
    pub drain: Duration,
    /// Of which kinds the faults are.
    pub mix: Mix,
    /// Whether stores and logs stay, whatever is found.
    pub keep: bool,
    /// Which program the second copy is, if it is another than the first.
    pub second: Option<PathBuf>,
    /// The bug that the run is made with; the stores then stay only if they are to be kept.
    pub plant: Option<Bug>,
}

/// Of which kinds faults are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// The usual ones; where NATS is a cluster, those of its nodes too.
    Usual,
    /// Full disks with them: the servers have small ones for themselves.
    WithDisks,
    /// Jumps of clocks that are longer than the sender's grace time, and nothing else.
    Leaps,
}

impl Plan {
    /// A short run without any: for a schedule that a test writes out.
    pub const fn short(seed: u64, messages: u32, over: Duration) -> Self {
        Self {
            seed,
            faults: 0,
            messages,
            over,
            nats: 1,
            grace: 12,
            drain: Duration::from_secs(120),
            mix: Mix::Usual,
            keep: false,
            second: None,
            plant: None,
        }
    }

    /// Its faults.
    pub fn schedule(&self) -> Schedule {
        let kinds = self.kinds(self.disks().is_ok());
        Schedule::draw_from(&kinds, self.seed, self.faults, self.over)
    }

    /// Which faults there are not, and why.
    pub fn left_out(&self) -> String {
        self.lacks(self.disks())
    }

    /// Which servers have a small disk for themselves.
    pub(crate) fn small_disks(&self) -> &'static [Server] {
        match self.disks() {
            Err(_) => &[],
            // The nodes of a cluster stay on the machine's disk: no fault needs another.
            Ok(()) if self.is_cluster() => &[Server::Postgres],
            Ok(()) => &[Server::Postgres, Server::Nats],
        }
    }

    /// Everything that faults can be, with disks or without.
    fn kinds(&self, disks: bool) -> Vec<&'static [Fault]> {
        if self.mix == Mix::Leaps {
            return Fault::LEAPS.to_vec();
        }
        let mut kinds = Fault::KINDS.to_vec();
        if disks {
            kinds.extend(Fault::DISKS);
        }
        if self.is_cluster() {
            kinds.retain(|kind| !kind.iter().any(|fault| fault.is_of_one_nats()));
            kinds.extend(Fault::OF_A_CLUSTER);
        }
        if self.second.is_some() {
            kinds.retain(|kind| kind.iter().all(|fault| fault.place() != Place::Clocks));
        }
        kinds
    }

    /// Everything else that they could be.
    fn lacks(&self, disks: Result<(), String>) -> String {
        if self.mix == Mix::Leaps {
            return "everything but clocks moved by minutes and hours".to_owned();
        }
        let mut lacks = vec![];
        if let Err(obstacle) = disks {
            lacks.push(format!("full disks: {obstacle}"));
        } else if self.is_cluster() {
            lacks.push("NATS' disk full: only of one server (--nats 1)".to_owned());
        }
        let of_servers = if self.is_cluster() {
            "EVT's folder older or gone: only of one server (--nats 1)"
        } else {
            "nodes killed, cut off and bereft of their stores: only in a cluster (--nats 3)"
        };
        lacks.push(of_servers.to_owned());
        lacks.push(if self.second.is_some() {
            "clocks moved: another program follows no clock of the lab's".to_owned()
        } else {
            "clocks moved by minutes and hours: only alone (--leaps)".to_owned()
        });
        lacks.join("; ")
    }

    /// Whether servers have small disks; what stands against it otherwise.
    fn disks(&self) -> Result<(), String> {
        match self.mix {
            Mix::WithDisks => disk::usable(),
            Mix::Usual | Mix::Leaps => Err("only with small ones (--disks)".to_owned()),
        }
    }

    const fn is_cluster(&self) -> bool {
        self.nats > 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(mix: Mix, nats: u32) -> Plan {
        Plan {
            seed: 7,
            faults: 100,
            messages: 1,
            over: Duration::from_secs(300),
            nats,
            grace: 12,
            drain: Duration::from_secs(120),
            mix,
            keep: false,
            second: None,
            plant: None,
        }
    }

    fn named(kinds: &[&[Fault]]) -> BTreeSet<&'static str> {
        kinds.iter().map(|kind| kind[0].kind()).collect()
    }

    /// What comes in a schedule, whatever this machine can.
    fn drawn(plan: &Plan, disks: bool) -> BTreeSet<&'static str> {
        let Schedule(planned) =
            Schedule::draw_from(&plan.kinds(disks), plan.seed, plan.faults, plan.over);
        planned.iter().map(|planned| planned.fault.kind()).collect()
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let all = [&Fault::KINDS[..], &Fault::DISKS, &Fault::LEAPS, &Fault::OF_A_CLUSTER].concat();
        assert_eq!(named(&all).len(), all.len());
    }

    #[test]
    fn full_disks_leaps_of_clocks_and_faults_of_nodes_come_only_where_they_are_asked_for() {
        let usual = named(&Fault::KINDS);
        assert_eq!(drawn(&plan(Mix::Usual, 1), false), usual);
        assert_eq!(drawn(&plan(Mix::WithDisks, 1), false), usual, "a machine that can't");
        assert_eq!(drawn(&plan(Mix::WithDisks, 1), true), &usual | &named(&Fault::DISKS));
        for nats in [1, 3] {
            assert_eq!(drawn(&plan(Mix::Leaps, nats), false), named(&Fault::LEAPS));
        }
    }

    #[test]
    fn in_a_cluster_nodes_are_struck_and_what_is_about_one_servers_files_is_left_out() {
        let usual = &named(&Fault::KINDS) | &named(&Fault::OF_A_CLUSTER);
        let folders = BTreeSet::from(["EVT's folder gone", "EVT's folder older"]);
        assert_eq!(drawn(&plan(Mix::Usual, 3), false), &usual - &folders);
        let with_disks = &(&usual - &folders) | &BTreeSet::from(["Postgres' disk full"]);
        assert_eq!(drawn(&plan(Mix::WithDisks, 3), true), with_disks);
    }

    #[test]
    fn no_clock_is_moved_where_the_second_copy_is_another_program() {
        let plan = Plan { second: Some("service-of-yesterday".into()), ..plan(Mix::Usual, 1) };
        let clocks = BTreeSet::from(["clock seconds ahead", "clock seconds back"]);
        assert_eq!(drawn(&plan, false), &named(&Fault::KINDS) - &clocks);
        assert!(plan.left_out().contains("clocks moved: another program"), "{}", plan.left_out());
    }

    #[test]
    fn a_schedule_is_the_same_for_the_same_plan_and_tells_what_a_struck_node_leads() {
        let (one, three) = (plan(Mix::Usual, 1), plan(Mix::Usual, 3));
        assert_eq!(one.schedule(), Schedule::draw(one.seed, one.faults, one.over));
        assert_eq!(three.schedule(), three.schedule());
        let told = three.schedule().to_string();
        for kind in ["NATS node killed (", "NATS node cut off (", "NATS node lost its store ("] {
            assert!(told.contains(kind), "{told}");
        }
    }

    #[test]
    fn what_is_left_out_is_told_with_the_reason() {
        let lacks = |mix, nats, disks: Result<(), &str>| {
            plan(mix, nats).lacks(disks.map_err(str::to_owned))
        };
        let usual = plan(Mix::Usual, 1).left_out();
        assert!(usual.contains("full disks: only with small ones (--disks)"), "{usual}");
        assert!(usual.contains("nodes killed") && usual.contains("--leaps"), "{usual}");
        let obstacle = lacks(Mix::WithDisks, 1, Err("only root may"));
        assert!(obstacle.contains("full disks: only root may"), "{obstacle}");
        assert!(!lacks(Mix::WithDisks, 1, Ok(())).contains("disk"));
        let cluster = lacks(Mix::WithDisks, 3, Ok(()));
        assert!(cluster.contains("NATS' disk full: only of one server"), "{cluster}");
        assert!(cluster.contains("EVT's folder older or gone: only"), "{cluster}");
        assert!(!cluster.contains("nodes killed"), "{cluster}");
        assert!(plan(Mix::Leaps, 3).left_out().starts_with("everything but clocks"));
    }
}
