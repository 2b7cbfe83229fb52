//! Whom the inputs concern that are decided but not committed yet.

use std::collections::{HashMap, HashSet};

use domain::AnyEvent;
use domain::identity::Identifier;
use domain::ids::ClientId;
use domain::profile::ProfileEvent;
use domain::request::RequestEvent;
use eventstore::{AppendItem, ClientLookup, ClientQuery};

use crate::gather::leads;

/// What later inputs must not be decided on before it is committed.
#[derive(Default)]
pub(crate) struct Met {
    queries: Vec<ClientQuery>,
    /// Which query an identifier was in.
    by: HashMap<Identifier, usize>,
    /// Clients that are new, have a new profile, left a number or took one over, or turned out to be
    /// one with others.
    changed: HashSet<ClientId>,
    /// What leads to them.
    changed_identifiers: HashSet<Identifier>,
}

impl Met {
    /// Whether a look-up could find something else once everything is committed.
    ///
    /// A known client who writes again under the same identifiers is found again
    /// as before: many messages of one client need no commit each.
    pub(crate) fn bears_on(&self, query: &ClientQuery, found: &ClientLookup) -> bool {
        let other = |identifier| {
            self.by.get(identifier).is_some_and(|&n| !asks_the_same(&self.queries[n], query))
        };
        found.clients.iter().any(|client| self.changed.contains(client))
            || leads(query).any(|id| self.changed_identifiers.contains(id) || other(id))
    }

    /// Takes in what was decided on a look-up.
    pub(crate) fn learn(&mut self, query: ClientQuery, found: &ClientLookup, item: &AppendItem) {
        let events = item.streams.iter().flat_map(|stream| &stream.events);
        let changed = events.filter_map(|(_, event)| match event {
            AnyEvent::Request(RequestEvent::OnboardingRequested { client_id, .. }) => {
                (!found.clients.contains(client_id)).then_some(*client_id)
            }
            AnyEvent::Profile(ProfileEvent::ClientProfileCreated { client_id, .. }) => {
                Some(*client_id)
            }
            AnyEvent::Request(
                RequestEvent::IdentifiersLeft { client_id, .. }
                | RequestEvent::IdentifiersTakenOver { client_id, .. },
            ) => Some(*client_id),
            AnyEvent::Request(_) | AnyEvent::Profile(_) | AnyEvent::Pool(_) => None,
        });
        let before = self.changed.len();
        self.changed.extend(changed);
        if !found.same_as.is_empty() {
            self.changed.extend(&found.clients);
        }
        if self.changed.len() > before {
            self.changed_identifiers.extend(leads(&query).cloned());
        }
        let n = self.queries.len();
        self.by.extend(leads(&query).map(|identifier| (identifier.clone(), n)));
        self.queries.push(query);
    }
}

/// When they were sent makes no difference: where it could, the client is among the changed ones.
fn asks_the_same(one: &ClientQuery, other: &ClientQuery) -> bool {
    one.identifiers == other.identifiers && one.variants == other.variants
}
