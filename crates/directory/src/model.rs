//! What a directory file says, checked. The same types are a company's stored
//! document, so new fields need a serde default: old versions stay readable.
//!
//! Lists are sorted by id: only what changes the meaning makes a new version.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use domain::company::{Limits, Timing};
use domain::identity::{Country, PhoneNumber};
use domain::ids::{AppId, CompanyId, ExternalCompanyId, OuId, PhoneNumberId, PoolKey, UserId};
use domain::texts::TextKey;
use domain::{Extension, Personal};
use serde::{Deserialize, Serialize};

use domain::Language;

/// The companies of one file, without faults: only
/// [`parse_and_validate`](crate::parse_and_validate) makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Directory {
    pub(crate) companies: Vec<Company>,
}

impl Directory {
    /// The companies, by id.
    pub fn companies(&self) -> &[Company] {
        &self.companies
    }
}

/// One company: the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Its id.
    pub id: CompanyId,
    /// Its name, as templates show it.
    pub name: String,
    /// The language of clients whose country has no other.
    #[serde(default)]
    pub default_language: Language,
    /// What is switched on.
    #[serde(default)]
    pub features: Features,
    /// How long things take and last.
    #[serde(default)]
    pub timing: TimingSpec,
    /// How much of what one client asks within an hour is answered.
    #[serde(default)]
    pub limits: LimitSpec,
    /// What the company words itself, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<Language, BTreeMap<TextKey, String>>,
    /// By which words clients stop templates, by language; where there are none for the default
    /// language, by [`STOP_WORD`](domain::consent::STOP_WORD).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stop_words: BTreeMap<Language, Vec<String>>,
    /// By which words they get them again, as above; see
    /// [`START_WORD`](domain::consent::START_WORD). What texts name is the first one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub start_words: BTreeMap<Language, Vec<String>>,
    /// The languages of clients from these countries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages_by_country: BTreeMap<Country, Language>,
    /// Companies that users and profiles are assigned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_companies: Vec<ExternalCompany>,
    /// The tree of organizational units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizational_units: Vec<OrganizationalUnit>,
    /// The employees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// The WhatsApp numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub official_accounts: Vec<OfficialAccount>,
    /// The pools of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
}

/// What a company has switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// "Auto promotion of NVC"; off, a client that asks for a user becomes a prospect. Default on.
    pub auto_promotion: bool,
    /// At most one profile may hold a phone number. Default off.
    pub unique_phone_number: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { auto_promotion: true, unique_phone_number: false }
    }
}

/// Durations as the file has them; [`Timing`] says what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimingSpec {
    /// 1 to 86,400 s.
    pub reminder_interval_seconds: u32,
    /// 1 to 86,400 s.
    pub user_info_interval_seconds: u32,
    /// 1 to 604,800 s (a week).
    pub invitation_deadline_seconds: u32,
    /// 1 to 604,800 s (a week).
    pub user_info_deadline_seconds: u32,
    /// 7 to 3,650 days.
    pub quarantine_days: u32,
}

const DAY: u32 = 86_400;

impl Default for TimingSpec {
    fn default() -> Self {
        let timing = Timing::default();
        Self {
            reminder_interval_seconds: timing.reminder_interval,
            user_info_interval_seconds: timing.user_info_interval,
            invitation_deadline_seconds: timing.invitation_deadline,
            user_info_deadline_seconds: timing.user_info_deadline,
            quarantine_days: timing.quarantine / DAY,
        }
    }
}

impl From<TimingSpec> for Timing {
    fn from(spec: TimingSpec) -> Self {
        Self {
            reminder_interval: spec.reminder_interval_seconds,
            user_info_interval: spec.user_info_interval_seconds,
            invitation_deadline: spec.invitation_deadline_seconds,
            user_info_deadline: spec.user_info_deadline_seconds,
            quarantine: spec.quarantine_days.saturating_mul(DAY),
        }
    }
}

/// Limits as the file has them; [`Limits`] says what each is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitSpec {
    /// 1 to 10,000.
    pub replies_per_hour: u32,
    /// 1 to 10,000.
    pub wrong_extensions_per_hour: u32,
}

impl Default for LimitSpec {
    fn default() -> Self {
        let Limits { replies, wrong_extensions } = Limits::default();
        Self { replies_per_hour: replies, wrong_extensions_per_hour: wrong_extensions }
    }
}

impl From<LimitSpec> for Limits {
    fn from(spec: LimitSpec) -> Self {
        Self { replies: spec.replies_per_hour, wrong_extensions: spec.wrong_extensions_per_hour }
    }
}

/// A company outside the tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalCompany {
    /// Its id.
    pub id: ExternalCompanyId,
    /// Its name.
    pub name: String,
}

/// A part of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationalUnit {
    /// Its id.
    pub id: OuId,
    /// Its name.
    pub name: String,
    /// The unit that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<OuId>,
}

/// An employee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name that clients see.
    pub name: Personal<String>,
    /// Their organizational unit.
    pub ou: OuId,
    /// The word after `#` that names them, folded; unique in the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// Whether clients can reach them.
    pub active: bool,
    /// External companies that they are assigned to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub external_companies: BTreeSet<ExternalCompanyId>,
}

/// A WhatsApp business number of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficialAccount {
    /// WhatsApp's key; no two companies share one.
    pub phone_number_id: PhoneNumberId,
    /// What clients see.
    pub display_number: PhoneNumber,
    /// The Meta app whose webhooks report on it.
    pub app: AppId,
    /// Something is wrong with its WhatsApp Business Account: pages warn instead of showing a code.
    pub configuration_broken: bool,
}

/// Official accounts that work together, and the units that use them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name inside the company.
    pub id: PoolKey,
    /// The number that clients write to first.
    pub primary: PhoneNumberId,
    /// The numbers that carry 1:1 rooms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondaries: Vec<Secondary>,
    /// Who uses it: these units, and those below them that have no pool of their own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub organizational_units: BTreeSet<OuId>,
    /// Clients from the first country get numbers of the second, if there are none of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub geography: BTreeMap<Country, Country>,
    /// The country to try after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Country>,
    /// Whether the next pool up the tree is tried when this one has no number left.
    pub fallback_upward: bool,
}

/// How many open rooms a number may be said to carry at most.
pub(crate) const CAPACITY: RangeInclusive<u32> = 1..=1_000_000;

/// A number of a pool that carries 1:1 rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secondary {
    /// The official account.
    pub phone_number_id: PhoneNumberId,
    /// At most this many open rooms; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Its country; told from the display number when the file gives none.
    pub country: Country,
}
