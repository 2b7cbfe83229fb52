//! What time brings: rooms past their deadline, and new versions of the directory, with the rooms that
//! they take the ground from. All lie in Postgres, so a restart forgets none.
//!
//! Each input is submitted by a task of its own: a company whose lane stands
//! still keeps only its own timers waiting.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::ids::{CompanyId, RoomId};
use domain::input::{Input, LaneInput, RoomDeadline, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::reviews::Reviews;
use crate::{Engine, Settlement, Submission};

/// How often Postgres is asked.
const EVERY: Duration = Duration::from_millis(500);
/// How many rooms are asked for; and at most, when the longest overdue are all
/// of companies whose lanes stand still.
const ROOMS: (u32, u32) = (200, 51_200);
/// Most inputs of one company that are on their way at once.
const MOST_OF_ONE: usize = 64;
/// How long a room is left alone that is still due after its input was settled.
const REST: Duration = Duration::from_secs(60);
/// First and longest pause before a directory version is submitted again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// A room and the deadline that it is past.
type Due = (RoomId, Timestamp);

/// Runs until `cancel`.
pub(crate) async fn run(
    engine: Engine,
    submit: mpsc::Sender<Submission>,
    cancel: CancellationToken,
) {
    let mut versions = Versions { after: None, tasks: JoinSet::new(), reviews: Reviews::default() };
    let mut rooms = Rooms {
        ask: ROOMS.0,
        on_their_way: HashMap::new(),
        resting: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        for round in
            [versions.submit_new(&engine, &submit).await, rooms.submit_due(&engine, &submit).await]
        {
            if let Err(problem) = round {
                tracing::warn!(problem, "timers could not be read; trying again");
            }
        }
    }
}

struct Versions {
    /// The last version that was seen.
    after: Option<u64>,
    tasks: JoinSet<Option<(CompanyId, u64)>>,
    reviews: Reviews,
}

impl Versions {
    async fn submit_new(
        &mut self,
        engine: &Engine,
        submit: &mpsc::Sender<Submission>,
    ) -> Result<(), String> {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(Some((company, version))) = ended {
                self.reviews.counts(engine, submit, company, version);
            }
        }
        let new = match self.after {
            None => engine.directory.latest_versions().await,
            Some(after) => engine.directory.changed_after(after).await,
        };
        // Of several versions of a company the newest tells all.
        let newest: BTreeMap<_, _> = new.map_err(|e| e.to_string())?.into_iter().collect();
        let last = newest.values().copied().max();
        self.after = self.after.max(Some(last.unwrap_or(0)));
        for (company, version) in newest {
            self.tasks.spawn(until_taken(submit.clone(), company, version));
        }
        Ok(())
    }
}

/// `None` if the engine ends before. A lane that broke off is asked again.
async fn until_taken(
    submit: mpsc::Sender<Submission>,
    company: CompanyId,
    version: u64,
) -> Option<(CompanyId, u64)> {
    let (mut pause, longest) = PAUSE;
    loop {
        let input = Input::DirectoryVersion(version);
        match submit_one(&submit, company.clone(), input).await {
            Some(Settlement::Done { .. }) => return Some((company, version)),
            None if submit.is_closed() => return None,
            Some(Settlement::RetryAfter(_) | Settlement::Park { .. }) | None => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

struct Rooms {
    /// How many rooms the next look asks for.
    ask: u32,
    on_their_way: HashMap<CompanyId, usize>,
    /// Rooms that are on their way, or were and are left alone until then.
    resting: HashMap<Due, Option<Instant>>,
    tasks: JoinSet<(CompanyId, Due, Duration)>,
}

impl Rooms {
    async fn submit_due(
        &mut self,
        engine: &Engine,
        submit: &mpsc::Sender<Submission>,
    ) -> Result<(), String> {
        self.take_back();
        let due = engine.store.due_rooms(engine.clock.now(), self.ask).await;
        let due = due.map_err(|e| e.to_string())?;
        let all = due.len() < self.ask as usize;
        let mut submitted = 0;
        for (company, deadline) in due {
            let key = (deadline.room_id, deadline.deadline);
            let of_company = self.on_their_way.entry(company.clone()).or_default();
            if *of_company >= MOST_OF_ONE || self.resting.contains_key(&key) {
                continue;
            }
            *of_company += 1;
            submitted += 1;
            self.resting.insert(key, None);
            self.tasks.spawn(settle_room(submit.clone(), company, deadline));
        }
        self.ask = if all || submitted > 0 { ROOMS.0 } else { (self.ask * 2).min(ROOMS.1) };
        Ok(())
    }

    /// Takes note of what was settled. A room that is still due then (its input
    /// was parked, or led to nothing) is not submitted at every look.
    fn take_back(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            let Ok((company, key, rest)) = ended else { continue };
            if let Some(count) = self.on_their_way.get_mut(&company) {
                *count -= 1;
            }
            self.resting.insert(key, Some(Instant::now() + rest));
        }
        let now = Instant::now();
        self.resting.retain(|_, until| until.is_none_or(|until| until > now));
        self.on_their_way.retain(|_, count| *count > 0);
    }
}

async fn settle_room(
    submit: mpsc::Sender<Submission>,
    company: CompanyId,
    deadline: RoomDeadline,
) -> (CompanyId, Due, Duration) {
    let key = (deadline.room_id, deadline.deadline);
    let settled = submit_one(&submit, company.clone(), Input::RoomDeadline(deadline)).await;
    let rest = match settled {
        Some(Settlement::RetryAfter(rest)) => rest,
        Some(Settlement::Done { .. } | Settlement::Park { .. }) => REST,
        // The lane broke off.
        None => EVERY,
    };
    (company, key, rest)
}

/// Submits and waits. `None` if the engine gave no answer.
pub(crate) async fn submit_one(
    submit: &mpsc::Sender<Submission>,
    company: CompanyId,
    input: Input,
) -> Option<Settlement> {
    let (settle, settled) = oneshot::channel();
    let input = LaneInput { company, input };
    submit.send(Submission { input, traceparent: None, settle }).await.ok()?;
    settled.await.ok()
}
