//! What a decision needs of the company's configuration, as it was in one
//! version of the directory.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extension::Extension;
use crate::identity::{Country, PhoneNumber};
use crate::ids::{ExternalCompanyId, OuId, PhoneNumberId, PoolId, UserId};
use crate::personal::Personal;
use crate::texts::Texts;

/// One company in one version of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompanyFacts {
    /// The directory version that these facts are from.
    pub directory_version: u64,
    /// The company's name, as templates show it.
    pub name: String,
    /// "Auto promotion of NVC": off, a client that asks for a user becomes a prospect.
    pub auto_promotion: bool,
    /// At most one profile may hold a phone number.
    pub unique_phone_number: bool,
    /// How long things take and last.
    pub timing: Timing,
    /// The texts in the language of this client.
    pub texts: Texts,
}

/// Durations of one company. All in seconds, so that a recorded decision reads plainly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// At most one reminder per room in this time. Default 60.
    pub reminder_interval: u32,
    /// At most one user-info message per room in this time. Default 60.
    pub user_info_interval: u32,
    /// An invitation that nobody has settled fails after this time. Default 3,600.
    pub invitation_deadline: u32,
    /// An invited room whose user-info nobody has settled is activated after this time. Default 600.
    pub user_info_deadline: u32,
    /// A closed room's (client, number) pair rests for this time. Default 30 days, at least 7.
    pub quarantine: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            reminder_interval: 60,
            user_info_interval: 60,
            invitation_deadline: 3_600,
            user_info_deadline: 600,
            quarantine: 30 * 86_400,
        }
    }
}

/// How much of what one client asks within an hour is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// So many replies to messages that led to nothing. Default 30.
    pub replies: u32,
    /// After so many different extensions that nobody has, no extension is looked up for it: who is
    /// there must not be found out by trying. Default 10.
    pub wrong_extensions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { replies: 30, wrong_extensions: 10 }
    }
}

/// The employee that an extension names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserFacts {
    /// The user.
    pub user_id: UserId,
    /// The name that clients see.
    pub name: Personal<String>,
    /// The user's extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// The organizational unit, whose pool is used.
    pub ou: OuId,
    /// External companies that the user is assigned to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub external_companies: BTreeSet<ExternalCompanyId>,
}

/// Which of the company's numbers a message came in on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Line {
    /// Clients write here first.
    Primary {
        /// The pool that it leads.
        pool: PoolId,
    },
    /// Carries 1:1 rooms.
    Secondary {
        /// The pool that it belongs to.
        pool: PoolId,
        /// That pool's primary, and how clients know it.
        primary: PhoneNumber,
    },
    /// An official account that belongs to no pool.
    Unpooled,
}

/// The rules of one pool for one client, and the pool's place in the chain of
/// pools to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolRules {
    /// The pool.
    pub pool_id: PoolId,
    /// The country that the client's own is mapped to here, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_country: Option<Country>,
    /// The country to try after that, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Country>,
}

/// A secondary number as the directory has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumberSpec {
    /// The official account.
    pub number: PhoneNumberId,
    /// What clients see.
    pub display: PhoneNumber,
    /// Its country.
    pub country: Country,
    /// At most this many open rooms; `None` is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}
