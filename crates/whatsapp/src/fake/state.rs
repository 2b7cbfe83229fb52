//! What the fake remembers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use domain::ids::Wamid;
use domain::input::Timestamp;
use tokio::sync::watch;

use super::request::Request;
use super::script::{Behaviour, Rule};
use super::webhook::{Statuses, Webhook};
use super::{ReceivedMessage, Refusal};

/// The state, and the bell that rings when it changes.
pub(super) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

pub(super) struct State {
    pub(super) received: Vec<ReceivedMessage>,
    pub(super) refusals: Vec<Refusal>,
    /// Accepted messages whose statuses are still to be posted.
    pub(super) unreported: Vec<ReceivedMessage>,
    pub(super) rules: Vec<Rule>,
    /// What calls get that no rule fits.
    pub(super) usually: Box<dyn FnMut() -> Behaviour + Send>,
    pub(super) token: Option<String>,
    pub(super) webhook: Option<(Webhook, Statuses)>,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Sets this fake's message ids apart from those of earlier ones.
    born: u128,
    calls: u64,
}

impl Shared {
    pub(super) fn new() -> Self {
        let born = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            state: Mutex::new(State {
                received: Vec::new(),
                refusals: Vec::new(),
                unreported: Vec::new(),
                rules: Vec::new(),
                usually: Box::new(|| Behaviour::Accept),
                token: None,
                webhook: None,
                clock: Arc::new(|| SystemTime::now().into()),
                born: born.unwrap_or_default().as_nanos(),
                calls: 0,
            }),
            changed: watch::Sender::new(()),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state now and after every change until `look` finds something.
    pub(super) async fn wait_for<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = look(&self.lock()) {
                return found;
            }
            // The sender lives in `self`, so this can't fail.
            let _ = changed.changed().await;
        }
    }

    /// Remembers an accepted message. `None` if its id can't be made, which
    /// never happens.
    pub(super) fn accept(
        &self,
        request: Request,
        fails_with: Option<i64>,
    ) -> Option<ReceivedMessage> {
        let mut state = self.lock();
        state.calls += 1;
        let wamid: Wamid = format!("wamid.FAKE{:x}.{}", state.born, state.calls).parse().ok()?;
        let message = ReceivedMessage {
            order: state.calls,
            from: request.from,
            to: request.to.into(),
            content: request.content,
            reference: request.reference,
            traceparent: request.traceparent,
            wamid,
            received_at: (state.clock)(),
            fails_with,
        };
        state.received.push(message.clone());
        state.unreported.push(message.clone());
        drop(state);
        self.changed.send_replace(());
        Some(message)
    }

    /// Remembers a call that was not accepted.
    pub(super) fn refuse(&self, from: &str, code: Option<i64>) {
        let mut state = self.lock();
        state.calls += 1;
        let order = state.calls;
        state.refusals.push(Refusal { order, from: from.to_owned(), code });
        drop(state);
        self.changed.send_replace(());
    }
}

impl State {
    /// What the script has for a call; a rule with a limit is one closer to it.
    pub(super) fn behaviour_for(&mut self, request: &Request) -> Behaviour {
        let ruled = self.rules.iter_mut().find(|rule| rule.fits(request)).map(Rule::take);
        ruled.unwrap_or_else(|| (self.usually)())
    }
}
