//! `onboarding token`: who may call the API.

use std::process::ExitCode;

use anyhow::Context;
use chrono::TimeDelta;
use directory::DirectoryStore;
use directory::access::{AccessRole, AccessToken, AccessTokens, Secret, TokenText};
use domain::Personal;
use domain::ids::{CompanyId, UserId};
use domain::input::Timestamp;
use engine::Clock;
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::{postgres, require_migrated};
use crate::cli::{RoleName, TokenCommand};
use crate::config::Config;

/// Makes, lists or revokes tokens.
///
/// # Errors
/// There is no such company, user or token, or Postgres does not answer.
pub async fn run(config: &Config, command: TokenCommand) -> anyhow::Result<ExitCode> {
    let pool = postgres(config).await?;
    require_migrated(&pool).await?;
    let tokens = AccessTokens::new(pool.clone());
    let now = Clock::system().now();
    match command {
        TokenCommand::Create { company, role, user, name, days, actor } => {
            let role = role_of(role, user)?;
            require_known(&pool, &company, role.user()).await?;
            let expires_at = days.map(|days| now + TimeDelta::days(days.into()));
            let new = NewToken { company, role, name, expires_at, actor };
            let text = create(&tokens, new, now).await?;
            eprintln!("Token {} is made; it is shown this once:", text.id);
            println!("{text}");
        }
        TokenCommand::List { company, json } => list(&tokens, &company, now, json).await?,
        TokenCommand::Revoke { id, actor } => {
            let revoked = tokens.revoke(id, &Personal::new(actor), now).await?;
            anyhow::ensure!(revoked, "there is no token {id} that opens anything");
            println!("{id} opens nothing any more.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A token to be made.
pub(crate) struct NewToken {
    pub(crate) company: CompanyId,
    pub(crate) role: AccessRole,
    pub(crate) name: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) actor: String,
}

/// Draws a token and keeps it.
pub(crate) async fn create(
    tokens: &AccessTokens,
    new: NewToken,
    now: Timestamp,
) -> anyhow::Result<TokenText> {
    let NewToken { company, role, name, expires_at, actor } = new;
    let text = TokenText { id: Uuid::now_v7(), secret: Secret::new(rand::random()) };
    let token = AccessToken {
        id: text.id,
        company,
        name: Personal::new(name),
        role,
        created_at: now,
        created_by: Personal::new(actor),
        expires_at,
        revoked_at: None,
    };
    tokens.add(&token, &text).await?;
    Ok(text)
}

fn role_of(name: RoleName, user: Option<UserId>) -> anyhow::Result<AccessRole> {
    Ok(match (name, user) {
        (RoleName::AmUser, Some(user)) => AccessRole::AmUser(user),
        (RoleName::AmUser, None) => anyhow::bail!("--role am-user needs --user"),
        (_, Some(_)) => anyhow::bail!("--user is for --role am-user only"),
        (RoleName::Admin, None) => AccessRole::Admin,
        (RoleName::Operator, None) => AccessRole::Operator,
        (RoleName::Auditor, None) => AccessRole::Auditor,
        (RoleName::Dashboard, None) => AccessRole::Dashboard,
    })
}

/// A token for nobody would be found out only when it is used.
async fn require_known(
    pool: &PgPool,
    company: &CompanyId,
    user: Option<&UserId>,
) -> anyhow::Result<()> {
    let store = DirectoryStore::new(pool.clone());
    let unknown = || format!("--company: the directory has no company {company}");
    let latest = store.latest(company).await?.with_context(unknown)?;
    let picture = store.picture(company, latest).await?.with_context(unknown)?;
    if let Some(user) = user {
        let known = picture.user(user).is_some();
        anyhow::ensure!(known, "--user: company {company} has no user {user}");
    }
    Ok(())
}

/// A token as it is listed.
#[derive(Serialize)]
struct Listed {
    id: Uuid,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    name: Personal<String>,
    /// `valid`, `expired` or `revoked`.
    state: &'static str,
    created_at: Timestamp,
    created_by: Personal<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl Listed {
    fn at(now: Timestamp, token: AccessToken) -> Self {
        let state = match token.revoked_at {
            Some(_) => "revoked",
            None if token.is_valid(now) => "valid",
            None => "expired",
        };
        Self {
            id: token.id,
            role: token.role.as_str(),
            user: token.role.user().cloned(),
            name: token.name,
            state,
            created_at: token.created_at,
            created_by: token.created_by,
            expires_at: token.expires_at,
        }
    }
}

async fn list(
    tokens: &AccessTokens,
    company: &CompanyId,
    now: Timestamp,
    json: bool,
) -> anyhow::Result<()> {
    let tokens = tokens.of_company(company).await?;
    let listed: Vec<_> = tokens.into_iter().map(|token| Listed::at(now, token)).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    if listed.is_empty() {
        println!("Company {company} has no token.");
    }
    for one in listed {
        let user = one.user.as_ref().map_or(String::new(), |user| format!(" {user}"));
        let until = one.expires_at.map_or("for ever".to_owned(), |end| format!("until {end}"));
        let (id, state, role, name) = (one.id, one.state, one.role, one.name.expose());
        println!("{id}  {state:<8} {role}{user}  {until}  {name}");
    }
    Ok(())
}
