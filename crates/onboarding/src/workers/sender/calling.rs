//! Delivers one message that was claimed: the record before the call, the call, and what follows.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use directory::DirectoryError;
use domain::AnyEvent;
use domain::ids::{AppId, MessageId, PhoneNumberId};
use domain::input::{SendReceipt, SendResult, Timestamp};
use domain::outbound::{ErrorClass, SendError};
use domain::request::RequestEvent;
use messaging::inbox::{InboxBody, InboxMessage};
use messaging::subject::Token;
use rand::Rng;
use readmodel::{Claimed, Resting, Withdrawn};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use whatsapp::client::{AccessToken, SendFailure};
use whatsapp::errors::{self, Scope};

use super::portfolios::Portfolios;
use super::{LOOK_EVERY, Sender, Settings};
use crate::workers::pause;

/// Pause before something is looked at again that should be so any moment.
const SOON: TimeDelta = TimeDelta::seconds(1);
/// How long it is remembered which app a number belongs to.
const APPS_STAY: Duration = Duration::from_secs(5);
/// Whoever has the answer to an earlier call comes back to NATS so long after us at most, and tells it.
const TELLS_WITHIN: Duration = Duration::from_secs(10);
/// Pause of an account whose token or permission is refused.
const ACCOUNT_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The sender with what it remembers between calls.
pub(super) struct Calling {
    pub(super) sender: Sender,
    pub(super) portfolios: Portfolios,
    apps: tokio::sync::Mutex<Apps>,
    source: Option<Token>,
    /// Messages whose call, or its record, is under way here.
    under_way: Mutex<HashSet<MessageId>>,
    cancel: CancellationToken,
}

impl Calling {
    pub(super) fn new(sender: Sender, cancel: CancellationToken) -> Self {
        let source = "sender".parse().ok();
        let portfolios = Portfolios::new(sender.settings.unique_clients_per_day.clone());
        Self {
            portfolios,
            sender,
            apps: tokio::sync::Mutex::default(),
            source,
            under_way: Mutex::default(),
            cancel,
        }
    }

    /// While the service was down nobody could tell what became of the calls
    /// that it was at: the grace time begins now.
    pub(super) async fn hold_unresolved(&self) {
        loop {
            let now = self.sender.clock.now();
            let grace = TimeDelta::from_std(self.sender.settings.grace).unwrap_or_default();
            let Err(error) = self.sender.queue.hold_unresolved(now + grace, now).await else {
                return;
            };
            tracing::warn!(%error, "unfinished calls can't be looked up; trying again");
            if !pause(&self.cancel, LOOK_EVERY).await {
                return;
            }
        }
    }

    /// What may be sent now, and since when it is claimed.
    pub(super) async fn claim(&self, limit: u32) -> (Vec<Claimed>, Instant) {
        let claimed_at = Instant::now();
        if limit == 0 {
            return (vec![], claimed_at);
        }
        let now = self.sender.clock.now();
        let claimed = match self.sender.queue.claim(now, limit, self.sender.settings.grace).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "messages to send can't be read; trying again");
                vec![]
            }
        };
        (claimed, claimed_at)
    }

    /// Delivers, unless the same is still under way: NATS may take longer to
    /// come back, for the record of a call, than the claim's lease. The new
    /// lease is then left to the call that is under way.
    pub(super) async fn deliver_once(&self, claimed: Claimed, claimed_at: Instant) {
        let id = claimed.message_id();
        let under_way = || self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if !under_way().insert(id) {
            let now = self.sender.clock.now();
            let until = now + TimeDelta::from_std(self.sender.settings.grace).unwrap_or_default();
            let left = self.sender.queue.leave(id, claimed.attempt, until, now).await;
            if let Err(error) = left {
                tracing::warn!(%error, "a message under way can't be left alone; it is looked at again");
            }
            return;
        }
        let _over = Over { id, under_way: &self.under_way };
        self.deliver(claimed, claimed_at).await;
    }

    async fn deliver(&self, claimed: Claimed, claimed_at: Instant) {
        if claimed.expired {
            return self.expire(&claimed).await;
        }
        if let Some(withdrawn) = claimed.withdrawn {
            return self.withdraw(&claimed, withdrawn).await;
        }
        if claimed.attempt > self.sender.settings.attempts {
            let title = "nobody told what became of the last attempt";
            return self.give_up(&claimed, ErrorClass::Transient, title).await;
        }
        let (token, app) = match self.token(&claimed.message.from).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                tracing::error!(number = %claimed.message.from, "no access token is configured for this number's app; its messages wait");
                return self.again(&claimed, self.sender.clock.now() + ACCOUNT_PAUSE, None).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the numbers' apps can't be read; trying again");
                return self.soon(&claimed).await;
            }
        };
        // Whatever the message waited for until here may have taken long.
        let now = self.sender.clock.now();
        if now >= claimed.message.expires_at {
            return self.expire(&claimed).await;
        }
        if !self.is_admitted(&claimed, &app, now).await {
            return;
        }
        if !self.record(&claimed, SendResult::Attempted).await {
            return self.soon(&claimed).await;
        }
        if claimed.previous_unresolved {
            if !self.nobody_told(&claimed).await {
                return self.soon(&claimed).await;
            }
            metrics::counter!("onboarding_sends_repeated_total").increment(1);
            tracing::warn!(
                "no answer and no status told what became of a message; it is sent again"
            );
        }
        if self.sender.clock.now() >= claimed.message.expires_at {
            return self.expire(&claimed).await;
        }
        // The call must end within the claim's lease: whoever was stopped for so long must not make
        // it, for another one may have claimed the message and called since.
        let Settings { grace, call_timeout, .. } = &self.sender.settings;
        if claimed_at.elapsed() + *call_timeout >= *grace {
            tracing::warn!(
                "a message was claimed too long ago to be sent by this claim; it is claimed again"
            );
            return self.soon(&claimed).await;
        }
        let Claimed { message, reference, traceparent, .. } = &claimed;
        let sent = self.sender.cloud.send(&token, message, *reference, traceparent.as_deref());
        let called = Instant::now();
        let sent = sent.await;
        metrics::histogram!("onboarding_send_seconds").record(called.elapsed().as_secs_f64());
        match sent {
            Ok(wamid) => {
                count("accepted");
                self.settle(&claimed, SendResult::Accepted { wamid }).await;
            }
            Err(failure) => self.after_failure(&claimed, &app, failure).await,
        }
    }

    /// Whether the portfolio's limit lets the message go now; if not, it is put back.
    async fn is_admitted(&self, claimed: &Claimed, app: &AppId, now: Timestamp) -> bool {
        let counted = self.portfolios.count(&self.sender.queue, &claimed.message, app, now).await;
        let at = match counted {
            Ok(None) => return true,
            Ok(Some(at)) => at,
            Err(error) => {
                tracing::warn!(%error, "a portfolio's clients can't be counted; trying again");
                now + SOON
            }
        };
        self.again(claimed, at, None).await;
        false
    }

    async fn expire(&self, claimed: &Claimed) {
        let title = "it could not be sent before it expired";
        self.give_up(claimed, ErrorClass::Expired, title).await;
    }

    async fn withdraw(&self, claimed: &Claimed, why: Withdrawn) {
        let title = match why {
            Withdrawn::Stopped => "its client wants no templates any more",
            Withdrawn::Blocked => "its client is blocked",
            Withdrawn::Moved => "its client has left the number",
        };
        self.give_up(claimed, ErrorClass::Withdrawn, title).await;
    }

    /// Without a call.
    async fn give_up(&self, claimed: &Claimed, class: ErrorClass, title: &str) {
        let definite = !claimed.previous_unresolved;
        let error = SendError { code: 0, class, definite, title: title.into() };
        self.settle(claimed, SendResult::GivenUp { error }).await;
    }

    /// Whether the lane has decided that this attempt is made, and so all that INBOX held before it,
    /// and the message is still not settled; and that was [`TELLS_WITHIN`] ago, for NATS may have been
    /// away, and another sender with an answer in its hands come back to it later than we did. (No
    /// longer than the grace time: in that it could have told.)
    async fn nobody_told(&self, claimed: &Claimed) -> bool {
        let (id, request) = (claimed.message_id(), claimed.reference.request_id);
        let events = match self.sender.store.events_by_correlation(request.as_uuid()).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "what was told of a message can't be read; trying again");
                return false;
            }
        };
        let wait = TELLS_WITHIN.min(self.sender.settings.grace);
        let heard = self.sender.clock.now() - TimeDelta::from_std(wait).unwrap_or_default();
        let mut decided = false;
        for event in events {
            match AnyEvent::read(&event) {
                Ok(AnyEvent::Request(RequestEvent::MessageAttempted {
                    message_id,
                    attempt,
                    at,
                })) if message_id == id => decided |= attempt >= claimed.attempt && at <= heard,
                Ok(AnyEvent::Request(
                    RequestEvent::MessageAccepted { message_id, .. }
                    | RequestEvent::MessageFailed { message_id, .. },
                )) if message_id == id => return false,
                _ => {}
            }
        }
        decided
    }

    async fn after_failure(&self, claimed: &Claimed, app: &AppId, failure: SendFailure) {
        let now = self.sender.clock.now();
        let fault = failure.fault();
        let class = fault.error.class;
        count(class.as_str());
        let settings = &self.sender.settings;
        let next = match (&failure, class) {
            // Its answer is lost, not the message: a status may still tell, also
            // after the last attempt.
            (SendFailure::Unknown(_), _) => {
                let until = now + TimeDelta::from_std(settings.grace).unwrap_or_default();
                let until = until.min(claimed.message.expires_at);
                return self.again(claimed, until, Some(&fault.error)).await;
            }
            (_, ErrorClass::Account) => {
                tracing::error!(number = %claimed.message.from, code = fault.error.code, "WhatsApp refuses the account's token or permission; its messages wait");
                let until = now + ACCOUNT_PAUSE;
                self.rest(Scope::Account, claimed, app, until).await;
                return self.again(claimed, until, None).await;
            }
            _ if fault.retry => Some(now + self.back_off(claimed.attempt, fault.retry_after)),
            _ => None,
        };
        if let (Some(scope), Some(until)) = (errors::rests(&fault.error), next) {
            self.rest(scope, claimed, app, until).await;
        }
        match next.filter(|_| claimed.attempt < settings.attempts) {
            Some(at) if at < claimed.message.expires_at => {
                self.again(claimed, at, Some(&fault.error)).await;
            }
            _ => {
                tell_of(claimed, &fault.error);
                let mut error = failure.into_error();
                // The client may have it from an earlier attempt.
                error.definite &= !claimed.previous_unresolved;
                self.settle(claimed, SendResult::GivenUp { error }).await;
            }
        }
    }

    /// WhatsApp has refused: nothing of that scope goes until then, by whichever sender.
    async fn rest(&self, scope: Scope, claimed: &Claimed, app: &AppId, until: Timestamp) {
        let number = &claimed.message.from;
        let what = match scope {
            Scope::Account => Resting::Account(app),
            Scope::Number => Resting::Number(number),
            Scope::Recipient => Resting::Pair(number, claimed.message.to.expose()),
        };
        if let Err(error) = self.sender.queue.rest(what, until).await {
            tracing::warn!(%number, %error, "a rest can't be noted; the next refusal will");
        }
    }

    /// Doubled each time, at most 5 minutes, half of it at random.
    fn back_off(&self, attempt: u32, asked: Option<Duration>) -> TimeDelta {
        let base = self.sender.settings.back_off.num_milliseconds().max(1);
        let longest = 300_000.min(base.saturating_mul(1 << attempt.saturating_sub(1).min(16)));
        let drawn = longest / 2 + rand::rng().random_range(0..=longest / 2);
        let asked = asked.and_then(|d| TimeDelta::from_std(d).ok()).unwrap_or_default();
        TimeDelta::milliseconds(drawn).max(asked)
    }

    /// Tells the lane, until it is told, then the queue. A crash in between is
    /// healed by the event that comes of it.
    async fn settle(&self, claimed: &Claimed, result: SendResult) {
        while !self.record(claimed, result.clone()).await {
            if !pause(&self.cancel, Duration::from_secs(1)).await {
                return;
            }
        }
        if let Err(error) =
            self.sender.queue.done(claimed.message.message_id, self.sender.clock.now()).await
        {
            tracing::warn!(%error, "a sent message is not marked as done; its event will do it");
        }
        if matches!(&result, SendResult::GivenUp { error } if error.definite) {
            let now = self.sender.clock.now();
            self.portfolios.uncount(&self.sender.queue, &claimed.message, now).await;
        }
    }

    /// Puts the message back for a moment: the attempt was not made.
    async fn soon(&self, claimed: &Claimed) {
        self.again(claimed, self.sender.clock.now() + SOON, None).await;
    }

    /// Notes when the message is tried again: after an error, or because the
    /// attempt was not made. It is not under way any more: whoever claims it
    /// then must not take it for that. (Until it is noted, its lease protects it.)
    async fn again(&self, claimed: &Claimed, at: Timestamp, error: Option<&SendError>) {
        let (id, attempt) = (claimed.message.message_id, claimed.attempt);
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        let now = self.sender.clock.now();
        let noted = match error {
            Some(error) => self.sender.queue.retry_at(id, attempt, at, error, now).await,
            None => self.sender.queue.put_back(id, attempt, at, now).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "a message's next attempt is not noted; it comes after the grace time");
        }
    }

    /// Publishes a receipt into the lane. `false` if INBOX did not take it.
    async fn record(&self, claimed: &Claimed, result: SendResult) -> bool {
        let Some(source) = self.source.clone() else { return false };
        let receipt = SendReceipt {
            request_id: claimed.reference.request_id,
            message_id: claimed.reference.message_id,
            attempt: claimed.attempt,
            at: self.sender.clock.now(),
            result,
        };
        let body = InboxBody::Receipt { company: claimed.company.clone(), receipt };
        let message = InboxMessage { body, source, traceparent: claimed.traceparent.clone() };
        match self.sender.inbox.publish(vec![message]).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a receipt could not be recorded; trying again");
                false
            }
        }
    }

    /// The token of a number's app; an error if the directory can't be read.
    async fn token(
        &self,
        number: &PhoneNumberId,
    ) -> Result<Option<(AccessToken, AppId)>, DirectoryError> {
        let mut apps = self.apps.lock().await;
        // A number that was added a moment ago is not waited for.
        let is_new = !apps.of.contains_key(number);
        if is_new || apps.read_at.is_none_or(|read_at| read_at.elapsed() > APPS_STAY) {
            let rows = self.sender.directory.numbers().await?;
            apps.of = rows.into_iter().map(|(number, _, app)| (number, app)).collect();
            apps.read_at = Some(Instant::now());
        }
        let app = apps.of.get(number);
        Ok(app.and_then(|app| Some((self.sender.tokens.get(app)?.clone(), app.clone()))))
    }
}

/// Tells an operator that a message is given up, and what only people can mend.
fn tell_of(claimed: &Claimed, error: &SendError) {
    let SendError { code, title, class, .. } = error;
    let (number, attempts) = (&claimed.message.from, claimed.attempt);
    match class.remedy() {
        Some(remedy) => tracing::error!(
            %number, code, title, attempts, remedy,
            "a message is given up, and people have to see to it"
        ),
        None => tracing::warn!(%number, code, title, attempts, "a message is given up"),
    }
}

/// Which app each number belongs to, as it was a moment ago.
#[derive(Default)]
struct Apps {
    of: HashMap<PhoneNumberId, AppId>,
    read_at: Option<Instant>,
}

fn count(result: &'static str) {
    metrics::counter!("onboarding_sends_total", "result" => result).increment(1);
}

/// The end of a delivery, also if it panics: else the message, and all that its client gets after
/// it, would wait until the process is started anew.
struct Over<'a> {
    id: MessageId,
    under_way: &'a Mutex<HashSet<MessageId>>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
