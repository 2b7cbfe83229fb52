//! What a private NATS server counted itself.

use anyhow::Context;
use async_nats::{Client, ConnectOptions};
use serde::Deserialize;

/// A line of the server's configuration: somebody may ask it about itself. Others go on to come in
/// without a name.
pub(super) const OBSERVER_SETTING: &str =
    "accounts { $SYS { users: [{ user: observer, password: observer }] } }";

/// Asks a server that has [`OBSERVER_SETTING`].
pub(super) struct Observer(Client);

/// What went in and out, from and to all clients, JetStream's acknowledgements included.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Traffic {
    in_msgs: u64,
    out_msgs: u64,
    in_bytes: u64,
    out_bytes: u64,
}

impl Traffic {
    /// In and out.
    pub(super) const fn messages(self) -> u64 {
        self.in_msgs + self.out_msgs
    }

    /// In and out.
    pub(super) const fn bytes(self) -> u64 {
        self.in_bytes + self.out_bytes
    }
}

impl Observer {
    /// Of the server at a URL.
    ///
    /// # Errors
    /// It can't be reached, or lacks the setting.
    pub(super) async fn of(url: &str) -> anyhow::Result<Self> {
        let options = ConnectOptions::new().user_and_password("observer".into(), "observer".into());
        Ok(Self(options.connect(url).await.context("observing NATS")?))
    }

    /// Since the start of the server. Asking adds two messages, the same ones each time.
    ///
    /// # Errors
    /// The server does not answer.
    pub(super) async fn traffic(&self) -> anyhow::Result<Traffic> {
        #[derive(Deserialize)]
        struct Answer {
            data: Traffic,
        }
        let answer = self.0.request("$SYS.REQ.SERVER.PING.VARZ", "".into()).await;
        let answer = answer.context("asking NATS for its counters")?;
        Ok(serde_json::from_slice::<Answer>(&answer.payload)?.data)
    }
}
