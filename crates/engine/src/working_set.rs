//! The aggregates that a lane works on, as it believes them to be. What the
//! store says about their versions is what counts: every stream that a decision
//! changed or looked at goes along with the version it was at.

use std::collections::HashMap;
use std::hash::Hash;

use domain::AnyEvent;
use domain::consent::Said;
use domain::flow::{Command, Rejection};
use domain::ids::{ClientId, PoolId, ProfileId, RequestId};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::request::{OnboardingRequest, RequestEvent};
use eventstore::{ClientLookup, EventStore, Loaded, StoreError, StoredAggregate, StreamAppend};
use uuid::Uuid;

/// After so many events beyond its snapshot an aggregate gets a new one.
const SNAPSHOT_EVERY: u64 = 200;

/// Most requests and profiles that are kept while rounds follow each other without a break.
const MOST: usize = 4_096;

/// Cached aggregates of one company.
#[derive(Default)]
pub(crate) struct WorkingSet {
    pub(crate) requests: Cache<OnboardingRequest>,
    pub(crate) profiles: Cache<ClientProfile>,
    pub(crate) pools: Cache<SecondaryNumberPool>,
    /// What clients said about templates, as far as it may not be committed yet.
    said: HashMap<ClientId, Said>,
}

/// Why commands were not carried out.
pub(crate) enum Failure {
    /// The store did not answer or can't be read.
    Store(StoreError),
    /// An aggregate refused.
    Rejected(Rejection),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn refused(rejection: impl Into<Rejection>) -> Failure {
    Failure::Rejected(rejection.into())
}

impl WorkingSet {
    /// Forgets everything: another writer was faster, or what was decided was
    /// not committed.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether everything will be loaded anew.
    pub(crate) fn is_empty(&self) -> bool {
        self.requests.0.is_empty() && self.profiles.0.is_empty() && self.pools.0.is_empty()
    }

    /// Keeps the pools, which every onboarding needs, and forgets the rest: it is committed.
    pub(crate) fn forget_all_but_pools(&mut self) {
        self.requests = Cache::default();
        self.profiles = Cache::default();
        self.said.clear();
    }

    /// What counts of what a client said about templates: in the store, and in what is decided and
    /// on its way there.
    pub(crate) fn said_by(&self, found: &ClientLookup) -> Option<Said> {
        let on_the_way = found.clients.iter().filter_map(|client| self.said.get(client).copied());
        Said::latest(found.said.into_iter().chain(on_the_way))
    }

    /// Whether there is more in it than is worth keeping.
    pub(crate) fn is_large(&self) -> bool {
        self.requests.0.len() + self.profiles.0.len() + self.said.len() > MOST
    }

    /// The states that are worth a snapshot, as they will be once what is decided is committed.
    pub(crate) fn due_snapshots(&mut self) -> Vec<Snapshot> {
        let mut due = vec![];
        self.requests.due_snapshots(Snapshot::Request, &mut due);
        self.profiles.due_snapshots(Snapshot::Profile, &mut due);
        self.pools.due_snapshots(Snapshot::Pool, &mut due);
        due
    }

    /// Carries out a plan, all of it or nothing: what is to be appended, a
    /// stream an aggregate, in the order in which they were first touched.
    pub(crate) async fn execute(
        &mut self,
        store: &EventStore,
        commands: &[Command],
    ) -> Result<Vec<StreamAppend>, Failure> {
        let mut ahead = Self::default();
        let mut said = vec![];
        let mut streams = vec![];
        for command in commands {
            match command {
                Command::Request(id, command) => {
                    let state = ahead.requests.from(&mut self.requests, store, id).await?;
                    let events = state.state.decide(command).map_err(refused)?;
                    events.iter().for_each(|event| state.state.evolve(event));
                    said.extend(events.iter().filter_map(RequestEvent::said));
                    state.write(id, events, &mut streams);
                }
                Command::Profile(id, command) => {
                    let state = ahead.profiles.from(&mut self.profiles, store, id).await?;
                    let events = state.state.decide(command).map_err(refused)?;
                    events.iter().for_each(|event| state.state.evolve(event));
                    state.write(id, events, &mut streams);
                }
                Command::Pool(id, command) => {
                    let state = ahead.pools.from(&mut self.pools, store, id).await?;
                    let events = state.state.decide(command).map_err(refused)?;
                    events.iter().for_each(|event| state.state.evolve(event));
                    state.write(id, events, &mut streams);
                }
            }
        }
        self.requests.take_over(ahead.requests);
        self.profiles.take_over(ahead.profiles);
        self.pools.take_over(ahead.pools);
        // Decided on what was here before, so it counts.
        self.said.extend(said);
        Ok(streams)
    }
}

/// Aggregates of one kind.
pub(crate) struct Cache<A: StoredAggregate>(HashMap<A::Id, Cached<A>>);

impl<A: StoredAggregate> Default for Cache<A> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// A state and the version that it is at.
#[derive(Clone)]
pub(crate) struct Cached<A> {
    pub(crate) state: A,
    pub(crate) version: u64,
    /// The version of its newest snapshot, 0 without one.
    kept: u64,
}

impl<A: StoredAggregate<Id: Eq + Hash>> Cache<A> {
    /// Loads those that are not here yet, together.
    pub(crate) async fn fetch(
        &mut self,
        store: &EventStore,
        ids: impl IntoIterator<Item = A::Id>,
    ) -> Result<(), StoreError> {
        let mut lacking: Vec<_> = ids.into_iter().filter(|id| !self.0.contains_key(id)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let loaded = store.load_many::<A>(&lacking).await?;
        for (id, Loaded { state, version, replayed }) in lacking.drain(..).zip(loaded) {
            self.0.insert(id, Cached { state, version, kept: version - replayed });
        }
        Ok(())
    }

    /// One of them; loaded if need be.
    pub(crate) async fn get(
        &mut self,
        store: &EventStore,
        id: &A::Id,
    ) -> Result<&mut Cached<A>, StoreError> {
        self.fetch(store, [id.clone()]).await?;
        Ok(self.expect_new(id.clone()))
    }

    /// One that is here.
    pub(crate) fn here(&self, id: &A::Id) -> Option<&Cached<A>> {
        self.0.get(id)
    }

    /// One that nobody can have made yet, so that looking for it is spared. If
    /// somebody has after all, the append loses.
    pub(crate) fn expect_new(&mut self, id: A::Id) -> &mut Cached<A> {
        let new = || Cached { state: A::default(), version: 0, kept: 0 };
        self.0.entry(id).or_insert_with(new)
    }

    /// One of them to work on; if it is not here, a copy from below.
    async fn from(
        &mut self,
        below: &mut Self,
        store: &EventStore,
        id: &A::Id,
    ) -> Result<&mut Cached<A>, StoreError> {
        if !self.0.contains_key(id) {
            let copy = below.get(store, id).await?.clone();
            self.0.insert(id.clone(), copy);
        }
        Ok(self.expect_new(id.clone()))
    }

    fn take_over(&mut self, ahead: Self) {
        self.0.extend(ahead.0);
    }

    fn due_snapshots(
        &mut self,
        snapshot: impl Fn(A::Id, Loaded<A>) -> Snapshot,
        due: &mut Vec<Snapshot>,
    ) {
        for (id, cached) in &mut self.0 {
            if cached.version >= cached.kept + SNAPSHOT_EVERY {
                cached.kept = cached.version;
                let state = cached.state.clone();
                let loaded = Loaded { state, version: cached.version, replayed: 0 };
                due.push(snapshot(id.clone(), loaded));
            }
        }
    }
}

/// A state that spares later replays. It may be saved once its last event is committed.
pub(crate) enum Snapshot {
    Request(RequestId, Loaded<OnboardingRequest>),
    Profile(ProfileId, Loaded<ClientProfile>),
    Pool(PoolId, Loaded<SecondaryNumberPool>),
}

impl Snapshot {
    /// In the background; one that fails is taken later.
    pub(crate) fn save(self, store: &EventStore) {
        let store = store.clone();
        tokio::spawn(async move {
            let saved = match self {
                Self::Request(id, loaded) => store.save_snapshot(&id, &loaded).await,
                Self::Profile(id, loaded) => store.save_snapshot(&id, &loaded).await,
                Self::Pool(id, loaded) => store.save_snapshot(&id, &loaded).await,
            };
            if let Err(error) = saved {
                tracing::debug!(%error, "a snapshot could not be saved");
            }
        });
    }
}

impl<A: StoredAggregate> Cached<A> {
    /// Adds its new events to what is to be appended.
    fn write(&mut self, id: &A::Id, events: Vec<A::Event>, streams: &mut Vec<StreamAppend>) {
        let stream = looked_at::<A>(streams, id, self.version);
        self.version += events.len() as u64;
        stream.events.extend(events.into_iter().map(|event| (Uuid::now_v7(), A::any(event))));
    }
}

/// Has the version of a stream checked when the decision is appended.
pub(crate) fn looked_at<'a, A: StoredAggregate>(
    streams: &'a mut Vec<StreamAppend>,
    id: &A::Id,
    version: u64,
) -> &'a mut StreamAppend {
    let id = id.to_string();
    let place = streams.iter().position(|stream| stream.kind == A::KIND && stream.id == id);
    let place = place.unwrap_or_else(|| {
        let events: Vec<(Uuid, AnyEvent)> = vec![];
        streams.push(StreamAppend { kind: A::KIND, id, expected_version: version, events });
        streams.len() - 1
    });
    &mut streams[place]
}
