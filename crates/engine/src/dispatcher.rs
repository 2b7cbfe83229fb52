//! Hands each input to its company's lane.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::CompanyId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::committer::Committer;
use crate::lane::Lane;
use crate::{Engine, LANE_QUEUE, Settlement, Submission};

/// How long an input stays away that found its lane full.
const BACK_OFF: Duration = Duration::from_millis(500);

/// Runs until `cancel`; then waits for the lanes to finish what they are at. Without a committer
/// nothing can be decided: then it ends at once.
pub(crate) async fn run(
    engine: Engine,
    mut submissions: mpsc::Receiver<Submission>,
    cancel: CancellationToken,
) {
    let tracker = TaskTracker::new();
    let committer = Committer::start(&engine, cancel.clone(), &tracker);
    let mut lanes: HashMap<CompanyId, mpsc::Sender<Submission>> = HashMap::new();
    loop {
        let next = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            () = committer.gone() => return,
            next = submissions.recv() => next,
        };
        let Some(submission) = next else { break };
        let company = submission.input.company.clone();
        let lane = lanes.entry(company).or_insert_with_key(|company| {
            let (sender, receiver) = mpsc::channel(LANE_QUEUE);
            let lane = Lane::new(engine.clone(), company.clone(), committer.clone());
            tracker.spawn(lane.run(receiver, cancel.clone()));
            sender
        });
        // One company's full lane must not hold up the others.
        if let Err(refused) = lane.try_send(submission) {
            let submission = match refused {
                mpsc::error::TrySendError::Full(submission) => submission,
                mpsc::error::TrySendError::Closed(submission) => {
                    tracing::error!(company = %submission.input.company, "a company's lane broke off; it begins anew with what it had not settled");
                    lanes.remove(&submission.input.company);
                    submission
                }
            };
            metrics::counter!("onboarding_inputs_put_off_total").increment(1);
            let _ = submission.settle.send(Settlement::RetryAfter(BACK_OFF));
        }
    }
    drop((submissions, lanes, committer));
    tracker.close();
    tracker.wait().await;
}
