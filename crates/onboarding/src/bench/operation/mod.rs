//! What those who run the service wait for and pay: start-up and the commands over a store that has
//! grown, and memory.

mod cold;
mod memory;
mod program;
mod reading;
mod start_up;

use whatsapp::fake::FakeCloudApi;

use super::Bench;
use super::company::Company;
use super::grown::{self, Store};

/// Rooms of the small store.
const SMALL: u64 = 1_000;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let cloud = FakeCloudApi::start(([127, 0, 0, 1], 0).into()).await?;
    let mut grown = match bench.grown.take() {
        Some(grown) => grown,
        None => {
            grown::require_space(bench.site.folder(), bench.options.grown)?;
            Store::new(&bench.site, Company::USUAL).await?
        }
    };
    grown.grow(bench.options.grown).await?;
    let mut small = Store::new(&bench.site, Company::USUAL).await?;
    small.grow(SMALL).await?;
    start_up::run(bench, cloud.url(), &small, &grown).await?;
    reading::run(bench, &grown).await?;
    cloud.stop().await;
    bench.grown = Some(grown);
    Ok(())
}

/// Resident memory, which does not depend on what is in the store.
pub(super) async fn memory(bench: &mut Bench) -> anyhow::Result<()> {
    let cloud = FakeCloudApi::start(([127, 0, 0, 1], 0).into()).await?;
    let mut small = Store::new(&bench.site, Company::USUAL).await?;
    small.grow(SMALL).await?;
    memory::run(bench, cloud.url(), small).await?;
    cloud.stop().await;
    Ok(())
}
