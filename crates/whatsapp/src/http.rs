//! The one way in which this crate makes HTTP clients.

use std::time::Duration;

/// A client that calls `base_url` only.
///
/// The TLS provider is ring's, installed here if the process has none, so that
/// no caller has to know about it. A plain `http` address (the fake) needs
/// neither the system's certificates nor its proxy, and works without them.
pub(crate) fn client(base_url: &str, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // An error means that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout / 2)
        .redirect(reqwest::redirect::Policy::none());
    if base_url.starts_with("http://") {
        builder.no_proxy().tls_certs_only([]).build()
    } else {
        builder.build()
    }
}
