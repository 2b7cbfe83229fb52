//! The NATS of a run: one server, or a cluster whose nodes can be killed, cut off and emptied one at
//! a time.
//!
//! Between the nodes of a cluster are proxies, one for each way from node to node; in front of each
//! node is one that all its clients come by. The ways of the copies of the service lead there, and are
//! cut on their own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::{self, Context as JetStream};
use devservers::{Node, Options, Progress, Routes, nats_cluster};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use crate::node::{Clients, Leads};
use crate::proxy::{Mode, Proxy, Says};
use crate::site::authority;

/// What has a copy on every node of a cluster.
const STREAMS: [&str; 4] = ["INBOX", "EVT", "DLQ", "KV_onboarding-numbers"];
/// How long NATS may take until it does what is asked of it: when it has just come back, elects its
/// leaders, or brings a node up to date.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One server, or a cluster.
pub(crate) struct Nats {
    nodes: Vec<Node>,
    /// What clients of each node come by. One server has none: the ways to it do.
    fronts: Vec<Proxy>,
    routes: Vec<Route>,
    /// Leads to all nodes without detour.
    streams: JetStream,
    /// Which node the present fault has struck.
    struck: Mutex<Option<usize>>,
}

/// The way from one node to another.
struct Route {
    from: usize,
    to: usize,
    proxy: Proxy,
}

impl Nats {
    /// Starts so many servers.
    pub(crate) async fn start(
        nodes: u32,
        options: &Options,
        say: &Progress<'_>,
    ) -> anyhow::Result<Self> {
        let (mut routes, mut fronts) = (vec![], vec![]);
        let nodes = if nodes == 1 {
            let server = devservers::nats(options, say).await?;
            vec![Node::alone(server)]
        } else {
            let nodes = nodes as usize;
            let mut ways = Routes::between(nodes)?;
            for from in 0..nodes {
                for to in (0..nodes).filter(|to| *to != from) {
                    let proxy = Proxy::to(&ways.address(to).to_string(), Says::Anything).await?;
                    ways.lead_over(proxy.address(), from, to);
                    routes.push(Route { from, to, proxy });
                }
            }
            let nodes = nats_cluster(&ways, options, say).await?.nodes;
            for node in &nodes {
                fronts.push(Proxy::to(authority(node.server.url()), Says::Anything).await?);
            }
            nodes
        };
        let urls: Vec<&str> = nodes.iter().map(|node| node.server.url()).collect();
        let client = async_nats::connect(urls).await.context("connecting to NATS")?;
        let streams = jetstream::new(client);
        Ok(Self { nodes, fronts, routes, streams, struck: Mutex::default() })
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The one server, where it is no cluster: there are faults that are about its files.
    pub(crate) fn only(&self) -> anyhow::Result<&devservers::Server> {
        match self.nodes.as_slice() {
            [node] => Ok(&node.server),
            nodes => anyhow::bail!("NATS is a cluster of {}", nodes.len()),
        }
    }

    /// Leads to all nodes without detour.
    pub(crate) fn url(&self) -> String {
        let urls: Vec<&str> = self.nodes.iter().map(|node| node.server.url()).collect();
        urls.join(",")
    }

    /// A way to each node, `host:port`, that is cut where the node's clients are.
    pub(crate) fn doors(&self) -> Vec<String> {
        if self.fronts.is_empty() {
            return self.nodes.iter().map(|node| authority(node.server.url()).to_owned()).collect();
        }
        self.fronts.iter().map(|front| front.address().to_string()).collect()
    }

    /// `kill -9` of all.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        for node in &self.nodes {
            node.server.kill().await?;
        }
        Ok(())
    }

    /// Starts all again.
    pub(crate) async fn restart(&self) -> anyhow::Result<()> {
        for node in &self.nodes {
            node.server.restart().await?;
        }
        Ok(())
    }

    /// To all.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        for node in &self.nodes {
            let pid = node.server.pid().context("the server does not run")?;
            kill(Pid::from_raw(pid.cast_signed()), signal).context("a signal to a server")?;
        }
        Ok(())
    }

    /// `kill -9` of the node with this role.
    pub(crate) async fn kill_node(&self, leads: Leads) -> anyhow::Result<()> {
        let node = self.strike(leads).await?;
        self.nodes[node].server.kill().await
    }

    /// Starts the struck node again.
    pub(crate) async fn restart_node(&self) -> anyhow::Result<()> {
        self.nodes[self.struck()?].server.restart().await
    }

    /// Cuts the node with this role off from the others.
    pub(crate) async fn part(&self, leads: Leads, clients: Clients) -> anyhow::Result<()> {
        let node = self.strike(leads).await?;
        self.set_ways(node, Mode::Cut);
        if clients == Clients::CutToo {
            self.fronts[node].set(Mode::Cut);
        }
        Ok(())
    }

    /// Opens all ways of the struck node.
    pub(crate) fn rejoin(&self) -> anyhow::Result<()> {
        let node = self.struck()?;
        self.set_ways(node, Mode::Open);
        self.fronts[node].set(Mode::Open);
        Ok(())
    }

    /// Kills the node with this role, and removes its store once the others go on without it.
    ///
    /// A node that has forgotten what it had acknowledged may vote for one that never had it. So this
    /// waits before until every node has everything, and the node comes back when the others have
    /// elected: who replaces a disk does the same.
    pub(crate) async fn empty(&self, leads: Leads) -> anyhow::Result<()> {
        until("all nodes have a copy of every stream", async || self.is_whole().await).await?;
        let node = self.strike(leads).await?;
        self.nodes[node].server.kill().await?;
        until("the others go on", async || self.goes_on_without(node).await).await?;
        self.nodes[node].lose_store().await
    }

    /// Starts the struck node again, and waits until it has everything: before that, another node must
    /// not be missing.
    pub(crate) async fn refill(&self) -> anyhow::Result<()> {
        self.restart_node().await?;
        until("the node has a copy of every stream", async || self.is_whole().await).await
    }

    fn set_ways(&self, node: usize, mode: Mode) {
        for route in self.routes.iter().filter(|way| way.from == node || way.to == node) {
            route.proxy.set(mode);
        }
    }

    fn struck(&self) -> anyhow::Result<usize> {
        let struck = *self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.context("no node is struck")
    }

    /// Finds the node with this role, and keeps in mind that it is the one.
    async fn strike(&self, leads: Leads) -> anyhow::Result<usize> {
        let deadline = Instant::now() + PATIENCE;
        let node = loop {
            match self.node_that(leads).await {
                Ok(node) => break node,
                Err(error) if Instant::now() > deadline => return Err(error),
                // Being elected.
                Err(_) => sleep(LOOK_EVERY).await,
            }
        };
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = Some(node);
        Ok(node)
    }

    async fn node_that(&self, leads: Leads) -> anyhow::Result<usize> {
        match leads {
            Leads::Inbox => self.leader_of("INBOX").await,
            Leads::Evt => self.leader_of("EVT").await,
            Leads::Neither => {
                let leaders = [self.leader_of("INBOX").await?, self.leader_of("EVT").await?];
                let other = (0..self.nodes.len()).find(|node| !leaders.contains(node));
                other.context("every node leads something")
            }
        }
    }

    async fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        let found = self.streams.get_stream(stream).await?;
        let cluster = found.cached_info().cluster.as_ref();
        let leader = cluster.and_then(|cluster| cluster.leader.as_deref());
        let node = self.nodes.iter().position(|node| Some(node.name.as_str()) == leader);
        node.with_context(|| format!("{stream} has no leader"))
    }

    /// Whether every stream has a leader that is another node, and so has the cluster.
    async fn goes_on_without(&self, node: usize) -> anyhow::Result<bool> {
        // Answered by the leader of the cluster only.
        self.streams.query_account().await?;
        for stream in STREAMS {
            if self.leader_of(stream).await? == node {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all nodes have everything, as the leaders see it and as each node does.
    async fn is_whole(&self) -> anyhow::Result<bool> {
        for node in &self.nodes {
            if !node.is_healthy().await {
                return Ok(false);
            }
        }
        for stream in STREAMS {
            let found = self.streams.get_stream(stream).await?;
            let copies = found.cached_info().cluster.iter().flat_map(|cluster| &cluster.replicas);
            let current = copies.filter(|copy| copy.current && !copy.offline);
            if current.count() + 1 < self.nodes.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Asks again and again, also after an error: a server may just be away.
async fn until(what: &str, holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match holds().await {
            Ok(true) => return Ok(()),
            answer if Instant::now() > deadline => {
                answer.with_context(|| format!("waited in vain until {what}"))?;
                anyhow::bail!("waited in vain until {what}");
            }
            _ => sleep(LOOK_EVERY).await,
        }
    }
}
