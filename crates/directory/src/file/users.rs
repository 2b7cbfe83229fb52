//! Users and their extensions.

use std::collections::HashMap;

use domain::{Extension, Personal};

use super::ids::Declared;
use super::spot::{Record, Spot};
use super::units::Units;
use crate::model::User;

const FIELDS: [&str; 6] = ["id", "name", "ou", "extension", "active", "external_companies"];

/// Reads `users`.
pub(super) fn read<'a>(
    company: &Record<'a>,
    units: &Units<'a>,
    external_companies: &Declared<'a>,
) -> Vec<User> {
    let mut ids = Declared::new("user");
    let mut extensions = Extensions::default();
    let read = |spot: Spot<'a>| {
        let record = spot.record(&FIELDS)?;
        let id_spot = record.required("id");
        let id = id_spot.as_ref().and_then(|id| ids.declare(id));
        let written_id = id_spot.and_then(|id| id.text()).unwrap_or("?");
        let name = record.name().map(Personal::new);
        let ou = record.required("ou").and_then(|ou| units.declared.refer(&ou));
        let extension =
            record.optional("extension").and_then(|spot| extensions.take(written_id, &spot));
        let active = record.switch_or("active", true);
        let assigned = record.list("external_companies");
        let external_companies =
            assigned.iter().filter_map(|spot| external_companies.refer(spot)).collect();
        Some(User { id: id?, name: name?, ou: ou?, extension, active, external_companies })
    };
    let mut users: Vec<_> = company.list("users").into_iter().filter_map(read).collect();
    users.sort_by(|a, b| a.id.cmp(&b.id));
    users
}

/// Extensions are unique after folding, also among users who are not active: they
/// may be active again.
#[derive(Default)]
struct Extensions<'a>(HashMap<Extension, (&'a str, usize)>);

impl<'a> Extensions<'a> {
    fn take(&mut self, user: &'a str, spot: &Spot<'a>) -> Option<Extension> {
        if spot.text()?.starts_with(['#', '＃']) {
            spot.fault("is written without the '#'; take that away");
            return None;
        }
        let extension: Extension = spot.parsed()?;
        if let Some((other, line)) = self.0.get(&extension) {
            spot.fault(format!(
                "user '{other}' on line {line} has the extension '{extension}' already (capital \
                 and wide letters count as the same); give one of them another"
            ));
            return None;
        }
        self.0.insert(extension.clone(), (user, spot.line()));
        Some(extension)
    }
}
