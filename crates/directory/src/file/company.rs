//! A company: its own fields, and its sections in the order in which they refer to
//! each other.

use std::collections::HashMap;

use domain::ids::CompanyId;

use super::accounts::Accounts;
use super::ids::Declared;
use super::spot::{Record, Spot};
use super::units::Units;
use super::{pools, texts, units, users, words};
use crate::model::{Company, Features, LimitSpec, TimingSpec};

const FIELDS: [&str; 15] = [
    "id",
    "name",
    "default_language",
    "features",
    "timing",
    "limits",
    "texts",
    "stop_words",
    "start_words",
    "languages_by_country",
    "external_companies",
    "organizational_units",
    "users",
    "official_accounts",
    "pools",
];

/// What must be unique across the companies of a file.
pub(super) struct Reading<'a> {
    companies: Declared<'a>,
    /// The company and the line of each official account.
    pub(super) numbers: HashMap<&'a str, (&'a str, usize)>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { companies: Declared::new("company"), numbers: HashMap::new() }
    }
}

impl<'a> Reading<'a> {
    pub(super) fn company(&mut self, spot: &Spot<'a>) -> Option<Company> {
        let record = spot.record(&FIELDS)?;
        let id_spot = record.required("id");
        let id: Option<CompanyId> = id_spot.as_ref().and_then(|id| self.companies.declare(id));
        let written_id = id_spot.and_then(|id| id.text()).unwrap_or("?");
        let name = record.name();
        let languages = texts::read(&record);
        let words = words::read(&record, &languages.default_language);
        let (external_companies, declared) = units::external_companies(&record);
        let units = Units::read(&record);
        let users = users::read(&record, &units, &declared);
        let accounts = Accounts::read(&record, written_id, &mut self.numbers);
        let pools = pools::read(&record, &units, &accounts);
        Some(Company {
            features: features(&record),
            timing: timing(&record),
            limits: limits(&record),
            id: id?,
            name: name?,
            default_language: languages.default_language,
            texts: languages.texts,
            stop_words: words.stop,
            start_words: words.start,
            languages_by_country: languages.by_country,
            external_companies,
            organizational_units: units.list,
            users,
            official_accounts: accounts.list,
            pools,
        })
    }
}

fn features(company: &Record<'_>) -> Features {
    let default = Features::default();
    let fields = ["auto_promotion", "unique_phone_number"];
    let Some(record) = company.optional("features").and_then(|spot| spot.record(&fields)) else {
        return default;
    };
    Features {
        auto_promotion: record.switch_or("auto_promotion", default.auto_promotion),
        unique_phone_number: record.switch_or("unique_phone_number", default.unique_phone_number),
    }
}

fn timing(company: &Record<'_>) -> TimingSpec {
    let mut timing = TimingSpec::default();
    let fields = [
        ("reminder_interval_seconds", &mut timing.reminder_interval_seconds, 1, 86_400),
        ("user_info_interval_seconds", &mut timing.user_info_interval_seconds, 1, 86_400),
        ("invitation_deadline_seconds", &mut timing.invitation_deadline_seconds, 1, 604_800),
        ("user_info_deadline_seconds", &mut timing.user_info_deadline_seconds, 1, 604_800),
        ("quarantine_days", &mut timing.quarantine_days, 7, 3_650),
    ];
    let known = fields.each_ref().map(|(name, ..)| *name);
    if let Some(record) = company.optional("timing").and_then(|spot| spot.record(&known)) {
        for (name, value, least, most) in fields {
            let unit = if name.ends_with("_days") { "days" } else { "seconds" };
            if let Some(given) = record.optional(name).and_then(|s| s.whole(least..=most, unit)) {
                *value = given;
            }
        }
    }
    timing
}

fn limits(company: &Record<'_>) -> LimitSpec {
    let mut limits = LimitSpec::default();
    let fields = [
        ("replies_per_hour", &mut limits.replies_per_hour),
        ("wrong_extensions_per_hour", &mut limits.wrong_extensions_per_hour),
    ];
    let known = fields.each_ref().map(|(name, _)| *name);
    if let Some(record) = company.optional("limits").and_then(|spot| spot.record(&known)) {
        for (name, value) in fields {
            let unit = if name.starts_with("replies") { "replies" } else { "extensions" };
            if let Some(given) = record.optional(name).and_then(|s| s.whole(1..=10_000, unit)) {
                *value = given;
            }
        }
    }
    limits
}
