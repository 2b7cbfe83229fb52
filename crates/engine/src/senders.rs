//! What clients asked in vain lately: budgets against floods and against trying extensions out.
//!
//! The log's tables have what is recorded (`migrations/0075_asked_in_vain.sql`), whoever decided it;
//! what this lane has decided and not recorded yet is remembered here.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::TimeDelta;
use domain::company::Limits;
use domain::flow::{AskedInVain, Command};
use domain::ids::{ClientId, RequestId};
use domain::input::Timestamp;
use domain::request::RequestCommand;
use eventstore::InVain;

const HOUR: TimeDelta = TimeDelta::hours(1);
/// Most questions of one client that are remembered: as many as the largest limit counts.
const MOST: usize = 10_000;
/// From so many clients on those who have not asked for an hour are forgotten, and then again when
/// there are twice as many as were left.
const MANY: usize = 4_096;

/// What each client asked in vain, the newest last.
pub(crate) struct Senders {
    of: HashMap<ClientId, VecDeque<InVain>>,
    /// How many clients there may be before it is looked whom to forget.
    many: usize,
}

impl Default for Senders {
    fn default() -> Self {
        Self { of: HashMap::new(), many: MANY }
    }
}

impl Senders {
    /// What a client asked within the hour before, other than by this request: what is `recorded`,
    /// and what is remembered. `None` if nothing.
    pub(crate) fn asked_in_vain(
        &self,
        (client, recorded): (ClientId, &[InVain]),
        request: RequestId,
        limits: Limits,
        now: Timestamp,
    ) -> Option<AskedInVain> {
        let remembered = self.of.get(&client).into_iter().flatten();
        let mut seen = HashSet::from([request]);
        let all = recorded.iter().chain(remembered);
        let recent = all.filter(|asked| now - asked.at < HOUR && seen.insert(asked.request_id));
        let (mut replies, mut wrong) = (0, HashSet::new());
        for asked in recent {
            replies += u32::from(asked.replied);
            wrong.extend(&asked.wrong_extension);
        }
        let wrong_extensions = u32::try_from(wrong.len()).unwrap_or(u32::MAX);
        let asked = AskedInVain { replies, wrong_extensions, limits };
        (replies > 0 || wrong_extensions > 0).then_some(asked)
    }

    /// Remembers what was decided about a message, if it led to nothing.
    pub(crate) fn note(&mut self, commands: &[Command], now: Timestamp) {
        let Some(Command::Request(request, RequestCommand::Receive(received))) = commands.first()
        else {
            return;
        };
        // Decided again, because the decision before was not recorded.
        if let Some(questions) = self.of.get_mut(&received.client_id) {
            questions.retain(|question| question.request_id != *request);
        }
        let decided = (&received.decision, now);
        let replied = !received.messages.is_empty();
        let Some(asked) = InVain::of(*request, &received.message, decided, replied) else { return };
        if self.of.len() >= self.many {
            self.of.retain(|_, all| all.back().is_some_and(|last| now - last.at < HOUR));
            self.many = MANY.max(2 * self.of.len());
        }
        let questions = self.of.entry(received.client_id).or_default();
        questions.retain(|question| now - question.at < HOUR);
        if questions.len() >= MOST {
            questions.pop_front();
        }
        questions.push_back(asked);
    }
}
