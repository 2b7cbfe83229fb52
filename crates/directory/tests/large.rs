//! A company of 100,000 users.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fmt::Write;
use std::time::{Duration, Instant};

use common::{apply, store};

const USERS: usize = 100_000;

#[tokio::test]
async fn a_company_of_100_000_users_applies_in_seconds() {
    let (store, _) = store("large").await;
    let yaml = yaml();
    let applied = timed("parsed and applied", async { apply(&store, &yaml).await.unwrap() }).await;
    assert_eq!(applied.version, Some(1));

    let yaml = yaml.replace("extension: ext99999,", "extension: renamed,");
    let applied = timed("applied one change", async { apply(&store, &yaml).await.unwrap() }).await;
    assert_eq!((applied.version, applied.changes.len()), (Some(2), 1));

    let picture = async { store.picture(&"big".parse().unwrap(), 2).await.unwrap().unwrap() };
    let picture = timed("drew the picture", picture).await;
    let lookups = async {
        for at in 0..USERS - 1 {
            let user = picture.user_by_extension(&format!("ext{at}").parse().unwrap()).unwrap();
            assert_eq!(picture.pool_chain(&user.ou, None).len(), 0);
        }
    };
    timed("looked every user up", lookups).await;
}

fn yaml() -> String {
    let mut yaml = String::from("companies:\n- id: big\n  name: Big\n  organizational_units:\n");
    for at in 0..100 {
        writeln!(yaml, "  - {{id: ou{at}, name: Unit {at}}}").unwrap();
    }
    yaml.push_str("  users:\n");
    for at in 0..USERS {
        let unit = at % 100;
        let user = format!("id: u{at}, name: User {at}, extension: ext{at}, ou: ou{unit}");
        writeln!(yaml, "  - {{{user}}}").unwrap();
    }
    yaml
}

/// Generous: a debug build on a busy machine.
async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let done = work.await;
    let took = start.elapsed();
    println!("{what} in {took:?}");
    assert!(took < Duration::from_secs(30), "{what} took {took:?}");
    done
}
