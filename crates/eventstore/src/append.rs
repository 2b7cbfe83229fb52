//! Recording decisions: the only way into the log.

use std::collections::{HashSet, VecDeque};

use domain::ids::{CompanyId, InputId};
use domain::input::Timestamp;
use domain::profile::ProfileEvent;
use domain::record::RecordedEvent;
use domain::{AggregateType, AnyEvent};
use sqlx::types::Json;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::During;
use crate::row::unsigned;
use crate::verdict::AppendVerdict;
use crate::{EventStore, Loss, Positions, StoreError, StoredAnswer};

const APPEND: &str = "append events";

/// The decision of one input: recorded as a whole or not at all.
#[derive(Clone, Debug)]
pub struct AppendItem {
    /// The lane.
    pub company: CompanyId,
    /// The input; the same one is never recorded twice.
    pub input_id: InputId,
    /// The moment of the decision, against which quarantines are checked. Whole microseconds.
    pub at: Timestamp,
    /// What the events belong to: the request or operation that began it all.
    pub correlation_id: Uuid,
    /// W3C trace context of the input.
    pub traceparent: Option<String>,
    /// What an operator is told, now and when asking again.
    pub answer: Option<serde_json::Value>,
    /// The directory version that the input brings, if it brings one.
    pub directory_version: Option<u64>,
    /// The streams that the decision touches or depends on; each at most once.
    pub streams: Vec<StreamAppend>,
}

/// New events of one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The aggregate's kind.
    pub kind: AggregateType,
    /// Which one.
    pub id: String,
    /// The version that the decision was made on; 0 if there was nothing.
    pub expected_version: u64,
    /// The events with their ids (UUIDv7), in order. None: the version is checked all the same.
    pub events: Vec<(Uuid, AnyEvent)>,
}

/// What an append did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// What became of each item, in order.
    pub verdicts: Vec<AppendVerdict>,
    /// The events that are recorded now, in the order of their positions.
    pub events: Vec<RecordedEvent>,
}

impl Appended {
    /// Takes in what the next call did. Somebody else may have appended in between: the events that
    /// are kept have no hole.
    fn add(&mut self, call: Self) {
        if self.verdicts.is_empty() {
            *self = call;
            return;
        }
        self.verdicts.extend(call.verdicts);
        let next = self.events.last().map(|event| event.position + 1);
        if call.events.first().is_some_and(|first| next.is_some_and(|it| it != first.position)) {
            self.events.clear();
        }
        self.events.extend(call.events);
    }
}

/// Items in the form in which they go to Postgres. To make it takes a fifth of the time that an
/// append takes, so whoever has many items does it while an earlier append is under way.
pub struct Prepared {
    /// One entry for each call that is still to be made: almost always one for all items.
    calls: VecDeque<Columns>,
    /// cqrs-es' metadata of all events, as JSON.
    metadata: String,
    /// What the calls before did.
    done: Appended,
    /// Lanes in which something was not recorded by them.
    behind: HashSet<CompanyId>,
}

impl Prepared {
    /// Of these items; append it with the same ones.
    ///
    /// # Errors
    /// An item contradicts itself: a misuse.
    pub fn of(items: &[AppendItem]) -> Result<Self, StoreError> {
        Self::with(items, "{}")
    }

    fn with(items: &[AppendItem], metadata: &str) -> Result<Self, StoreError> {
        let mut calls = VecDeque::new();
        let mut rest = items;
        while !rest.is_empty() {
            let (together, others) = rest.split_at(many_in_one_call(rest));
            calls.push_back(columns(together, metadata)?);
            rest = others;
        }
        let (done, behind) = (Appended::default(), HashSet::new());
        Ok(Self { calls, metadata: metadata.to_owned(), done, behind })
    }
}

fn columns(items: &[AppendItem], metadata: &str) -> Result<Columns, StoreError> {
    Columns::of(items, metadata).map_err(|what| StoreError::misuse(APPEND, what))
}

/// How many of the first items, of which there are some, go in one call: an item that gives a room
/// to another user has a call of its own.
fn many_in_one_call(items: &[AppendItem]) -> usize {
    let reassigns = |event: &AnyEvent| {
        matches!(event, AnyEvent::Profile(ProfileEvent::RoomReassigned { .. }))
    };
    let is_alone = |item: &AppendItem| {
        item.streams.iter().flat_map(|stream| &stream.events).any(|(_, event)| reassigns(event))
    };
    items.iter().position(is_alone).unwrap_or(items.len()).max(1)
}

impl EventStore {
    /// Records the items in order, in one transaction, and tells of each what became of it.
    ///
    /// An item that loses changes nothing, and the later items of its lane in this call lose with
    /// it; other lanes go on. Hundreds of items a call are fine. (An item that gives a room to
    /// another user has a transaction of its own, and what comes after it the next one.)
    ///
    /// # Errors
    /// The whole call had no effect, unless it is [`StoreError::Connection`] or a room gets another
    /// user: then it may have had part of it or all. In every case calling again is safe. `Refused`
    /// with a constraint (the backstop: a unique index found what the checks did not) means that
    /// some item can never be recorded.
    pub async fn append(&self, items: &[AppendItem]) -> Result<Vec<AppendVerdict>, StoreError> {
        Ok(self.append_all(items, "{}").await?.verdicts)
    }

    /// The same of items that are [`Prepared`]; gives the events as they are recorded, so that
    /// nobody has to read them back.
    ///
    /// # Errors
    /// As [`EventStore::append`]; then the same can be appended again, and goes on where it failed.
    pub async fn append_prepared(
        &self,
        items: &[AppendItem],
        prepared: &mut Prepared,
    ) -> Result<Appended, StoreError> {
        let Prepared { calls, metadata, done, behind } = prepared;
        // Who tries again after a failure goes on with the call that failed.
        while let Some(columns) = calls.front_mut() {
            let from = done.verdicts.len();
            let own = items.get(from..from + columns.len()).ok_or_else(|| {
                StoreError::misuse(APPEND, "the items are not those that were prepared")
            })?;
            let call = if own.iter().any(|item| behind.contains(&item.company)) {
                self.append_fresh(own, metadata, behind).await?
            } else {
                self.append_columns(own, columns).await?
            };
            calls.pop_front();
            if !calls.is_empty() {
                let verdicts = own.iter().zip(&call.verdicts);
                let lost = verdicts.filter(|(_, it)| !matches!(it, AppendVerdict::Appended(_)));
                behind.extend(lost.map(|(item, _)| item.company.clone()));
            }
            done.add(call);
        }
        Ok(std::mem::take(done))
    }

    pub(crate) async fn append_all(
        &self,
        items: &[AppendItem],
        metadata: &str,
    ) -> Result<Appended, StoreError> {
        self.append_prepared(items, &mut Prepared::with(items, metadata)?).await
    }

    /// Of the items those whose lanes are not `behind`: in those an earlier item of the whole was
    /// not recorded now.
    async fn append_fresh(
        &self,
        items: &[AppendItem],
        metadata: &str,
        behind: &HashSet<CompanyId>,
    ) -> Result<Appended, StoreError> {
        let is_fresh = |item: &&AppendItem| !behind.contains(&item.company);
        let fresh: Vec<_> = items.iter().filter(is_fresh).cloned().collect();
        let Appended { verdicts, events } =
            self.append_columns(&fresh, &mut columns(&fresh, metadata)?).await?;
        let mut verdicts = verdicts.into_iter();
        let lost = || AppendVerdict::Lost(Loss::LaneBehind);
        let verdict = |item: &AppendItem| {
            let own = if behind.contains(&item.company) { None } else { verdicts.next() };
            own.unwrap_or_else(lost)
        };
        Ok(Appended { verdicts: items.iter().map(verdict).collect(), events })
    }

    async fn append_columns(
        &self,
        items: &[AppendItem],
        columns: &mut Columns,
    ) -> Result<Appended, StoreError> {
        if items.is_empty() {
            return Ok(Appended::default());
        }
        let rows = columns.query().fetch_all(&self.pool).await.during(APPEND)?;
        if rows.len() != items.len() {
            return Err(StoreError::corrupt(APPEND, "not one verdict for each item"));
        }
        let mut appended = Appended::default();
        for (n, ((verdict, first, last, recorded_at, detail), item)) in
            rows.into_iter().zip(items).enumerate()
        {
            let position = |at: Option<i64>| at.map(|at| unsigned(APPEND, at)).transpose();
            let positions = Positions { first: position(first)?, last: position(last)? };
            let detail = detail.map(|Json(detail)| detail);
            appended.verdicts.push(match verdict.as_str() {
                "appended" => {
                    if let Some(first) = positions.first {
                        appended.events.extend(columns.recorded(n, item, first, recorded_at));
                    }
                    AppendVerdict::Appended(positions)
                }
                "duplicate" => AppendVerdict::Duplicate(StoredAnswer { answer: detail, positions }),
                _ => {
                    let loss = serde_json::from_value(detail.unwrap_or_default());
                    let unknown = |_| StoreError::corrupt(APPEND, "a loss without its reason");
                    AppendVerdict::Lost(loss.map_err(unknown)?)
                }
            });
        }
        Ok(appended)
    }
}
