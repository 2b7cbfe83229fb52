//! The way from a copy of the service to a server, which can be cut and stalled, and which can lose
//! the answers to commits.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use onboarding::bench::frames::Frames;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Most bytes that are passed on at once.
const READ_AT_ONCE: usize = 16 * 1024;

/// What whoever publishes an event names the one before by: a header.
pub const CHAIN: &[u8] = b"Nats-Expected-Last-Sequence";

/// Of so many commits under [`Mode::LosingAnswers`], the answer of one is lost.
const ONE_IN: u64 = 3;

/// A way to a server. Its connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    lost: Arc<AtomicU64>,
    _accepting: AbortOnDropHandle<()>,
}

/// What is said on a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Postgres' protocol without TLS: commits are seen in no other.
    Sql,
    /// Whatever it is.
    Anything,
    /// Whatever it is; but the server is not told this word, of which the first letter is changed.
    AllBut(&'static [u8]),
}

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything gets through.
    Open,
    /// What is connected was cut when this began, and nothing new is let through.
    Cut,
    /// Connections stay, and nothing gets through until this ends.
    Stalled,
    /// Everything gets through until somebody publishes an event: from then on [`Self::Stalled`], with
    /// that event among what waits.
    StallingAtEvent,
    /// Some commits get through, and the connection is cut before their answer does.
    LosingAnswers,
}

#[derive(Clone, Copy)]
struct State {
    mode: Mode,
    /// Counted, so that a cut is noticed however short it was.
    cuts: u64,
}

impl Proxy {
    /// To a server, `host:port`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(server: &str, says: Says) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State { mode: Mode::Open, cuts: 0 });
        let lost = Arc::<AtomicU64>::default();
        let accepting = accept(listener, server.to_owned(), says, state.clone(), lost.clone());
        let accepting = AbortOnDropHandle::new(tokio::spawn(accepting));
        Ok(Self { address, state, lost, _accepting: accepting })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how the way is, from now on.
    pub fn set(&self, mode: Mode) {
        self.state.send_modify(|state| {
            state.mode = mode;
            state.cuts += u64::from(mode == Mode::Cut);
        });
    }

    /// Waits until nothing gets through, or for ever.
    pub async fn stalled(&self) {
        let mut state = self.state.subscribe();
        // The sender is this proxy's own: there is no error.
        let _ = state.wait_for(|state| state.mode == Mode::Stalled).await;
    }

    /// How many commits' answers were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    says: Says,
    ways: watch::Sender<State>,
    lost: Arc<AtomicU64>,
) {
    let commits = Arc::<AtomicU64>::default();
    while let Ok((client, _)) = listener.accept().await {
        let State { mode, cuts } = *ways.borrow();
        if mode == Mode::Cut {
            continue;
        }
        let (server, ways, state) = (server.clone(), ways.clone(), ways.subscribe());
        let losing = Losing {
            committing: Arc::default(),
            commits: commits.clone(),
            lost: lost.clone(),
            state: state.clone(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = is_cut(state.clone(), cuts) => {}
                () = carry(client, &server, says, losing, ways) => {}
            }
        });
    }
}

/// Waits for the next cut.
async fn is_cut(mut state: watch::Receiver<State>, cuts: u64) {
    // An error means that the proxy is gone, which is the same.
    let _ = state.wait_for(|state| state.cuts != cuts).await;
}

/// Waits while the way is stalled; `false` if it is gone.
async fn is_open(state: &mut watch::Receiver<State>) -> bool {
    state.wait_for(|state| state.mode != Mode::Stalled).await.is_ok()
}

/// Carries one connection until either side or the way ends it.
async fn carry(
    client: TcpStream,
    server: &str,
    says: Says,
    losing: Losing,
    ways: watch::Sender<State>,
) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Whatever waits for more to send would look like a slow server.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let losing = Some(losing).filter(|_| says == Says::Sql);
    let mut commits = losing.clone().map(Commits::of);
    let mut hidden = Hidden::of(says);
    let state = ways.subscribe();
    let mut last = vec![];
    let seen = move |bytes: &[u8]| stall_at_event(&ways, &mut last, bytes);
    let asked = move |bytes: &mut Vec<u8>| {
        if let Some(commits) = &mut commits {
            commits.feed(bytes);
        }
        hidden.change(bytes);
        true
    };
    let answered = move |_: &mut Vec<u8>| !losing.as_ref().is_some_and(Losing::loses_the_answer);
    tokio::select! {
        () = pass(from_client, to_server, state.clone(), seen, asked) => {}
        () = pass(from_server, to_client, state, |_| {}, answered) => {}
    }
}

/// Stalls the way if it is to be stalled at an event, and these bytes, after the last ones, have one.
fn stall_at_event(ways: &watch::Sender<State>, last: &mut Vec<u8>, bytes: &[u8]) {
    last.extend(bytes);
    let may = ways.borrow().mode == Mode::StallingAtEvent;
    if may && last.windows(CHAIN.len()).any(|word| word == CHAIN) {
        ways.send_modify(|state| state.mode = Mode::Stalled);
    }
    last.drain(..last.len().saturating_sub(CHAIN.len() - 1));
}

/// Passes bytes on as they come and are `seen`, and not while the way is stalled, until `may_pass` is
/// not so.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    mut seen: impl FnMut(&[u8]),
    mut may_pass: impl FnMut(&mut Vec<u8>) -> bool,
) {
    let mut bytes = Vec::with_capacity(READ_AT_ONCE);
    while let Ok(1..) = from.read_buf(&mut bytes).await {
        seen(&bytes);
        if !is_open(&mut state).await {
            return;
        }
        if !may_pass(&mut bytes) || to.write_all(&bytes).await.is_err() {
            return;
        }
        bytes.clear();
        bytes.reserve(READ_AT_ONCE);
    }
}

/// A word that the server is not told.
struct Hidden {
    word: &'static [u8],
    /// What has come of it at the end of the last bytes.
    begun: Vec<u8>,
}

impl Hidden {
    const fn of(says: Says) -> Self {
        let word: &[u8] = if let Says::AllBut(word) = says { word } else { &[] };
        Self { word, begun: vec![] }
    }

    /// Changes the word wherever it stands. Where the bytes end with what may become it, that waits
    /// for the next ones: nothing that is said ends so.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let Some(first) = self.word.first() else { return };
        let mut whole = std::mem::take(&mut self.begun);
        whole.append(bytes);
        let mut at = 0;
        while let Some(found) = whole[at..].windows(self.word.len()).position(|w| w == self.word) {
            whole[at + found] = first ^ 1;
            at += found + self.word.len();
        }
        let ends_with = |many: &usize| whole.ends_with(&self.word[..*many]);
        let begun = (1..self.word.len()).rev().find(ends_with).unwrap_or(0);
        self.begun = whole.split_off(whole.len() - begun);
        *bytes = whole;
    }
}

/// Which answers of a connection to Postgres are lost.
#[derive(Clone)]
struct Losing {
    /// What the client waits for is the answer to a commit.
    committing: Arc<AtomicBool>,
    /// Of all connections, while answers are lost.
    commits: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    state: watch::Receiver<State>,
}

impl Losing {
    /// Asked at the first bytes of each answer: by then Postgres has committed.
    fn loses_the_answer(&self) -> bool {
        let committing = self.committing.swap(false, Ordering::AcqRel);
        if !committing || self.state.borrow().mode != Mode::LosingAnswers {
            return false;
        }
        let loses = self.commits.fetch_add(1, Ordering::Relaxed).is_multiple_of(ONE_IN);
        self.lost.fetch_add(u64::from(loses), Ordering::Relaxed);
        loses
    }
}

/// What a client asks of Postgres, as far as commits go.
struct Commits {
    frames: Frames,
    asking: Asking,
}

struct Asking {
    losing: Losing,
    /// Names of prepared statements that commit by themselves.
    prepared: HashSet<Vec<u8>>,
    /// One of them is bound.
    bound: bool,
}

impl Commits {
    fn of(losing: Losing) -> Self {
        let asking = Asking { losing, prepared: HashSet::new(), bound: false };
        Self { frames: Frames::after_startup(), asking }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let asking = &mut self.asking;
        self.frames.feed(bytes, &mut |kind, body| asking.frame(kind, body));
    }
}

impl Asking {
    fn frame(&mut self, kind: u8, body: &[u8]) {
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        match kind {
            // Parse: name, text.
            b'P' => {
                let (name, sql) = (text().to_vec(), text());
                if commits(sql) {
                    self.prepared.insert(name);
                } else {
                    self.prepared.remove(&name);
                }
            }
            // Bind: portal, name.
            b'B' => {
                let (_portal, name) = (text(), text());
                self.bound = self.prepared.contains(name);
            }
            // Sync: the answer is sent now.
            b'S' => {
                let bound = std::mem::take(&mut self.bound);
                self.losing.committing.store(bound, Ordering::Release);
            }
            // A simple query.
            b'Q' => self.losing.committing.store(commits(text()), Ordering::Release),
            _ => {}
        }
    }
}

/// The end of a transaction, or the one statement that is a whole one: an append.
fn commits(sql: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sql);
    text.trim().eq_ignore_ascii_case("commit") || text.contains("append_events(")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    /// A server that gives back what it gets.
    async fn echo() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = client.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    /// Says something and waits for as much.
    async fn said(connection: &mut TcpStream, what: &[u8]) -> std::io::Result<Vec<u8>> {
        connection.write_all(what).await?;
        let mut answer = vec![0; what.len()];
        connection.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_cut_ends_what_is_connected_and_lets_nobody_through_until_it_is_healed() {
        let proxy = Proxy::to(&echo().await, Says::Anything).await.unwrap();
        let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut connection, b"one").await.unwrap(), b"one");
        proxy.set(Mode::Cut);
        assert!(timeout(SOON * 10, said(&mut connection, b"two")).await.unwrap().is_err());
        let mut next = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(timeout(SOON * 10, said(&mut next, b"three")).await.unwrap().is_err());
        proxy.set(Mode::Open);
        let mut next = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut next, b"four").await.unwrap(), b"four");
    }

    #[tokio::test]
    async fn a_stall_keeps_back_what_is_said_and_loses_none_of_it() {
        let proxy = Proxy::to(&echo().await, Says::Anything).await.unwrap();
        let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut connection, b"one").await.unwrap(), b"one");
        proxy.set(Mode::Stalled);
        connection.write_all(b"two").await.unwrap();
        let mut answer = [0; 3];
        assert!(timeout(SOON, connection.read_exact(&mut answer)).await.is_err());
        proxy.set(Mode::Open);
        timeout(SOON * 10, connection.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"two");
    }

    #[tokio::test]
    async fn a_way_that_stalls_at_an_event_stalls_before_it_and_at_nothing_else() {
        let proxy = Proxy::to(&echo().await, Says::AllBut(CHAIN)).await.unwrap();
        proxy.set(Mode::StallingAtEvent);
        let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut connection, b"one").await.unwrap(), b"one");
        connection.write_all(CHAIN).await.unwrap();
        timeout(SOON * 10, proxy.stalled()).await.unwrap();
        let mut answer = [0; CHAIN.len()];
        assert!(timeout(SOON, connection.read_exact(&mut answer)).await.is_err());
        proxy.set(Mode::Open);
        timeout(SOON * 10, connection.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer[1..], CHAIN[1..]);
    }

    #[tokio::test]
    async fn the_answer_to_a_commit_is_lost_and_no_other() {
        let proxy = Proxy::to(&echo().await, Says::Sql).await.unwrap();
        proxy.set(Mode::LosingAnswers);
        let mut connection = TcpStream::connect(proxy.address()).await.unwrap();
        let startup = [0_u8, 0, 0, 8, 0, 3, 0, 0];
        assert_eq!(said(&mut connection, &startup).await.unwrap(), startup);
        let begin = b"Q\0\0\0\x0aBEGIN\0";
        assert_eq!(said(&mut connection, begin).await.unwrap(), begin);
        let commit = b"Q\0\0\0\x0bCOMMIT\0";
        assert!(said(&mut connection, commit).await.is_err());
        assert_eq!(proxy.lost(), 1);
    }

    #[test]
    fn a_word_is_hidden_wherever_it_stands_and_however_it_comes() {
        let said = b"one Nats-Word two Nats-Wolf Nats-Word";
        for size in 1..=said.len() {
            let mut hidden = Hidden::of(Says::AllBut(b"Nats-Word"));
            let mut passed = vec![];
            for piece in said.chunks(size) {
                let mut bytes = piece.to_vec();
                hidden.change(&mut bytes);
                passed.extend(bytes);
            }
            let passed = String::from_utf8(passed).unwrap();
            assert_eq!(passed, "one Oats-Word two Nats-Wolf Oats-Word", "by {size}");
        }
    }

    #[test]
    fn an_append_commits_when_it_is_bound_and_not_when_it_is_prepared() {
        let (sender, state) = watch::channel(State { mode: Mode::LosingAnswers, cuts: 0 });
        let losing = Losing {
            committing: Arc::default(),
            commits: Arc::default(),
            lost: Arc::default(),
            state,
        };
        let mut asking = Asking { losing: losing.clone(), prepared: HashSet::new(), bound: false };
        asking.frame(b'P', b"s1\0SELECT * FROM append_events($1)\0\0\0");
        asking.frame(b'S', b"");
        assert!(!losing.loses_the_answer());
        asking.frame(b'B', b"\0s1\0\0\0");
        asking.frame(b'S', b"");
        assert!(losing.loses_the_answer());
        assert!(!losing.loses_the_answer(), "once");
        asking.frame(b'P', b"s1\0SELECT 1\0\0\0");
        asking.frame(b'B', b"\0s1\0\0\0");
        asking.frame(b'S', b"");
        assert!(!losing.loses_the_answer());
        drop(sender);
    }
}
