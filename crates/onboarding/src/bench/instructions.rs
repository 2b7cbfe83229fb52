//! How many instructions the service itself needs for an onboarding: counted by Valgrind, in a
//! process of its own.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use tokio::process::Command;

use super::backlog::Load;
use super::company::Company;
use super::costs::{ROLES, all_visible};
use super::site::{Ground, Site};

/// Fewer and more onboardings; the difference is what counts. Valgrind makes the service some
/// fifty times slower.
const ONBOARDINGS: (u64, u64) = (512, 1_536);

/// Instructions of one onboarding out of a backlog, in user space, all threads together.
///
/// # Errors
/// Valgrind is not there or can't run the program.
pub(super) async fn per_onboarding(site: &Site, company: Company) -> anyhow::Result<f64> {
    let there = Command::new("valgrind").arg("--version").output().await;
    there.context("valgrind is not there")?;
    let ground = site.fresh(&company).await?;
    let mut load = Load::of(&ground, company).await?;
    let mut counted = [0; 2];
    for (many, counted) in [ONBOARDINGS.0, ONBOARDINGS.1].into_iter().zip(&mut counted) {
        load.fill(many).await?;
        *counted = drained(site.folder(), &ground, load.sent).await?;
    }
    let [fewer, more] = counted.map(|count| count as f64);
    Ok((more - fewer) / (ONBOARDINGS.1 - ONBOARDINGS.0) as f64)
}

/// Instructions of a service from its start to its end, with all of INBOX drained in between.
async fn drained(folder: &Path, ground: &Ground, rooms: u64) -> anyhow::Result<u64> {
    let (settings, out) = (folder.join("valgrind.yaml"), folder.join("valgrind.out"));
    // JSON is YAML.
    std::fs::write(&settings, serde_json::to_string(&ground.config)?)?;
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
    let visible = tokio::select! {
        visible = all_visible(ground, rooms) => visible,
        _ = service.wait() => Err(anyhow::anyhow!("the service ended by itself")),
    };
    if let Some(process) = service.id() {
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", &format!("kill -TERM {process}")]).status().await?;
    }
    let output = service.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    visible.with_context(|| format!("under valgrind: {}", said.trim()))?;
    anyhow::ensure!(output.status.success(), "the service failed under valgrind: {}", said.trim());
    let told = std::fs::read_to_string(&out).context("what valgrind counted")?;
    for file in [&settings, &out] {
        let _ = std::fs::remove_file(file);
    }
    let summary = told.lines().find_map(|line| line.strip_prefix("summary:"));
    Ok(summary.context("valgrind told no sum")?.trim().parse()?)
}
