//! The HTTP server itself: takes connections and lets none of them take more than its part.
//!
//! axum's own `serve` takes any number of connections and waits for each as long as it likes.
//! It speaks TLS itself if it is given a certificate; a handshake takes a place and is held to the same
//! time as the head of a request.

mod places;
mod unstalled;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::app;
use crate::limits::Limits;
use crate::problem::Problem;
use places::Places;
use unstalled::Unstalled;

/// How many are told at once that there is no place for them; any more are not even told.
const TURNED_AWAY_AT_ONCE: usize = 64;
/// How long that may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long nothing is accepted after the system refused to.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves the routes, with what holds for all of them: a deadline, a problem instead of a panic, a
/// span each, problems for unknown paths and methods. When `stop` is cancelled, it takes no new
/// connection, finishes the requests at hand and returns.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let routes = app(routes, &limits);
    let http = http(&limits);
    let places = Arc::new(Places::of(&limits));
    let farewells = Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                wait_after(&error).await;
                continue;
            }
        };
        let Some(place) = Places::take(&places, peer.ip()) else {
            turn_away(stream, tls.is_some(), &farewells);
            continue;
        };
        let stream = Unstalled::new(stream, limits.stalled);
        let (http, routes, stop) = (http.clone(), routes.clone(), stop.clone());
        let tls = tls.clone();
        connections.spawn(async move {
            match tls {
                None => connection(stream, http, routes, stop).await,
                Some(tls) => {
                    let shaken = shaken(tls, stream, limits.head);
                    if let Some(Some(stream)) = stop.run_until_cancelled(shaken).await {
                        connection(stream, http, routes, stop).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(limits.head_bytes);
    http
}

/// A connection whose handshake is done; `None` if it failed or took too long.
async fn shaken(
    tls: TlsAcceptor,
    stream: Unstalled,
    patience: Duration,
) -> Option<TlsStream<Unstalled>> {
    match timeout(patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_late) => {
            tracing::debug!("a TLS handshake was not finished in time");
            None
        }
    }
}

/// One connection, from its first request to its last.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    http: http1::Builder,
    routes: Router,
    stop: CancellationToken,
) {
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended before its time");
    }
}

/// A connection that was lost before it was taken costs the next one nothing; without free file
/// descriptors it would be asked in a circle.
async fn wait_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be accepted; are there too many open files?");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Answers 503, so that WhatsApp posts again, without looking at the request. Under TLS there is no
/// such answer without a handshake: the connection is closed, and WhatsApp posts again all the same.
fn turn_away(stream: TcpStream, is_tls: bool, farewells: &Arc<Semaphore>) {
    metrics::counter!("onboarding_http_turned_away_total").increment(1);
    if is_tls {
        return;
    }
    if let Ok(permit) = Arc::clone(farewells).try_acquire_owned() {
        tokio::spawn(async move {
            let _ = tokio::time::timeout(FAREWELL, farewell(stream)).await;
            drop(permit);
        });
    }
}

async fn farewell(mut stream: TcpStream) -> io::Result<()> {
    let mut skipped = [0; 4_096];
    // Only a question gets an answer: one that came before it might be taken for another's.
    if stream.read(&mut skipped).await? == 0 {
        return Ok(());
    }
    stream.write_all(no_place().as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with bytes unread resets the connection, and that could overtake the answer.
    while stream.read(&mut skipped).await? > 0 {}
    Ok(())
}

fn no_place() -> String {
    const RETRY_AFTER: u32 = 5;
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-connections",
        "There are too many connections",
        "All connections of this process, or of your address, are taken; try again",
    );
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
         Retry-After: {RETRY_AFTER}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
