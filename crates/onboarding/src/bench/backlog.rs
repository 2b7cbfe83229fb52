//! What clients write, put into INBOX.

use std::time::SystemTime;

use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use messaging::{Client, Streams};

use super::company::Company;
use super::site::Ground;

/// Messages published together.
const TOGETHER: u64 = 256;

/// Where messages are put.
pub(super) struct Load {
    company: Company,
    inbox: InboxPublisher,
    /// How many messages were put there.
    pub(super) sent: u64,
}

impl Load {
    /// Into the INBOX of a ground, which is made if need be.
    pub(super) async fn of(ground: &Ground, company: Company) -> anyhow::Result<Self> {
        let client: Client = crate::nats_client(&ground.config).await?;
        let settings = crate::commands::doctor::settings(&ground.config);
        Streams::new(&client, settings).ensure_inbox().await?;
        Ok(Self { company, inbox: InboxPublisher::new(&client), sent: 0 })
    }

    /// Puts so many more messages of new clients there.
    pub(super) async fn fill(&mut self, messages: u64) -> anyhow::Result<()> {
        let end = self.sent + messages;
        while self.sent < end {
            let some = TOGETHER.min(end - self.sent);
            let batch: anyhow::Result<Vec<_>> = (0..some).map(|_| self.next()).collect();
            self.inbox.publish(batch?).await?;
        }
        Ok(())
    }

    /// One message of a new client, for [`Self::publisher`].
    pub(super) fn next(&mut self) -> anyhow::Result<InboxMessage> {
        let asked = self.company.onboarding(self.sent, SystemTime::now().into())?;
        self.sent += 1;
        Ok(InboxMessage {
            body: InboxBody::Message { company: asked.company, message: asked.message },
            source: "bench".parse()?,
            traceparent: None,
        })
    }

    pub(super) fn publisher(&self) -> InboxPublisher {
        self.inbox.clone()
    }
}
