//! Who connects, and whom it trusts: what a URL can't say.

use std::error::Error;
use std::path::{Path, PathBuf};

use async_nats::{ConnectOptions, rustls};

use crate::connect::ConnectError;

/// Beyond what the URL says.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// How the client proves who it is, if not by user and password in the URL.
    pub identity: Option<Identity>,
    /// What the subjects begin with on which answers come in; `_INBOX` if nothing is said. A user
    /// that may not hear others' answers has one of its own below that.
    pub inbox_prefix: Option<String>,
    /// The authorities (PEM) that may vouch for the server, instead of those that the system knows.
    /// With it, nothing is sent without TLS.
    pub ca: Option<PathBuf>,
    /// The client's own certificate (with its chain) and its key, as PEM files.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A proof that is in a file.
#[derive(Clone, Debug)]
pub enum Identity {
    /// The seed of an nkey, `SU…`.
    Nkey(PathBuf),
    /// A JWT and the seed of its nkey, as `nsc` writes them (`.creds`).
    Credentials(PathBuf),
}

/// What was in the file. Not `Debug`: it is a secret.
pub(crate) enum Proof {
    Nkey(String),
    Credentials { file: PathBuf, text: String },
}

impl Security {
    /// Reads the identity, and finds out whether the other files can be read: the client reads them
    /// at each connection, and would not say which one it misses.
    pub(crate) async fn proof(&self) -> Result<Option<Proof>, ConnectError> {
        if let Some(ca) = &self.ca {
            read(ca).await?;
        }
        if let Some((certificate, key)) = &self.certificate {
            read(certificate).await?;
            read(key).await?;
        }
        Ok(match &self.identity {
            None => None,
            Some(Identity::Nkey(file)) => {
                let text = read(file).await?;
                let seed = text.lines().map(str::trim).find(|line| line.starts_with("SU"));
                let seed = seed.ok_or_else(|| {
                    let source = "it holds no seed of a user, which begins with SU".into();
                    ConnectError::File { file: file.clone(), source }
                })?;
                Some(Proof::Nkey(seed.to_owned()))
            }
            Some(Identity::Credentials(file)) => {
                let text = read(file).await?;
                Some(Proof::Credentials { file: file.clone(), text })
            }
        })
    }

    /// Tells the client; the proof too, if there is one.
    pub(crate) fn apply(
        &self,
        options: ConnectOptions,
        proof: Option<&Proof>,
    ) -> Result<ConnectOptions, ConnectError> {
        let mut options = match proof {
            None => options,
            Some(Proof::Nkey(seed)) => options.nkey(seed.clone()),
            Some(Proof::Credentials { file, text }) => options
                .credentials(text)
                .map_err(|error| ConnectError::File { file: file.clone(), source: error.into() })?,
        };
        if let Some(prefix) = &self.inbox_prefix {
            options = options.custom_inbox_prefix(prefix);
        }
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options)
    }
}

async fn read(file: &Path) -> Result<String, ConnectError> {
    let text = tokio::fs::read_to_string(file).await;
    text.map_err(|error| ConnectError::File { file: file.to_owned(), source: error.into() })
}

/// What TLS has to do with a connection that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Nothing.
    Fine,
    /// The server's certificate is none that we accept.
    Certificate,
    /// Anything else, among them that the server does not accept ours.
    Other,
}

pub(crate) fn tls_in(error: &(dyn Error + 'static)) -> Tls {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => return Tls::Certificate,
            Some(_) => return Tls::Other,
            None => {}
        }
        // The source of an I/O error is the source of its cause, not the cause.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(cause) => Some(cause as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    Tls::Fine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(cause: impl Into<Box<dyn Error + Send + Sync>>) -> std::io::Error {
        std::io::Error::other(cause)
    }

    #[test]
    fn a_certificate_that_is_not_accepted_is_told_from_a_server_that_is_away() {
        let refused = rustls::CertificateError::UnknownIssuer;
        let refused = io(rustls::Error::InvalidCertificate(refused));
        assert_eq!(tls_in(&io(refused)), Tls::Certificate);
        assert_eq!(tls_in(&io(rustls::Error::HandshakeNotComplete)), Tls::Other);
        assert_eq!(tls_in(&io("connection refused")), Tls::Fine);
    }

    #[tokio::test]
    async fn a_file_that_is_no_seed_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4")
            .unwrap();
        let identity = Some(Identity::Nkey(file.path().to_owned()));
        let security = Security { identity, ..Security::default() };
        let error = security.proof().await.err().unwrap();
        let text = error.to_string();
        assert!(text.contains(&*file.path().to_string_lossy()), "{text}");
        assert!(!text.contains("UDXU"), "{text}");
        assert!(!error.retry_helps());
    }
}
