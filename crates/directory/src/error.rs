//! What can go wrong between a directory and the database.

use std::fmt;

use domain::ids::{CompanyId, PhoneNumberId};

/// An official account that the file gives to one company and another one has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenNumber {
    /// The account.
    pub phone_number_id: PhoneNumberId,
    /// Who has it in the stored directory; the file does not name this company.
    pub owner: CompanyId,
}

impl fmt::Display for TakenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phone_number_id, owner } = self;
        write!(f, "official account '{phone_number_id}' belongs to company '{owner}'")
    }
}

/// Why a directory was not applied or not read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file gives away what another company has.
    #[error("{}; take it from that company in the same file, or correct the id", list(.0))]
    NumbersTaken(Vec<TakenNumber>),
    /// The database did not do it.
    #[error("the database could not {doing}")]
    Database {
        /// What was to be done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// A stored document is not what this program writes. Its text is left out: it holds names.
    #[error(
        "the directory's document of company {company} in version {version} cannot be read \
         (column {column}); was it written by a newer program?"
    )]
    Unreadable {
        /// Whose document.
        company: String,
        /// In which version.
        version: u64,
        /// Where reading stopped.
        column: usize,
    },
    /// A stored id is not what this program writes.
    #[error("the directory's tables hold an id that cannot be read")]
    UnreadableId(#[from] domain::ids::InvalidId),
    /// A stored role is not one that this program knows; its token opens nothing here.
    #[error(
        "an access token has the role '{0}', which this program does not know; was it made by a newer one?"
    )]
    UnknownRole(String),
    /// The directory could not be written as text.
    #[error("the directory could not be written as text")]
    Unwritable,
}

impl DirectoryError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        let Self::Database { source, .. } = self else { return false };
        match source {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_) => true,
            // Connection, rollback, resources, operator intervention (a server that restarts).
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }
}

/// Says what the database was asked to do.
pub(crate) fn doing(doing: &'static str) -> impl FnOnce(sqlx::Error) -> DirectoryError {
    move |source| DirectoryError::Database { doing, source }
}

fn list(taken: &[TakenNumber]) -> String {
    taken.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
