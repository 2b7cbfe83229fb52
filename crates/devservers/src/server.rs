//! A server as its user sees it, private or external.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::private::Private;
use crate::version::Version;

/// A Postgres or a NATS to connect to.
///
/// Dropping a private one stops it and removes its data unless they shall be kept; this blocks
/// until both is done, typically a fraction of a second, at most ten seconds.
#[derive(Debug)]
pub struct Server {
    url: String,
    version: Option<Version>,
    private: Option<Arc<Private>>,
}

impl Server {
    pub(crate) fn external(url: String) -> Self {
        Self { url, version: None, private: None }
    }

    pub(crate) fn private(url: String, version: Version, private: Private) -> Self {
        Self { url, version: Some(version), private: Some(Arc::new(private)) }
    }

    /// Where to connect, `postgres://…/postgres` or `nats://…`; an external one as it was given.
    /// Stays the same over [`restart`](Self::restart).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The version of the program; `None` when the server is external.
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Whether the server was started here, and ends with us.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// The folder with data, configuration and log of a private server.
    pub fn data_dir(&self) -> Option<&Path> {
        self.private.as_deref().map(Private::home)
    }

    /// The process id of a private server; `None` while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.private.as_deref().and_then(Private::pid)
    }

    /// Stops a private server in good order; its data stay for [`restart`](Self::restart).
    /// Already stopped: nothing happens. An error when the server is external.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.blocking("stop", |private| {
            private.stop();
            Ok(())
        })
        .await
    }

    /// Kills a private server (`kill -9`), as a crash would. An error when the server is external
    /// or does not run.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.blocking("kill", Private::kill).await
    }

    /// Starts a private server again on the same port and data, after stopping it if it still
    /// runs; returns once it answers. An error when the server is external or does not come up.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.blocking("restart", Private::restart).await
    }

    async fn blocking(
        &self,
        what: &str,
        work: impl FnOnce(&Private) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let private =
            self.private.clone().with_context(|| format!("cannot {what} an external server"))?;
        tokio::task::spawn_blocking(move || work(&private))
            .await
            .with_context(|| format!("the {what} of a server panicked"))?
    }
}
