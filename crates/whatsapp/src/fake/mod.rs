//! A Cloud API to develop and test against: a real HTTP server that checks
//! every call strictly, remembers every message, misbehaves as it is told, and
//! posts signed statuses to a webhook.
//!
//! It knows neither the 24-hour window nor templates' wording. Its webhook
//! calls are not repeated by themselves, as WhatsApp's would be.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::Personal;
use domain::identity::Recipient;
use domain::ids::{PhoneNumberId, Wamid};
use domain::input::{MessageReference, Timestamp};
use domain::outbound::Content;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod request;
mod script;
mod server;
mod state;
mod webhook;

pub use script::{Behaviour, Rule};
pub use webhook::{Statuses, Webhook};

use state::Shared;

/// A running fake. It stops when it is dropped.
pub struct FakeCloudApi {
    url: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// A message that the fake accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its place among all calls, from 1.
    pub order: u64,
    /// The company's number that sends it.
    pub from: PhoneNumberId,
    /// Who gets it.
    pub to: Personal<Recipient>,
    /// What it says.
    pub content: Content,
    /// What its statuses carry back.
    pub reference: Option<MessageReference>,
    /// The trace context that the call came with.
    pub traceparent: Option<String>,
    /// The fake's id of it.
    pub wamid: Wamid,
    /// When it came, by the fake's clock.
    pub received_at: Timestamp,
    /// The error code with which it will fail after all, if scripted.
    pub fails_with: Option<i64>,
}

/// A well-formed call that the fake did not accept, or a malformed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among all calls, from 1.
    pub order: u64,
    /// The number in the address, as it was called.
    pub from: String,
    /// The error code that was answered; `None` if the connection was cut.
    pub code: Option<i64>,
}

impl FakeCloudApi {
    /// Starts a fake; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If `addr` can't be bound; trying again helps when the port was in use.
    pub async fn start(addr: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new());
        let stop = watch::Sender::new(false);
        let server = tokio::spawn(server::serve(listener, shared.clone(), stop.subscribe()));
        Ok(Self { url, shared, stop, server })
    }

    /// The base address for [`crate::client::CloudApi::new`]. A version may
    /// follow (`{url}/v23.0`).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every accepted message, in the order of the calls.
    pub fn received(&self) -> Vec<ReceivedMessage> {
        self.shared.lock().received.clone()
    }

    /// The same but for the first so many.
    pub fn received_after(&self, first: usize) -> Vec<ReceivedMessage> {
        self.shared.lock().received.get(first..).unwrap_or_default().to_vec()
    }

    /// Every other call, in order.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.shared.lock().refusals.clone()
    }

    /// Waits until `predicate` is true of the accepted messages, and gives them.
    /// Waits for ever if it never is: the caller sets the limit.
    pub async fn wait_until(
        &self,
        predicate: impl Fn(&[ReceivedMessage]) -> bool,
    ) -> Vec<ReceivedMessage> {
        self.shared
            .wait_for(|state| predicate(&state.received).then(|| state.received.clone()))
            .await
    }

    /// The same for calls that were not accepted.
    pub async fn wait_until_refused(&self, predicate: impl Fn(&[Refusal]) -> bool) -> Vec<Refusal> {
        self.shared
            .wait_for(|state| predicate(&state.refusals).then(|| state.refusals.clone()))
            .await
    }

    /// From now on only this bearer token is accepted; before, any was.
    pub fn require_token(&self, token: &str) {
        self.shared.lock().token = Some(token.to_owned());
    }

    /// Adds a rule. Of the rules that fit a call, the oldest that is not used up counts.
    pub fn script(&self, rule: Rule) {
        self.shared.lock().rules.push(rule);
    }

    /// What happens to calls that no rule fits: chosen anew for each of them, by lot perhaps.
    pub fn usually(&self, choose: impl FnMut() -> Behaviour + Send + 'static) {
        self.shared.lock().usually = Box::new(choose);
    }

    /// Accepts everything again.
    pub fn forget_script(&self) {
        let mut state = self.shared.lock();
        state.rules.clear();
        state.usually = Box::new(|| Behaviour::Accept);
    }

    /// Where the statuses go, and when. Without this they wait.
    pub fn post_statuses_to(&self, webhook: Webhook, when: Statuses) {
        self.shared.lock().webhook = Some((webhook, when));
    }

    /// The clock for the timestamps of messages and statuses; at first, the system's.
    pub fn use_clock(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) {
        self.shared.lock().clock = Arc::new(clock);
    }

    /// Posts the statuses of all messages that have none yet: `sent` and then
    /// `delivered` or `failed`. Gives the number of messages whose post was
    /// answered with 200; the others stay for the next time.
    pub async fn deliver_statuses(&self) -> usize {
        webhook::deliver_waiting(&self.shared).await
    }

    /// Stops, and gives the port free before it returns.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // An error would be a panic of the server task, which has nothing left to do.
        let _ = (&mut self.server).await;
    }
}

impl Drop for FakeCloudApi {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
