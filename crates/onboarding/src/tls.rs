//! TLS for the HTTP server, where no proxy in front of it does that.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::HttpTls;

/// What the server presents; `None` if it does not speak TLS. The files are read now: a new
/// certificate counts from the next start on.
///
/// # Errors
/// A file is not what it should be, or the key is not the certificate's.
pub(crate) fn acceptor(tls: &HttpTls) -> anyhow::Result<Option<TlsAcceptor>> {
    let Some((certificate, key)) = tls.files() else { return Ok(None) };
    let chain = chain(&certificate).with_context(|| {
        format!("http.tls.certificate: {} holds no certificates in PEM form", certificate.display())
    })?;
    let private = PrivateKeyDer::from_pem_file(&key)
        .with_context(|| format!("http.tls.key: {} holds no key in PEM form", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .context("http.tls.certificate and http.tls.key don't belong to each other")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn chain(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!chain.is_empty(), "no section is a certificate");
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_tls_in_them_are_named_by_their_keys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate").unwrap();
        let name = file.path().to_string_lossy().into_owned();
        let tls = HttpTls { certificate: name.clone(), key: name.clone() };
        let error = acceptor(&tls).err().unwrap().to_string();
        assert!(error.contains("http.tls.certificate") && error.contains(&name), "{error}");
        assert!(acceptor(&HttpTls::default()).unwrap().is_none());
    }
}
