//! A company in memory: keeps the aggregates, builds facts from them as the
//! engine does, and carries plans out all or nothing. It checks after every
//! input what must always be true.

mod checks;
mod facts;

use std::collections::{BTreeMap, BTreeSet};

use crate::AnyEvent;
use crate::company::{CompanyFacts, Line, NumberSpec, PoolRules, UserFacts};
use crate::consent::{Said, Wish};
use crate::extension::Extension;
use crate::flow::{
    CloseFacts, Command, Facts, Held, OperatorRefusal, ProfileFacts, Promotion, ReassignFacts,
    RegisterFacts, Rejection, ResendFacts, RoomInProfile, Told, decide, on_archive_client_profile,
    on_block_client, on_close_room, on_directory_version, on_message, on_promote_prospect,
    on_reassign_room, on_register_client_profile, on_resend_invitation, on_room_deadline,
    on_set_number_service, on_told, profiles_of, prospect_of, room_of, wants_facts,
};
use crate::identity::Identifier;
use crate::ids::{ClientId, InputId, MessageId, PoolId, ProfileId, RequestId, RoomId};
use crate::input::{
    InboundMessage, Input, MessageStatus, OperatorCommand, OperatorRequest, RoomDeadline,
    SendReceipt, Timestamp,
};
use crate::outbound::{Content, DeliveryStatus, OutboundMessage, SendError};
use crate::personal::Personal;
use crate::pool::{NumberStatus, SecondaryNumberPool};
use crate::profile::{ClientProfile, ProfileEvent, Room, RoomPhase};
use crate::request::{MessageProgress, OnboardingRequest, Request, RequestCommand, RequestEvent};

use super::{Decides, PRIMARY, company, company_id, id, pool, spec, templates, user};

/// The three kinds of aggregates, by id.
#[derive(Clone, Default)]
struct Aggregates {
    requests: BTreeMap<RequestId, OnboardingRequest>,
    profiles: BTreeMap<ProfileId, ClientProfile>,
    pools: BTreeMap<PoolId, SecondaryNumberPool>,
}

pub(crate) struct World {
    pub(crate) company: CompanyFacts,
    pub(crate) users: Vec<UserFacts>,
    /// The pools to try for every user, in order, as the directory has them.
    pub(crate) directory: Vec<(PoolRules, Vec<NumberSpec>)>,
    aggregates: Aggregates,
    clients: BTreeMap<Identifier, ClientId>,
    /// What counts of what clients said about templates.
    said: BTreeMap<ClientId, Said>,
    taken_in: BTreeSet<InputId>,
    /// Every plan that was carried out, and the events that it led to.
    pub(crate) past: Vec<(Vec<Command>, Vec<AnyEvent>)>,
}

impl World {
    /// Acme with Anna and Ben, and the secondaries `2001` and `2002`.
    pub(crate) fn new() -> Self {
        let main = (pool("main", []).rules, vec![spec("2001", "GB"), spec("2002", "GB")]);
        let mut world = Self {
            company: company(),
            users: vec![user("anna"), user("ben")],
            directory: vec![main],
            aggregates: Aggregates::default(),
            clients: BTreeMap::new(),
            said: BTreeMap::new(),
            taken_in: BTreeSet::new(),
            past: vec![],
        };
        world.publish_directory();
        world
    }

    /// The next version of the directory counts from here on.
    pub(crate) fn publish_directory(&mut self) -> Vec<AnyEvent> {
        self.company.directory_version += 1;
        let version = self.company.directory_version;
        let listed: BTreeMap<PoolId, Vec<NumberSpec>> =
            self.directory.iter().map(|(r, specs)| (r.pool_id.clone(), specs.clone())).collect();
        let known = self.aggregates.pools.keys();
        let gone = known.filter(|pool| !listed.contains_key(pool)).cloned().collect();
        self.take_in(&Input::DirectoryVersion(version), |_| {
            on_directory_version(version, &listed, &gone)
        })
    }

    /// A client's message is decided.
    pub(crate) fn message(
        &mut self,
        message: &InboundMessage,
        now: Timestamp,
        draw: u64,
    ) -> Vec<AnyEvent> {
        let events = self.take_in(&Input::Message(message.clone()), |world| {
            world.plan_of_message(message, now, draw)
        });
        let request = self.request_of(message);
        if let Some(request) = self.request(request) {
            let client = request.client_id;
            for identifier in message.identifiers() {
                self.clients.entry(identifier).or_insert(client);
            }
        }
        self.learn(&events);
        events
    }

    /// What a message into a room told of its client.
    fn learn(&mut self, events: &[AnyEvent]) {
        for event in events {
            let AnyEvent::Profile(ProfileEvent::IdentifiersAdded { identifiers, .. }) = event
            else {
                continue;
            };
            let profiles = self.aggregates.profiles.values().filter_map(ClientProfile::present);
            let holds =
                |profile: &&crate::profile::Profile| identifiers.is_subset(&profile.identifiers);
            let Some(client) = profiles.filter(holds).map(|profile| profile.client_id).next()
            else {
                continue;
            };
            for identifier in identifiers {
                self.clients.entry(identifier.expose().clone()).or_insert(client);
            }
        }
    }

    fn plan_of_message(&self, message: &InboundMessage, now: Timestamp, draw: u64) -> Vec<Command> {
        let facts = self.facts(message, now, draw);
        let plan = on_message(&company_id(), message, facts.clone());
        let read_back: Facts =
            serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        let again = on_message(&company_id(), message, read_back);
        assert_eq!(again, plan, "the same facts led to another plan");
        if let Some(Command::Request(_, RequestCommand::Receive(received))) = plan.first() {
            let again = on_message(&company_id(), message, received.facts.clone());
            assert_eq!(again, plan, "what is recorded led to another plan");
        }
        plan
    }

    /// An operator registers a client.
    pub(crate) fn register(&mut self, command: &OperatorCommand, now: Timestamp) -> Vec<AnyEvent> {
        let OperatorRequest::RegisterClientProfile(client) = &command.request else {
            panic!("{command:?}");
        };
        let identifiers = &client.identifiers;
        let known = |i: &Personal<Identifier>| self.clients.get(i.expose()).copied();
        let facts = RegisterFacts {
            at: now,
            client_id: identifiers.iter().find_map(known),
            phone_holder: None,
            unique_phone_number: false,
            unknown_users: vec![],
            external_company_known: true,
            language_known: true,
        };
        let events = self.take_in(&Input::Command(command.clone()), |_| {
            let OperatorCommand { operation_id, actor, .. } = command;
            on_register_client_profile(&company_id(), *operation_id, actor, client, &facts)
                .unwrap()
                .1
        });
        let new = ClientId::registered_by(&company_id(), command.operation_id);
        for identifier in identifiers {
            let client = facts.client_id.unwrap_or(new);
            self.clients.entry(identifier.expose().clone()).or_insert(client);
        }
        events
    }

    /// An operator archives a profile.
    pub(crate) fn archive(
        &mut self,
        command: &OperatorCommand,
        profile_id: ProfileId,
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        self.take_in(&Input::Command(command.clone()), |world| {
            let known = world.aggregates.profiles.contains_key(&profile_id);
            on_archive_client_profile(&command.actor, profile_id, known, now).unwrap()
        })
    }

    /// An operator blocks a profile's client, or unblocks it.
    pub(crate) fn block(
        &mut self,
        command: &OperatorCommand,
        (profile_id, blocked): (ProfileId, bool),
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        self.take_in(&Input::Command(command.clone()), |world| {
            let known = world.aggregates.profiles.contains_key(&profile_id);
            on_block_client(&command.actor, profile_id, blocked, known, now).unwrap()
        })
    }

    /// An operator promotes what a request may have recorded as a prospect, or is refused.
    pub(crate) fn promote(
        &mut self,
        command: &OperatorCommand,
        now: Timestamp,
        draw: u64,
    ) -> Vec<AnyEvent> {
        let OperatorRequest::PromoteProspect { request_id } = &command.request else {
            panic!("{command:?}");
        };
        self.take_in(&Input::Command(command.clone()), |world| {
            let prospect = prospect_of(*request_id, world.request(*request_id));
            let Ok(prospect) = prospect else { return vec![] };
            let promotion = Promotion { prospect: *request_id, by: command.actor.clone() };
            let facts = world.facts(&prospect.message, now, draw);
            let operation = command.operation_id;
            let planned =
                on_promote_prospect(&company_id(), operation, promotion, &prospect, facts);
            planned.map(|(_, commands)| commands).unwrap_or_default()
        })
    }

    /// An operator says whether a number takes new rooms, or is refused.
    pub(crate) fn set_service(
        &mut self,
        command: &OperatorCommand,
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        let OperatorRequest::SetNumberService { number, service } = &command.request else {
            panic!("{command:?}");
        };
        self.take_in(&Input::Command(command.clone()), |world| {
            let lists = |specs: &[NumberSpec]| specs.iter().any(|spec| spec.number == *number);
            let listed = world.directory.iter().find(|(_, specs)| lists(specs));
            let line = listed.map(|(rules, _)| {
                let pool = rules.pool_id.clone();
                Line::Secondary { pool, primary: id("+447700900800") }
            });
            on_set_number_service(&command.actor, number, *service, line.as_ref(), now)
                .unwrap_or_default()
        })
    }

    /// An operator closes a room, or is refused.
    pub(crate) fn close(
        &mut self,
        command: &OperatorCommand,
        (profile_id, room_id): (ProfileId, RoomId),
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        let quarantine = self.company.timing.quarantine;
        self.take_in(&Input::Command(command.clone()), |world| {
            let room = Some(world.room(profile_id, room_id));
            let facts = CloseFacts { at: now, room, quarantine };
            on_close_room(&command.actor, room_id, &facts).unwrap_or_default()
        })
    }

    /// An operator has a room's invitation sent once more, or is refused.
    pub(crate) fn resend(
        &mut self,
        command: &OperatorCommand,
        (profile_id, room_id): (ProfileId, RoomId),
        now: Timestamp,
    ) -> Result<Vec<AnyEvent>, OperatorRefusal> {
        let room = self.room(profile_id, room_id);
        let request = self.request(room.room.request_id).unwrap();
        let said = self.said.get(&room.room.client_id).copied();
        let profiles = self.facts(&request.message, now, 0).profiles;
        let client_blocked = profiles.iter().any(ProfileFacts::blocks_client);
        let user = self.users.iter().find(|user| user.user_id == room.room.user_id);
        let (at, moved, room) = (now, false, Some((room, request)));
        let facts = ResendFacts { at, room, moved, said, client_blocked, user };
        let planned = on_resend_invitation(&command.actor, room_id, &facts)?;
        Ok(self.take_in(&Input::Command(command.clone()), |_| planned))
    }

    /// An operator gives a room to another user, or is refused.
    pub(crate) fn reassign(
        &mut self,
        command: &OperatorCommand,
        (profile_id, room_id): (ProfileId, RoomId),
        now: Timestamp,
    ) -> Result<Vec<AnyEvent>, OperatorRefusal> {
        let OperatorRequest::ReassignRoom { user_id, .. } = &command.request else {
            panic!("{command:?}");
        };
        let room = self.room(profile_id, room_id);
        let open_with_user = self.rooms().find(|(_, id, other)| {
            let same_client = other.client_id == room.room.client_id;
            *id != room_id && other.is_open() && same_client && other.user_id == *user_id
        });
        let facts = ReassignFacts {
            at: now,
            room: Some(room),
            user: self.users.iter().find(|user| user.user_id == *user_id),
            open_with_user: open_with_user.map(|(_, id, _)| id),
        };
        let planned = on_reassign_room(&command.actor, room_id, user_id, &facts)?;
        Ok(self.take_in(&Input::Command(command.clone()), |_| planned))
    }

    /// The sender tells what it did.
    pub(crate) fn receipt(&mut self, receipt: &SendReceipt) -> Vec<AnyEvent> {
        self.take_in(&Input::Receipt(receipt.clone()), |world| {
            let request = world.request(receipt.request_id).unwrap();
            world.plan_of_told(request, &Told::by_receipt(receipt))
        })
    }

    /// WhatsApp tells how far a message got.
    pub(crate) fn status(
        &mut self,
        message: &OutboundMessage,
        status: DeliveryStatus,
        error: Option<SendError>,
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        let status = MessageStatus {
            phone_number_id: message.from.clone(),
            wamid: id(&format!("wamid.out.{}", message.message_id)),
            status,
            at: now,
            reference: None,
            error,
            evidence: None,
        };
        let message_id = message.message_id;
        self.take_in(&Input::Status(status.clone()), |world| {
            let request = world.request_with(message_id);
            world.plan_of_told(request, &Told::by_status(message_id, &status, now))
        })
    }

    fn plan_of_told(&self, request: &Request, told: &Told) -> Vec<Command> {
        let room = self.room_of(request);
        let now = wants_facts(request, room, told);
        let now = now.then(|| self.facts(&request.message, told.at(), 7));
        let plan = on_told(request, room, told, now, self.client_blocked(request));
        for command in &plan {
            if let Command::Request(id, RequestCommand::DecideAgain(again)) = command {
                let decided = decide(*id, &request.message, &again.facts);
                assert_eq!(decided, again.decision, "what is recorded led to another decision");
            }
        }
        plan
    }

    /// A timer ran out that was set for `deadline`.
    pub(crate) fn deadline(
        &mut self,
        (profile_id, room_id): (ProfileId, RoomId),
        deadline: Timestamp,
        now: Timestamp,
    ) -> Vec<AnyEvent> {
        let input = Input::RoomDeadline(RoomDeadline { profile_id, room_id, deadline, at: now });
        self.take_in(&input, |world| {
            let room = world.room(profile_id, room_id);
            let request = world.request(room.room.request_id).unwrap();
            on_room_deadline(request, room, deadline, now, world.client_blocked(request))
        })
    }

    /// Whether one of the profiles that a request was decided on is blocked.
    fn client_blocked(&self, request: &Request) -> bool {
        let profiles = profiles_of(request).filter_map(|id| self.aggregates.profiles.get(&id));
        profiles.filter_map(ClientProfile::present).any(|profile| profile.blocked)
    }

    /// An input is decided once, however often it arrives.
    fn take_in(
        &mut self,
        input: &Input,
        plan: impl FnOnce(&Self) -> Vec<Command>,
    ) -> Vec<AnyEvent> {
        if !self.taken_in.insert(input.id(&company_id())) {
            return vec![];
        }
        let plan = plan(self);
        let before = self.aggregates.clone();
        let events = self.carry_out(&plan).unwrap_or_else(|why| panic!("{why}: {plan:#?}"));
        checks::check_that_requests_end_once(&before, &self.aggregates, &events);
        self.check_that_what_was_taken_was_free(&before, &events);
        self.check_that_who_stopped_gets_no_template(&events);
        self.check_that_repeating_changes_nothing(&plan);
        self.check_that_rooms_and_numbers_agree();
        self.note_what_is_said(&events);
        self.past.push((plan, events.clone()));
        events
    }

    fn note_what_is_said(&mut self, events: &[AnyEvent]) {
        for event in events {
            let AnyEvent::Request(event) = event else { continue };
            let Some((client, said)) = event.said() else { continue };
            let before = self.said.insert(client, said);
            assert!(before.is_none_or(|before| said.outweighs(&before)), "{said:?} is no news");
        }
    }

    /// All of a plan, or nothing of it.
    fn carry_out(&mut self, plan: &[Command]) -> Result<Vec<AnyEvent>, Rejection> {
        let mut next = self.aggregates.clone();
        let mut events = vec![];
        for command in plan {
            events.extend(next.carry_out(command)?);
        }
        self.aggregates = next;
        Ok(events)
    }

    pub(crate) fn request_of(&self, message: &InboundMessage) -> RequestId {
        message.request_id(&company_id())
    }

    pub(crate) fn request(&self, request: RequestId) -> Option<&Request> {
        self.aggregates.requests.get(&request)?.present()
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.aggregates.requests.values().filter_map(OnboardingRequest::present)
    }

    pub(crate) fn request_with(&self, message: MessageId) -> &Request {
        self.requests().find(|request| request.message(message).is_some()).unwrap()
    }

    /// Every message that was requested, and how far it got.
    pub(crate) fn messages(&self) -> Vec<(RequestId, OutboundMessage, MessageProgress)> {
        let of = |request: &Request| {
            let messages = request.messages.clone().into_iter();
            let request_id = request.request_id;
            let progress = request.progress.clone();
            messages.map(move |m| (request_id, m.clone(), progress[&m.message_id]))
        };
        self.requests().flat_map(of).collect()
    }

    /// Every room that ever was.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = (ProfileId, RoomId, &Room)> {
        let profiles = self.aggregates.profiles.values().filter_map(ClientProfile::present);
        profiles.flat_map(|p| p.rooms.iter().map(|(id, room)| (p.profile_id, *id, room)))
    }

    pub(crate) fn profiles(&self) -> impl Iterator<Item = &ClientProfile> {
        self.aggregates.profiles.values()
    }

    pub(crate) fn room(&self, profile_id: ProfileId, room_id: RoomId) -> RoomInProfile<'_> {
        let profile = self.aggregates.profiles[&profile_id].present().unwrap();
        RoomInProfile { profile, room_id, room: &profile.rooms[&room_id] }
    }

    fn room_of(&self, request: &Request) -> Option<RoomInProfile<'_>> {
        let (_, decision) = request.decided.as_ref()?;
        room_of(decision).map(|(profile_id, room_id)| self.room(profile_id, room_id))
    }
}

impl Aggregates {
    fn carry_out(&mut self, command: &Command) -> Result<Vec<AnyEvent>, Rejection> {
        Ok(match command {
            Command::Request(id, command) => {
                evolve(self.requests.entry(*id).or_default(), command, AnyEvent::Request)?
            }
            Command::Profile(id, command) => {
                evolve(self.profiles.entry(*id).or_default(), command, AnyEvent::Profile)?
            }
            Command::Pool(id, command) => {
                evolve(self.pools.entry(id.clone()).or_default(), command, AnyEvent::Pool)?
            }
        })
    }
}

fn evolve<A: Decides>(
    state: &mut A,
    command: &A::Command,
    any: impl Fn(A::Event) -> AnyEvent,
) -> Result<Vec<AnyEvent>, A::Error> {
    let events = state.ask(command)?;
    for event in &events {
        let json = serde_json::to_string(event).unwrap();
        let read: A::Event = serde_json::from_str(&json).unwrap();
        assert_eq!(&read, event, "an event did not read back as it was written");
        assert_eq!(serde_json::to_string(&read).unwrap(), json, "its bytes differ");
        state.apply(read);
    }
    let snapshot: A = serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap();
    assert_eq!(&snapshot, state, "a snapshot did not read back as it was written");
    Ok(events.into_iter().map(any).collect())
}
