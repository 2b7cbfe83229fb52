//! TLS for the HTTP server, where no proxy in front of it does that.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use crate::config::HttpTls;

/// Handshakes under way and connections that nobody has taken yet, at most: whoever only opens
/// connections can't use up memory.
const AT_A_TIME: usize = 1_024;
/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// Gives connections whose handshake is done. Handshakes go on beside each other: one that is slow
/// holds up nobody.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl TlsListener {
    /// Takes connections from now on.
    ///
    /// # Errors
    /// The listener has no address.
    pub(crate) fn start(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept(listener, acceptor, sender));
        Ok(Self { ready, address, _accepting: AbortOnDropHandle::new(accepting) })
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, from) = Listener::accept(&mut listener).await;
        let (handshake, ready) = (acceptor.accept(stream), ready.clone());
        tokio::spawn(async move {
            match timeout(PATIENCE, handshake).await {
                Ok(Ok(stream)) => {
                    // Nobody takes it any more if the server is stopping.
                    let _ = ready.send((stream, from)).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_late) => tracing::debug!("a TLS handshake was not finished in time"),
            }
            drop(place);
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task that accepts has panicked; the server stops by its own signal.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
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
