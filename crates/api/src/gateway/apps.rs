//! Meta apps and what they share with us.

use std::fmt;

use axum::extract::RawPathParams;
use domain::ids::AppId;
use subtle::ConstantTimeEq;

use super::GatewayState;
use crate::problem::Problem;

/// Something that must not be printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Compares in constant time. Nothing equals an empty secret.
    pub(super) fn matches(&self, given: &str) -> bool {
        !self.0.is_empty() && bool::from(self.as_bytes().ct_eq(given.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One Meta app.
#[derive(Clone, Debug)]
pub struct App {
    /// Signs posts.
    pub secret: Secret,
    /// Shown at the handshake.
    pub verify_token: Secret,
}

impl GatewayState {
    /// The app that the path names.
    pub(super) fn app(&self, path: &RawPathParams) -> Result<(AppId, &App), Problem> {
        let id = path.iter().find_map(|(name, value)| (name == "app").then_some(value));
        let id: Option<AppId> = id.and_then(|id| id.parse().ok());
        id.and_then(|id| self.apps.get(&id).map(|app| (id, app))).ok_or_else(|| {
            Problem::not_found(
                "unknown-app",
                "There is no such app",
                "The last part of the URL names no configured app",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_whole_and_never_printed() {
        let secret = Secret::new("token");
        assert!(secret.matches("token"));
        for other in ["", "toke", "tokens", "Token"] {
            assert!(!secret.matches(other));
        }
        assert!(!Secret::new("").matches(""));
        assert_eq!(format!("{secret:?}"), "***");
    }
}
