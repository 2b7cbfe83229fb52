//! A world in which things happen one after the other.

use proptest::sample::Index;

use super::steps::{Answer, Step, client};
use crate::company::NumberSpec;
use crate::ids::RequestId;
use crate::input::{
    InboundMessage, KnownClient, OperatorCommand, OperatorRequest, SendReceipt, SendResult,
};
use crate::outbound::{DeliveryStatus, OutboundMessage, SendError};
use crate::personal::Personal;
use crate::request::MessageProgress;
use crate::testing::{
    World, at, id, lost, message, pool, refused, spec, unhealthy, user, window_closed,
};

/// A world in which things happen.
pub(super) struct History {
    pub(super) world: World,
    now: i64,
    written: Vec<InboundMessage>,
    steps: u32,
}

impl History {
    /// Anna and Ben, who works for an external company too, and Carl; a pool
    /// that falls back to its parent's.
    fn new() -> Self {
        let mut world = World::new();
        world.users.push(user("carl"));
        world.users[1].external_companies.insert(id("north"));
        let mut history = Self { world, now: 0, written: vec![], steps: 0 };
        history.happens(&Step::Publishes { numbers: 3, capacity: None, parent: true });
        history
    }

    pub(super) fn of(steps: &[(Step, i64)]) -> Self {
        let mut history = Self::new();
        for (step, seconds) in steps {
            history.now += seconds;
            history.happens(step);
        }
        history
    }

    fn happens(&mut self, step: &Step) {
        self.steps += 1;
        match step {
            Step::Writes { client: n, to, text, late, draw } => {
                let mut message = message(client(*n, draw % 2 == 0), to, Some(text));
                message.id = id(&format!("wamid.in.{}", self.steps));
                message.sent_at = at(self.now - late);
                self.written.push(message.clone());
                self.world.message(&message, at(self.now), *draw);
            }
            Step::WritesAgain(which) => {
                if !self.written.is_empty() {
                    let message = which.get(&self.written).clone();
                    let events = self.world.message(&message, at(self.now), 7);
                    assert_eq!(events, [], "a message that came again was decided again");
                }
            }
            Step::IsRegistered { client: n, external, user } => {
                let client = KnownClient {
                    language: None,
                    identifiers: client(*n, true)
                        .identifiers()
                        .into_iter()
                        .map(Personal::new)
                        .collect(),
                    name: None,
                    external_company: external.then(|| id("north")),
                    users: user.iter().map(|user| id(user)).collect(),
                };
                let command = self.asks(OperatorRequest::RegisterClientProfile(client));
                self.world.register(&command, at(self.now));
            }
            Step::IsInvitedAgain { room } => {
                let rooms: Vec<_> = self.world.rooms().map(|(p, r, _)| (p, r)).collect();
                if !rooms.is_empty() {
                    let (profile_id, room_id) = *room.get(&rooms);
                    let command = self.asks(OperatorRequest::ResendInvitation { room_id });
                    let _ = self.world.resend(&command, (profile_id, room_id), at(self.now));
                }
            }
            Step::IsReassigned { room, user } => {
                let rooms: Vec<_> = self.world.rooms().map(|(p, r, _)| (p, r)).collect();
                if !rooms.is_empty() {
                    let (profile_id, room_id) = *room.get(&rooms);
                    let user_id = id(user);
                    let command = self.asks(OperatorRequest::ReassignRoom { room_id, user_id });
                    let _ = self.world.reassign(&command, (profile_id, room_id), at(self.now));
                }
            }
            Step::IsClosed { room } => {
                let rooms: Vec<_> = self.world.rooms().map(|(p, r, _)| (p, r)).collect();
                if !rooms.is_empty() {
                    let (profile_id, room_id) = *room.get(&rooms);
                    let command = self.asks(OperatorRequest::CloseRoom { room_id });
                    self.world.close(&command, (profile_id, room_id), at(self.now));
                }
            }
            Step::IsArchived { profile } => {
                let profiles: Vec<_> = self.world.profiles().filter_map(|p| p.present()).collect();
                if !profiles.is_empty() {
                    let profile_id = profile.get(&profiles).profile_id;
                    let command = self.asks(OperatorRequest::ArchiveClientProfile { profile_id });
                    self.world.archive(&command, profile_id, at(self.now));
                }
            }
            Step::IsBlocked { profile, blocked } => {
                let profiles: Vec<_> = self.world.profiles().filter_map(|p| p.present()).collect();
                if !profiles.is_empty() {
                    let profile_id = profile.get(&profiles).profile_id;
                    let command = self.asks(if *blocked {
                        OperatorRequest::BlockClient { profile_id }
                    } else {
                        OperatorRequest::UnblockClient { profile_id }
                    });
                    self.world.block(&command, (profile_id, *blocked), at(self.now));
                }
            }
            Step::IsPromoted { request, draw } => {
                let requests: Vec<_> = self.world.requests().map(|r| r.request_id).collect();
                if !requests.is_empty() {
                    let request_id = *request.get(&requests);
                    let command = self.asks(OperatorRequest::PromoteProspect { request_id });
                    self.world.promote(&command, at(self.now), *draw);
                }
            }
            Step::IsSet { number, service } => {
                let (number, service) = (id(number), *service);
                let command = self.asks(OperatorRequest::SetNumberService { number, service });
                self.world.set_service(&command, at(self.now));
            }
            Step::Reports { message, attempt, result } => self.reports(message, *attempt, *result),
            Step::Tells { message, status, with_reason } => {
                let messages = self.world.messages();
                if !messages.is_empty() {
                    let (_, message, _) = message.get(&messages);
                    let failed = *with_reason && *status == DeliveryStatus::Failed;
                    self.world.status(message, *status, failed.then(refused), at(self.now));
                }
            }
            Step::TimesOut { room, stale } => {
                let rooms: Vec<_> =
                    self.world.rooms().map(|(p, r, room)| (p, r, room.deadline)).collect();
                if !rooms.is_empty() {
                    let (profile_id, room_id, deadline) = *room.get(&rooms);
                    let deadline = deadline.filter(|_| !stale).unwrap_or_else(|| at(-1));
                    self.world.deadline((profile_id, room_id), deadline, at(self.now));
                }
            }
            Step::Publishes { numbers, capacity, parent } => {
                self.publishes(*numbers, *capacity, *parent);
            }
            Step::Switches { auto_promotion, unique_phone_number, ben } => {
                self.world.company.auto_promotion = *auto_promotion;
                self.world.company.unique_phone_number = *unique_phone_number;
                self.world.users[1].extension = ben.then(|| id("ben"));
            }
        }
    }

    /// An operator asks for something.
    fn asks(&self, request: OperatorRequest) -> OperatorCommand {
        OperatorCommand {
            operation_id: id(&format!("00000000-0000-0000-0000-{:012}", self.steps)),
            actor: Personal::new("operator".to_owned()),
            at: at(self.now),
            expected_version: None,
            request,
        }
    }

    fn reports(&mut self, which: &Index, attempt: u32, result: Answer) {
        let messages = self.world.messages();
        if !messages.is_empty() {
            let (request_id, message, _) = which.get(&messages);
            self.world.receipt(&SendReceipt {
                request_id: *request_id,
                message_id: message.message_id,
                attempt,
                at: at(self.now),
                result: match result {
                    Answer::Attempted => SendResult::Attempted,
                    Answer::Took => SendResult::Accepted {
                        wamid: id(&format!("wamid.out.{}", message.message_id)),
                    },
                    Answer::Refused => SendResult::GivenUp { error: refused() },
                    Answer::Unhealthy => SendResult::GivenUp { error: unhealthy() },
                    Answer::WindowClosed => SendResult::GivenUp { error: window_closed() },
                    Answer::Lost => SendResult::GivenUp { error: lost() },
                },
            });
        }
    }

    /// The bits of `numbers` say which secondaries the pool has.
    fn publishes(&mut self, numbers: u8, capacity: Option<u32>, parent: bool) {
        let limited = |spec: NumberSpec| NumberSpec { capacity, ..spec };
        let all = [spec("2001", "GB"), spec("2002", "GB"), spec("2003", "US")];
        let listed = all.into_iter().enumerate().filter(|(bit, _)| numbers & (1 << bit) != 0);
        let main = listed.map(|(_, spec)| limited(spec)).collect();
        let rules = |key: &str| pool(key, []).defaulting_to("GB").rules;
        self.world.directory = vec![(rules("main"), main)];
        if parent {
            let numbers = vec![limited(spec("3001", "GB"))];
            self.world.directory.push((rules("parent"), numbers));
        }
        self.world.publish_directory();
    }

    /// Everything that waits is settled: messages are taken or given up, and the
    /// timers of rooms that still wait run out.
    pub(super) fn settles(&mut self, ends: Answer) {
        for _ in 0..10 {
            let messages = self.world.messages();
            let waits = |progress: &MessageProgress| !progress.is_settled();
            let waiting = messages.iter().position(|(_, _, progress)| waits(progress));
            self.now += 1;
            match waiting {
                Some(_) => {
                    for (request_id, message, _) in messages.iter().filter(|(.., p)| waits(p)) {
                        self.settle(*request_id, message, ends);
                    }
                }
                None => self.run_timers_out(),
            }
        }
    }

    fn settle(&mut self, request: RequestId, message: &OutboundMessage, ends: Answer) {
        let error: Option<SendError> = match ends {
            Answer::Refused => Some(refused()),
            Answer::Unhealthy => Some(unhealthy()),
            Answer::WindowClosed => Some(window_closed()),
            Answer::Lost => Some(lost()),
            Answer::Attempted | Answer::Took => None,
        };
        let wamid = id(&format!("wamid.out.{}", message.message_id));
        self.world.receipt(&SendReceipt {
            request_id: request,
            message_id: message.message_id,
            attempt: 9,
            at: at(self.now),
            result: error
                .map_or(SendResult::Accepted { wamid }, |error| SendResult::GivenUp { error }),
        });
    }

    fn run_timers_out(&mut self) {
        let rooms: Vec<_> = self
            .world
            .rooms()
            .filter_map(|(p, r, room)| room.deadline.map(|deadline| (p, r, deadline)))
            .collect();
        for (profile_id, room_id, deadline) in rooms {
            self.world.deadline((profile_id, room_id), deadline, at(self.now));
        }
    }
}
