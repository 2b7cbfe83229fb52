//! A way to Postgres that counts what is asked on it, statement by statement.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::frames::Frames;

/// What a statement is counted as while it is prepared, once a connection.
pub(super) const PREPARE: &str = "prepare";

/// Counts on the way between the service and Postgres, and changes nothing.
pub(super) struct Proxy {
    address: SocketAddr,
    counted: Arc<Mutex<Counted>>,
}

/// What was asked, by the text of the statement.
pub(super) type Counted = BTreeMap<Arc<str>, Asked>;

/// What was asked in between.
pub(super) fn since(now: &Counted, before: &Counted) -> Counted {
    let less = |(statement, now): (&Arc<str>, &Asked)| {
        let before = before.get(statement).copied().unwrap_or_default();
        let asked = Asked {
            round_trips: now.round_trips - before.round_trips,
            pings: now.pings - before.pings,
            transactions: now.transactions - before.transactions,
        };
        (asked != Asked::default()).then(|| (statement.clone(), asked))
    };
    now.iter().filter_map(less).collect()
}

/// How often something was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Answers that were waited for, those to pings before it included: a pool that hands a
    /// connection out asks first whether it is still there.
    pub(super) round_trips: u64,
    /// Those to pings.
    pub(super) pings: u64,
    /// Transactions that ended with one of them.
    pub(super) transactions: u64,
}

impl Proxy {
    /// To the server of a URL, on a free port of this machine.
    ///
    /// # Errors
    /// No port is free.
    pub(super) async fn to(url: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counted = Arc::<Mutex<Counted>>::default();
        let (server, counter) = (authority(url).to_owned(), counted.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                carry(client, server, counter.clone());
            }
        });
        Ok(Self { address, counted })
    }

    /// The same database, this way. Without TLS: what is encrypted can't be counted.
    pub(super) fn url(&self, url: &str) -> String {
        let url = url.replacen(authority(url), &self.address.to_string(), 1);
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}sslmode=disable")
    }

    /// What was asked so far.
    pub(super) fn counted(&self) -> Counted {
        locked(&self.counted).clone()
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit('@').next().unwrap_or(rest)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What waits for its answer, the oldest first: statements, and pings, which are none.
type Waiting = Arc<Mutex<VecDeque<Option<Arc<str>>>>>;

fn carry(client: TcpStream, server: TcpStream, counted: Arc<Mutex<Counted>>) {
    // Whatever waits for more to send would look like a slow database.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let waiting = Waiting::default();
    let mut asking = Asking { waiting: waiting.clone(), ..Asking::default() };
    tokio::spawn(pass(from_client, to_server, Frames::after_startup(), move |kind, body| {
        asking.frame(kind, body);
    }));
    let mut pings = 0;
    tokio::spawn(pass(from_server, to_client, Frames::default(), move |kind, body| {
        // ReadyForQuery; the first one, after the log-in, answers nothing.
        if kind != b'Z' {
            return;
        }
        let Some(asked) = locked(&waiting).pop_front() else { return };
        let Some(statement) = asked else { return pings += 1 };
        let mut counted = locked(&counted);
        let asked = counted.entry(statement).or_default();
        asked.pings += pings;
        asked.round_trips += 1 + std::mem::take(&mut pings);
        asked.transactions += u64::from(body.first() == Some(&b'I'));
    }));
}

/// Passes bytes on as they come, and shows the messages in them before.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut frames: Frames,
    mut see: impl FnMut(u8, &[u8]),
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        frames.feed(&bytes[..read], &mut see);
        if to.write_all(&bytes[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// The client's side: which statement each answer will be for.
#[derive(Default)]
struct Asking {
    /// Prepared statements by name.
    prepared: HashMap<Vec<u8>, Arc<str>>,
    /// What was bound since the last Sync, or prepared.
    current: Option<Arc<str>>,
    waiting: Waiting,
}

impl Asking {
    fn frame(&mut self, kind: u8, body: &[u8]) {
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        match kind {
            // Parse: name, text.
            b'P' => {
                let (name, sql) = (text().to_vec(), text());
                self.prepared.insert(name, String::from_utf8_lossy(sql).into());
                self.current = Some(PREPARE.into());
            }
            // Bind: portal, name.
            b'B' => {
                let (_, name) = (text(), text());
                self.current = self.prepared.get(name).cloned();
            }
            // Sync.
            b'S' => {
                let asked = self.current.take();
                locked(&self.waiting).push_back(asked);
            }
            // A simple query.
            b'Q' => {
                let asked = String::from_utf8_lossy(text()).into();
                locked(&self.waiting).push_back(Some(asked));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_statement_that_was_bound() {
        let mut asking = Asking::default();
        asking.frame(b'P', b"s1\0SELECT 1\0\0\0");
        asking.frame(b'S', b"");
        asking.frame(b'B', b"\0s1\0\0\0");
        asking.frame(b'S', b"");
        asking.frame(b'S', b"");
        asking.frame(b'Q', b"BEGIN\0");
        let waiting: Vec<_> = locked(&asking.waiting).iter().cloned().collect();
        let statement = |sql: &str| Some(Arc::from(sql));
        assert_eq!(waiting, [statement(PREPARE), statement("SELECT 1"), None, statement("BEGIN")]);
    }

    #[test]
    fn only_the_server_of_a_url_is_replaced() {
        let counted = Arc::default();
        let proxy = Proxy { address: ([127, 0, 0, 1], 7).into(), counted };
        let url = proxy.url("postgres://me:word@host:5432/db");
        assert_eq!(url, "postgres://me:word@127.0.0.1:7/db?sslmode=disable");
    }
}
