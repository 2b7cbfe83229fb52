//! What a client does, and what comes of it.

use domain::identity::Recipient;
use domain::ids::{RequestId, Wamid};
use domain::outbound::Content;
use domain::request::Outcome;
use onboarding::whatsapp::fake::ReceivedMessage;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};

use crate::{PRIMARY, TestApp};

/// The company whose client it is.
const BANK: &str = "demo-bank";

/// A client of the demo bank with a username only.
pub struct Asker {
    /// As WhatsApp shows it.
    pub client: Client,
    /// Where it is answered.
    pub to: Recipient,
}

impl Asker {
    /// A client with this bsuid.
    ///
    /// # Panics
    /// It is no bsuid.
    pub fn named(bsuid: &str) -> Self {
        let to = bsuid.parse().expect("a bsuid");
        Self { client: Client::with_bsuid(bsuid), to: Recipient::Bsuid(to) }
    }
}

/// A message that was posted.
#[derive(Clone, Debug)]
pub struct Asked {
    /// WhatsApp's id of it.
    pub wamid: Wamid,
    /// The request that it makes.
    pub request: RequestId,
    /// The post.
    pub body: Vec<u8>,
}

impl TestApp {
    /// A message to the primary that was not posted yet.
    ///
    /// # Panics
    /// Never: the ids are good.
    pub fn message(&self, asker: &Asker, text: &str) -> Asked {
        let wamid = self.stage.next_wamid();
        let now = self.stage.now();
        let message = ClientMessage::text(&asker.client, wamid.as_str(), now, text);
        self.stage.remember(&wamid, now);
        let request = self.stage.request_of(BANK, PRIMARY, &wamid).expect("ids");
        Asked { wamid, request, body: WebhookPost::new().messages(PRIMARY, &[message]).into_body() }
    }

    /// The client writes to the primary.
    ///
    /// # Panics
    /// The webhook is not answered 200.
    pub async fn ask(&self, asker: &Asker, text: &str) -> Asked {
        let asked = self.message(asker, text);
        let status = self.stage.post_bytes(asked.body.clone()).await;
        assert_eq!(status.expect("an answer"), 200);
        asked
    }

    /// How it ended, once everything is sent or given up.
    ///
    /// # Panics
    /// It does not end in a while.
    pub async fn outcome(&self, asked: &Asked) -> Outcome {
        self.stage.settled(BANK, asked.request).await.expect("an outcome").0
    }

    /// What WhatsApp was asked to send to a client: the template's name, or `text`; in order.
    pub fn calls(&self, asker: &Asker) -> Vec<String> {
        self.stage.received_by(&asker.to).iter().map(kind).collect()
    }
}

fn kind(message: &ReceivedMessage) -> String {
    match &message.content {
        Content::Text { .. } => "text".into(),
        Content::Template { name, .. } => name.clone(),
    }
}
