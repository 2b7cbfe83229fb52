//! From the start of the process until it is ready.

use std::path::Path;

use super::cold;
use super::program::Program;
use crate::bench::Bench;
use crate::bench::grown::Store;
use crate::bench::process;

pub(super) async fn run(
    bench: &mut Bench,
    cloud: &str,
    small: &Store,
    grown: &Store,
) -> anyhow::Result<()> {
    bench.report.section(
        "Start-up",
        "This program, all roles, on a migrated store: from the start of its process until /readyz \
         answers 200, asked every millisecond. Cold: Postgres and NATS were stopped, all that the \
         page cache held of their files was dropped, and of the program's own (its libraries stay), \
         and they were started again. The store grew without a sender: its queue begins at the end \
         of the log.",
    );
    let program = std::env::current_exe()?;
    for store in [small, grown] {
        skip_sending(store).await?;
        // The first start after a growth makes what is made once.
        Program::serve(&program, &store.ground, cloud).await?.stop().await?;
    }
    let copy = bench.site.folder().join("onboarding-cold");
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        for store in [small, grown] {
            let warm = Program::serve(&program, &store.ground, cloud).await?;
            add(bench, store, "warm", &warm);
            warm.stop().await?;
            let cold = from_cold(bench, &program, &copy, store, cloud).await?;
            add(bench, store, "cold", &cold);
            let read = process::read_from_disk(cold.pid)?;
            bench.report.add(format!("{}, cold, MB that it read from disk", of(store)), read);
            cold.stop().await?;
        }
    }
    std::fs::remove_file(copy)?;
    Ok(())
}

async fn from_cold(
    bench: &Bench,
    program: &Path,
    copy: &Path,
    store: &Store,
    cloud: &str,
) -> anyhow::Result<Program> {
    // A copy: what a running process has mapped can't be dropped.
    std::fs::copy(program, copy)?;
    bench.site.postgres.stop().await?;
    store.ground.nats.stop().await?;
    for folder in [bench.site.postgres.data_dir(), store.ground.nats.data_dir(), Some(copy)] {
        cold::drop_pages(folder.ok_or_else(|| anyhow::anyhow!("a server is not private"))?)?;
    }
    bench.site.postgres.restart().await?;
    store.ground.nats.restart().await?;
    Program::serve(copy, &store.ground, cloud).await
}

/// The send queue begins at the end of the log: nothing that was requested so far is sent.
async fn skip_sending(store: &Store) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO rm_checkpoints (view, position) SELECT 'send-queue', position FROM log_head \
         ON CONFLICT (view) DO UPDATE SET position = excluded.position",
    )
    .execute(&store.ground.pool)
    .await?;
    Ok(())
}

fn of(store: &Store) -> String {
    format!("store of {} rooms", store.rooms)
}

fn add(bench: &mut Bench, store: &Store, how: &str, program: &Program) {
    let milliseconds = program.ready_after.as_secs_f64() * 1e3;
    bench.report.add(format!("{}, {how}: start to ready, ms", of(store)), milliseconds);
}
