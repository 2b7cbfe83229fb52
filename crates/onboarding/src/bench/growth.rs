//! Whether an onboarding costs the same however much there is already.
//!
//! One store grows; at each size what an onboarding costs there is taken beside a store that has a
//! thousand rooms, one right after the other: the speed of a disk can change by a third within
//! minutes, and what is compared must have had the same one.

use std::ops::RangeInclusive;

use super::Bench;
use super::company::Company;
use super::grown::{self, EVENTS, EVENTS_OF_KNOWN, Store, Take};

/// The small case.
const SMALL: u64 = 1_000;
/// Where it is looked, if the store grows that large, and at its full size.
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];

/// Rooms of the client who has many.
const ROOMS: u32 = 50;

/// Rooms, profiles and events in number; then a client with many users.
pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    sizes(bench).await?;
    many_users(bench).await
}

async fn sizes(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section(
        "Growth",
        "What an onboarding costs in a store of so many rooms, divided by what it costs in one of \
         1,000 rooms, taken one after the other. Each room has a client and a profile of its own and \
         six events. CPU times are the kernel's, of all processes of a server.",
    );
    let (many, grown) = (bench.options.onboardings, bench.options.grown);
    grown::require_space(bench.site.folder(), grown)?;
    let mut store = Store::new(&bench.site, Company::USUAL).await?;
    for rooms in SIZES.into_iter().filter(|size| *size < grown).chain([grown]) {
        // The takes themselves are part of the growth.
        let takes = u64::from(bench.options.runs) * many;
        store.grow(rooms.saturating_sub(takes / 2).max(SMALL)).await?;
        for run in 1..=bench.options.runs {
            bench.report.run(run);
            let mut small = Store::new(&bench.site, Company::USUAL).await?;
            small.grow(SMALL).await?;
            let (beside, here) = if run % 2 == 0 {
                let here = store.take(&bench.site, many).await?;
                (small.take(&bench.site, many).await?, here)
            } else {
                (small.take(&bench.site, many).await?, store.take(&bench.site, many).await?)
            };
            bench.site.discard(small.ground).await?;
            tell(bench, &format!("{rooms} rooms"), &here, &beside);
        }
    }
    bench.grown = Some(store);
    Ok(())
}

/// Clients who have rooms with fifty users write to one more, beside as many who have one room.
async fn many_users(bench: &mut Bench) -> anyhow::Result<()> {
    let runs = bench.options.runs;
    let clients = bench.options.onboardings / 4;
    let company = Company { companies: 1, users: ROOMS + runs, numbers: ROOMS + runs };
    let mut store = Store::new(&bench.site, company).await?;
    // Client 0 is the one that every store begins with.
    let (many, few) = (1..=clients, clients + 1..=2 * clients);
    let to = |clients: &RangeInclusive<u64>, user| clients.clone().map(move |one| (one, user));
    for user in 0..ROOMS {
        store.load.fill_from(company, to(&many, user)).await?;
        let events = if user == 0 { EVENTS } else { EVENTS_OF_KNOWN };
        store.drain(&bench.site, clients, events).await?;
    }
    store.load.fill_from(company, to(&few, 0)).await?;
    store.drain(&bench.site, clients, EVENTS).await?;
    for run in 0..runs {
        bench.report.run(run + 1);
        store.load.fill_from(company, to(&many, ROOMS + run)).await?;
        let here = store.drain(&bench.site, clients, EVENTS_OF_KNOWN).await?;
        store.load.fill_from(company, to(&few, 1 + run)).await?;
        let beside = store.drain(&bench.site, clients, EVENTS_OF_KNOWN).await?;
        tell(bench, "a client with 50 users", &here, &beside);
    }
    bench.site.discard(store.ground).await
}

fn tell(bench: &mut Bench, what: &str, here: &Take, beside: &Take) {
    let report = &mut bench.report;
    report.add(format!("{what}: onboardings/s"), here.rate);
    report.add(format!("{what}: time of an onboarding, small = 1"), beside.rate / here.rate);
    for (name, cost) in &here.costs {
        report.add(format!("{what}: {name}"), *cost);
        if let Some((_, small)) = beside.costs.iter().find(|(same, _)| same == name) {
            report.add(format!("{what}: {name}, small = 1"), cost / small);
        }
    }
}
