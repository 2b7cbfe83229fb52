//! Who may call the API: tokens of a company, each with one role.
//!
//! A token is shown once, when it is made. The database has its id and the SHA-256 of its secret.

mod store;
mod text;

use std::fmt;

use domain::Personal;
use domain::ids::{CompanyId, UserId};
use domain::input::Timestamp;
use uuid::Uuid;

pub use store::AccessTokens;
pub use text::{Secret, TokenText};

/// What the holder of a token is for the company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessRole {
    /// May do everything.
    Admin,
    /// Runs the daily work: reads, and gives commands.
    Operator,
    /// Reads, and sees the history behind every request.
    Auditor,
    /// Reads.
    Dashboard,
    /// An employee: has their own QR code, and nothing else.
    AmUser(UserId),
}

impl AccessRole {
    /// `admin`, `operator`, `auditor`, `dashboard` or `am-user`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Dashboard => "dashboard",
            Self::AmUser(_) => "am-user",
        }
    }

    /// Whose code it may show alone, if it may show one person's alone.
    pub const fn user(&self) -> Option<&UserId> {
        match self {
            Self::AmUser(user) => Some(user),
            Self::Admin | Self::Operator | Self::Auditor | Self::Dashboard => None,
        }
    }
}

impl fmt::Display for AccessRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token as it is known once it was made: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The part of it that is no secret.
    pub id: Uuid,
    /// The company whose data it opens.
    pub company: CompanyId,
    /// Who holds it, for people and for the record of commands.
    pub name: Personal<String>,
    /// What the holder may do.
    pub role: AccessRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Personal<String>,
    /// From when on it opens nothing; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl AccessToken {
    /// Whether it opens anything at a moment.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}
