//! Tokens in Postgres.

use domain::Personal;
use domain::ids::CompanyId;
use domain::input::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

use super::{AccessRole, AccessToken, TokenText};
use crate::error::{DirectoryError, doing};

/// The stored tokens; cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    pool: PgPool,
}

const COLUMNS: &str = "id, company, name, role, user_id, secret_sha256, created_at, created_by, \
                       expires_at, revoked_at";

impl AccessTokens {
    /// Over a database whose migrations have run.
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Keeps a new token. `text` is to be shown to its holder and to nobody else.
    ///
    /// # Errors
    /// The database fails, or has a token with this id.
    pub async fn add(&self, token: &AccessToken, text: &TokenText) -> Result<(), DirectoryError> {
        sqlx::query(
            "INSERT INTO access_tokens (id, company, name, role, user_id, secret_sha256,
                                        created_at, created_by, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(text.id)
        .bind(token.company.as_str())
        .bind(token.name.expose())
        .bind(token.role.as_str())
        .bind(token.role.user().map(|user| user.as_str()))
        .bind(text.secret.sha256().as_slice())
        .bind(token.created_at)
        .bind(token.created_by.expose())
        .bind(token.expires_at)
        .execute(&self.pool)
        .await
        .map_err(doing("keep an access token"))?;
        Ok(())
    }

    /// The token, if there is one with this id and this secret; whether it still opens anything
    /// says [`AccessToken::is_valid`]. One look into an index.
    ///
    /// # Errors
    /// The database fails or holds what this program cannot read.
    pub async fn verify(&self, text: &TokenText) -> Result<Option<AccessToken>, DirectoryError> {
        let select = format!("SELECT {COLUMNS} FROM access_tokens WHERE id = $1");
        let found: Option<Stored> = sqlx::query_as(&select)
            .bind(text.id)
            .fetch_optional(&self.pool)
            .await
            .map_err(doing("look up an access token"))?;
        let right = found.filter(|stored| text.secret.is_of(&stored.secret_sha256));
        right.map(AccessToken::try_from).transpose()
    }

    /// All tokens of a company that there ever were, the oldest first.
    ///
    /// # Errors
    /// The database fails or holds what this program cannot read.
    pub async fn of_company(
        &self,
        company: &CompanyId,
    ) -> Result<Vec<AccessToken>, DirectoryError> {
        let select = format!(
            "SELECT {COLUMNS} FROM access_tokens WHERE company = $1 ORDER BY created_at, id"
        );
        let found: Vec<Stored> = sqlx::query_as(&select)
            .bind(company.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(doing("list access tokens"))?;
        found.into_iter().map(AccessToken::try_from).collect()
    }

    /// Makes a token open nothing from now on. Whether it opened anything before.
    ///
    /// # Errors
    /// The database fails.
    pub async fn revoke(
        &self,
        id: Uuid,
        by: &Personal<String>,
        at: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let done = sqlx::query(
            "UPDATE access_tokens SET revoked_at = $2, revoked_by = $3
             WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(id)
        .bind(at)
        .bind(by.expose())
        .execute(&self.pool)
        .await
        .map_err(doing("revoke an access token"))?;
        Ok(done.rows_affected() > 0)
    }
}

/// A row as it is.
#[derive(sqlx::FromRow)]
struct Stored {
    id: Uuid,
    company: String,
    name: String,
    role: String,
    user_id: Option<String>,
    secret_sha256: Vec<u8>,
    created_at: Timestamp,
    created_by: String,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl TryFrom<Stored> for AccessToken {
    type Error = DirectoryError;

    fn try_from(stored: Stored) -> Result<Self, DirectoryError> {
        Ok(Self {
            id: stored.id,
            company: stored.company.parse()?,
            name: Personal::new(stored.name),
            role: role(&stored.role, stored.user_id.as_deref())?,
            created_at: stored.created_at,
            created_by: Personal::new(stored.created_by),
            expires_at: stored.expires_at,
            revoked_at: stored.revoked_at,
        })
    }
}

fn role(name: &str, user: Option<&str>) -> Result<AccessRole, DirectoryError> {
    Ok(match (name, user) {
        ("admin", None) => AccessRole::Admin,
        ("operator", None) => AccessRole::Operator,
        ("auditor", None) => AccessRole::Auditor,
        ("dashboard", None) => AccessRole::Dashboard,
        ("am-user", Some(user)) => AccessRole::AmUser(user.parse()?),
        _ => return Err(DirectoryError::UnknownRole(name.to_owned())),
    })
}
