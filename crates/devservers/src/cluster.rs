//! Several NATS servers that are one: each message of a stream is on as many of them as the stream
//! says.
//!
//! Each node is a [`Server`] with a folder, ports, a watchdog and a janitor of its own. They reach
//! each other by [`Routes`], which may lead over a caller's proxies, so that nodes can be parted.
//!
//! **Invariant:** no node finds another but by the routes. nats-server tells its neighbours at which
//! address they find each other; what it tells here is an address where nobody listens, and clients
//! are told nothing.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::handshake::{nats_is_healthy, nats_replicates};
use crate::home::Home;
use crate::nats::{NATS, STORE, run};
use crate::options::Options;
use crate::port::{free_port, random};
use crate::progress::{Progress, Say, off_thread};
use crate::server::Server;

/// From the start of the last node until the cluster takes streams; it elects its leader after four
/// to nine seconds.
const ELECTION_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Told to neighbours as every node's address. Nobody listens on the port of `tcpmux`.
const NOWHERE: &str = "127.0.0.1:1";

/// By which address each node of a cluster reaches each, before it is started.
#[derive(Debug, Clone)]
pub struct Routes {
    listening: Vec<SocketAddr>,
    /// Of each node, to each node.
    ways: Vec<Vec<SocketAddr>>,
}

impl Routes {
    /// Straight ways between so many nodes, on ports that are free now.
    ///
    /// # Errors
    /// There are not so many free ports.
    pub fn between(nodes: usize) -> anyhow::Result<Self> {
        let mut listening: Vec<SocketAddr> = vec![];
        for _ in 0..nodes {
            let port = unlike(&listening)?;
            listening.push((Ipv4Addr::LOCALHOST, port).into());
        }
        let ways = vec![listening.clone(); nodes];
        Ok(Self { listening, ways })
    }

    /// Where a node will listen for the others; nodes are counted from 0.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.listening[node]
    }

    /// Has one node reach another by this address, behind which somebody passes on to where that one
    /// listens.
    pub fn lead_over(&mut self, address: SocketAddr, from: usize, to: usize) {
        self.ways[from][to] = address;
    }
}

/// A cluster whose nodes run. Dropping it stops them as dropping a [`Server`] does.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, in the order of the routes.
    pub nodes: Vec<Node>,
}

/// One node of a cluster.
#[derive(Debug)]
pub struct Node {
    /// What it is called where JetStream tells of leaders and copies.
    pub name: String,
    /// To kill, stop and restart it; its URL leads to this node alone.
    pub server: Server,
    monitoring: Option<u16>,
}

impl Cluster {
    /// The URLs of all nodes, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<&str> = self.nodes.iter().map(|node| node.server.url()).collect();
        urls.join(",")
    }
}

impl Node {
    /// A server that is no cluster, for whoever has either. It tells nothing of its health.
    pub fn alone(server: Server) -> Self {
        Self { name: "alone".to_owned(), server, monitoring: None }
    }

    /// Whether the node says that it has everything that it should have: it hears the leaders, and
    /// has caught up with each stream of which it has a copy. (What a leader tells of a node that has
    /// lost its store may still be from before.)
    pub async fn is_healthy(&self) -> bool {
        let Some(port) = self.monitoring else { return false };
        tokio::task::spawn_blocking(move || nats_is_healthy(port)).await.unwrap_or(false)
    }

    /// Removes everything that a stopped node has stored, as if its disk had been replaced.
    ///
    /// # Errors
    /// The node runs, or the store can't be removed.
    pub async fn lose_store(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.server.pid().is_none(), "the node {} still runs", self.name);
        let folder = self.server.data_dir().context("an external server")?.join(STORE);
        let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(folder)).await;
        removed.context("the removal of a store panicked")?.context("cannot remove a store")
    }
}

/// A private cluster, ready to make streams with a copy on every node. An external server is never
/// used.
///
/// # Errors
/// There is no program to run (the text names the ways out), a node does not start (the text quotes
/// its log), or they don't become a cluster in time.
pub async fn nats_cluster(
    routes: &Routes,
    options: &Options,
    progress: &Progress<'_>,
) -> anyhow::Result<Cluster> {
    anyhow::ensure!(
        options.nats_config.is_none(),
        "a node of a cluster has its own configuration: nats_config does not go with it"
    );
    let (routes, options) = (routes.clone(), options.clone());
    off_thread(progress, move |say| start(&routes, &options, say)).await
}

fn start(routes: &Routes, options: &Options, say: &Say<'_>) -> anyhow::Result<Cluster> {
    let found = NATS.find(&options.places, None, say)?;
    let count = routes.listening.len();
    say(&format!("starting {count} nats-server {} as a cluster…", found.version));
    let folder = options.absolute_data_dir()?;
    let homes = (1..=count).map(|number| {
        let home = folder.join(format!("nats-{number}"));
        Home::create(home, options.keep_data)
    });
    let homes: Vec<Home> = homes.collect::<anyhow::Result<_>>()?;
    let token = token_of(homes.first().context("a cluster of no nodes")?.folder())?;
    let (mut nodes, mut ports): (Vec<Node>, Vec<u16>) = (vec![], vec![]);
    for (number, home) in homes.into_iter().enumerate() {
        let name = format!("n{}-{token}", number + 1);
        let cluster = format!("devservers-{token}");
        let mut more = options.nats_settings.clone();
        more.push(block(&cluster, routes.listening[number], &routes.ways[number]));
        let monitoring = unlike(&routes.listening)?;
        more.push(format!("http: \"127.0.0.1:{monitoring}\""));
        let server = run(options, &found, home, name.clone(), more)?;
        ports.push(port_of(&server)?);
        nodes.push(Node { name, server, monitoring: Some(monitoring) });
    }
    let deadline = Instant::now() + ELECTION_LIMIT;
    while !ports.iter().all(|port| nats_replicates(*port, count)) {
        anyhow::ensure!(Instant::now() < deadline, "the {count} nats-servers become no cluster");
        thread::sleep(LOOK_EVERY);
    }
    Ok(Cluster { nodes })
}

/// A free port that is none of these.
fn unlike(taken: &[SocketAddr]) -> anyhow::Result<u16> {
    loop {
        let port = free_port()?;
        if taken.iter().all(|address| address.port() != port) {
            return Ok(port);
        }
    }
}

/// What makes the names of this cluster its own. JetStream knows nodes by their names, so data that
/// were kept need the same again.
fn token_of(home: &Path) -> anyhow::Result<String> {
    let file = home.join("cluster");
    if let Ok(token) = fs::read_to_string(&file) {
        return Ok(token);
    }
    let token = format!("{:016x}", random());
    fs::write(&file, &token).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(token)
}

/// The way of a node to itself is among its routes, as where every node has the same configuration:
/// the cluster is as large as the list is long.
fn block(cluster: &str, listening: SocketAddr, ways: &[SocketAddr]) -> String {
    let routes: Vec<String> = ways.iter().map(|way| format!("\"nats-route://{way}\"")).collect();
    format!(
        "cluster {{\n  name: \"{cluster}\"\n  listen: \"{listening}\"\n  advertise: \"{NOWHERE}\"\n  \
         no_advertise: true\n  routes: [{}]\n}}",
        routes.join(", ")
    )
}

fn port_of(server: &Server) -> anyhow::Result<u16> {
    let port = server.url().rsplit(':').next().and_then(|port| port.parse().ok());
    port.context("a URL without a port")
}
