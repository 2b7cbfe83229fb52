//! Tells a person what is going on while a server is found, fetched and started.

use anyhow::Context;

/// Receives one line of progress at a time, without a line end.
pub type Progress<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// What blocking work reports its progress to.
pub(crate) type Say<'a> = dyn Fn(&str) + 'a;

/// Runs blocking work beside the async world and hands its progress on as it comes.
///
/// Nothing of the result depends on the runtime, so a server may outlive the runtime of the test
/// that was the first to ask for it.
pub(crate) async fn off_thread<T: Send + 'static>(
    progress: &Progress<'_>,
    work: impl FnOnce(&Say<'_>) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::task::spawn_blocking(move || {
        work(&|line: &str| {
            // Nobody listens any more when the caller gave up; the work ends all the same.
            let _ = sender.send(line.to_owned());
        })
    });
    while let Some(line) = lines.recv().await {
        progress(&line);
    }
    work.await.context("the work on a server panicked")?
}
