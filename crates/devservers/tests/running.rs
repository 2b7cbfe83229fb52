//! Private servers start, answer, and survive what fault tests do to them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use common::{eventually, is_alive, no_progress, options, pid, scratch};
use devservers::{Options, Server, nats, postgres, shared_nats, shared_postgres};

#[tokio::test]
async fn a_private_postgres_starts_and_answers() {
    let folder = scratch();
    let begin = Instant::now();
    let postgres = postgres(&options(folder.path()), &|line| println!("{line}")).await.unwrap();
    println!("Postgres {} took {:?}", postgres.version().unwrap(), begin.elapsed());
    assert!(postgres.is_private());
    assert!(postgres.version().unwrap().is_at_least(&[15]));
    assert!(accepts(&postgres));
}

#[tokio::test]
async fn a_private_nats_starts_and_is_recent() {
    let folder = scratch();
    let begin = Instant::now();
    let nats = nats(&options(folder.path()), &|line| println!("{line}")).await.unwrap();
    println!("NATS {} took {:?}", nats.version().unwrap(), begin.elapsed());
    assert!(nats.version().unwrap().is_at_least(&[2, 14]));
    assert!(info(&nats).contains("\"jetstream\":true"));
}

#[tokio::test]
async fn durable_servers_start_too() {
    let folder = scratch();
    let durable = Options { durable: true, ..options(folder.path()) };
    let postgres = postgres(&durable, &no_progress).await.unwrap();
    let nats = nats(&durable, &no_progress).await.unwrap();
    let configuration = nats.data_dir().unwrap().join("nats.conf");
    assert!(std::fs::read_to_string(configuration).unwrap().contains("sync_interval: always"));
    assert!(accepts(&postgres));
}

#[tokio::test]
async fn a_second_server_runs_beside_the_first() {
    let (here, there) = (scratch(), scratch());
    let (one, two) = (options(here.path()), options(there.path()));
    let (a, b) = tokio::join!(postgres(&one, &no_progress), postgres(&two, &no_progress));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a.url(), b.url());
    assert!(accepts(&a) && accepts(&b));
    let (c, d) = tokio::join!(nats(&one, &no_progress), nats(&two, &no_progress));
    assert_ne!(c.unwrap().url(), d.unwrap().url());
}

#[tokio::test]
async fn servers_come_back_on_the_same_port_after_a_crash_and_a_stop() {
    let folder = scratch();
    let options = options(folder.path());
    let postgres = postgres(&options, &no_progress).await.unwrap();
    let nats = nats(&options, &no_progress).await.unwrap();
    for server in [&postgres, &nats] {
        let (url, first) = (server.url().to_owned(), pid(server));
        let _client = TcpStream::connect(address(server)).unwrap();
        server.kill().await.unwrap();
        assert!(!is_alive(first));
        assert_eq!(server.pid(), None);
        assert!(server.kill().await.is_err());

        server.restart().await.unwrap();
        assert!(accepts(server));
        assert_ne!(pid(server), first);

        server.stop().await.unwrap();
        assert!(!accepts(server));
        server.stop().await.unwrap();
        server.restart().await.unwrap();
        server.restart().await.unwrap();
        assert!(accepts(server));
        assert_eq!(server.url(), url);
    }
}

#[tokio::test]
async fn a_server_killed_by_others_is_noticed() {
    let folder = scratch();
    let nats = nats(&options(folder.path()), &no_progress).await.unwrap();
    let status = Command::new("kill").args(["-9", &pid(&nats).to_string()]).status().unwrap();
    assert!(status.success());
    eventually("the server has no pid", || nats.pid().is_none());
    nats.restart().await.unwrap();
    assert!(accepts(&nats));
}

#[tokio::test]
async fn kept_data_serve_the_next_start() {
    let folder = scratch();
    let keep = Options { keep_data: true, ..options(folder.path()) };
    let first = postgres(&keep, &no_progress).await.unwrap();
    let marker = first.data_dir().unwrap().join("data/marker");
    std::fs::write(&marker, "kept").unwrap();
    drop(first);
    assert!(marker.exists());
    let again = postgres(&options(folder.path()), &no_progress).await.unwrap();
    assert!(marker.exists());
    drop(again);
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_folder_closed_to_the_servers_user_is_no_obstacle() {
    use std::os::unix::fs::PermissionsExt;
    let folder = scratch();
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), closed).unwrap();
    let postgres = postgres(&options(folder.path()), &no_progress).await.unwrap();
    assert!(accepts(&postgres));
    let home = postgres.data_dir().unwrap().to_owned();
    drop(postgres);
    assert!(!home.exists());
}

#[test]
fn shared_servers_outlive_the_runtime_that_started_them() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime().block_on(async {
        (shared_postgres().await.unwrap().url(), shared_nats().await.unwrap().url())
    });
    runtime().block_on(async {
        assert_eq!(shared_postgres().await.unwrap().url(), first.0);
        assert_eq!(shared_nats().await.unwrap().url(), first.1);
        if shared_nats().await.unwrap().is_private() {
            assert!(accepts(shared_nats().await.unwrap()));
        }
    });
}

fn accepts(server: &Server) -> bool {
    TcpStream::connect(address(server)).is_ok()
}

fn info(server: &Server) -> String {
    let mut line = String::new();
    let stream = TcpStream::connect(address(server)).unwrap();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

/// `127.0.0.1:port` of a private server's URL.
fn address(server: &Server) -> &str {
    let url = server.url();
    let start = url.find("127.0.0.1").expect("a private server listens on loopback");
    url[start..].split('/').next().unwrap()
}
