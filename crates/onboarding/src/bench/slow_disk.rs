//! The service at saturation when every fsync of Postgres takes longer.
//!
//! A few lines of C, built with the machine's compiler, are preloaded into Postgres. nats-server is
//! a static program that nothing can be preloaded into: INBOX keeps the disk that it has.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::PgPool;
use tokio::process::Command;

use super::company::Company;
use super::site::Site;
use super::{Bench, drained};

/// How much longer an fsync takes.
const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(5)];
/// Transactions of one row that tell how long a commit takes.
const COMMITS: usize = 101;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    bench.report.section(
        "Slow disk",
        "A backlog in INBOX is drained while every fsync and fdatasync of Postgres takes longer; \
         the time of a commit of one row shows that it does. INBOX's own disk is not slowed down: \
         nats-server is a static program.",
    );
    let shim = match Shim::build(bench.site.folder()).await {
        Ok(shim) => shim,
        Err(problem) => {
            bench.report.remark(&format!("Not measured: {problem:#}."));
            return Ok(());
        }
    };
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        // Each delay is the first one of some run.
        let mut delays = DELAYS;
        delays.rotate_left(run as usize % DELAYS.len());
        for delay in delays {
            let folder = bench.site.folder().join(format!("slow-{run}-{}", delay.as_millis()));
            let environment = vec![
                ("LD_PRELOAD".to_owned(), shim.library.clone().into_os_string()),
                ("SLOW_FSYNC_US".to_owned(), delay.as_micros().to_string().into()),
            ];
            let site = Site::with_environment(folder, environment).await?;
            let drained = drained::run(&site, Company::USUAL, bench.options.onboardings).await?;
            let commit = commit(&site).await?;
            anyhow::ensure!(commit >= delay, "a commit takes {commit:?}: fsync is not slowed down");
            bench.report.add(rate(delay), drained.rate);
            let name = format!("commit of one row, {}, ms", told(delay));
            bench.report.add(name, commit.as_secs_f64() * 1_000.0);
            for (name, cost) in drained.costs.into_iter().filter(|(name, _)| name.contains("fsync"))
            {
                bench.report.add(format!("{name}, {}", told(delay)), cost);
            }
        }
    }
    for delay in &DELAYS[1..] {
        let name = format!("share of onboardings/s, {}", told(*delay));
        bench.report.relate(&name, &rate(*delay), &rate(Duration::ZERO));
    }
    Ok(())
}

fn rate(delay: Duration) -> String {
    format!("onboardings/s, {}", told(delay))
}

fn told(delay: Duration) -> String {
    match delay.as_millis() {
        0 => "fsync as it is".into(),
        longer => format!("fsync {longer} ms slower"),
    }
}

/// The median time of a transaction that writes one row.
async fn commit(site: &Site) -> anyhow::Result<Duration> {
    let ground = site.fresh(&Company::USUAL).await?;
    let one = |sql: &'static str| run_sql(&ground.pool, sql);
    one("CREATE TABLE bench_commits (n int)").await?;
    let mut taken = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let begun = Instant::now();
        one("INSERT INTO bench_commits VALUES (1)").await?;
        taken.push(begun.elapsed());
    }
    taken.sort();
    Ok(taken[COMMITS / 2])
}

async fn run_sql(pool: &PgPool, sql: &'static str) -> anyhow::Result<()> {
    sqlx::query(sql).execute(pool).await?;
    Ok(())
}

/// The built library; removed at the end.
struct Shim {
    folder: PathBuf,
    library: PathBuf,
}

impl Shim {
    /// Builds it in a folder that everybody may read: Postgres may run as another user.
    async fn build(below: &Path) -> anyhow::Result<Self> {
        let folder = below.join("slow-fsync");
        std::fs::create_dir_all(&folder).context("cannot make a folder")?;
        let shim = Self { library: folder.join("slow_fsync.so"), folder };
        let source = shim.folder.join("slow_fsync.c");
        std::fs::write(&source, include_str!("slow_fsync.c")).context("cannot write the source")?;
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&shim.library)
            .arg(&source)
            .arg("-ldl")
            .stdin(Stdio::null())
            .output()
            .await
            .context("there is no C compiler `cc`")?;
        let said = String::from_utf8_lossy(&built.stderr);
        anyhow::ensure!(built.status.success(), "cc cannot build the library: {}", said.trim());
        Ok(shim)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
