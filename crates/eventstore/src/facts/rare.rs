//! What few events mean to the tables that decisions look things up in: too seldom to have columns
//! in each call.

use std::collections::BTreeSet;

use domain::Personal;
use domain::consent::{Said, Wish};
use domain::identity::Identifier;
use domain::ids::{ClientId, RoomId, UserId};
use domain::input::Timestamp;
use serde::Serialize;

use super::rows::{Place, whole_microseconds};
use crate::InVain;

/// One such fact, as `append_rare` (`migrations/0075`) reads it.
#[derive(Serialize)]
pub(super) struct Rare {
    item: i32,
    event: i32,
    company: String,
    #[serde(flatten)]
    fact: Fact,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Fact {
    /// Clients turned out to be one.
    Linked { client: ClientId, same_as: Vec<ClientId> },
    /// A client has other numbers since.
    Left { client: ClientId, identifiers: BTreeSet<Personal<Identifier>>, since: Timestamp },
    /// A client says whether it takes templates.
    Said { client: ClientId, stopped: bool, sent_at: Timestamp },
    /// A message led to nothing.
    AskedInVain {
        client: ClientId,
        #[serde(flatten)]
        asked: InVain,
    },
    /// A room has another user.
    Reassigned { room: RoomId, user: UserId },
    /// A client has numbers that another has left.
    TakenOver { client: ClientId, identifiers: BTreeSet<Personal<Identifier>> },
}

impl Rare {
    pub(super) fn linked(place: &Place<'_>, client: ClientId, same_as: &[ClientId]) -> Self {
        let same_as = same_as.to_vec();
        Self::of(place, Fact::Linked { client, same_as })
    }

    pub(super) fn left(
        place: &Place<'_>,
        client: ClientId,
        identifiers: &BTreeSet<Personal<Identifier>>,
        since: Timestamp,
    ) -> Result<Self, String> {
        whole_microseconds(since)?;
        let identifiers = identifiers.clone();
        Ok(Self::of(place, Fact::Left { client, identifiers, since }))
    }

    pub(super) fn taken_over(
        place: &Place<'_>,
        client: ClientId,
        identifiers: &BTreeSet<Personal<Identifier>>,
    ) -> Self {
        let identifiers = identifiers.clone();
        Self::of(place, Fact::TakenOver { client, identifiers })
    }

    pub(super) fn said(place: &Place<'_>, client: ClientId, said: Said) -> Self {
        let (stopped, sent_at) = (said.wish == Wish::Stop, said.sent_at);
        Self::of(place, Fact::Said { client, stopped, sent_at })
    }

    pub(super) fn asked_in_vain(place: &Place<'_>, client: ClientId, asked: InVain) -> Self {
        Self::of(place, Fact::AskedInVain { client, asked })
    }

    pub(super) fn reassigned(place: &Place<'_>, room: RoomId, to: &UserId) -> Self {
        Self::of(place, Fact::Reassigned { room, user: to.clone() })
    }

    fn of(place: &Place<'_>, fact: Fact) -> Self {
        let Place { item, event, of } = *place;
        Self { item, event, company: of.company.to_string(), fact }
    }
}
