//! The Cloud API, as far as we call it: sending one message.
//!
//! One call is one attempt. Whether and when to try again is the sender's
//! business; a [`SendFailure`] says what it needs to know for that.

use std::time::Duration;

use domain::ids::Wamid;
use domain::input::MessageReference;
use domain::outbound::OutboundMessage;
use reqwest::header::{AUTHORIZATION, HeaderValue};

mod answer;
mod body;
mod failure;

pub use failure::{Fault, SendFailure};

/// The header of W3C Trace Context.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// A connection pool to one Cloud API, for all numbers and tokens. Clones share it.
#[derive(Clone, Debug)]
pub struct CloudApi {
    http: reqwest::Client,
    base_url: String,
}

impl CloudApi {
    /// A client of the API at `base_url`, the version included
    /// (`https://graph.facebook.com/v23.0`), or of a fake at `http://…`.
    ///
    /// A call may take `timeout` in all, connecting half of it.
    ///
    /// # Errors
    ///
    /// [`UnusableClient`] if `base_url` is no http(s) address or the system has
    /// no certificates to check WhatsApp's with; trying again does not help.
    pub fn new(base_url: &str, timeout: Duration) -> Result<Self, UnusableClient> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let is_http = reqwest::Url::parse(&base_url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !is_http {
            return Err(UnusableClient::BaseUrl);
        }
        let http = crate::http::client(&base_url, timeout)?;
        Ok(Self { http, base_url })
    }

    /// Asks WhatsApp to send a message, and gives WhatsApp's id of it.
    ///
    /// `reference` comes back with every status of the message. `traceparent` (W3C Trace Context)
    /// goes along as a header, so that whoever stands between us and WhatsApp can follow the call.
    ///
    /// # Errors
    ///
    /// [`SendFailure`]; it says whether the message may have left all the same
    /// and whether trying again helps.
    pub async fn send(
        &self,
        token: &AccessToken,
        message: &OutboundMessage,
        reference: MessageReference,
        traceparent: Option<&str>,
    ) -> Result<Wamid, SendFailure> {
        let bearer = token.bearer().ok_or_else(SendFailure::unusable_token)?;
        let url = format!("{}/{}/messages", self.base_url, message.from);
        let mut call = self.http.post(url).header(AUTHORIZATION, bearer);
        if let Some(Ok(trace)) = traceparent.map(HeaderValue::from_str) {
            call = call.header(TRACEPARENT, trace);
        }
        let sent = call.json(&body::of(message, reference)).send().await;
        let response = sent.map_err(|error| SendFailure::without_answer(&error))?;
        answer::read(response).await
    }
}

/// A token of a business account. It prints as `AccessToken(***)`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// Wraps a token as it is configured; blanks around it are dropped.
    pub fn new(token: impl AsRef<str>) -> Self {
        Self(token.as_ref().trim().to_owned())
    }

    /// `None` if the token can't stand in a header.
    fn bearer(&self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken(***)")
    }
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum UnusableClient {
    /// Not an `http://` or `https://` address.
    #[error("the Cloud API's address is not an http(s) URL")]
    BaseUrl,
    /// TLS can't be set up.
    #[error("the HTTP client could not be set up")]
    Tls(#[from] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_print_itself() {
        let token = AccessToken::new(" EAAsecret\n");
        assert_eq!(format!("{token:?}"), "AccessToken(***)");
        let bearer = token.bearer().expect("a header");
        assert_eq!(bearer, "Bearer EAAsecret");
        assert!(!format!("{bearer:?}").contains("EAA"));
        assert!(AccessToken::new("a\nb").bearer().is_none());
    }

    #[test]
    fn only_http_addresses_are_taken() {
        let with = |url| CloudApi::new(url, Duration::from_secs(1));
        assert!(with("http://127.0.0.1:9/").is_ok());
        for bad in ["", "graph.facebook.com", "ftp://x", "/v23.0"] {
            assert!(matches!(with(bad), Err(UnusableClient::BaseUrl)), "{bad}");
        }
    }
}
