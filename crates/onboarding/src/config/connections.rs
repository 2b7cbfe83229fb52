//! How a process proves to NATS who it is, and whom it trusts; TLS of the HTTP server.

use std::path::{Path, PathBuf};

use messaging::{Identity, Security};
use serde::{Deserialize, Serialize};

use super::Config;

/// Below which subjects answers come in, unless something else is said.
const INBOX: &str = "_INBOX";

/// What `nats_url` does not say. Names of files are empty where there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// A file with the seed of the process's nkey, instead of user and password in `nats_url`.
    pub nkey_file: String,
    /// A file with a JWT and the seed of its nkey (`.creds`), instead of both.
    pub credentials_file: String,
    /// What the subjects of answers begin with: `_INBOX`, or `_INBOX.<user>` for a user that may
    /// not hear others' answers.
    pub inbox_prefix: String,
    /// Certificates.
    pub tls: NatsTls,
}

/// Certificates of the connection to NATS, PEM.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTls {
    /// The authorities that may vouch for the server; with it, nothing is sent without TLS.
    pub ca: String,
    /// The certificate of this process, with its chain.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// TLS of the HTTP server, PEM. Without it, HTTP is spoken in the clear.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTls {
    /// The server's certificate, with its chain.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Default for Nats {
    fn default() -> Self {
        Self {
            nkey_file: String::new(),
            credentials_file: String::new(),
            inbox_prefix: INBOX.into(),
            tls: NatsTls::default(),
        }
    }
}

impl Nats {
    /// For the client. Only what [`check`] has let through.
    pub(crate) fn security(&self) -> Security {
        let identity = match (file(&self.nkey_file), file(&self.credentials_file)) {
            (Some(nkey), _) => Some(Identity::Nkey(nkey)),
            (None, Some(credentials)) => Some(Identity::Credentials(credentials)),
            (None, None) => None,
        };
        Security {
            identity,
            inbox_prefix: Some(self.inbox_prefix.clone()),
            ca: file(&self.tls.ca),
            certificate: file(&self.tls.certificate).zip(file(&self.tls.key)),
        }
    }
}

impl HttpTls {
    /// Certificate and key, if the server is to speak TLS.
    pub(crate) fn files(&self) -> Option<(PathBuf, PathBuf)> {
        file(&self.certificate).zip(file(&self.key))
    }
}

fn file(name: &str) -> Option<PathBuf> {
    (!name.is_empty()).then(|| name.into())
}

/// Refuses what contradicts itself or names files that are not there.
pub(super) fn check(config: &Config) -> anyhow::Result<()> {
    let (nats, http) = (&config.nats, &config.http.tls);
    anyhow::ensure!(
        nats.nkey_file.is_empty() || nats.credentials_file.is_empty(),
        "configuration: nats.nkey_file and nats.credentials_file are both set, but a process is one \
         user: leave one of them out"
    );
    let identities =
        [("nats.nkey_file", &nats.nkey_file), ("nats.credentials_file", &nats.credentials_file)];
    for (key, name) in identities {
        anyhow::ensure!(
            name.is_empty() || !config.nats_url.expose().contains('@'),
            "configuration: {key} is set, and nats_url names a user too, but a process is one user: \
             take user and password out of nats_url, or leave {key} out"
        );
    }
    anyhow::ensure!(
        is_inbox_prefix(&nats.inbox_prefix),
        "configuration: nats.inbox_prefix: `{}` must be _INBOX or, below it, the user's name as in \
         _INBOX.gateway (letters, digits, - and _); answers to commands go nowhere else",
        nats.inbox_prefix
    );
    for (certificate, key, of) in [
        (&nats.tls.certificate, &nats.tls.key, "nats.tls"),
        (&http.certificate, &http.key, "http.tls"),
    ] {
        anyhow::ensure!(
            certificate.is_empty() == key.is_empty(),
            "configuration: {of}.certificate and {of}.key belong together: set both, or none of them"
        );
    }
    let files = [
        ("nats.tls.ca", &nats.tls.ca),
        ("nats.tls.certificate", &nats.tls.certificate),
        ("nats.tls.key", &nats.tls.key),
        ("http.tls.certificate", &http.certificate),
        ("http.tls.key", &http.key),
    ];
    for (key, name) in identities.into_iter().chain(files) {
        anyhow::ensure!(
            name.is_empty() || Path::new(name).is_file(),
            "configuration: {key}: there is no file {name}, or this process may not see it"
        );
    }
    Ok(())
}

/// What `Handle::answer` of crate `messaging` publishes to, and no wildcard.
fn is_inbox_prefix(text: &str) -> bool {
    let is_token = |token: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        !token.is_empty() && token.bytes().all(allowed)
    };
    let below = text.strip_prefix(INBOX).map(|rest| (rest, rest.strip_prefix('.')));
    match below {
        Some(("", _)) => true,
        Some((_, Some(rest))) => rest.split('.').all(is_token),
        Some((_, None)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(yaml: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        Config::load(Some(file.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_process_is_one_user_of_nats() {
        for (yaml, said) in [
            ("nats: { nkey_file: a, credentials_file: b }", "leave one of them out"),
            (
                "nats_url: nats://a:b@c\nnats: { nkey_file: d }",
                "nats.nkey_file is set, and nats_url",
            ),
            (
                "nats: { credentials_file: /nowhere/at/all }",
                "nats.credentials_file: there is no file",
            ),
        ] {
            let error = load(yaml).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn answers_come_in_below_inbox() {
        for good in ["_INBOX", "_INBOX.gateway", "_INBOX.bank-1.api_2"] {
            let config = load(&format!("nats: {{ inbox_prefix: {good} }}")).unwrap();
            assert_eq!(config.nats.security().inbox_prefix.as_deref(), Some(good));
        }
        for wrong in ["inbox", "_INBOXES", "_INBOX.", "_INBOX.>", "_INBOX.*", "_INBOX.a..b", "''"] {
            let error = load(&format!("nats: {{ inbox_prefix: {wrong} }}")).unwrap_err();
            assert!(error.contains("nats.inbox_prefix"), "{error}");
        }
    }

    #[test]
    fn a_certificate_has_a_key_and_both_are_there() {
        for of in ["nats", "http"] {
            let error = load(&format!("{of}: {{ tls: {{ certificate: a }} }}")).unwrap_err();
            assert!(error.contains(&format!("{of}.tls.key belong together")), "{error}");
            let error =
                load(&format!("{of}: {{ tls: {{ certificate: a, key: b }} }}")).unwrap_err();
            assert!(
                error.contains(&format!("{of}.tls.certificate: there is no file a")),
                "{error}"
            );
        }
        let error = load("nats: { tls: { ca: c } }").unwrap_err();
        assert!(error.contains("nats.tls.ca: there is no file c"), "{error}");
    }

    #[test]
    fn what_is_left_out_is_not_asked_for() {
        let config = load("log: { filter: info }").unwrap();
        let security = config.nats.security();
        assert!(security.identity.is_none() && security.ca.is_none());
        assert!(security.certificate.is_none() && config.http.tls.files().is_none());
    }
}
