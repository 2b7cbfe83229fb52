//! No server outlives its owner, however the owner ends.
//!
//! The owner is this test binary once more, in which [`owner`] finds its orders in the environment.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{eventually, is_alive, no_progress, options, pid, scratch};
use devservers::{nats, postgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const FOLDER: &str = "DEVSERVERS_TEST_FOLDER";
const ENDING: &str = "DEVSERVERS_TEST_ENDING";

#[tokio::test]
async fn dropped_servers_are_gone_with_their_data() {
    let folder = scratch();
    let options = options(folder.path());
    let servers = [
        postgres(&options, &no_progress).await.unwrap(),
        nats(&options, &no_progress).await.unwrap(),
    ];
    let pids = servers.each_ref().map(pid);
    drop(servers);
    assert!(!pids.into_iter().any(is_alive));
    assert!(!options.data_dir.exists());
}

#[test]
fn servers_end_when_their_owner_is_killed() {
    let (mut owner, held) = start_owner("wait");
    kill(Pid::from_raw(owner.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
    owner.wait().unwrap();
    held.is_gone_soon();
}

#[test]
fn servers_end_when_their_owner_is_interrupted() {
    let (mut owner, held) = start_owner("wait");
    kill(Pid::from_raw(owner.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    owner.wait().unwrap();
    held.is_gone_soon();
}

#[test]
fn servers_end_when_their_owner_panics() {
    let (mut owner, held) = start_owner("panic");
    assert!(!owner.wait().unwrap().success());
    held.is_gone_soon();
}

#[test]
fn servers_end_when_their_owner_exits_without_dropping_them() {
    let (mut owner, held) = start_owner("exit");
    owner.wait().unwrap();
    held.is_gone_soon();
}

#[test]
fn an_owner_killed_while_it_starts_servers_leaves_nothing() {
    let folder = scratch();
    let mut owner = spawn_owner(folder.path(), "wait");
    let data = folder.path().join("data");
    eventually("the start has begun", || data.join("postgres").exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the data are gone", || !data.exists());
}

/// Not a test by itself: holds servers when it is told to, until its end.
#[tokio::test]
async fn owner() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let options = options(Path::new(&folder));
    let postgres = postgres(&options, &no_progress).await.unwrap();
    let nats = nats(&options, &no_progress).await.unwrap();
    let homes = [&postgres, &nats].map(|server| server.data_dir().unwrap().display().to_string());
    println!("\nholding {} {} {}", pid(&postgres), pid(&nats), homes.join(" "));
    match std::env::var(ENDING).unwrap().as_str() {
        "panic" => panic!("as told"),
        "exit" => std::process::exit(0),
        _ => std::future::pending().await,
    }
}

/// What an owner holds.
struct Held {
    pids: Vec<u32>,
    homes: Vec<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Held {
    fn is_gone_soon(&self) {
        for pid in &self.pids {
            eventually("the server is gone", || !is_alive(*pid));
        }
        for home in &self.homes {
            eventually("the data are gone", || !home.exists());
        }
    }
}

fn start_owner(ending: &str) -> (Child, Held) {
    let folder = scratch();
    let mut owner = spawn_owner(folder.path(), ending);
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with("holding "))
        .expect("the owner holds servers");
    let words: Vec<&str> = line.split(' ').collect();
    let held = Held {
        pids: words[1..3].iter().map(|word| word.parse().unwrap()).collect(),
        homes: words[3..].iter().map(PathBuf::from).collect(),
        _folder: folder,
    };
    if ending == "wait" {
        assert!(held.pids.iter().all(|pid| is_alive(*pid)));
    }
    (owner, held)
}

fn spawn_owner(folder: &Path, ending: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture"])
        .env(FOLDER, folder)
        .env(ENDING, ending)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
