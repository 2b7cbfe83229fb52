//! Answers `qry.onboarding.v1.secondary-numbers` and `client-profile`: what operators look at before they
//! change it, with the versions that `If-Match` takes.

use api::Problem;
use api::queries::client_profile::{self, ClientProfileQuery};
use api::queries::secondary_numbers::{
    self, PoolOfNumbers, SecondaryNumber, SecondaryNumbers, SecondaryNumbersQuery,
};
use directory::{DirectoryError, DirectoryStore};
use domain::ids::PoolId;
use domain::pool::{NumberStatus, PoolNumber, SecondaryNumberPool};
use domain::profile::ClientProfile;
use eventstore::{EventStore, Loaded, StoreError};
use messaging::query::QueryService;
use serde_json::Value;

use super::answer;

/// Begins to answer.
///
/// # Errors
/// The client is closed.
pub(crate) async fn serve(
    queries: &mut QueryService,
    store: EventStore,
    directory: DirectoryStore,
) -> anyhow::Result<()> {
    let of = store.clone();
    let numbers = move |question| {
        let (store, directory) = (of.clone(), directory.clone());
        async move { answer(numbers_of(&store, &directory, question).await) }
    };
    queries.endpoint(secondary_numbers::NAME, numbers).await?;
    let profile = move |question| {
        let store = store.clone();
        async move { answer(profile_of(&store, question).await) }
    };
    Ok(queries.endpoint(client_profile::NAME, profile).await?)
}

async fn numbers_of(
    store: &EventStore,
    directory: &DirectoryStore,
    question: Value,
) -> Result<SecondaryNumbers, Problem> {
    let SecondaryNumbersQuery { company, pool } = api::read(question)?;
    let unknown = || {
        let detail = "company: the directory has no such company";
        Problem::not_found("unknown-company", "There is no such company", detail).field("company")
    };
    let newest = directory.latest(&company).await.map_err(of_directory)?.ok_or_else(unknown)?;
    // Pools are what decisions have made of the version before it until it comes to them.
    let decided_on = store.lane(&company).await.map_err(of_log)?.unwrap_or(newest);
    let picture = directory.picture(&company, decided_on).await.map_err(of_directory)?;
    let picture = picture.ok_or_else(unknown)?;
    let asked = |id: &&PoolId| pool.as_ref().is_none_or(|pool| id.key == *pool);
    let ids: Vec<PoolId> = picture.pools().keys().filter(asked).cloned().collect();
    if pool.is_some() && ids.is_empty() {
        let detail = "pool: the directory has no such pool";
        let problem = Problem::not_found("unknown-pool", "There is no such pool", detail);
        return Err(problem.field("pool"));
    }
    let loaded = store.load_many::<SecondaryNumberPool>(&ids).await.map_err(of_log)?;
    let pools = ids.into_iter().zip(loaded).map(|(id, Loaded { state, version, .. })| {
        let numbers = state.numbers().filter(|number| counts(number)).map(shown).collect();
        PoolOfNumbers { pool: id.key, version, numbers }
    });
    Ok(SecondaryNumbers { directory_version: newest, pools: pools.collect() })
}

/// A pool remembers every number that ever was in it.
fn counts(number: &PoolNumber) -> bool {
    number.status != NumberStatus::Removed || number.load > 0
}

fn shown(number: &PoolNumber) -> SecondaryNumber {
    SecondaryNumber {
        number: number.spec.number.clone(),
        phone: number.spec.display.clone(),
        country: number.spec.country,
        service: number.status.as_str().to_owned(),
        open_rooms: number.load,
        capacity: number.spec.capacity,
    }
}

async fn profile_of(
    store: &EventStore,
    question: Value,
) -> Result<client_profile::ClientProfile, Problem> {
    let ClientProfileQuery { company, profile_id } = api::read(question)?;
    let Loaded { state, version, .. } =
        store.load::<ClientProfile>(&profile_id).await.map_err(of_log)?;
    let profile =
        state.present().filter(|profile| profile.company == company).ok_or_else(|| {
            let detail = "profile_id: the company has no such client profile";
            Problem::not_found("unknown-client-profile", "There is no such client profile", detail)
                .field("profile_id")
        })?;
    let open = profile.rooms.iter().filter(|(_, room)| room.is_open());
    Ok(client_profile::ClientProfile {
        profile_id,
        version,
        identifiers: profile.identifiers.iter().cloned().collect(),
        language: profile.language.clone(),
        external_company: profile.external_company.clone(),
        blocked: profile.blocked,
        archived: profile.archived,
        users: profile.users.iter().cloned().collect(),
        open_rooms: open.map(|(room_id, _)| *room_id).collect(),
    })
}

fn of_log(error: StoreError) -> Problem {
    if error.is_transient() {
        tracing::warn!(%error, "a query of an operator failed");
        return Problem::unavailable("The log can't be read; try again in a moment");
    }
    tracing::error!(%error, "a query of an operator can't read what it needs");
    Problem::internal()
}

fn of_directory(error: DirectoryError) -> Problem {
    if error.may_pass() {
        tracing::warn!(%error, "a query of an operator failed");
        return Problem::unavailable("The directory can't be read; try again in a moment");
    }
    tracing::error!(%error, "a query of an operator can't read what it needs");
    Problem::internal()
}
