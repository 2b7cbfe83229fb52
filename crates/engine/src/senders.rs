//! What clients asked in vain lately: budgets against floods and against trying extensions out.
//!
//! Kept in memory by the lane that answers, and recorded with each decision that it counts for. A
//! worker that takes over begins to count anew.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::TimeDelta;
use domain::Extension;
use domain::company::Limits;
use domain::flow::{AskedInVain, Command, Decision};
use domain::ids::{ClientId, RequestId};
use domain::input::Timestamp;
use domain::request::RequestCommand;

const HOUR: TimeDelta = TimeDelta::hours(1);
/// Most questions of one client that are remembered: as many as the largest limit counts.
const MOST: usize = 10_000;
/// From so many clients on those who have not asked for an hour are forgotten, and then again when
/// there are twice as many as were left.
const MANY: usize = 4_096;

/// What each client asked in vain, the newest last.
pub(crate) struct Senders {
    of: HashMap<ClientId, VecDeque<Question>>,
    /// How many clients there may be before it is looked whom to forget.
    many: usize,
}

impl Default for Senders {
    fn default() -> Self {
        Self { of: HashMap::new(), many: MANY }
    }
}

struct Question {
    request: RequestId,
    at: Timestamp,
    replied: bool,
    wrong_extension: Option<Extension>,
}

impl Senders {
    /// What a client asked within the hour before, other than by this request. `None` if nothing.
    pub(crate) fn asked_in_vain(
        &self,
        client: ClientId,
        request: RequestId,
        limits: Limits,
        now: Timestamp,
    ) -> Option<AskedInVain> {
        let questions = self.of.get(&client)?;
        let recent = || {
            let of_hour = questions.iter().filter(|question| now - question.at < HOUR);
            of_hour.filter(|question| question.request != request)
        };
        let wrong: HashSet<_> = recent().filter_map(|it| it.wrong_extension.as_ref()).collect();
        let replies = recent().filter(|question| question.replied).count();
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        let asked =
            AskedInVain { replies: count(replies), wrong_extensions: count(wrong.len()), limits };
        (replies > 0 || !wrong.is_empty()).then_some(asked)
    }

    /// Remembers what was decided about a message, if it led to nothing.
    pub(crate) fn note(&mut self, commands: &[Command], now: Timestamp) {
        let Some(Command::Request(request, RequestCommand::Receive(received))) = commands.first()
        else {
            return;
        };
        // Decided again, because the decision before was not recorded.
        if let Some(questions) = self.of.get_mut(&received.client_id) {
            questions.retain(|question| question.request != *request);
        }
        let wrong_extension = match received.decision {
            Decision::AskForExtension
            | Decision::Redirect
            | Decision::RecordProspect
            | Decision::ReportNoNumber { .. }
            | Decision::StopTemplates { .. }
            | Decision::StartTemplates { .. }
            | Decision::ReportTemplatesStopped => None,
            Decision::ReportUserNotFound => {
                let text = received.message.text.as_ref();
                text.and_then(|text| Extension::find_in(text.expose()))
            }
            Decision::Ignore { .. }
            | Decision::Expire
            | Decision::Remind { .. }
            | Decision::Join { .. }
            | Decision::OpenRoom { .. } => return,
        };
        if self.of.len() >= self.many {
            self.of.retain(|_, all| all.back().is_some_and(|last| now - last.at < HOUR));
            self.many = MANY.max(2 * self.of.len());
        }
        let questions = self.of.entry(received.client_id).or_default();
        questions.retain(|question| now - question.at < HOUR);
        if questions.len() >= MOST {
            questions.pop_front();
        }
        let replied = !received.messages.is_empty();
        questions.push_back(Question { request: *request, at: now, replied, wrong_extension });
    }
}
