//! Connecting, and refusing a server that is too old.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::time::{Instant, sleep};

use crate::error::BoxError;
use crate::security::{Proof, Security, Tls, tls_in};

/// The oldest server that has what we rely on (consumer reset, batched publishing, persist modes).
pub const MINIMUM_VERSION: (i64, i64) = (2, 14);

/// How to reach NATS.
#[derive(Clone)]
pub struct ConnectSettings {
    /// `nats://[user:password@|token@]host[:port]`, the servers of a cluster separated by commas;
    /// `tls://` for TLS, of all of them or of none. One user counts for all.
    pub url: String,
    /// Names the connection in the server's monitoring.
    pub name: String,
    /// For how long to try before the first connection is given up. Afterwards the client
    /// reconnects for as long as it lives.
    pub patience: Duration,
    /// Who connects, and whom it trusts, if the URL does not say it all.
    pub security: Security,
}

/// Why there is no connection. Its text never holds the URL, which may carry a password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one, or the servers in it don't go together.
    #[error(
        "the NATS URL is not valid; expected nats://[user:password@]host[:port], the servers of a \
         cluster separated by commas"
    )]
    Url(#[source] BoxError),
    /// A file of [`Security`] can't be read, or is not what it should be.
    #[error("the file {} can't be used", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: BoxError,
    },
    /// The server refuses us.
    #[error("NATS at {0} refuses our credentials (user and password in its URL, nkey or JWT)")]
    Refused(String, #[source] async_nats::ConnectError),
    /// We refuse the server.
    #[error(
        "the certificate of NATS at {0} is not accepted: it is of another authority, for another \
         host name, or out of date"
    )]
    Untrusted(String, #[source] async_nats::ConnectError),
    /// TLS does not come about.
    #[error(
        "NATS at {0} and we don't agree on TLS; it may want a client certificate that its \
         authority has signed"
    )]
    Tls(String, #[source] async_nats::ConnectError),
    /// Nobody answered in time.
    #[error("NATS at {0} did not answer within {1:?}")]
    Unreachable(String, Duration, #[source] async_nats::ConnectError),
}

impl ConnectError {
    /// Whether the same call may work later.
    pub const fn retry_helps(&self) -> bool {
        matches!(self, Self::Unreachable(..))
    }
}

/// Connects, trying again within `patience`.
///
/// # Errors
/// What asking again can't change at once (an invalid URL, a file, refused credentials, a
/// certificate that is not accepted), everything else after `patience`.
pub async fn connect(settings: &ConnectSettings) -> Result<Client, ConnectError> {
    let servers = addresses(&settings.url)?;
    let proof = settings.security.proof().await?;
    let hosts: Vec<_> =
        servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
    let host = hosts.join(", ");
    let deadline = Instant::now() + settings.patience;
    let mut pause = Duration::from_millis(100);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = options(settings, &servers, proof.as_ref())?
            .connection_timeout(left.clamp(Duration::from_millis(100), Duration::from_secs(5)))
            .connect(servers.as_slice());
        let error = match attempt.await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                return Err(ConnectError::Refused(host, error));
            }
            ConnectErrorKind::Tls => return Err(ConnectError::Tls(host, error)),
            _ => {}
        }
        match tls_in(&error) {
            Tls::Certificate => return Err(ConnectError::Untrusted(host, error)),
            Tls::Other => return Err(ConnectError::Tls(host, error)),
            Tls::Fine if Instant::now() + pause >= deadline => {
                return Err(ConnectError::Unreachable(host, settings.patience, error));
            }
            Tls::Fine => sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Why a server can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// Older than [`MINIMUM_VERSION`].
    #[error(
        "NATS server {found} is too old: onboarding needs {}.{} or newer. Install a current \
         nats-server (https://nats.io/download) and restart it on the same storage directory, \
         or point the NATS URL at a newer server",
        MINIMUM_VERSION.0, MINIMUM_VERSION.1
    )]
    TooOld {
        /// Its version.
        found: String,
    },
    /// Runs without JetStream.
    #[error(
        "NATS server {found} runs without JetStream: start it with `-js -sd <directory>` or add \
         a `jetstream` block to its configuration"
    )]
    NoJetStream {
        /// Its version.
        found: String,
    },
}

/// Refuses a server that is too old or has no JetStream.
///
/// # Errors
/// The text says what to do.
pub fn require_version(client: &Client) -> Result<(), Unsuitable> {
    let info = client.server_info();
    suitable(&info.version, info.jetstream)
}

fn suitable(version: &str, jetstream: bool) -> Result<(), Unsuitable> {
    let found = version.to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(|n| n.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < MINIMUM_VERSION {
        Err(Unsuitable::TooOld { found })
    } else if !jetstream {
        Err(Unsuitable::NoJetStream { found })
    } else {
        Ok(())
    }
}

/// Names a server by its place only: the URL may hold a password.
fn addresses(url: &str) -> Result<Vec<ServerAddr>, ConnectError> {
    let urls: Vec<&str> = url.split(',').map(str::trim).collect();
    let mut servers: Vec<ServerAddr> = Vec::with_capacity(urls.len());
    for (url, number) in urls.iter().zip(1..) {
        let wrong = |why: &str| {
            ConnectError::Url(format!("server {number} of {}: {why}", urls.len()).into())
        };
        let server = url.parse::<ServerAddr>().map_err(|error| wrong(&error.to_string()))?;
        if server.host().is_empty() {
            return Err(wrong("it names no host"));
        }
        if servers.iter().any(|other| other.tls_required() != server.tls_required()) {
            return Err(wrong("either all servers are tls://, or none is"));
        }
        let named = servers.iter().find(|other| other.username().is_some());
        if server.username().is_some() && named.is_some_and(|other| user(other) != user(&server)) {
            return Err(wrong(
                "it names another user than one before it, but a process is one user",
            ));
        }
        servers.push(server);
    }
    Ok(servers)
}

fn user(server: &ServerAddr) -> (Option<&str>, Option<&str>) {
    (server.username(), server.password())
}

fn options(
    settings: &ConnectSettings,
    servers: &[ServerAddr],
    proof: Option<&Proof>,
) -> Result<ConnectOptions, ConnectError> {
    let options = ConnectOptions::new()
        .name(&settings.name)
        .ping_interval(Duration::from_secs(10))
        .reconnect_delay_callback(reconnect_delay)
        // Of the servers too that a server tells of.
        .require_tls(servers.iter().any(ServerAddr::tls_required))
        .event_callback(|event| async move { report(&event) });
    // async-nats 0.51 parses the credentials of a URL and then ignores them.
    let options = match servers.iter().find_map(|s| Some((s.username()?, s.password()))) {
        Some((user, Some(password))) => {
            options.user_and_password(percent_decoded(user), percent_decoded(password))
        }
        Some((token, None)) => options.token(percent_decoded(token)),
        None => options,
    };
    settings.security.apply(options, proof)
}

/// Before the attempt of this number to connect again: soon, for what NATS holds up waits for it, and
/// whoever knows what became of a message must be back before another asks.
fn reconnect_delay(attempts: usize) -> Duration {
    const LONGEST: Duration = Duration::from_secs(1);
    let doubled = 1_u32 << attempts.saturating_sub(1).min(5);
    if attempts <= 1 { Duration::ZERO } else { (Duration::from_millis(50) * doubled).min(LONGEST) }
}

fn report(event: &Event) {
    match event {
        Event::Connected | Event::Draining | Event::Closed => tracing::info!("NATS: {event}"),
        _ => tracing::warn!("NATS: {event}"),
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_refused_with_what_to_do() {
        let error = suitable("2.10.29", true).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2.10.29") && text.contains("needs 2.14 or newer"), "{text}");
        assert!(text.contains("https://nats.io/download"), "{text}");
        assert_eq!(suitable("2.14.0-RC.1", true), Ok(()));
        assert_eq!(suitable("3.0.0", true), Ok(()));
        let error = suitable("2.15.1", false).unwrap_err();
        assert!(error.to_string().contains("-js"), "{error}");
    }

    #[test]
    fn the_servers_of_a_cluster_are_separated_by_commas() {
        let hosts = |url: &str| -> Vec<String> {
            let servers = addresses(url).unwrap();
            servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect()
        };
        assert_eq!(hosts("nats://a:4223"), ["a:4223"]);
        assert_eq!(hosts("nats://u:p@a, nats://u:p@b:1,nats://c"), ["a:4222", "b:1", "c:4222"]);
        assert_eq!(hosts("tls://a,tls://u:p@b"), ["a:4222", "b:4222"]);
    }

    #[test]
    fn servers_that_do_not_go_together_are_named_by_their_place() {
        for (url, said) in [
            ("nats://a,", "server 2 of 2: it names no host"),
            ("nats://a,,nats://c", "server 2 of 3: it names no host"),
            ("nats://a,http://b", "server 2 of 2: invalid scheme"),
            ("tls://a,nats://b", "server 2 of 2: either all servers are tls://"),
            ("nats://u:secret@a,nats://u:other@b", "server 2 of 2: it names another user"),
        ] {
            let error = addresses(url).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.starts_with(said), "{cause}");
            assert!(error.to_string().contains("separated by commas"), "{error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
            assert!(!error.retry_helps());
        }
    }

    #[test]
    fn a_password_may_hold_any_character() {
        assert_eq!(percent_decoded("p%40ss%3A%c3%a4%"), "p@ss:ä%");
    }
}
