//! Three servers that are one: what is stored survives the loss of any of them, and nobody goes
//! round the ways that were given.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{eventually, is_alive, no_progress, options, pid, scratch};
use devservers::{Cluster, Node, Routes, Server, nats_cluster};

const FOLDER: &str = "DEVSERVERS_TEST_CLUSTER";
const SOON: Duration = Duration::from_secs(3);

/// One cluster at a time: elections of several, on few cores, hold each other up.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn what_three_nodes_hold_is_there_without_any_one_of_them() {
    let _turn = TURN.lock().await;
    let folder = scratch();
    let cluster = straight(folder.path()).await;
    make_stream(&cluster.nodes[0].server);
    eventually("the first is stored", || stores(&cluster.nodes[0].server));
    for node in &cluster.nodes {
        node.server.kill().await.unwrap();
        let other = cluster.nodes.iter().find(|other| other.name != node.name).unwrap();
        eventually("the others store", || stores(&other.server));
        node.server.restart().await.unwrap();
        eventually("all have a copy", || copies_are_current(&node.server));
    }
    eventually("all of it is there", || count(&cluster.nodes[1].server) >= 4);
}

#[tokio::test]
async fn a_node_that_lost_its_store_gets_it_back_from_the_others() {
    let _turn = TURN.lock().await;
    let folder = scratch();
    let cluster = straight(folder.path()).await;
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    make_stream(&one.server);
    eventually("it is stored", || stores(&one.server));
    until_healthy(three).await;
    assert!(three.lose_store().await.is_err(), "it runs");
    three.server.stop().await.unwrap();
    assert!(!three.is_healthy().await);
    three.lose_store().await.unwrap();
    three.server.restart().await.unwrap();
    // What the leader tells of it may still be from before.
    until_healthy(three).await;
    eventually("all have a copy", || copies_are_current(&one.server));
    // It counts for a majority now.
    one.server.kill().await.unwrap();
    eventually("two of them store", || stores(&two.server));
    eventually("both messages are there", || count(&three.server) >= 2);
}

#[tokio::test]
async fn a_node_whose_ways_are_cut_is_apart_until_they_are_open_again() {
    let _turn = TURN.lock().await;
    let folder = scratch();
    let mut routes = Routes::between(3).unwrap();
    let mut of_the_first = vec![];
    for from in 0..3 {
        for to in (0..3).filter(|to| *to != from) {
            let way = Way::to(routes.address(to));
            routes.lead_over(way.address, from, to);
            if from == 0 || to == 0 {
                of_the_first.push(way);
            }
        }
    }
    let cluster = nats_cluster(&routes, &options(folder.path()), &no_progress).await.unwrap();
    let [apart, other, _] = &cluster.nodes[..] else { panic!("three nodes") };
    make_stream(&other.server);
    eventually("it is stored", || stores(&apart.server));
    assert!(of_the_first.iter().any(|way| way.is_used()));

    for way in &of_the_first {
        way.cut(true);
    }
    eventually("the others store without it", || stores(&other.server));
    // Longer than neighbours take to tell each other of somebody new.
    thread::sleep(SOON);
    assert!(!stores(&apart.server), "it has no majority");

    for way in &of_the_first {
        way.cut(false);
    }
    eventually("it is one of them again", || stores(&apart.server));
}

#[tokio::test]
async fn kept_data_are_the_next_clusters() {
    let _turn = TURN.lock().await;
    let folder = scratch();
    let routes = Routes::between(3).unwrap();
    let keep = devservers::Options { keep_data: true, ..options(folder.path()) };
    let first = nats_cluster(&routes, &keep, &no_progress).await.unwrap();
    make_stream(&first.nodes[0].server);
    eventually("it is stored", || stores(&first.nodes[0].server));
    drop(first);
    let again = nats_cluster(&routes, &options(folder.path()), &no_progress).await.unwrap();
    eventually("it is still there", || count(&again.nodes[2].server) >= 1);
}

#[tokio::test]
async fn a_dropped_cluster_is_gone_with_its_data() {
    let _turn = TURN.lock().await;
    let folder = scratch();
    let cluster = straight(folder.path()).await;
    let pids: Vec<u32> = cluster.nodes.iter().map(|node| pid(&node.server)).collect();
    assert_eq!(cluster.url().split(',').count(), 3);
    drop(cluster);
    assert!(!pids.into_iter().any(is_alive));
    assert!(!options(folder.path()).data_dir.exists());
}

#[test]
fn a_cluster_ends_when_its_owner_is_killed() {
    let _turn = TURN.blocking_lock();
    let folder = scratch();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("holding ")).expect("the owner holds a cluster");
    let pids: Vec<u32> = line.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
    assert!(pids.len() == 3 && pids.iter().all(|pid| is_alive(*pid)), "{line}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    for pid in pids {
        eventually("the node is gone", || !is_alive(pid));
    }
    let data: PathBuf = options(folder.path()).data_dir;
    eventually("the data are gone", || !data.exists());
}

/// Not a test by itself: holds a cluster when it is told to, until its end.
#[tokio::test]
async fn owner() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let cluster = straight(Path::new(&folder)).await;
    let pids: Vec<String> =
        cluster.nodes.iter().map(|node| pid(&node.server).to_string()).collect();
    println!("\nholding {}", pids.join(" "));
    std::future::pending().await
}

async fn straight(folder: &Path) -> Cluster {
    let routes = Routes::between(3).unwrap();
    nats_cluster(&routes, &options(folder), &|line| println!("{line}")).await.unwrap()
}

async fn until_healthy(node: &Node) {
    let deadline = Instant::now() + 10 * SOON;
    while !node.is_healthy().await {
        assert!(Instant::now() < deadline, "{} has not caught up in time", node.name);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A stream with a copy on every node.
fn make_stream(server: &Server) {
    let configuration = r#"{"name":"KEPT","subjects":["kept"],"storage":"file","num_replicas":3}"#;
    let made = ask(server, "$JS.API.STREAM.CREATE.KEPT", configuration).unwrap();
    assert!(!made.contains("\"error\""), "{made}");
}

/// Whether a message that this node is given is on a majority of them.
fn stores(server: &Server) -> bool {
    let answer = ask(server, "kept", "message").unwrap_or_default();
    answer.contains("\"seq\"") && !answer.contains("\"error\"")
}

fn about(server: &Server) -> String {
    ask(server, "$JS.API.STREAM.INFO.KEPT", "").unwrap_or_default()
}

fn count(server: &Server) -> u64 {
    let about = about(server);
    let number = about.split("\"messages\":").nth(1).unwrap_or_default();
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().unwrap_or_default()
}

fn copies_are_current(server: &Server) -> bool {
    let about = about(server);
    about.matches("\"current\":true").count() == 2 && !about.contains("\"offline\":true")
}

/// The first answer, if one comes soon.
fn ask(server: &Server, subject: &str, body: &str) -> Option<String> {
    let address = server.url().strip_prefix("nats://").unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    let hello = "CONNECT {\"verbose\":false}\r\nSUB answer 1\r\n";
    let request = format!("{hello}PUB {subject} answer {}\r\n{body}\r\n", body.len());
    stream.write_all(request.as_bytes()).ok()?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.starts_with("MSG ") {
            let length = line.split_whitespace().last().unwrap().parse().unwrap();
            let mut answer = vec![0; length];
            lines.read_exact(&mut answer).ok()?;
            return Some(String::from_utf8(answer).unwrap());
        }
    }
}

/// A way that can be cut.
struct Way {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cut: bool,
    carried: Vec<TcpStream>,
}

impl Way {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                if state.cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                state.carried.extend([client, server]);
            }
        });
        Self { address, state }
    }

    fn is_used(&self) -> bool {
        !self.state.lock().unwrap().carried.is_empty()
    }

    fn cut(&self, cut: bool) {
        let mut state = self.state.lock().unwrap();
        state.cut = cut;
        for stream in state.carried.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
