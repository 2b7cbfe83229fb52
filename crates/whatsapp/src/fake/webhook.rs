//! The way back: signed posts to a webhook.

use std::sync::Arc;
use std::time::Duration;

use domain::identity::Recipient;
use domain::input::Timestamp;
use domain::outbound::DeliveryStatus;
use reqwest::header::CONTENT_TYPE;

use super::ReceivedMessage;
use super::state::Shared;
use crate::client::UnusableClient;
use crate::post::{Client, StatusUpdate, WebhookPost};
use crate::signature;

/// When the fake posts the statuses of what it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// In the background, as soon as a message is accepted.
    AtOnce,
    /// When [`super::FakeCloudApi::deliver_statuses`] is called.
    OnDemand,
}

/// A webhook as WhatsApp sees it: an address and the app secret to sign with.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    app_secret: Vec<u8>,
    http: reqwest::Client,
}

impl Webhook {
    /// A webhook at `url`. A post may take 10 seconds.
    ///
    /// # Errors
    ///
    /// If there can be no HTTP client for it; trying again does not help.
    pub fn new(url: &str, app_secret: &[u8]) -> Result<Self, UnusableClient> {
        Ok(Self {
            url: url.to_owned(),
            app_secret: app_secret.to_owned(),
            http: crate::http::client(url, Duration::from_secs(10))?,
        })
    }

    /// Posts a body with its signature, and gives the HTTP status of the answer.
    ///
    /// # Errors
    ///
    /// If no answer came; trying again may help.
    pub async fn post(&self, body: Vec<u8>) -> Result<u16, reqwest::Error> {
        let signature = signature::sign(&self.app_secret, &body);
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/json");
        let answer = request.header(signature::HEADER, signature).body(body).send();
        Ok(answer.await?.status().as_u16())
    }
}

/// Posts what waits in the background, if that is wanted.
pub(super) fn deliver_at_once(shared: &Arc<Shared>) {
    let wanted = matches!(shared.lock().webhook, Some((_, Statuses::AtOnce)));
    if wanted {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { deliver_waiting(&shared).await });
    }
}

/// Posts what waits, in posts of at most 1,000 updates; gives the number of
/// messages that the webhook took.
pub(super) async fn deliver_waiting(shared: &Shared) -> usize {
    const MESSAGES_IN_A_POST: usize = 500;
    let (waiting, webhook, at) = {
        let mut state = shared.lock();
        let Some((webhook, _)) = state.webhook.clone() else {
            return 0;
        };
        let at = (state.clock)();
        (std::mem::take(&mut state.unreported), webhook, at)
    };
    let mut taken = 0;
    for messages in waiting.chunks(MESSAGES_IN_A_POST) {
        if matches!(webhook.post(body_of(messages, at)).await, Ok(200)) {
            taken += messages.len();
        } else {
            shared.lock().unreported.extend_from_slice(messages);
        }
    }
    taken
}

fn body_of(messages: &[ReceivedMessage], at: Timestamp) -> Vec<u8> {
    messages
        .iter()
        .fold(WebhookPost::new(), |post, message| {
            post.statuses(message.from.as_str(), &statuses_of(message, at))
        })
        .into_body()
}

/// `sent`, then how it ends.
fn statuses_of(message: &ReceivedMessage, at: Timestamp) -> [StatusUpdate; 2] {
    let wamid = message.wamid.as_str();
    let end = message.fails_with.map_or_else(
        || StatusUpdate::new(wamid, DeliveryStatus::Delivered, at),
        |code| StatusUpdate::failed(wamid, at, code),
    );
    let client = match message.to.expose() {
        Recipient::Phone(number) => Client::with_phone(number.digits()),
        Recipient::Bsuid(bsuid) => Client::with_bsuid(bsuid.as_str()),
    };
    [StatusUpdate::new(wamid, DeliveryStatus::Sent, at), end].map(|status| {
        let status = status.to(&client);
        match message.reference {
            Some(reference) => status.with_reference(reference),
            None => status,
        }
    })
}
