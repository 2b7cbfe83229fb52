//! This program as a process of its own, as it is run anywhere.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::bench::site::Ground;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether it is ready.
const LOOK: Duration = Duration::from_millis(1);

/// A running service.
pub(super) struct Program {
    child: Child,
    pub(super) pid: u32,
    /// From the start of the process until `/readyz` answered 200.
    pub(super) ready_after: Duration,
}

impl Program {
    /// Starts all roles on a ground; WhatsApp is at `cloud`.
    pub(super) async fn serve(file: &Path, ground: &Ground, cloud: &str) -> anyhow::Result<Self> {
        let http = free_address()?;
        let mut command = command(file, ground);
        command
            .arg("serve")
            .env("ONBOARDING_HTTP__LISTEN", http.to_string())
            .env("ONBOARDING_CLOUD_API__BASE_URL", cloud);
        let begun = Instant::now();
        let mut child = command.spawn().context("starting this program")?;
        let pid = child.id().context("this program ended at once")?;
        while !is_ready(http).await {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("the service ended with {status} before it was ready");
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "the service does not become ready");
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { child, pid, ready_after: begun.elapsed() })
    }

    /// Stops it softly.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.pid.cast_signed()), Signal::SIGTERM)?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("the service does not stop")??;
        anyhow::ensure!(status.success(), "the service stopped with {status}");
        Ok(())
    }
}

/// This program on a ground, with nothing of this process' own environment.
pub(super) fn command(file: &Path, ground: &Ground) -> Command {
    let mut command = Command::new(file);
    command
        .env_clear()
        .env("ONBOARDING_DATABASE_URL", ground.config.database_url.expose())
        .env("ONBOARDING_NATS_URL", ground.config.nats_url.expose())
        .env("ONBOARDING_LOG__FILTER", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    for (id, app) in &ground.config.apps {
        let key = |name| format!("ONBOARDING_APPS__{}__{name}", id.to_string().to_uppercase());
        command
            .env(key("SECRET"), app.secret.expose())
            .env(key("VERIFY_TOKEN"), app.verify_token.expose())
            .env(key("ACCESS_TOKEN"), app.access_token.expose());
    }
    command
}

/// A port of this machine that nobody has.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// Whether `/readyz` answers 200.
async fn is_ready(http: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(http).await?;
        let request = "GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200 "))
    };
    asked.await.unwrap_or(false)
}
