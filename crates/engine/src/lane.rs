//! One company's inputs, in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use directory::Picture;
use domain::ids::CompanyId;
use domain::input::Input;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::committer::Committer;
use crate::decide::{Decided, Undecided};
use crate::gather::Gathered;
use crate::senders::Senders;
use crate::settling::{Flight, Landed, Pending, Round};
use crate::waiting::{Waiting, without_twins};
use crate::working_set::WorkingSet;
use crate::{Engine, Settlement, Submission};

/// Most inputs decided before they are committed together.
const MOST: usize = 512;
/// Most rounds that are on their way while the next one is decided.
const AHEAD: usize = 1;
/// How often in a row an input may lose against other writers before it is put off.
const PATIENCE: u32 = 20;
/// Pause after the store or the directory did not answer.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// One company's lane.
pub(crate) struct Lane {
    pub(crate) engine: Engine,
    pub(crate) company: CompanyId,
    pub(crate) picture: Option<Picture>,
    pub(crate) working_set: WorkingSet,
    pub(crate) committer: Committer,
    /// Whether the picture is known to be the one that counts.
    pub(crate) started: bool,
    /// After a loss nothing is taken for new without a look.
    pub(crate) wary: bool,
    /// What clients asked in vain lately.
    pub(crate) senders: Senders,
    /// Whether it was looked for statuses that another worker kept and did not come back to.
    pub(crate) early_known: bool,
    /// How many inputs are still tried one at a time, after several together
    /// were refused, to find the one at fault.
    pub(crate) alone: usize,
    /// Whether the next decisions are to be made on what is loaded anew.
    pub(crate) forget: bool,
    /// The directory version that the store refused, if it did.
    pub(crate) refused: Option<u64>,
    /// Rounds on their way to the log, the oldest first.
    pub(crate) flights: VecDeque<Flight>,
    /// Counts up when something that was decided is not recorded.
    pub(crate) attempt: u64,
    /// Rounds in a row of which nothing was settled: other writers were faster.
    losses: u32,
}

impl Lane {
    pub(crate) fn new(engine: Engine, company: CompanyId, committer: Committer) -> Self {
        Self {
            engine,
            company,
            picture: None,
            working_set: WorkingSet::default(),
            committer,
            started: false,
            wary: false,
            senders: Senders::default(),
            early_known: false,
            alone: 0,
            forget: false,
            refused: None,
            flights: VecDeque::new(),
            attempt: 0,
            losses: 0,
        }
    }

    /// Takes what is there, decides it, commits it, settles it. Ends with
    /// `cancel`; what is handed to the committer by then is settled.
    pub(crate) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Submission>,
        cancel: CancellationToken,
    ) {
        while let Some(batch) = self.next(&mut inputs, &cancel).await {
            if self.process(batch, &cancel).await.is_none() {
                break;
            }
        }
        while !self.flights.is_empty() && self.land().await.is_some() {}
    }

    /// The inputs that come next: those that lost, or new ones. `None` if the engine is stopping.
    async fn next(
        &mut self,
        inputs: &mut mpsc::Receiver<Submission>,
        cancel: &CancellationToken,
    ) -> Option<VecDeque<Waiting>> {
        loop {
            let first = match self.flights.front_mut() {
                None => cancel.run_until_cancelled(inputs.recv()).await??,
                Some(oldest) => tokio::select! {
                    biased;
                    () = cancel.cancelled() => return None,
                    input = inputs.recv() => input?,
                    verdicts = oldest.arrival() => {
                        let verdicts = verdicts?;
                        let flight = self.flights.pop_front()?;
                        let landed = self.settle(flight, verdicts).await?;
                        let lost = self.count_losses(landed);
                        if lost.is_empty() {
                            continue;
                        }
                        return Some(lost.into());
                    }
                },
            };
            let mut batch = vec![first];
            while batch.len() < MOST
                && let Ok(next) = inputs.try_recv()
            {
                batch.push(next);
            }
            return Some(without_twins(batch));
        }
    }

    /// `None` if the engine is stopping: inputs that are not settled come again.
    async fn process(
        &mut self,
        mut batch: VecDeque<Waiting>,
        cancel: &CancellationToken,
    ) -> Option<()> {
        while !batch.is_empty() {
            if self.losses > PATIENCE
                && let Some(first) = batch.pop_front()
            {
                tracing::error!(
                    company = %self.company,
                    input = %first.id,
                    "an input keeps losing against other writers; it is put off"
                );
                first.settle(Settlement::RetryAfter(Duration::from_secs(5)));
                self.losses = 0;
                continue;
            }
            if self.must_land_first() {
                self.land_all(&mut batch).await?;
            }
            if let Some(newest) = cancel.run_until_cancelled(self.start()).await? {
                self.take_off(Round { pending: vec![newest], ..Round::default() }).await?;
                self.land_all(&mut batch).await?;
                continue;
            }
            let begun = Instant::now();
            let round = cancel.run_until_cancelled(self.decide_some(&mut batch)).await?;
            metrics::histogram!("onboarding_round_seconds").record(begun.elapsed().as_secs_f64());
            // What comes next may need what is on its way.
            let is_last = round.pending.last().is_none_or(|last| last.picture.is_some());
            if !round.pending.is_empty() {
                self.take_off(round).await?;
            }
            if is_last {
                self.land_all(&mut batch).await?;
            }
            while self.flights.len() > AHEAD {
                self.land_one(&mut batch).await?;
            }
        }
        Some(())
    }

    /// Whether the next round has to be decided on what is certain.
    fn must_land_first(&self) -> bool {
        !self.started || self.forget || self.alone > 0 || self.working_set.is_large()
    }

    async fn land_all(&mut self, batch: &mut VecDeque<Waiting>) -> Option<()> {
        while !self.flights.is_empty() {
            self.land_one(batch).await?;
        }
        Some(())
    }

    async fn land_one(&mut self, batch: &mut VecDeque<Waiting>) -> Option<()> {
        let landed = self.land().await?;
        for waiting in self.count_losses(landed).into_iter().rev() {
            batch.push_front(waiting);
        }
        Some(())
    }

    /// What lost, after it was counted how often in a row nothing else happened.
    fn count_losses(&mut self, landed: Landed) -> Vec<Waiting> {
        let Landed { lost, settled_some } = landed;
        self.losses = if settled_some || lost.is_empty() { 0 } else { self.losses + 1 };
        lost
    }

    /// Before its first input, and after another writer was at work, the lane
    /// takes the directory version that counts in it, and gives the newest one
    /// if that is newer: it enters the lane like any input.
    ///
    /// A company that the directory does not have is looked for at each batch.
    async fn start(&mut self) -> Option<Pending> {
        while !self.started {
            match self.newest_directory().await {
                Ok(None) => {
                    self.started = self.picture.is_some();
                    return None;
                }
                Ok(newest) => return newest,
                Err(problem) => {
                    tracing::warn!(company = %self.company, problem, "the lane cannot start; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        None
    }

    async fn newest_directory(&mut self) -> Result<Option<Pending>, String> {
        let Engine { store, directory, .. } = &self.engine;
        let known = |picture: &Option<Picture>| picture.as_ref().map_or(0, Picture::version);
        let counts = store.lane(&self.company).await.map_err(|e| e.to_string())?;
        if let Some(version) = counts.filter(|version| known(&self.picture) < *version) {
            let picture = directory.picture(&self.company, version).await;
            self.picture = picture.map_err(|e| e.to_string())?;
        }
        let newest = directory.latest(&self.company).await.map_err(|e| e.to_string())?;
        let newest = newest.filter(|version| known(&self.picture) < *version);
        let Some(version) = newest.filter(|version| self.refused != Some(*version)) else {
            return Ok(None);
        };
        let waiting = Waiting::own(&self.company, Input::DirectoryVersion(version));
        match self.decide(&waiting, &Gathered::default()).await {
            Ok(Decided::Directory(item, picture)) => {
                Ok(Some(Pending { waiting, item: Some(*item), picture: Some(picture) }))
            }
            Ok(Decided::Append(_) | Decided::Nothing) => Ok(None),
            // The company goes on with what it has; the timers bring the version again.
            Err(Undecided::Park(_, problem) | Undecided::Rejected(problem))
                if self.picture.is_some() =>
            {
                tracing::error!(company = %self.company, version, problem, "a directory version cannot be taken; apply one that can");
                Ok(None)
            }
            Err(
                Undecided::Later(problem)
                | Undecided::Park(_, problem)
                | Undecided::Rejected(problem),
            ) => Err(problem),
        }
    }
}
