//! How long a message is on its way, stage by stage, at shares of what the service can bear.
//!
//! For each kind of load a backlog is drained first, which nobody fills meanwhile. Then as many
//! messages as are decided are sent, in a closed loop: that is the capacity. Then they are sent at
//! shares of it, in an open loop ([`open`]). The kinds: new clients of one company, new clients of a
//! hundred companies, all rows of the flow table ([`mix`]). Sending has a capacity and a section of its
//! own ([`sending`]).

pub(super) mod mix;
mod one_by_one;
pub(super) mod open;
pub(super) mod sending;
mod watch;

use self::mix::Mix;
use self::open::{FIRST, Pace, Plan, Stages, WARM};
use super::Bench;
use super::backlog::{Clients, Load};
use super::company::Company;
use super::progress::Progress;
use super::report::Report;
use super::site::{Ground, Site};
use crate::cli::Role;
use crate::service::Service;

/// From INBOX to the read model.
pub(super) const DECIDING: [Role; 3] = [Role::Engine, Role::Relay, Role::Projector];
/// Shares of capacity, in percent.
const SHARES: [u32; 3] = [10, 50, 90];
/// Messages under way in a closed loop.
const UNDER_WAY: usize = 512;
/// Onboardings before anything is measured on a ground.
const BEFORE: u64 = 2_000;

const ABOUT: &str = "\
Saturation: a backlog in INBOX is drained, to the read model, and nothing comes in. *Closed loop*: \
512 messages that make a request are under way all the time, from the publish to their decision on \
EVT; latencies are of what was sent after the first two seconds. Its rate, all that was sent by the \
time, is the capacity: what is borne while messages come in, \
one publish and one sync each, from the same two cores. Then messages are sent at fixed \
moments at a share of that rate, whether or not answers came; every stage counts \
from the moment at which the message should have been sent (the sending task wakes up once a \
millisecond). *In INBOX* and *on EVT* (the last of the input's events) are JetStream's own timestamps; INBOX is \
synced after its timestamp and before *acknowledged*. *Committed* and *visible* (the checkpoint of `chat-rooms`) are looked up in Postgres, on \
a connection of the measurement's own, about once a millisecond: *from look to look* tells how exactly, \
and the looks take their part of the machine. The lines *INBOX to EVT* are taken without \
them. *Mixed* is, of sixteen messages, two of new clients and one \
each: no extension, a voice message, an unknown user, a client with an active room, one whose room \
is under way, one with one profile, one with several, no free number, auto promotion off, a day too \
late, to a secondary number, in a group, into a room, and a repeat (which is sent, but not timed); \
that every message was decided as its row asks is compared afterwards.";

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section("Load", ABOUT);
    let (onboardings, seconds) = (bench.options.onboardings, bench.options.seconds);
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        let Bench { site, report, .. } = &mut *bench;
        let capacity = Kind::OneCompany.measure(site, report, onboardings, seconds).await?;
        let rates = [("50/s", 50.0), ("500/s", 500.0), ("50 % of capacity", capacity / 2.0)];
        for (name, rate) in rates {
            let stages = unwatched(site, rate, seconds).await?;
            for (_, latencies) in stages.iter().filter(|(stage, _)| *stage == "on EVT") {
                report.add_latencies(&format!("INBOX to EVT at {name}"), latencies);
            }
        }
        for kind in [Kind::HundredCompanies, Kind::Mixed] {
            kind.measure(site, report, onboardings, seconds).await?;
        }
        one_by_one::measure(&bench.site, &mut bench.report, seconds).await?;
    }
    Ok(())
}

/// Who writes.
#[derive(Clone, Copy)]
enum Kind {
    OneCompany,
    HundredCompanies,
    Mixed,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::OneCompany => "one company",
            Self::HundredCompanies => "100 companies",
            Self::Mixed => "mixed",
        }
    }

    const fn companies(self) -> Company {
        match self {
            Self::HundredCompanies => Company { companies: 100, ..Company::USUAL },
            Self::OneCompany | Self::Mixed => Company::USUAL,
        }
    }

    /// A ground that is warm, with everybody known who has to be.
    async fn ground(self, site: &Site) -> anyhow::Result<(Ground, Load)> {
        let companies = self.companies();
        let (ground, clients) = match self {
            Self::Mixed => {
                (site.fresh_with(&Mix::directory()).await?, Clients::Mixed(Mix::default()))
            }
            _ => (site.fresh(&companies).await?, Clients::New(companies)),
        };
        let mut load = Load::by(&ground, clients).await?;
        saturate(&ground, &mut load, BEFORE).await?;
        Ok((ground, load))
    }

    /// Saturation and capacity, then shares of that. Messages a second at capacity.
    async fn measure(
        self,
        site: &Site,
        report: &mut Report,
        many: u64,
        seconds: u64,
    ) -> anyhow::Result<f64> {
        let name = self.name();
        let (ground, mut load) = self.ground(site).await?;
        let drained = saturate(&ground, &mut load, many).await?;
        report.add(format!("{name}: messages/s at saturation"), drained);
        // As many as can come at most: nothing is borne faster than a backlog.
        prepare(&ground, &mut load, messages(2.0 * drained, seconds)).await?;
        let before = load.sent;
        let plan = Plan::usual(Pace::Closed(UNDER_WAY), seconds);
        let stages = open::run(&ground, &mut load, &plan).await?;
        let capacity = (load.sent - before) as f64 / (WARM.as_secs() + seconds) as f64;
        tell(report, &format!("{name}, closed loop"), capacity, &stages);
        for share in SHARES {
            let rate = capacity * f64::from(share) / 100.0;
            let plan = Plan::usual(Pace::Open(rate), seconds);
            prepare(&ground, &mut load, messages(rate, seconds)).await?;
            let stages = open::run(&ground, &mut load, &plan).await?;
            tell(report, &format!("{name} at {share} %"), rate, &stages);
        }
        if let Clients::Mixed(mix) = &load.clients {
            for (row, times) in mix.verify(&ground, load.sent).await? {
                eprintln!("    mixed, decided as {row:?} asks: {times}");
            }
        }
        Ok(capacity)
    }
}

/// How many messages a rate brings.
fn messages(rate: f64, seconds: u64) -> u64 {
    FIRST + (rate * (WARM.as_secs() + seconds) as f64).ceil() as u64
}

/// Makes those known whom the next messages need.
async fn prepare(ground: &Ground, load: &mut Load, messages: u64) -> anyhow::Result<()> {
    let (inbox, sent) = (load.publisher(), load.sent);
    if let Clients::Mixed(mix) = &mut load.clients {
        mix.prepare(ground, &inbox, sent + messages).await?;
    }
    Ok(())
}

/// Messages a second of a backlog, from the first events that readers see to the last.
async fn saturate(ground: &Ground, load: &mut Load, many: u64) -> anyhow::Result<f64> {
    prepare(ground, load, many).await?;
    load.fill(many).await?;
    let before = ground.store.last_position().await?;
    let progress = Progress::of_next_service()?;
    let service = start(ground, &DECIDING).await?;
    let (first, begun) = progress.reach(before + 1).await?;
    let (last, ended) = progress.settled(ground).await?;
    service.stop().await;
    anyhow::ensure!(last > first, "everything was decided at once: more onboardings are needed");
    let share = (last - first) as f64 / (last - before) as f64;
    Ok(many as f64 * share / (ended - begun).as_secs_f64())
}

/// New clients of one company at a rate, and nobody looks into Postgres.
async fn unwatched(site: &Site, rate: f64, seconds: u64) -> anyhow::Result<Stages> {
    let (ground, mut load) = Kind::OneCompany.ground(site).await?;
    let plan = Plan { watched: false, ..Plan::usual(Pace::Open(rate), seconds) };
    open::run(&ground, &mut load, &plan).await
}

fn tell(report: &mut Report, name: &str, rate: f64, stages: &Stages) {
    report.add(format!("{name}: messages/s"), rate);
    for (stage, latencies) in stages {
        report.add_latencies(&format!("{name}, {stage}"), latencies);
    }
}

pub(super) async fn start(ground: &Ground, roles: &[Role]) -> anyhow::Result<Service> {
    Service::start(&ground.config, roles, ground.clock.clone()).await
}
