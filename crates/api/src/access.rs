//! Who may call what: the table of roles, and the guard before every route that shows or changes
//! something of a company.
//!
//! A caller shows a token (`Authorization: Bearer onb_…`, made by `onboarding token create`). It is
//! one company's, so whatever company a call names must be that one. The guard looks at path and
//! query string through the same reader as the handlers ([`parameters`]): there is no way to name
//! one company to it and another to them.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use directory::access::{AccessRole, AccessToken, AccessTokens, TokenText};
use serde_json::{Map, Value};

use crate::ClockFn;
use crate::calls::Calls;
use crate::params::parameters;
use crate::problem::Problem;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// To have a token.
    Call,
    /// To see read models, numbers and client profiles. Personal data.
    Read,
    /// To see what is behind a request: original bytes, every decision with its facts.
    Audit,
    /// To see which inputs could not be decided and what was done with them, without their bytes.
    SeeParked,
    /// To give commands, and to try out what a message would lead to.
    Operate,
    /// To show a user's QR code and link; an AM user their own.
    ShowCode,
}

impl Permission {
    /// The table of roles.
    const fn is_of(self, role: &AccessRole) -> bool {
        match role {
            AccessRole::Admin => true,
            AccessRole::Operator => match self {
                Self::Call | Self::Read | Self::SeeParked | Self::Operate | Self::ShowCode => true,
                Self::Audit => false,
            },
            AccessRole::Auditor => match self {
                Self::Call | Self::Read | Self::Audit | Self::SeeParked => true,
                Self::Operate | Self::ShowCode => false,
            },
            AccessRole::Dashboard => match self {
                Self::Call | Self::Read => true,
                Self::Audit | Self::SeeParked | Self::Operate | Self::ShowCode => false,
            },
            AccessRole::AmUser(_) => match self {
                Self::Call | Self::ShowCode => true,
                Self::Read | Self::Audit | Self::SeeParked | Self::Operate => false,
            },
        }
    }
}

/// Stands before routes that ask the same of their callers.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) tokens: AccessTokens,
    pub(crate) clock: ClockFn,
    pub(crate) calls: Calls,
    pub(crate) permission: Permission,
}

/// Lets a call pass if its token may make it; handlers find the [`AccessToken`] in its extensions.
pub(crate) async fn guard(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = gate.admit(&mut parts).await?;
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

impl Gate {
    async fn admit(&self, parts: &mut Parts) -> Result<AccessToken, Problem> {
        let caller = self.authenticate(&parts.headers).await?;
        self.calls.count(caller.id)?;
        if !self.permission.is_of(&caller.role) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "role-forbids",
                "The token's role may not do this",
                format!("A token with the role {} can't; ask with another one", caller.role),
            ));
        }
        in_its_company(&caller, &parameters(parts).await?)?;
        Ok(caller)
    }

    async fn authenticate(&self, headers: &HeaderMap) -> Result<AccessToken, Problem> {
        let text = bearer(headers)?;
        let found = self.tokens.verify(&text).await.map_err(|error| {
            tracing::warn!(%error, "an access token could not be looked up");
            if error.may_pass() {
                Problem::unavailable("Tokens can't be looked up; try again in a moment")
            } else {
                Problem::internal()
            }
        })?;
        found.filter(|token| token.is_valid((self.clock)())).ok_or_else(|| {
            tracing::warn!(token = %text.id, "a token that opens nothing was shown");
            unauthorized("token-invalid", "The token is unknown, expired or revoked; get a new one")
        })
    }
}

/// A call names no company but the token's, and an AM user nobody but themselves.
fn in_its_company(caller: &AccessToken, named: &Map<String, Value>) -> Result<(), Problem> {
    let is = |name: &str, own: &str| named.get(name).is_none_or(|value| value == own);
    if !is("company", caller.company.as_str()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "other-company",
            "The token is another company's",
            format!("company: this token opens company {} only", caller.company),
        )
        .field("company"));
    }
    match caller.role.user() {
        Some(user) if !is("id", user.as_str()) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "other-user",
            "The token is another user's",
            format!("id: this token opens the pages of user {user} only"),
        )
        .field("id")),
        Some(_) | None => Ok(()),
    }
}

fn bearer(headers: &HeaderMap) -> Result<TokenText, Problem> {
    const WAY_OUT: &str =
        "Authorization: must be `Bearer` and a token, as `onboarding token create` prints it";
    let given = headers.get(header::AUTHORIZATION);
    let given = given.ok_or_else(|| unauthorized("no-token", WAY_OUT))?;
    let (scheme, text) =
        given.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    let token = is_bearer.then(|| text.trim().parse().ok()).flatten();
    token.ok_or_else(|| unauthorized("token-invalid", WAY_OUT))
}

fn unauthorized(code: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, "A valid token is needed", detail)
        .field(header::AUTHORIZATION.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer_of(value: &str) -> Result<TokenText, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        bearer(&headers)
    }

    #[test]
    fn a_token_is_read_whatever_the_schemes_letters() {
        let text = format!("onb_{}_{}", "0".repeat(32), "a".repeat(64));
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert!(bearer_of(&format!("{scheme} {text}")).is_ok());
        }
        for wrong in [text.as_str(), "Bearer", "Basic abc", &format!("Token {text}")] {
            assert_eq!(bearer_of(wrong).unwrap_err().code(), "token-invalid");
        }
        assert_eq!(bearer(&HeaderMap::new()).unwrap_err().code(), "no-token");
    }
}
