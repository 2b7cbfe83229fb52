//! What clients write, put into INBOX.

use std::time::SystemTime;

use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use messaging::{Client, Streams};

use super::company::{Asked, Company};
use super::load::mix::Mix;
use super::site::Ground;

/// Messages published together.
const TOGETHER: u64 = 256;

/// What clients write.
#[derive(Clone)]
pub(super) enum Clients {
    /// Nothing but new clients, each asking for one user.
    New(Company),
    /// All rows of the flow table.
    Mixed(Mix),
}

impl Clients {
    /// Their message `n`.
    pub(super) fn message(&self, n: u64) -> anyhow::Result<Asked> {
        let now = SystemTime::now().into();
        match self {
            Self::New(company) => company.onboarding(n, now),
            Self::Mixed(mix) => mix.message(n, now),
        }
    }

    /// Whether that is a message that came before.
    pub(super) fn repeats(&self, n: u64) -> bool {
        matches!(self, Self::Mixed(_)) && Mix::repeats(n)
    }

    /// Whether that is a message that makes a request.
    pub(super) fn requests(&self, n: u64) -> bool {
        matches!(self, Self::New(_)) || Mix::requests(n)
    }
}

/// Where messages are put.
pub(super) struct Load {
    /// Who writes them.
    pub(super) clients: Clients,
    inbox: InboxPublisher,
    /// How many messages were put there.
    pub(super) sent: u64,
}

impl Load {
    /// Messages of new clients into the INBOX of a ground, which is made if need be.
    pub(super) async fn of(ground: &Ground, company: Company) -> anyhow::Result<Self> {
        Self::by(ground, Clients::New(company)).await
    }

    /// What these clients write, into the INBOX of a ground.
    pub(super) async fn by(ground: &Ground, clients: Clients) -> anyhow::Result<Self> {
        let client: Client = crate::nats_client(&ground.config).await?;
        let settings = crate::commands::doctor::settings(&ground.config);
        Streams::new(&client, settings).ensure_inbox().await?;
        Ok(Self { clients, inbox: InboxPublisher::new(&client), sent: 0 })
    }

    /// Puts so many more messages there.
    pub(super) async fn fill(&mut self, messages: u64) -> anyhow::Result<()> {
        let end = self.sent + messages;
        while self.sent < end {
            let some = TOGETHER.min(end - self.sent);
            let batch: anyhow::Result<Vec<_>> = (0..some).map(|_| self.next()).collect();
            self.inbox.publish(batch?).await?;
        }
        Ok(())
    }

    /// Puts a message there of each of these clients of a company to a user.
    pub(super) async fn fill_from(
        &mut self,
        company: Company,
        clients: impl Iterator<Item = (u64, u32)>,
    ) -> anyhow::Result<()> {
        let clients: Vec<_> = clients.collect();
        for some in clients.chunks(TOGETHER as usize) {
            let batch: anyhow::Result<Vec<_>> = some
                .iter()
                .map(|(client, user)| {
                    self.sent += 1;
                    let at = SystemTime::now().into();
                    let asked = company.message(self.sent - 1, *client, *user, at)?;
                    of_client(asked)
                })
                .collect();
            self.inbox.publish(batch?).await?;
        }
        Ok(())
    }

    /// The next message, for [`Self::publisher`].
    pub(super) fn next(&mut self) -> anyhow::Result<InboxMessage> {
        let asked = self.clients.message(self.sent)?;
        self.sent += 1;
        of_client(asked)
    }

    pub(super) fn publisher(&self) -> InboxPublisher {
        self.inbox.clone()
    }
}

/// A client's message as INBOX takes it.
pub(super) fn of_client(asked: Asked) -> anyhow::Result<InboxMessage> {
    let body = InboxBody::Message { company: asked.company, message: asked.message };
    Ok(InboxMessage { body, source: "bench".parse()?, traceparent: None })
}
