//! The contacts of a change, and which of them wrote a message.

use std::collections::HashMap;

use domain::identity::{Bsuid, WaId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json;

/// A client as a change's `contacts` show it; what is not valid is not there.
#[derive(Default)]
pub(super) struct Contact {
    pub(super) bsuid: Option<Bsuid>,
    pub(super) wa_id: Option<WaId>,
    pub(super) name: Option<String>,
}

/// The contacts of one change.
pub(super) struct Contacts {
    all: Vec<Contact>,
    by_bsuid: HashMap<Bsuid, usize>,
    by_wa_id: HashMap<WaId, usize>,
}

impl Contacts {
    /// Contacts only add to what messages say, so broken ones are left out.
    pub(super) fn read(raw: Option<&RawValue>) -> Self {
        let list = raw.and_then(|raw| json::list(raw, "contacts").ok());
        let all: Vec<Contact> =
            list.into_iter().flatten().map(|raw| Contact::read(raw).unwrap_or_default()).collect();
        let mut by_bsuid = HashMap::new();
        let mut by_wa_id = HashMap::new();
        for (index, contact) in all.iter().enumerate() {
            if let Some(id) = &contact.bsuid {
                by_bsuid.entry(id.clone()).or_insert(index);
            }
            if let Some(id) = &contact.wa_id {
                by_wa_id.entry(id.clone()).or_insert(index);
            }
        }
        Self { all, by_bsuid, by_wa_id }
    }

    /// The contact with one of these ids, or the only one there is. Never one
    /// that contradicts an id: that would make two clients one.
    pub(super) fn matching(&self, bsuid: Option<&Bsuid>, wa_id: Option<&WaId>) -> Option<&Contact> {
        let by_bsuid = bsuid.and_then(|id| self.by_bsuid.get(id));
        let by_wa_id = || wa_id.and_then(|id| self.by_wa_id.get(id));
        let found = by_bsuid.or_else(by_wa_id).and_then(|at| self.all.get(*at));
        let only = || self.all.first().filter(|_| self.all.len() == 1);
        found
            .or_else(only)
            .filter(|contact| agrees(contact.bsuid.as_ref(), bsuid))
            .filter(|contact| agrees(contact.wa_id.as_ref(), wa_id))
    }
}

/// Whether two ids can belong to one client.
fn agrees<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

#[derive(Deserialize)]
struct RawContact<'a> {
    #[serde(borrow)]
    profile: Option<&'a RawValue>,
    wa_id: Option<&'a RawValue>,
    user_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawProfile<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    username: Option<&'a RawValue>,
}

impl Contact {
    fn read(raw: &RawValue) -> Option<Self> {
        let contact: RawContact<'_> = json::object(raw, "contacts[]").ok()?;
        let profile: Option<RawProfile<'_>> =
            contact.profile.and_then(|raw| json::object(raw, "contacts[].profile").ok());
        Some(Self {
            bsuid: contact.user_id.and_then(bsuid),
            wa_id: contact.wa_id.and_then(wa_id),
            name: profile.and_then(|profile| {
                let name = profile.name.and_then(json::words);
                name.or_else(|| profile.username.and_then(json::words))
            }),
        })
    }
}

/// A business-scoped user id, if it is one.
pub(super) fn bsuid(raw: &RawValue) -> Option<Bsuid> {
    json::text(raw)?.parse().ok()
}

/// A `wa_id`, if it is one.
pub(super) fn wa_id(raw: &RawValue) -> Option<WaId> {
    let text = json::text(raw)?;
    text.strip_prefix('+').unwrap_or(&text).parse().ok()
}
