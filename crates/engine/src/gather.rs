//! Looks up what decisions need to know, for several inputs at once.

use std::collections::{BTreeSet, HashMap};

use directory::Picture;
use domain::Extension;
use domain::company::{Line, UserFacts};
use domain::flow::{self, Facts, PoolFacts, TemplateFacts};
use domain::identity::{Country, Identifier};
use domain::ids::{ClientId, CompanyId, InputId, RequestId, Wamid};
use domain::input::{
    InboundMessage, Input, MessageReference, MessageStatus, OperatorRequest, Timestamp,
};
use eventstore::{ClientLookup, ClientQuery, EventStore, StoreError, StoredAnswer};
use rand::Rng;

use crate::early;
use crate::senders::Senders;
use crate::waiting::Waiting;
use crate::working_set::WorkingSet;

/// What was looked up for inputs that are decided one after the other.
#[derive(Default)]
pub(crate) struct Gathered {
    decided: HashMap<InputId, StoredAnswer>,
    clients: HashMap<InputId, ClientLookup>,
    countries: HashMap<InputId, Country>,
    references: HashMap<InputId, MessageReference>,
    /// Statuses that came early, with whose messages they are of.
    early: Vec<MessageStatus>,
}

impl Gathered {
    /// When none of the company's facts can be had yet: only which inputs were decided.
    pub(crate) async fn decided_only(
        store: &EventStore,
        company: &CompanyId,
        inputs: &[Waiting],
    ) -> Result<Self, StoreError> {
        let ids: Vec<_> = inputs.iter().map(|waiting| waiting.id).collect();
        let decided = store.decided(company, &ids).await?.into_iter().collect();
        Ok(Self { decided, ..Self::default() })
    }

    /// The answer of an input that was decided before: it came twice.
    pub(crate) fn stored_answer(&self, id: InputId) -> Option<&StoredAnswer> {
        self.decided.get(&id)
    }

    /// Who an input's client is.
    pub(crate) fn client(&self, id: InputId) -> ClientLookup {
        self.clients.get(&id).cloned().unwrap_or_default()
    }

    /// Where an input's client is from.
    pub(crate) fn country(&self, id: InputId) -> Option<Country> {
        self.countries.get(&id).copied()
    }

    /// Which message of ours a status is about, as far as is known.
    pub(crate) fn reference(
        &self,
        id: InputId,
        status: &MessageStatus,
    ) -> Option<MessageReference> {
        status.reference.or_else(|| self.references.get(&id).copied())
    }

    /// What came early and is of messages that the inputs name.
    pub(crate) fn take_early(&mut self) -> Vec<MessageStatus> {
        std::mem::take(&mut self.early)
    }

    /// A status of which nobody knows yet whose message it is of.
    pub(crate) fn unmatched<'a>(&self, waiting: &'a Waiting) -> Option<&'a MessageStatus> {
        match &waiting.input {
            Input::Status(status) => self.reference(waiting.id, status).is_none().then_some(status),
            _ => None,
        }
    }
}

/// Who an input is about, by identifiers. `None`: it is found without them, or not at all. What an
/// input that takes a request up again is about, the request in the working set tells.
pub(crate) fn client_of(input: &Input, working_set: &WorkingSet) -> Option<ClientQuery> {
    match input {
        Input::Message(message) => Some(sender_of(message)),
        Input::Command(command) => match &command.request {
            OperatorRequest::RegisterClientProfile(client) => {
                let identifiers = client.identifiers.iter().map(|id| id.expose().clone()).collect();
                Some(ClientQuery { identifiers, variants: vec![], at: None })
            }
            OperatorRequest::PromoteProspect { request_id } => {
                let request = working_set.requests.here(request_id)?.state.present()?;
                Some(sender_of(&request.message))
            }
            OperatorRequest::ArchiveClientProfile { .. }
            | OperatorRequest::BlockClient { .. }
            | OperatorRequest::UnblockClient { .. }
            | OperatorRequest::SetClientLanguage { .. }
            | OperatorRequest::SetUserExtension { .. }
            | OperatorRequest::SetNumberService { .. }
            | OperatorRequest::AddNumber(_)
            | OperatorRequest::RemoveNumber { .. }
            | OperatorRequest::ResendInvitation { .. }
            | OperatorRequest::ReassignRoom { .. }
            | OperatorRequest::CloseRoom { .. }
            | OperatorRequest::RetryParkedInput { .. }
            | OperatorRequest::DropParkedInput { .. } => None,
        },
        Input::Status(_)
        | Input::Receipt(_)
        | Input::DirectoryVersion(_)
        | Input::RoomDeadline(_)
        | Input::RoomReview(_) => None,
    }
}

pub(crate) fn sender_of(message: &InboundMessage) -> ClientQuery {
    ClientQuery {
        identifiers: message.identifiers(),
        variants: message.from.lookup_variants(),
        at: Some(message.sent_at),
    }
}

/// The request that an input takes up again.
fn taken_up(input: &Input) -> Option<RequestId> {
    let Input::Command(command) = input else { return None };
    match &command.request {
        OperatorRequest::PromoteProspect { request_id } => Some(*request_id),
        OperatorRequest::RegisterClientProfile(_)
        | OperatorRequest::ArchiveClientProfile { .. }
        | OperatorRequest::BlockClient { .. }
        | OperatorRequest::UnblockClient { .. }
        | OperatorRequest::SetClientLanguage { .. }
        | OperatorRequest::SetUserExtension { .. }
        | OperatorRequest::SetNumberService { .. }
        | OperatorRequest::AddNumber(_)
        | OperatorRequest::RemoveNumber { .. }
        | OperatorRequest::ResendInvitation { .. }
        | OperatorRequest::ReassignRoom { .. }
        | OperatorRequest::CloseRoom { .. }
        | OperatorRequest::RetryParkedInput { .. }
        | OperatorRequest::DropParkedInput { .. } => None,
    }
}

/// Everything in a query that could lead two inputs to the same client.
pub(crate) fn leads(query: &ClientQuery) -> impl Iterator<Item = &Identifier> {
    query.identifiers.iter().chain(&query.variants)
}

/// What a status is of that does not say it by our own reference.
const fn unnamed(input: &Input) -> Option<&Wamid> {
    match input {
        Input::Status(status) if status.reference.is_none() => Some(&status.wamid),
        _ => None,
    }
}

fn unnamed_in(found: &HashMap<Wamid, MessageReference>, input: &Input) -> Option<MessageReference> {
    found.get(unnamed(input)?).copied()
}

/// Loads what the inputs need, a few round trips for all of them.
///
/// Pools come first: what another worker commits after that changes their
/// version, and what it committed before is seen by the look-ups. So it is
/// noticed when two workers take one new client for two.
pub(crate) async fn gather(
    store: &EventStore,
    company: &CompanyId,
    picture: &Picture,
    working_set: &mut WorkingSet,
    inputs: &[Waiting],
) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    let mut pools = BTreeSet::new();
    for waiting in inputs {
        let Input::Message(message) = &waiting.input else { continue };
        let country = message.from.country();
        gathered.countries.extend(country.map(|country| (waiting.id, country)));
        if let Some(user) = addressee(picture, message) {
            pools.extend(picture.pool_chain(&user.ou, country).into_iter().map(|r| r.pool_id));
        }
    }
    working_set.pools.fetch(store, pools).await?;
    let taken_up: BTreeSet<_> = inputs.iter().filter_map(|w| taken_up(&w.input)).collect();
    if !taken_up.is_empty() {
        working_set.requests.fetch(store, taken_up).await?;
    }

    let all: Vec<_> = inputs.iter().map(|waiting| waiting.id).collect();
    let (ids, queries): (Vec<_>, Vec<_>) =
        inputs.iter().filter_map(|w| Some((w.id, client_of(&w.input, working_set)?))).unzip();
    let named = early::named(inputs);
    let wamids: Vec<_> = named.keys().copied().collect();
    let found = store.look_up(company, &all, &queries, &wamids).await?;
    gathered.early = early::of_named(found.early, &named).collect();
    gathered.decided = found.decided.into_iter().collect();
    gathered.clients = ids.into_iter().zip(found.clients).collect();
    gathered.clients.retain(|id, _| !gathered.decided.contains_key(id));
    let new = |waiting: &&Waiting| !gathered.decided.contains_key(&waiting.id);
    let inputs: Vec<_> = inputs.iter().filter(new).collect();
    let unnamed: Vec<_> = inputs.iter().filter_map(|waiting| unnamed(&waiting.input)).collect();
    if !unnamed.is_empty() {
        let found = store.find_messages(company, &unnamed).await?;
        for waiting in &inputs {
            let reference = unnamed_in(&found, &waiting.input);
            gathered.references.extend(reference.map(|reference| (waiting.id, reference)));
        }
    }
    let requests: BTreeSet<_> =
        inputs.iter().filter_map(|waiting| followed_up(waiting, &gathered)).collect();
    working_set.requests.fetch(store, requests.iter().copied()).await?;

    let rooms = requests.iter().filter_map(|id| {
        let request = working_set.requests.here(id)?.state.present()?;
        let (_, decision) = request.decided.as_ref()?;
        let (of_room, _) = flow::room_of(decision)?;
        Some(flow::profiles_of(request).chain([of_room]))
    });
    let of_rooms = inputs.iter().filter_map(|waiting| match &waiting.input {
        Input::RoomDeadline(timer) => Some(timer.profile_id),
        Input::RoomReview(review) => Some(review.profile_id),
        _ => None,
    });
    let clients = gathered.clients.values().flat_map(|found| &found.profiles).map(|(id, _)| *id);
    let profiles: BTreeSet<_> = rooms.flatten().chain(of_rooms).chain(clients).collect();
    working_set.profiles.fetch(store, profiles).await?;

    let overdue = inputs.iter().filter_map(|waiting| match &waiting.input {
        Input::RoomDeadline(timer) => {
            let profile = &working_set.profiles.here(&timer.profile_id)?.state;
            Some(profile.room(timer.room_id)?.request_id)
        }
        _ => None,
    });
    let overdue: BTreeSet<_> = overdue.collect();
    working_set.requests.fetch(store, overdue).await?;
    Ok(gathered)
}

fn followed_up(waiting: &Waiting, gathered: &Gathered) -> Option<RequestId> {
    match &waiting.input {
        Input::Receipt(receipt) => Some(receipt.request_id),
        Input::Status(status) => Some(gathered.reference(waiting.id, status)?.request_id),
        Input::Message(_)
        | Input::Command(_)
        | Input::DirectoryVersion(_)
        | Input::RoomDeadline(_)
        | Input::RoomReview(_) => None,
    }
}

/// The active user whose extension a message to a primary names.
fn addressee(picture: &Picture, message: &InboundMessage) -> Option<UserFacts> {
    let on_primary = matches!(picture.line(&message.phone_number_id)?, Line::Primary { .. });
    let text = message.text.as_ref().filter(|_| on_primary)?;
    picture.user_by_extension(&Extension::find_in(text.expose())?)
}

/// A message with what was looked up about its client.
pub(crate) struct About<'a> {
    pub(crate) message: &'a InboundMessage,
    pub(crate) found: &'a ClientLookup,
    pub(crate) country: Option<Country>,
}

/// Everything that the flow asks about a message. `None` if the number that was
/// written to is not the company's.
pub(crate) async fn facts(
    store: &EventStore,
    company: &CompanyId,
    picture: &Picture,
    working_set: &mut WorkingSet,
    senders: &Senders,
    about: &About<'_>,
    at: Timestamp,
) -> Result<Option<Facts>, StoreError> {
    let About { message, found, country } = *about;
    let Some(line) = picture.line(&message.phone_number_id) else {
        return Ok(None);
    };
    let user = addressee(picture, message);
    let request = message.request_id(company);
    let client_id =
        found.clients.first().copied().unwrap_or_else(|| ClientId::first_seen_by(request));
    let mut profiles = Vec::with_capacity(found.profiles.len());
    for (profile_id, held) in &found.profiles {
        let profile = &working_set.profiles.get(store, profile_id).await?.state;
        profiles.extend(profile.present().map(|profile| profile.facts(&found.clients, *held)));
    }
    profiles.sort_by_key(|profile| profile.profile_id);
    flow::share_windows(&mut profiles);

    let mut pools: Vec<PoolFacts> = vec![];
    if let Some(user) = &user {
        for rules in picture.pool_chain(&user.ou, country) {
            let pool = working_set.pools.get(store, &rules.pool_id).await?;
            pools.push(pool.state.facts(rules));
        }
    }
    let wish = message.text.as_ref().and_then(|text| picture.wish(text.expose()));
    let before = working_set.said_by(found);
    let templates = (wish.is_some() || before.is_some()).then(|| {
        let start_word = picture.start_word(flow::language_in(&profiles), country).to_owned();
        TemplateFacts { wish, before, start_word }
    });
    Ok(Some(Facts {
        at,
        draw: rand::rng().random(),
        company: picture.company_facts_for(flow::language_in(&profiles), country),
        from_own_number: picture.is_own_number(&message.from),
        line,
        user,
        client_id,
        same_as: found.same_as.clone(),
        vacated: found.vacated.clone(),
        moved: found.moved,
        client_country: country,
        profiles,
        pools,
        promotion: None,
        failed_numbers: vec![],
        asked_in_vain: senders.asked_in_vain(
            (client_id, &found.asked_in_vain),
            request,
            picture.limits(),
            at,
        ),
        templates,
    }))
}
