//! The flow over cqrs-es' framework: one `execute` an aggregate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, Query};
use directory::Picture;
use domain::Extension;
use domain::flow::{self, Command, Facts};
use domain::ids::{ClientId, PoolId, RequestId};
use domain::input::{InboundMessage, Input};
use domain::pool::{PoolCommand, PoolRejection, SecondaryNumberPool};
use domain::profile::{ClientProfile, ProfileCommand, ProfileEvent, ProfileRejection};
use domain::request::OnboardingRequest;
use engine::Clock;
use postgres_es::{PostgresCqrs, PostgresEventRepository, postgres_cqrs};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::queries::{ChatRooms, PoolInMemory, Publish};
use super::snapshots::SnapshotStore;
use crate::bench::company::Asked;

/// A client profile that takes several commands at once: what an onboarding asks of it is one
/// transaction.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Profile(ClientProfile);

impl Aggregate for Profile {
    const TYPE: &'static str = ClientProfile::TYPE;
    type Command = Vec<ProfileCommand>;
    type Event = ProfileEvent;
    type Error = ProfileRejection;
    type Services = ();

    async fn handle(
        &mut self,
        commands: Vec<ProfileCommand>,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ProfileRejection> {
        for command in commands {
            for event in self.0.decide(&command)? {
                sink.write(event, self).await;
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: ProfileEvent) {
        self.0.evolve(&event);
    }
}

/// Requests and profiles have short streams: only pools gain by snapshots.
enum Pools {
    Plain(PostgresCqrs<SecondaryNumberPool>),
    WithSnapshots(CqrsFramework<SecondaryNumberPool, SnapshotStore>),
}

/// An onboarding service as cqrs-es and postgres-es have it.
pub(super) struct Stock {
    picture: Picture,
    clock: Clock,
    seen: PoolInMemory,
    requests: PostgresCqrs<OnboardingRequest>,
    profiles: PostgresCqrs<Profile>,
    pools: Pools,
    attempts: AtomicU64,
    lost: AtomicU64,
}

/// What a service is made of.
pub(super) struct Parts {
    pub(super) pool: PgPool,
    pub(super) jetstream: async_nats::jetstream::Context,
    pub(super) picture: Picture,
    /// The pool as decisions see it at the beginning.
    pub(super) seen: SecondaryNumberPool,
    /// Whether it is one pool that all share: then what decisions see follows it.
    pub(super) shared: bool,
    pub(super) snapshots: bool,
}

impl Stock {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { pool, jetstream, picture, seen, shared, snapshots } = parts;
        let clock = Clock::system();
        let publish = || Publish { jetstream: jetstream.clone(), clock: clock.clone() };
        let seen = PoolInMemory(std::sync::Arc::new(seen.into()));
        let mut of_pools: Vec<Box<dyn Query<SecondaryNumberPool>>> = vec![Box::new(publish())];
        if shared {
            of_pools.push(Box::new(seen.clone()));
        }
        let pools = if snapshots {
            let store = SnapshotStore::new(pool.clone());
            Pools::WithSnapshots(CqrsFramework::new(store, of_pools, ()))
        } else {
            Pools::Plain(postgres_cqrs(pool.clone(), of_pools, ()))
        };
        let of_profiles: Vec<Box<dyn Query<Profile>>> =
            vec![Box::new(publish()), Box::new(ChatRooms(pool.clone()))];
        Self {
            picture,
            seen,
            requests: postgres_cqrs(pool.clone(), vec![Box::new(publish())], ()),
            profiles: postgres_cqrs(pool, of_profiles, ()),
            pools,
            clock,
            attempts: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Decides one message of a client whom nobody knows, with a pool's number.
    pub(super) async fn onboard(&self, asked: &Asked, pool: &PoolId) -> anyhow::Result<()> {
        let Asked { company, message } = asked;
        let request = message.request_id(company);
        let facts = self.facts(request, message, pool)?;
        let metadata = HashMap::from([
            ("company".to_owned(), company.to_string()),
            ("correlation_id".to_owned(), request.to_string()),
            ("causation_id".to_owned(), Input::Message(message.clone()).id(company).to_string()),
        ]);
        let (mut requests, mut profiles, mut pools) = (vec![], HashMap::new(), vec![]);
        for command in flow::on_message(company, message, facts) {
            match command {
                Command::Request(id, command) => requests.push((id, command)),
                Command::Profile(id, command) => {
                    profiles.entry(id).or_insert_with(Vec::new).push(command);
                }
                Command::Pool(id, command) => pools.push((id, command)),
            }
        }
        for (id, command) in requests {
            let id = id.to_string();
            self.requests.execute_with_metadata(&id, command, metadata.clone()).await?;
        }
        for (id, commands) in profiles {
            let id = id.to_string();
            self.profiles.execute_with_metadata(&id, commands, metadata.clone()).await?;
        }
        for (id, command) in pools {
            self.until_it_wins(&id.to_string(), command, &metadata).await?;
        }
        Ok(())
    }

    /// A command that lost against another writer is decided again on what that one has written.
    async fn until_it_wins(
        &self,
        id: &str,
        command: PoolCommand,
        metadata: &HashMap<String, String>,
    ) -> Result<(), AggregateError<PoolRejection>> {
        loop {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let (command, metadata) = (command.clone(), metadata.clone());
            let executed = match &self.pools {
                Pools::Plain(pools) => pools.execute_with_metadata(id, command, metadata).await,
                Pools::WithSnapshots(pools) => {
                    pools.execute_with_metadata(id, command, metadata).await
                }
            };
            match executed {
                Err(AggregateError::AggregateConflict) => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                done => return done,
            }
        }
    }

    /// What the decision needs, without a single look-up: the client is new, everything else is in
    /// memory.
    fn facts(
        &self,
        request: RequestId,
        message: &InboundMessage,
        pool: &PoolId,
    ) -> anyhow::Result<Facts> {
        let picture = &self.picture;
        let country = message.from.country();
        let text = message.text.as_ref().context("a message without a text")?;
        let extension = Extension::find_in(text.expose()).context("a message without extension")?;
        let user = picture.user_by_extension(&extension).context("nobody has the extension")?;
        let mut rules = picture.pool_chain(&user.ou, country);
        rules.iter_mut().for_each(|rules| rules.pool_id = pool.clone());
        let seen = self.seen.now();
        Ok(Facts {
            at: self.clock.now(),
            draw: rand::rng().random(),
            company: picture.company_facts(country),
            line: picture.line(&message.phone_number_id).context("a foreign number")?,
            from_own_number: picture.is_own_number(&message.from),
            user: Some(user),
            client_id: ClientId::first_seen_by(request),
            client_country: country,
            profiles: vec![],
            pools: rules.into_iter().map(|rules| seen.facts(rules)).collect(),
            promotion: None,
            failed_numbers: vec![],
            asked_in_vain: None,
            same_as: vec![],
            vacated: std::collections::BTreeSet::new(),
            moved: false,
            templates: None,
        })
    }

    /// The share of attempts on pools that lost, since the last time this was asked.
    pub(super) fn lost(&self) -> f64 {
        let (lost, attempts) = (&self.lost, &self.attempts);
        lost.swap(0, Ordering::Relaxed) as f64 / attempts.swap(0, Ordering::Relaxed).max(1) as f64
    }
}

/// A stock event store, to look at what was written.
pub(super) fn plain_store<A: Aggregate>(
    pool: &PgPool,
) -> PersistedEventStore<PostgresEventRepository, A> {
    PersistedEventStore::new_event_store(PostgresEventRepository::new(pool.clone()))
}
