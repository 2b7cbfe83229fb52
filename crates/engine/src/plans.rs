//! What each kind of input asks of the aggregates.

use directory::Picture;
use domain::flow::{self, Command, Decision};
use domain::ids::{ProfileId, RequestId};
use domain::input::{MessageReference, MessageStatus, RoomDeadline, SendReceipt};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::request::{Request, RequestCommand};

use crate::decide::{Plan, Undecided};
use crate::gather::{self, About};
use crate::lane::Lane;
use crate::working_set::looked_at;

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
        let facts = gather::facts(store, &self.company, picture, working_set, about, at);
        let Some(facts) = facts.await? else {
            let reason = "phone_number_id: the number is not one of the company's".into();
            return Err(Undecided::Park("unknown-number", reason));
        };
        let mut seen_here = vec![];
        for profile in &facts.profiles {
            let id = profile.profile_id;
            if let Some(seen) = working_set.profiles.here(&id) {
                looked_at::<ClientProfile>(&mut seen_here, &id, seen.version);
            }
        }
        let pools: Vec<_> = facts.pools.iter().map(|pool| pool.pool_id().clone()).collect();
        let commands = flow::on_message(&self.company, message, facts);
        if commands.iter().any(chose_a_number) {
            for id in pools {
                if let Some(seen) = working_set.pools.here(&id) {
                    looked_at::<SecondaryNumberPool>(&mut seen_here, &id, seen.version);
                }
            }
        }
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
        Ok(Plan { looked_at: seen_here, ..plan })
    }

    /// Receipts come from our own sender, about messages that are on record.
    pub(crate) async fn on_receipt(&mut self, receipt: &SendReceipt) -> Result<Plan, Undecided> {
        let plan = self
            .follow_up(receipt.request_id, |request, room| flow::on_receipt(request, room, receipt))
            .await?;
        plan.ok_or_else(|| {
            let reason = "request_id: the company has no such request".into();
            Undecided::Park("unknown-request", reason)
        })
    }

    /// A status of a message that is not ours is nobody's fault: other services
    /// send from the same numbers.
    pub(crate) async fn on_status(
        &mut self,
        status: &MessageStatus,
        reference: Option<MessageReference>,
    ) -> Result<Option<Plan>, Undecided> {
        let plan = match reference {
            Some(MessageReference { request_id, message_id }) => {
                let at = self.engine.clock.now();
                self.follow_up(request_id, |request, room| {
                    if request.message(message_id).is_none() {
                        return vec![];
                    }
                    flow::on_status(request, room, message_id, status, at)
                })
                .await?
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
        request_id: RequestId,
        next: impl FnOnce(&Request, Option<flow::RoomInProfile<'_>>) -> Vec<Command>,
    ) -> Result<Option<Plan>, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let (store, at) = (&engine.store, engine.clock.now());
        let request = working_set.requests.get(store, &request_id).await?;
        let Some(request) = request.state.present().filter(|r| r.company == *company) else {
            return Ok(None);
        };
        let mut seen = vec![];
        let mut room = None;
        let decision = request.decided.as_ref().map(|(_, decision)| decision);
        if let Some((profile_id, room_id)) = decision.and_then(|it| flow::room_of(it)) {
            let profile = working_set.profiles.get(store, &profile_id).await?;
            looked_at::<ClientProfile>(&mut seen, &profile_id, profile.version);
            room = profile.state.present().and_then(|profile| {
                let room = profile.rooms.get(&room_id)?;
                Some(flow::RoomInProfile { profile, room_id, room })
            });
        }
        let plan = Plan::new(at, request_id.as_uuid(), next(request, room));
        Ok(Some(Plan { looked_at: seen, ..plan }))
    }

    pub(crate) async fn on_deadline(
        &mut self,
        timer: &RoomDeadline,
    ) -> Result<Option<Plan>, Undecided> {
        let Lane { engine, working_set, .. } = self;
        let store = &engine.store;
        let profile = working_set.profiles.get(store, &timer.profile_id).await?;
        let Some((profile, room)) =
            profile.state.present().and_then(|p| Some((p, p.rooms.get(&timer.room_id)?)))
        else {
            return Ok(None);
        };
        let request = working_set.requests.get(store, &room.request_id).await?;
        let Some(request) = request.state.present() else { return Ok(None) };
        let found = flow::RoomInProfile { profile, room_id: timer.room_id, room };
        let commands = flow::on_room_deadline(request, found, timer.deadline, timer.at);
        Ok(Some(Plan::new(engine.clock.now(), room.request_id.as_uuid(), commands)))
    }
}

/// Whether a decision depends on which numbers are free.
fn chose_a_number(command: &Command) -> bool {
    let Command::Request(_, RequestCommand::Receive(received)) = command else { return false };
    matches!(received.decision, Decision::OpenRoom { .. } | Decision::ReportNoNumber { .. })
}
