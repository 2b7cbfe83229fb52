//! How many instructions the service itself needs for an onboarding: counted by Valgrind, in a
//! process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;
use tokio::time::Instant;

use super::backlog::Load;
use super::company::Company;
use super::costs::{ROLES, all_visible};
use super::site::{Ground, Site};

/// Fewer and more onboardings out of a backlog; the difference is what counts. Valgrind makes the
/// service some fifty times slower.
const BACKLOG: [u64; 2] = [512, 1_536];
/// Fewer and more of them, each alone.
const ALONE: [u64; 2] = [16, 64];
/// A shorter and a longer life of a service that has nothing to do.
const IDLE: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(40)];

/// Instructions of one onboarding in user space, all threads of the service together.
pub(super) struct Instructions {
    /// The next message comes when the room of this one is visible. What the service does meanwhile
    /// that is nobody's is left out.
    pub(super) low: f64,
    /// Out of a backlog.
    pub(super) high: f64,
}

/// Counts them.
///
/// # Errors
/// Valgrind is not there or can't run the program.
pub(super) async fn per_onboarding(site: &Site, company: Company) -> anyhow::Result<Instructions> {
    let there = Command::new("valgrind").arg("--version").output().await;
    there.context("valgrind is not there")?;
    let ground = site.fresh(&company).await?;
    let mut load = Load::of(&ground, company).await?;
    let folder = site.folder();

    let mut lives = vec![];
    for many in BACKLOG {
        load.fill(many).await?;
        lives.push(watch(folder, &ground, all_visible(&ground, load.sent)).await?);
    }
    let high = lives[1].less(&lives[0]);

    let mut lives = vec![];
    for long in IDLE {
        let nothing = async {
            tokio::time::sleep(long).await;
            Ok(())
        };
        lives.push(watch(folder, &ground, nothing).await?);
    }
    let idle = lives[1].less(&lives[0]);

    let mut lives = vec![];
    for many in ALONE {
        let one_by_one = async {
            for _ in 0..many {
                load.fill(1).await?;
                all_visible(&ground, load.sent).await?;
            }
            Ok(())
        };
        lives.push(watch(folder, &ground, one_by_one).await?);
    }
    let alone = lives[1].less(&lives[0]);
    let own = alone.instructions - idle.instructions / idle.seconds * alone.seconds;

    Ok(Instructions {
        low: own / (ALONE[1] - ALONE[0]) as f64,
        high: high.instructions / (BACKLOG[1] - BACKLOG[0]) as f64,
    })
}

/// A service from its start to its end.
struct Life {
    instructions: f64,
    seconds: f64,
}

impl Life {
    /// What this one has more than a shorter one: the start and the end drop out.
    fn less(&self, shorter: &Self) -> Self {
        Self {
            instructions: self.instructions - shorter.instructions,
            seconds: self.seconds - shorter.seconds,
        }
    }
}

/// The life of a service that is ended when `what` has come about.
async fn watch(
    folder: &Path,
    ground: &Ground,
    what: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<Life> {
    let (settings, out) = (folder.join("valgrind.yaml"), folder.join("valgrind.out"));
    // JSON is YAML.
    std::fs::write(&settings, serde_json::to_string(&ground.config)?)?;
    let begun = Instant::now();
    let mut service = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--quiet"])
        .arg(format!("--cachegrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .arg("--config")
        .arg(&settings)
        .args(["serve", "--role", &ROLES.map(|role| role.to_string()).join(",")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let done = tokio::select! {
        done = what => done,
        _ = service.wait() => Err(anyhow::anyhow!("the service ended by itself")),
    };
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(process) = service.id() {
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", &format!("kill -TERM {process}")]).status().await?;
    }
    let output = service.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    done.with_context(|| format!("under valgrind: {}", said.trim()))?;
    anyhow::ensure!(output.status.success(), "the service failed under valgrind: {}", said.trim());
    let told = std::fs::read_to_string(&out).context("what valgrind counted")?;
    for file in [&settings, &out] {
        let _ = std::fs::remove_file(file);
    }
    let summary = told.lines().find_map(|line| line.strip_prefix("summary:"));
    let instructions: u64 = summary.context("valgrind told no sum")?.trim().parse()?;
    Ok(Life { instructions: instructions as f64, seconds })
}
