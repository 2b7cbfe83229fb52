//! What each kind of input asks of the aggregates.

use directory::Picture;
use domain::flow::{self, Command, Decision, Facts, RoomInProfile, Told};
use domain::ids::{CompanyId, PoolId, ProfileId, RequestId, RoomId};
use domain::input::{MessageReference, MessageStatus, RoomDeadline, RoomReview, SendReceipt};
use domain::pool::SecondaryNumberPool;
use domain::profile::{ClientProfile, ProfileCommand};
use domain::request::{Request, RequestCommand};
use eventstore::{EventStore, StoreError, StreamAppend};

use crate::Engine;
use crate::decide::{Plan, Undecided};
use crate::gather::{self, About};
use crate::lane::Lane;
use crate::working_set::{WorkingSet, looked_at};

impl Lane {
    pub(crate) async fn on_message(
        &mut self,
        picture: &Picture,
        about: &About<'_>,
    ) -> Result<Plan, Undecided> {
        let message = about.message;
        if message.from.address().is_none() {
            let reason = "from: the message names nobody who could be answered".into();
            return Err(Undecided::Park("no-sender", reason));
        }
        let store = &self.engine.store;
        let at = self.engine.clock.now();
        let working_set = &mut self.working_set;
        let (senders, company) = (&mut self.senders, &self.company);
        let facts = gather::facts(store, company, picture, working_set, senders, about, at);
        let Some(facts) = facts.await? else {
            let reason = "phone_number_id: the number is not one of the company's".into();
            return Err(Undecided::Park("unknown-number", reason));
        };
        let seen = Seen::of(&facts);
        let commands = flow::on_message(&self.company, message, facts);
        senders.note(&commands, at);
        report_clashes(company, &commands);
        let looked_at = seen.looked_at(working_set, &commands);
        // The input was not decided before, so what is named after it can't be there.
        let own = message.request_id(&self.company);
        if !self.wary {
            working_set.requests.expect_new(own);
            working_set.profiles.expect_new(ProfileId::created_by(own));
        }
        let request = commands.iter().find_map(|command| match command {
            Command::Request(id, _) => Some(*id),
            Command::Profile(..) | Command::Pool(..) => None,
        });
        let plan = Plan::new(at, request.unwrap_or(own).as_uuid(), commands);
        Ok(Plan { looked_at, ..plan })
    }

    /// Receipts come from our own sender, about messages that are on record.
    pub(crate) async fn on_receipt(
        &mut self,
        picture: &Picture,
        receipt: &SendReceipt,
    ) -> Result<Plan, Undecided> {
        let told = Told::by_receipt(receipt);
        let plan = self.follow_up(picture, receipt.request_id, &told).await?;
        plan.ok_or_else(|| {
            let reason = "request_id: the company has no such request".into();
            Undecided::Park("unknown-request", reason)
        })
    }

    /// A status of a message that is not ours is nobody's fault: other services
    /// send from the same numbers.
    pub(crate) async fn on_status(
        &mut self,
        picture: &Picture,
        status: &MessageStatus,
        reference: Option<MessageReference>,
    ) -> Result<Option<Plan>, Undecided> {
        let plan = match reference {
            Some(MessageReference { request_id, message_id }) => {
                let told = Told::by_status(message_id, status, self.engine.clock.now());
                self.follow_up(picture, request_id, &told).await?
            }
            None => None,
        };
        if plan.is_none() {
            metrics::counter!("onboarding_statuses_unmatched_total").increment(1);
        }
        Ok(plan)
    }

    /// What follows for a request and its room. `None` if the company has no such request.
    async fn follow_up(
        &mut self,
        picture: &Picture,
        request_id: RequestId,
        told: &Told,
    ) -> Result<Option<Plan>, Undecided> {
        let Some(mut found) = self.request_and_room(request_id).await? else { return Ok(None) };
        let at = self.engine.clock.now();
        let message = {
            let (request, room) = found.of(&self.working_set)?;
            flow::wants_facts(request, room, told).then(|| request.message.clone())
        };
        let mut looked_at = std::mem::take(&mut found.looked_at);
        let mut now = None;
        if let Some(message) = message {
            let Lane { engine: Engine { store, .. }, company, working_set, senders, .. } = self;
            let query = gather::sender_of(&message);
            let lookup = store.lookup_client(company, &query).await?;
            let country = message.from.country();
            let about = About { message: &message, found: &lookup, country };
            now = gather::facts(store, company, picture, working_set, senders, &about, at).await?;
            if let Some(facts) = &now {
                looked_at.extend(Seen::of(facts).all(working_set));
            }
        }
        let (request, room) = found.of(&self.working_set)?;
        let commands = flow::on_told(request, room, told, now, found.client_blocked);
        let plan = Plan::new(at, request_id.as_uuid(), commands);
        Ok(Some(Plan { looked_at, ..plan }))
    }

    /// A request of the company and the room that it is about, loaded.
    async fn request_and_room(
        &mut self,
        request_id: RequestId,
    ) -> Result<Option<FollowedUp>, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let request = working_set.requests.get(&engine.store, &request_id).await?;
        let Some(request) = request.state.present().filter(|r| r.company == *company) else {
            return Ok(None);
        };
        let mut seen = vec![];
        let decision = request.decided.as_ref().map(|(_, decision)| decision);
        let room = decision.and_then(|it| flow::room_of(it));
        let mut client_blocked = false;
        if let Some((profile_id, _)) = room {
            let profiles: Vec<_> = flow::profiles_of(request).chain([profile_id]).collect();
            let store = &engine.store;
            client_blocked = is_one_blocked(store, working_set, &profiles, &mut seen).await?;
        }
        Ok(Some(FollowedUp { request_id, room, client_blocked, looked_at: seen }))
    }

    pub(crate) async fn on_deadline(
        &mut self,
        timer: &RoomDeadline,
    ) -> Result<Option<Plan>, Undecided> {
        let Lane { engine, working_set, .. } = self;
        let store = &engine.store;
        let &RoomDeadline { profile_id, room_id, deadline, at } = timer;
        let profile = working_set.profiles.get(store, &profile_id).await?;
        let Some(opener) = profile.state.room(room_id).map(|room| room.request_id) else {
            return Ok(None);
        };
        let request = working_set.requests.get(store, &opener).await?;
        let Some(request) = request.state.present() else { return Ok(None) };
        let profiles: Vec<_> = flow::profiles_of(request).chain([profile_id]).collect();
        let mut looked_at = vec![];
        let client_blocked = is_one_blocked(store, working_set, &profiles, &mut looked_at).await?;
        let room = Some((profile_id, room_id));
        let found = FollowedUp { request_id: opener, room, client_blocked, looked_at };
        let (request, Some(room)) = found.of(working_set)? else { return Ok(None) };
        let commands = flow::on_room_deadline(request, room, deadline, at, client_blocked);
        let plan = Plan::new(engine.clock.now(), opener.as_uuid(), commands);
        Ok(Some(Plan { looked_at: found.looked_at, ..plan }))
    }

    pub(crate) async fn on_review(
        &mut self,
        picture: &Picture,
        review: &RoomReview,
    ) -> Result<Option<Plan>, Undecided> {
        let Lane { engine, working_set, .. } = self;
        let profile = working_set.profiles.get(&engine.store, &review.profile_id).await?;
        let Some((profile, room)) =
            profile.state.present().and_then(|p| Some((p, p.rooms.get(&review.room_id)?)))
        else {
            return Ok(None);
        };
        let standing = picture.standing(&room.user_id, &room.number);
        let at = engine.clock.now();
        let found = RoomInProfile { profile, room_id: review.room_id, room };
        let quarantine = picture.company_facts(None).timing.quarantine;
        let facts = flow::CloseFacts { at, room: Some(found), quarantine };
        let commands = flow::on_room_review(&standing, &facts);
        Ok(Some(Plan::new(at, room.request_id.as_uuid(), commands)))
    }
}

/// Tells the operator, who has to close one of two rooms.
fn report_clashes(company: &CompanyId, commands: &[Command]) {
    for command in commands {
        if let Command::Profile(_, ProfileCommand::ReportClash { room_id, with, .. }) = command {
            metrics::counter!("onboarding_room_clashes_total").increment(1);
            tracing::warn!(
                %company, room = %room_id, %with,
                "two clients turned out to be one, and two of their open rooms exclude each other; \
                 close one of them (GET /api/v1/chat-rooms?clashing=true lists them)"
            );
        }
    }
}

/// Where a request that is followed up lies in the working set, and its room.
struct FollowedUp {
    request_id: RequestId,
    room: Option<(ProfileId, RoomId)>,
    /// Whether one of the client's profiles is blocked.
    client_blocked: bool,
    looked_at: Vec<StreamAppend>,
}

/// Whether one of these profiles is blocked; they have to be so still. Those that are not here are
/// loaded together.
pub(crate) async fn is_one_blocked(
    store: &EventStore,
    working_set: &mut WorkingSet,
    profiles: &[ProfileId],
    seen: &mut Vec<StreamAppend>,
) -> Result<bool, StoreError> {
    working_set.profiles.fetch(store, profiles.iter().copied()).await?;
    let mut blocked = false;
    for id in profiles {
        if let Some(profile) = working_set.profiles.here(id) {
            looked_at::<ClientProfile>(seen, id, profile.version);
            blocked |= profile.state.present().is_some_and(|profile| profile.blocked);
        }
    }
    Ok(blocked)
}

impl FollowedUp {
    fn of<'a>(
        &self,
        here: &'a WorkingSet,
    ) -> Result<(&'a Request, Option<RoomInProfile<'a>>), Undecided> {
        let request = here.requests.here(&self.request_id).and_then(|it| it.state.present());
        let gone = || Undecided::Later("what was looked up is gone".to_owned());
        let request = request.ok_or_else(gone)?;
        let room = self.room.and_then(|(profile_id, room_id)| {
            let profile = here.profiles.here(&profile_id)?.state.present()?;
            Some(RoomInProfile { profile, room_id, room: profile.rooms.get(&room_id)? })
        });
        Ok((request, room))
    }
}

/// What a decision about a message was made from.
pub(crate) struct Seen {
    profiles: Vec<ProfileId>,
    pools: Vec<PoolId>,
}

impl Seen {
    pub(crate) fn of(facts: &Facts) -> Self {
        Self {
            profiles: facts.profiles.iter().map(|profile| profile.profile_id).collect(),
            pools: facts.pools.iter().map(|pool| pool.pool_id().clone()).collect(),
        }
    }

    /// It all has to be so still when the decision is appended; pools, if a number was chosen.
    pub(crate) fn looked_at(self, here: &WorkingSet, commands: &[Command]) -> Vec<StreamAppend> {
        if commands.iter().any(chose_a_number) {
            return self.all(here);
        }
        Self { pools: vec![], ..self }.all(here)
    }

    /// It all has to be so still.
    fn all(self, here: &WorkingSet) -> Vec<StreamAppend> {
        let mut seen = vec![];
        for id in self.profiles {
            if let Some(profile) = here.profiles.here(&id) {
                looked_at::<ClientProfile>(&mut seen, &id, profile.version);
            }
        }
        for id in self.pools {
            if let Some(pool) = here.pools.here(&id) {
                looked_at::<SecondaryNumberPool>(&mut seen, &id, pool.version);
            }
        }
        seen
    }
}

/// Whether a decision depends on which numbers are free.
fn chose_a_number(command: &Command) -> bool {
    let Command::Request(_, RequestCommand::Receive(received)) = command else { return false };
    matches!(received.decision, Decision::OpenRoom { .. } | Decision::ReportNoNumber { .. })
}
