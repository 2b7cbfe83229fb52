//! What the roles of `deploy/postgres-roles.sql` may not. What they may: `least_privilege.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::apart::{apply_roles, as_user, postgres};
use acceptance::process::Process;
use devservers::Server;
use onboarding::config::Config;
use sqlx::{Connection, Executor, PgConnection, PgPool};

const ROLES: [&str; 8] = [
    "onboarding_engine",
    "onboarding_relay",
    "onboarding_projector",
    "onboarding_sender",
    "onboarding_api",
    "onboarding_service",
    "onboarding_auditor",
    "onboarding_operator",
];

/// Tables and roles as they are deployed; the URL is the owner's.
async fn migrated(name: &str) -> (Server, String, PgPool) {
    let folder = std::env::temp_dir().join(format!("onboarding-{name}-{}", std::process::id()));
    let (server, url) = postgres(&folder).await.unwrap();
    let owner = PgPool::connect(&url).await.unwrap();
    onboarding::MIGRATIONS.run(&owner).await.unwrap();
    apply_roles(&owner).await.unwrap();
    (server, url, owner)
}

/// What Postgres says to a statement that it refuses for want of a privilege.
async fn refused(connection: &mut PgConnection, statement: &str) -> String {
    let error = connection.execute(statement).await.expect_err(statement);
    let error = error.as_database_error().expect(statement);
    assert_eq!(error.code().as_deref(), Some("42501"), "{statement}: {error}");
    error.message().to_owned()
}

async fn may_not(connection: &mut PgConnection, role: &str, statement: &str) {
    let said = refused(connection, statement).await;
    let is_denied = said.starts_with("permission denied") || said.starts_with("must be owner");
    assert!(is_denied, "{role}: {statement}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_the_log_and_only_one_function_writes_it() {
    let (_server, url, owner) = migrated("log").await;
    for role in ROLES {
        let mut connection = PgConnection::connect(&as_user(&url, role)).await.unwrap();
        for statement in [
            "INSERT INTO events DEFAULT VALUES",
            "UPDATE events SET company = company",
            "DELETE FROM events",
            "TRUNCATE events",
            "ALTER TABLE events DISABLE TRIGGER ALL",
            "DROP TRIGGER events_are_final ON events",
            "UPDATE log_head SET position = 0",
            "INSERT INTO inputs DEFAULT VALUES",
            "DELETE FROM evidence_pieces",
            "UPDATE evidence_pieces SET bytes = ''",
            "UPDATE directory_companies SET version = 1",
            "DELETE FROM directory_versions",
            "CREATE TABLE public.mine (n int)",
            "SELECT append_range(NULL, NULL, NULL, NULL, NULL, 1, 1, true, true)",
        ] {
            may_not(&mut connection, role, statement).await;
        }
        connection.close().await.unwrap();
    }
    // The owner may, but for the trigger.
    let mut connection = owner.acquire().await.unwrap();
    for statement in
        ["UPDATE events SET company = company", "DELETE FROM events", "TRUNCATE events"]
    {
        let said = refused(&mut connection, statement).await;
        assert!(said.starts_with("events are never changed"), "{statement}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_has_nothing_of_anothers_work() {
    let (_server, url, _owner) = migrated("work").await;
    let append = "SELECT append_events(NULL::append_items, NULL::append_streams, \
         NULL::append_rows, NULL::append_people, NULL::append_rooms, false, false, NULL::jsonb)";
    for (role, forbidden) in [
        (
            "onboarding_engine",
            vec![
                "SELECT FROM access_tokens",
                "SELECT FROM send_queue",
                "UPDATE rm_chat_rooms SET phase = phase",
                "INSERT INTO rooms DEFAULT VALUES",
                "UPDATE client_identifiers SET value = value",
                "SELECT count_client('a', NULL, 1, now())",
            ],
        ),
        (
            "onboarding_relay",
            vec![
                append,
                "SELECT FROM rooms",
                "SELECT FROM evidence_pieces",
                "SELECT FROM access_tokens",
                "UPDATE rm_checkpoints SET position = 0",
            ],
        ),
        (
            "onboarding_projector",
            vec![
                append,
                "INSERT INTO send_queue DEFAULT VALUES",
                "DELETE FROM rm_chat_rooms",
                "SELECT FROM client_identifiers",
                "SELECT FROM access_tokens",
                "INSERT INTO directory_versions DEFAULT VALUES",
            ],
        ),
        (
            "onboarding_sender",
            vec![
                append,
                "UPDATE rm_chat_rooms SET phase = phase",
                "SELECT FROM client_identifiers",
                "SELECT FROM directory_companies",
                "SELECT FROM access_tokens",
            ],
        ),
        (
            "onboarding_api",
            vec![
                append,
                "INSERT INTO access_tokens DEFAULT VALUES",
                "UPDATE access_tokens SET revoked_at = NULL",
                "INSERT INTO snapshots DEFAULT VALUES",
                "INSERT INTO parked_retries DEFAULT VALUES",
                "SELECT FROM evidence_pieces",
                "UPDATE send_queue SET state = 'done'",
            ],
        ),
        (
            "onboarding_auditor",
            vec![
                append,
                "SELECT FROM access_tokens",
                "UPDATE rm_chat_rooms SET phase = phase",
                "DELETE FROM parked_inputs",
                "SELECT count_client('a', NULL, 1, now())",
            ],
        ),
        ("onboarding_operator", vec![append, "DELETE FROM access_tokens", "DELETE FROM rooms"]),
        ("onboarding_service", vec!["INSERT INTO access_tokens DEFAULT VALUES"]),
    ] {
        let mut connection = PgConnection::connect(&as_user(&url, role)).await.unwrap();
        for statement in forbidden {
            may_not(&mut connection, role, statement).await;
        }
        connection.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_again_the_file_takes_back_what_is_not_in_it() {
    let (_server, url, owner) = migrated("again").await;
    owner.execute("GRANT INSERT ON events TO onboarding_projector").await.unwrap();
    owner.execute("GRANT SELECT ON access_tokens TO PUBLIC").await.unwrap();
    // What a later migration makes is closed, functions too, which Postgres usually gives everybody.
    owner.execute("CREATE FUNCTION later() RETURNS int LANGUAGE sql AS 'SELECT 1'").await.unwrap();
    let mut connection =
        PgConnection::connect(&as_user(&url, "onboarding_projector")).await.unwrap();
    may_not(&mut connection, "onboarding_projector", "SELECT later()").await;
    let written = connection.execute("INSERT INTO events DEFAULT VALUES").await.unwrap_err();
    let code = written.as_database_error().unwrap().code().unwrap().into_owned();
    assert_ne!(code, "42501", "it was allowed, and only the row was wrong");
    apply_roles(&owner).await.unwrap();
    for statement in ["INSERT INTO events DEFAULT VALUES", "SELECT FROM access_tokens"] {
        may_not(&mut connection, "onboarding_projector", statement).await;
    }
}

/// The program of the version before calls an earlier form of the function.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_of_the_version_before_appends_as_well() {
    let (_server, url, owner) = migrated("before").await;
    let forms: Vec<String> = sqlx::query_scalar(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE proname = 'append_events'",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    assert!(forms.len() > 1, "{forms:?}");
    let mut engine = PgConnection::connect(&as_user(&url, "onboarding_engine")).await.unwrap();
    for form in forms {
        let may = "SELECT has_function_privilege($1, 'EXECUTE') AND \
             (SELECT prosecdef FROM pg_proc WHERE oid = $1::regprocedure)";
        let may: bool = sqlx::query_scalar(may).bind(&form).fetch_one(&mut engine).await.unwrap();
        assert!(may, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_says_how_far_a_view_of_anothers_is_and_nobody_changes_what_is_parked_or_revoked() {
    let (_server, url, owner) = migrated("rows").await;
    owner
        .execute("INSERT INTO rm_checkpoints (view, position) VALUES ('send-queue', 0), ('reminders', 0) \
             ON CONFLICT (view) DO NOTHING")
        .await
        .unwrap();
    for (role, own, others) in [
        ("onboarding_projector", "reminders", "send-queue"),
        ("onboarding_sender", "send-queue", "reminders"),
    ] {
        let mut connection = PgConnection::connect(&as_user(&url, role)).await.unwrap();
        for (view, rows) in [(own, 1), (others, 0)] {
            let moved = format!("UPDATE rm_checkpoints SET position = 7 WHERE view = '{view}'");
            let done = connection.execute(moved.as_str()).await.unwrap();
            assert_eq!(done.rows_affected(), rows, "{role}: {view}");
        }
    }
    let mut operator = PgConnection::connect(&as_user(&url, "onboarding_operator")).await.unwrap();
    for statement in [
        "UPDATE parked_inputs SET payload = ''",
        "UPDATE access_tokens SET role = 'admin'",
        "UPDATE access_tokens SET company = 'other'",
    ] {
        may_not(&mut operator, "onboarding_operator", statement).await;
    }
    for allowed in
        ["SELECT FROM parked_inputs FOR UPDATE", "UPDATE access_tokens SET revoked_at = now()"]
    {
        operator.execute(allowed).await.expect(allowed);
    }
}

/// A table that a later migration makes has to be thought of here.
#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_somebodys() {
    let (_server, _url, owner) = migrated("tables").await;
    let nobodys: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class \
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' \
         AND NOT has_table_privilege('onboarding_service', oid, 'SELECT')",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    assert_eq!(nobodys, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_none_of_them_is_told_what_to_do() {
    let (_server, url, owner) = migrated("stranger").await;
    owner.execute("CREATE ROLE stranger LOGIN").await.unwrap();
    let database_url = as_user(&url, "stranger").as_str().into();
    let config = Config { database_url, ..Config::default() };
    let program = Process::new(env!("CARGO_BIN_EXE_service"), &config).unwrap();
    let ran = program.run(&["directory", "versions"]).unwrap();
    assert!(!ran.status.success());
    let said = ran.stderr;
    assert!(said.contains("database_url") && said.contains("deploy/postgres-roles.sql"), "{said}");
}
