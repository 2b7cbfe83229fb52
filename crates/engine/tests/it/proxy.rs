//! Between an engine and Postgres: counts statements, and cuts connections.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A way to Postgres.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    statements: Arc<Mutex<Vec<String>>>,
    cuts: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            statements: Arc::default(),
            cuts: Arc::default(),
        };
        let server = authority(url).to_owned();
        let this = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                tokio::spawn(this.clone().carry(client, server));
            }
        });
        proxy
    }

    /// The same database, this way.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace(authority(url), &self.address.to_string())
    }

    /// The next so many appends are carried out, but their answers never arrive.
    pub(crate) fn cut_appends(&self, times: u32) {
        self.cuts.store(times, Ordering::SeqCst);
    }

    pub(crate) fn cuts_left(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// The statements since the last call, without those of the timers.
    pub(crate) fn statements(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.statements.lock().unwrap());
        let of_timers =
            |sql: &String| sql.contains("deadline <=") || sql.contains("WHERE version > $1");
        all.into_iter().filter(|sql| !of_timers(sql)).collect()
    }

    /// Returns once the timers have looked for new directory versions a second time and for the
    /// rooms of the only company, which need no review: what their first look brought is decided by
    /// then.
    pub(crate) async fn timers_have_looked(&self) {
        let looked = || {
            let seen = self.statements.lock().unwrap();
            ["WHERE version > $1", "FROM room_reviews"]
                .iter()
                .all(|part| seen.iter().any(|sql| sql.contains(part)))
        };
        while !looked() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn carry(self, client: TcpStream, server: TcpStream) {
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let lose_answer = Arc::new(AtomicU32::new(0));
        let back = tokio::spawn(pass_back(from_server, to_client, lose_answer.clone()));
        let _ = self.pass_on(from_client, to_server, &lose_answer).await;
        back.abort();
    }

    async fn pass_on(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        lose_answer: &AtomicU32,
    ) -> std::io::Result<()> {
        let mut names: HashMap<Vec<u8>, String> = HashMap::new();
        let length = from.read_u32().await?;
        let mut startup = vec![0; length as usize - 4];
        from.read_exact(&mut startup).await?;
        to.write_u32(length).await?;
        to.write_all(&startup).await?;
        loop {
            let kind = from.read_u8().await?;
            let length = from.read_u32().await?;
            let mut body = vec![0; length as usize - 4];
            from.read_exact(&mut body).await?;
            let mut parts = body.split(|byte| *byte == 0);
            let (first, second) = (parts.next().unwrap_or(&[]), parts.next().unwrap_or(&[]));
            if kind == b'P' {
                names.insert(first.to_vec(), String::from_utf8_lossy(second).into_owned());
            }
            if kind == b'B' {
                let sql = names.get(second).cloned().unwrap_or_default();
                if sql.contains("append_events") && self.take_cut() {
                    lose_answer.store(1, Ordering::SeqCst);
                }
                self.statements.lock().unwrap().push(sql);
            }
            let mut message = vec![kind];
            message.extend(length.to_be_bytes());
            message.extend(body);
            to.write_all(&message).await?;
        }
    }

    fn take_cut(&self) -> bool {
        let less = |n: u32| n.checked_sub(1);
        self.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

async fn pass_back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lose_answer: Arc<AtomicU32>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        // Postgres has answered, so the append is committed.
        if read == 0 || lose_answer.load(Ordering::SeqCst) == 1 {
            let _ = to.shutdown().await;
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split("://").nth(1).unwrap();
    let rest = rest.split('/').next().unwrap();
    rest.rsplit('@').next().unwrap()
}
