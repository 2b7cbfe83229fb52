//! What can go wrong, and whether trying again helps.

use domain::UnreadableEvent;

/// Why the store could not do what it was asked.
///
/// No text in it carries personal data: what Postgres says about a row's values is dropped.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres refused or failed.
    #[error("{operation}: {fault}")]
    Refused {
        /// What was being done.
        operation: &'static str,
        /// What Postgres said.
        fault: DatabaseFault,
    },
    /// The connection failed, or there was none. An append may have been
    /// committed all the same; asking again gives `Duplicate` then.
    #[error("{operation}: no answer from the database")]
    Connection {
        /// What was being done.
        operation: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A recorded event cannot be read by this program.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// What is stored contradicts itself.
    #[error("{operation}: the store is corrupt: {what}")]
    Corrupt {
        /// What was being done.
        operation: &'static str,
        /// What does not fit.
        what: String,
    },
    /// The caller asked for something that cannot be meant: a defect of the program.
    #[error("{operation}: {what}")]
    Misuse {
        /// What was being done.
        operation: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// What Postgres said, without the values that it said it about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQLSTATE {code}{}: {message}", constraint_text(self.constraint.as_deref()))]
pub struct DatabaseFault {
    /// The SQLSTATE.
    pub code: String,
    /// The constraint that was violated, if one was.
    pub constraint: Option<String>,
    /// The message, unless its kind quotes values.
    pub message: String,
}

fn constraint_text(constraint: Option<&str>) -> String {
    constraint.map(|name| format!(" ({name})")).unwrap_or_default()
}

impl StoreError {
    /// Whether the same call may succeed a moment later. An append that is
    /// tried again is never recorded twice.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Refused { fault, .. } => is_transient(&fault.code),
            Self::Unreadable(_) | Self::Corrupt { .. } | Self::Misuse { .. } => false,
        }
    }

    pub(crate) fn corrupt(operation: &'static str, what: impl Into<String>) -> Self {
        Self::Corrupt { operation, what: what.into() }
    }

    pub(crate) fn misuse(operation: &'static str, what: impl Into<String>) -> Self {
        Self::Misuse { operation, what: what.into() }
    }
}

/// By SQLSTATE: what is wrong with the database, and not with what it was asked. By itself it passes
/// where a connection is lost (08), a transaction rolled back for another's sake (40), resources are
/// short (53), a lock is not to be had (55P03), the server stops, starts or cancels (57), its files
/// fail (58), a standby was just demoted or not yet promoted (25006), a migration has made a plan
/// obsolete (0A000). Somebody has to mend who may log in (28) and what is allowed (42501), a database
/// (3D), schema (3F), table (42P01), column (42703), function (42883) or type (42704) that is not
/// there: until then nothing can be decided, and everything waits.
fn is_transient(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "28" | "3D" | "3F" | "40" | "53" | "57" | "58"))
        || matches!(
            code,
            "0A000" | "25006" | "42501" | "42703" | "42704" | "42883" | "42P01" | "55P03"
        )
}

/// Names the operation that a database error belongs to.
pub(crate) trait During<T> {
    fn during(self, operation: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, operation: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| classify(operation, error))
    }
}

fn classify(operation: &'static str, error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(db) => {
            let code = db.code().unwrap_or_default().into_owned();
            // Class 22 (data exception) quotes the value that does not fit.
            let quotes_values = code.starts_with("22");
            let message = if quotes_values { "a value does not fit" } else { db.message() };
            let fault = DatabaseFault {
                constraint: db.constraint().map(str::to_owned),
                message: message.to_owned(),
                code,
            };
            StoreError::Refused { operation, fault }
        }
        sqlx::Error::ColumnDecode { index, .. } => {
            StoreError::corrupt(operation, format!("column {index} cannot be decoded"))
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) | sqlx::Error::RowNotFound => {
            StoreError::corrupt(operation, "a row does not have the expected shape")
        }
        sqlx::Error::Encode(_) => StoreError::misuse(operation, "a value cannot be encoded"),
        _ => StoreError::Connection { operation, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_database_is_waited_for_and_what_is_wrong_with_an_input_is_not() {
        for code in ["08006", "28P01", "40001", "42501", "42P01", "53300", "57P01"] {
            assert!(is_transient(code), "{code}");
        }
        for code in ["22001", "23505", "23514", "42601", "P0001", "XX001", ""] {
            assert!(!is_transient(code), "{code}");
        }
    }
}
