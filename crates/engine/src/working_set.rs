//! The aggregates that a lane works on, as it believes them to be. What the
//! store says about their versions is what counts.

use std::collections::HashMap;

use domain::flow::{Command, Rejection};
use domain::ids::{PoolId, ProfileId, RequestId};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::request::OnboardingRequest;
use domain::{AggregateType, AnyEvent};
use eventstore::{EventStore, StoreError, StreamAppend};
use uuid::Uuid;

/// A state and the version that it is at.
type Versioned<A> = (A, u64);

/// Cached aggregates of one company.
#[derive(Clone, Default)]
pub(crate) struct WorkingSet {
    requests: HashMap<RequestId, Versioned<OnboardingRequest>>,
    profiles: HashMap<ProfileId, Versioned<ClientProfile>>,
    pools: HashMap<PoolId, Versioned<SecondaryNumberPool>>,
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

impl WorkingSet {
    /// Forgets everything: another writer was faster.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps the pools, which every onboarding needs, and forgets the rest.
    pub(crate) fn keep_pools(&mut self) {
        self.requests.clear();
        self.profiles.clear();
    }

    pub(crate) async fn request(
        &mut self,
        store: &EventStore,
        id: RequestId,
    ) -> Result<&mut Versioned<OnboardingRequest>, StoreError> {
        if !self.requests.contains_key(&id) {
            let loaded = store.load::<OnboardingRequest>(&id).await?;
            self.requests.insert(id, (loaded.state, loaded.version));
        }
        Ok(self.requests.entry(id).or_default())
    }

    pub(crate) async fn profile(
        &mut self,
        store: &EventStore,
        id: ProfileId,
    ) -> Result<&mut Versioned<ClientProfile>, StoreError> {
        if !self.profiles.contains_key(&id) {
            let loaded = store.load::<ClientProfile>(&id).await?;
            self.profiles.insert(id, (loaded.state, loaded.version));
        }
        Ok(self.profiles.entry(id).or_default())
    }

    pub(crate) async fn pool(
        &mut self,
        store: &EventStore,
        id: &PoolId,
    ) -> Result<&mut Versioned<SecondaryNumberPool>, StoreError> {
        if !self.pools.contains_key(id) {
            let loaded = store.load::<SecondaryNumberPool>(id).await?;
            self.pools.insert(id.clone(), (loaded.state, loaded.version));
        }
        Ok(self.pools.entry(id.clone()).or_default())
    }

    /// Carries out a plan, all of it or nothing: what is to be appended, a
    /// stream an aggregate, in the order in which they were first touched.
    pub(crate) async fn execute(
        &mut self,
        store: &EventStore,
        commands: &[Command],
    ) -> Result<Vec<StreamAppend>, Failure> {
        let mut ahead = self.clone();
        let mut appends = Appends::default();
        for command in commands {
            match command {
                Command::Request(id, command) => {
                    let (state, version) = ahead.request(store, *id).await?;
                    let events = state.decide(command).map_err(Rejection::from);
                    let events = events.map_err(Failure::Rejected)?;
                    events.iter().for_each(|event| state.evolve(event));
                    let stream = (AggregateType::OnboardingRequest, id.to_string());
                    appends.add(stream, version, events.into_iter().map(AnyEvent::Request));
                }
                Command::Profile(id, command) => {
                    let (state, version) = ahead.profile(store, *id).await?;
                    let events = state.decide(command).map_err(Rejection::from);
                    let events = events.map_err(Failure::Rejected)?;
                    events.iter().for_each(|event| state.evolve(event));
                    let stream = (AggregateType::ClientProfile, id.to_string());
                    appends.add(stream, version, events.into_iter().map(AnyEvent::Profile));
                }
                Command::Pool(id, command) => {
                    let (state, version) = ahead.pool(store, id).await?;
                    let events = state.decide(command).map_err(Rejection::from);
                    let events = events.map_err(Failure::Rejected)?;
                    events.iter().for_each(|event| state.evolve(event));
                    let stream = (AggregateType::SecondaryNumberPool, id.to_string());
                    appends.add(stream, version, events.into_iter().map(AnyEvent::Pool));
                }
            }
        }
        *self = ahead;
        Ok(appends.streams)
    }
}

/// Events by stream.
#[derive(Default)]
struct Appends {
    streams: Vec<StreamAppend>,
}

impl Appends {
    fn add(
        &mut self,
        (kind, id): (AggregateType, String),
        version: &mut u64,
        events: impl ExactSizeIterator<Item = AnyEvent>,
    ) {
        let count = events.len() as u64;
        if count == 0 {
            return;
        }
        let events = events.map(|event| (Uuid::now_v7(), event));
        match self.streams.iter_mut().find(|s| s.kind == kind && s.id == id) {
            Some(stream) => stream.events.extend(events),
            None => self.streams.push(StreamAppend {
                kind,
                id,
                expected_version: *version,
                events: events.collect(),
            }),
        }
        *version += count;
    }
}
