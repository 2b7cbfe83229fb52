//! What few events mean to the tables that decisions look things up in: too seldom to have columns
//! in each call.

use domain::ids::ClientId;
use serde::Serialize;

use super::rows::Place;

/// One such fact, as `append_rare` (`migrations/0066`) reads it.
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
}

impl Rare {
    pub(super) fn linked(place: &Place<'_>, client: ClientId, same_as: &[ClientId]) -> Self {
        let same_as = same_as.to_vec();
        Self::of(place, Fact::Linked { client, same_as })
    }

    fn of(place: &Place<'_>, fact: Fact) -> Self {
        let Place { item, event, of } = *place;
        Self { item, event, company: of.company.to_string(), fact }
    }
}
