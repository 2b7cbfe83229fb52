//! What is known when a message is decided, looked up as the engine does.

use super::*;

impl World {
    pub(super) fn facts(&self, message: &InboundMessage, now: Timestamp, draw: u64) -> Facts {
        let extension = message.text.as_ref().and_then(|text| Extension::find_in(text.expose()));
        let user = self
            .users
            .iter()
            .find(|user| extension.is_some() && user.extension == extension)
            .filter(|_| *message.phone_number_id.as_str() == *PRIMARY)
            .cloned();
        let request = self.request_of(message);
        let known = message.identifiers().iter().find_map(|i| self.clients.get(i).copied());
        let client_id = known.unwrap_or_else(|| ClientId::first_seen_by(request));
        let pools = self
            .directory
            .iter()
            .map(|(rules, _)| self.aggregates.pools[&rules.pool_id].facts(rules.clone()));
        let before = self.said.get(&client_id).copied();
        Facts {
            at: now,
            draw,
            company: self.company.clone(),
            line: self.line(message),
            from_own_number: false,
            client_id,
            same_as: vec![],
            vacated: BTreeSet::new(),
            moved: false,
            client_country: message.from.country(),
            profiles: self.profiles_of(message, client_id),
            pools: if user.is_some() { pools.collect() } else { vec![] },
            user,
            promotion: None,
            failed_numbers: vec![],
            asked_in_vain: None,
            templates: templates(message, before),
        }
    }

    fn line(&self, message: &InboundMessage) -> Line {
        let primary: Line = Line::Primary { pool: id("acme_main") };
        if message.phone_number_id.as_str() == PRIMARY {
            return primary;
        }
        let pools = self.aggregates.pools.iter();
        let holds = |pool: &SecondaryNumberPool| {
            pool.numbers().any(|n| n.spec.number == message.phone_number_id)
        };
        pools
            .filter(|(_, pool)| holds(pool))
            .map(|(pool_id, _)| pool_id.clone())
            .next()
            .map_or(Line::Unpooled, |pool| Line::Secondary { pool, primary: id("+447700900800") })
    }

    fn profiles_of(&self, message: &InboundMessage, client: ClientId) -> Vec<ProfileFacts> {
        let exact = message.from.identifiers();
        let variants = message.from.lookup_variants();
        let profiles = self.aggregates.profiles.values().filter_map(ClientProfile::present);
        let of_client = profiles.filter_map(|profile| {
            let holds = |ids: &[Identifier]| {
                profile.identifiers.iter().any(|held| ids.contains(held.expose()))
            };
            let held = if holds(&exact) {
                Held::Exactly
            } else if holds(&variants) {
                Held::ByVariant
            } else if profile.rooms.values().any(|room| room.client_id == client) {
                Held::RoomOnly
            } else {
                return None;
            };
            Some(profile.facts(&[client], held))
        });
        of_client.collect()
    }
}
