//! A backup of Postgres, restored beside it, and what `onboarding backup-check` tells of the copy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::process::Command;

use acceptance::TestApp;
use acceptance::ask::Asker;
use acceptance::process::{Process, Ran};
use async_nats::jetstream;
use devservers::{Options, Server};
use domain::request::Outcome;
use onboarding::demo::StageOptions;
use onboarding::demo::stage::create_database;
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use tempfile::TempDir;

/// Runs a program of Postgres to its end.
async fn run(tool: &'static str, arguments: &[&str]) {
    let options = Options::new(std::env::temp_dir());
    let program = devservers::postgres_tool(tool, &options, &|_| {}).await.unwrap();
    let ran = Command::new(program).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{tool}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Dumps the database of an app and restores it into a new one; gives the copy's URL.
async fn restored(app: &TestApp, dump: &Path) -> String {
    let (url, dump) = (app.stage.config.database_url.expose(), dump.to_str().unwrap());
    run("pg_dump", &["--format=custom", "--dbname", url, "--file", dump]).await;
    let server = app.postgres.as_ref().unwrap().url();
    let copy = create_database(server, "restored").await.unwrap();
    run("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", &copy, dump]).await;
    copy
}

/// A NATS that nobody uses.
async fn empty_nats(folder: &TempDir) -> Server {
    let options = Options { ignore_env: true, ..Options::new(folder.path().join("empty")) };
    devservers::nats(&options, &|_| {}).await.unwrap()
}

/// The program's command `backup-check`.
fn checked(app: &TestApp, database: &str, nats: &str, more: &[&str]) -> Ran {
    let program = Process::new(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    let arguments = ["backup-check", "--database", database, "--nats", nats];
    program.run(&[&arguments[..], more].concat()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_is_good_unless_an_event_is_missing_in_it() {
    let app = TestApp::with_own_postgres(StageOptions::default()).await;
    for name in ["US.ann", "US.bob", "US.eve"] {
        let asked = app.ask(&Asker::named(name), "#michael").await;
        assert_eq!(app.outcome(&asked).await, Outcome::Onboarded);
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = restored(&app, &folder.path().join("backup.dump")).await;
    let nats = empty_nats(&folder).await;

    let ran = checked(&app, &copy, nats.url(), &["--json"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["good"], &report["findings"]), (&true.into(), &Value::Array(vec![])));
    let steps: Vec<_> =
        report["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    assert_eq!(steps, ["log", "read models", "EVT"]);
    let mut connection = PgConnection::connect(&copy).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM events");
    let count: i64 = count.fetch_one(&mut connection).await.unwrap();
    assert!(count > 15, "three onboardings");
    assert_eq!(report["events"], count);
    let js = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    assert!(js.get_stream("EVT").await.is_err(), "it leaves nothing behind");

    let lost = ["SET session_replication_role = replica", "DELETE FROM events WHERE position = 7"];
    for statement in lost {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    let ran = checked(&app, &copy, nats.url(), &[]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let told = &ran.stdout;
    assert!(told.contains("positions: position 8 comes after 6"), "{told}");
    assert!(told.lines().any(|line| line.starts_with("BAD log ")), "{told}");
    assert!(told.lines().any(|line| line.starts_with("BAD EVT ")), "{told}");
    assert!(told.ends_with("The backup is not good.\n"), "{told}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let app = TestApp::start().await;
    const COPY: &str = "postgres://127.0.0.1:1/copy";
    const NATS: &str = "nats://127.0.0.1:1";
    for (database, nats, variable) in [
        ("postgres://someone:swordfish@127.0.0.1:1/copy", NATS, "RESTORED_DATABASE_URL"),
        ("postgres://127.0.0.1:1/copy?password=swordfish", NATS, "RESTORED_DATABASE_URL"),
        (COPY, "nats://someone:swordfish@127.0.0.1:1", "EMPTY_NATS_URL"),
        (COPY, "nats://swordfish@127.0.0.1:1", "EMPTY_NATS_URL"),
    ] {
        let ran = checked(&app, database, nats, &[]);
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert!(ran.stderr.contains(&format!("in the environment, as {variable}")), "{ran:?}");
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("swordfish"), "{ran:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_taken_for_no_copy() {
    let app = TestApp::with_own_postgres(StageOptions::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = restored(&app, &folder.path().join("backup.dump")).await;
    let nats = empty_nats(&folder).await;
    let active = app.stage.until("the relay is active", async || {
        let locks = sqlx::query_scalar("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
        let locks: i64 = locks.fetch_one(&app.stage.pool).await?;
        Ok((locks > 0).then_some(()))
    });
    active.await.unwrap();

    let in_use = app.stage.config.database_url.expose();
    let ran = checked(&app, in_use, nats.url(), &[]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stderr.contains("a running service publishes from this database"), "{ran:?}");
    let ran = checked(&app, &copy, app.nats.url(), &[]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the NATS server is in use, it has INBOX"), "{ran:?}");
    let js = jetstream::new(async_nats::connect(app.nats.url()).await.unwrap());
    assert!(js.get_stream("EVT").await.is_ok(), "what is in use stays");
    let empty = create_database(app.postgres.as_ref().unwrap().url(), "nothing").await.unwrap();
    let pool = PgPool::connect(&empty).await.unwrap();
    onboarding::MIGRATIONS.run(&pool).await.unwrap();
    let ran = checked(&app, &empty, nats.url(), &[]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.stdout.contains("it is empty: nothing was restored"), "{ran:?}");
    app.stop().await;
}
