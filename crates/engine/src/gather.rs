//! Looks up what a decision needs to know.

use directory::Picture;
use domain::company::Line;
use domain::flow::{Facts, PoolFacts};
use domain::ids::{ClientId, CompanyId, RequestId};
use domain::input::InboundMessage;
use domain::{Extension, flow};
use eventstore::{EventStore, StoreError};
use rand::Rng;

use crate::clock::Clock;
use crate::working_set::WorkingSet;

/// Everything that the flow asks about a message. `None` if the number that was
/// written to is not the company's.
pub(crate) async fn for_message(
    store: &EventStore,
    clock: &Clock,
    picture: &Picture,
    working_set: &mut WorkingSet,
    company: &CompanyId,
    message: &InboundMessage,
) -> Result<Option<Facts>, StoreError> {
    let Some(line) = picture.line(&message.phone_number_id) else {
        return Ok(None);
    };
    let country = message.from.country();
    let extension = message.text.as_ref().and_then(|text| Extension::find_in(text.expose()));
    let on_primary = matches!(line, Line::Primary { .. });
    let user = extension
        .filter(|_| on_primary)
        .and_then(|extension| picture.user_by_extension(&extension));

    let identifiers = message.from.identifiers();
    let variants = message.from.lookup_variants();
    let found = store.lookup_client(company, &identifiers, &variants).await?;
    let request = RequestId::of(company, &message.phone_number_id, &message.id);
    let client_id =
        found.clients.first().copied().unwrap_or_else(|| ClientId::first_seen_by(request));
    let mut profiles = Vec::with_capacity(found.profiles.len());
    for (profile_id, held) in &found.profiles {
        let (state, _) = working_set.profile(store, *profile_id).await?;
        profiles.extend(state.present().map(|profile| profile.facts(&found.clients, *held)));
    }
    profiles.sort_by_key(|profile| profile.profile_id);

    let mut pools: Vec<PoolFacts> = vec![];
    if let Some(user) = &user {
        for rules in picture.pool_chain(&user.ou, country) {
            let (state, _) = working_set.pool(store, &rules.pool_id).await?;
            pools.push(state.facts(rules));
        }
    }
    Ok(Some(Facts {
        at: clock.now(),
        draw: rand::rng().random(),
        company: picture.company_facts(country),
        from_own_number: picture.is_own_number(&message.from),
        line,
        user,
        client_id,
        profiles,
        pools,
    }))
}

/// The room that a request is about, as it is now.
pub(crate) async fn room_of<'a>(
    store: &EventStore,
    working_set: &'a mut WorkingSet,
    decision: &flow::Decision,
) -> Result<Option<flow::RoomInProfile<'a>>, StoreError> {
    let Some((profile_id, room_id)) = flow::room_of(decision) else {
        return Ok(None);
    };
    let (state, _) = working_set.profile(store, profile_id).await?;
    Ok(state.present().and_then(|profile| {
        let room = profile.rooms.get(&room_id)?;
        Some(flow::RoomInProfile { profile, room_id, room })
    }))
}
