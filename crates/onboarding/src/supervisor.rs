//! The workers of a process, and what becomes of it when one of them breaks.
//!
//! A worker runs until it is told to stop. One that ends before, or panics, would leave a process that
//! looks alive and does half of its work. It is not started again in here: whatever broke it may be in
//! what the others share with it. The process says which it was, stops the rest softly and ends with
//! exit status 1; whoever started it starts it anew, and all that was not settled comes again.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The workers of one process.
#[derive(Default)]
pub(crate) struct Workers {
    cancel: CancellationToken,
    tasks: TaskTracker,
    broken: CancellationToken,
}

impl Workers {
    /// Tells workers to stop.
    pub(crate) fn cancel(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Runs a worker, under a name for people.
    pub(crate) fn spawn(
        &self,
        worker: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (cancel, broken) = (self.cancel.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let how = match AssertUnwindSafe(work).catch_unwind().await {
                Ok(()) if cancel.is_cancelled() => return,
                Ok(()) => "it ended by itself",
                // Its words may hold anything, so they stay with the panic hook.
                Err(_) => "it panicked",
            };
            metrics::counter!("onboarding_workers_broken_total", "worker" => worker).increment(1);
            tracing::error!(worker, how, "a worker broke; the process ends, to be started anew");
            broken.cancel();
        });
    }

    /// Returns once a worker has broken.
    pub(crate) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Has all workers finish what is at hand and end. `false` if one has broken.
    pub(crate) async fn stop(self) -> bool {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        !self.broken.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    /// What a break must lead to at once.
    async fn breaks(workers: &Workers) {
        let broken = tokio::time::timeout(Duration::from_secs(10), workers.broken());
        broken.await.expect("a broken worker is noticed");
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_noticed_and_the_others_are_stopped_softly() {
        let workers = Workers::default();
        let (cancel, finished) = (workers.cancel(), Arc::new(AtomicBool::new(false)));
        let noted = finished.clone();
        workers.spawn("good", async move {
            cancel.cancelled().await;
            tokio::task::yield_now().await;
            noted.store(true, Ordering::Relaxed);
        });
        workers.spawn("bad", async { panic!("on purpose") as () });
        breaks(&workers).await;
        assert!(!finished.load(Ordering::Relaxed), "it goes on until it is told to stop");
        assert!(!workers.stop().await);
        assert!(finished.load(Ordering::Relaxed), "it finished what it was at");
    }

    #[tokio::test]
    async fn a_worker_that_ends_by_itself_has_broken() {
        let workers = Workers::default();
        workers.spawn("idle", async {});
        breaks(&workers).await;
        assert!(!workers.stop().await);
    }

    #[tokio::test]
    async fn workers_that_end_when_they_are_told_are_whole() {
        let workers = Workers::default();
        let cancel = workers.cancel();
        workers.spawn("good", async move { cancel.cancelled().await });
        assert!(workers.stop().await);
    }

    #[tokio::test]
    async fn a_worker_that_panics_while_it_stops_has_broken_too() {
        let workers = Workers::default();
        let cancel = workers.cancel();
        workers.spawn("bad", async move {
            cancel.cancelled().await;
            panic!("on purpose") as ()
        });
        assert!(!workers.stop().await);
    }
}
