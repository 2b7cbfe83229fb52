//! The service as a process of its own: to kill it, to read what it tells operators, and to run its
//! commands.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use onboarding::cli::Role;
use onboarding::config::Config;
use serde_json::Value;

/// A service that runs its roles, or is dead.
pub struct Process {
    program: PathBuf,
    roles: Vec<Role>,
    log: Option<PathBuf>,
    variables: Vec<(String, String)>,
    api: String,
    child: Option<Child>,
}

impl Process {
    /// The program (`CARGO_BIN_EXE_service`) with this configuration, and a free port. It does
    /// not serve yet.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(program: impl Into<PathBuf>, config: &Config) -> anyhow::Result<Self> {
        let mut config = config.clone();
        config.http.listen.set_port(free_port()?);
        let api = format!("http://{}", config.http.listen);
        let (program, variables) = (program.into(), environment(&config)?);
        let roles = Role::ALL.to_vec();
        Ok(Self { program, roles, log: None, variables, api, child: None })
    }

    /// It serves these roles only.
    #[must_use]
    pub fn with_roles(mut self, roles: &[Role]) -> Self {
        self.roles = roles.to_vec();
        self
    }

    /// What it logs goes to the end of this file, one JSON object a line, and not to our standard
    /// error; see [`Self::logged`].
    #[must_use]
    pub fn with_log(mut self, file: &Path) -> Self {
        let settings = [("FORMAT", "json"), ("FILTER", "info")];
        let settings =
            settings.map(|(key, value)| (format!("ONBOARDING_LOG__{key}"), value.to_owned()));
        self.variables.extend(settings);
        self.log = Some(file.to_owned());
        self
    }

    /// It finds this variable in its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, and starts it.
    ///
    /// # Errors
    /// The program can't be run.
    pub fn serve(program: impl Into<PathBuf>, config: &Config) -> anyhow::Result<Self> {
        let mut process = Self::new(program, config)?;
        process.start()?;
        Ok(process)
    }

    /// Has it log to the end of this file, as it is configured to, instead of to where the test does.
    pub fn log_to(&mut self, file: &Path) {
        self.log = Some(file.to_owned());
    }

    /// Its number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where it serves HTTP.
    pub fn api(&self) -> String {
        self.api.clone()
    }

    /// Starts it, again after [`Self::kill`]. Its standard input ends when we do, however that
    /// comes.
    ///
    /// # Errors
    /// The program can't be run.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let roles: Vec<_> = self.roles.iter().map(ToString::to_string).collect();
        let mut command = self.command(&["serve", "--role", &roles.join(",")]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        if let Some(log) = &self.log {
            let log = File::options().create(true).append(true).open(log);
            command.stderr(log.context("the service's log")?);
        }
        self.child = Some(command.spawn().context("starting the service")?);
        Ok(())
    }

    /// How it ended, if it was started and ended by itself.
    ///
    /// # Errors
    /// Nobody knows.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    /// Stops it in its tracks (`SIGSTOP`), or lets it go on (`SIGCONT`).
    ///
    /// # Errors
    /// It does not run.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let child = self.child.as_ref().context("the service does not run")?;
        kill(Pid::from_raw(child.id().cast_signed()), signal).context("a signal to the service")
    }

    /// The messages that it has logged so far.
    ///
    /// # Errors
    /// It keeps no log.
    pub fn logged(&self) -> anyhow::Result<Vec<String>> {
        let log = self.log.as_ref().context("it keeps no log")?;
        let text = std::fs::read_to_string(log)?;
        // The last line may be under way.
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(entries.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect())
    }

    /// `kill -9`. It is gone when this returns.
    ///
    /// # Errors
    /// It had ended by itself.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("the service does not run")?;
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("the service ended by itself: {status}");
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Runs a command of the program to its end, e.g. `check`.
    ///
    /// # Errors
    /// The program can't be run.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Ran> {
        let output = self.command(arguments).output().context("running a command")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_remove("ONBOARDING_CONFIG");
        command.env_remove("DATABASE_URL").env_remove("NATS_URL");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    /// How.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

/// What is configured otherwise than by default, as `ONBOARDING_…` variables: a program of another
/// version need not know the rest.
fn environment(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    let (mut variables, mut usual) = (vec![], vec![]);
    flatten("ONBOARDING_", &serde_json::to_value(config)?, &mut variables);
    flatten("ONBOARDING_", &serde_json::to_value(Config::default())?, &mut usual);
    variables.retain(|variable| !usual.contains(variable));
    Ok(variables)
}

fn flatten(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            let separator = if name.ends_with('_') { "" } else { "__" };
            for (key, value) in members {
                flatten(&format!("{name}{separator}{}", key.to_uppercase()), value, into);
            }
        }
        Value::String(text) => into.push((name.to_owned(), text.clone())),
        other => into.push((name.to_owned(), other.to_string())),
    }
}

/// A port for a server that is away now and then: below the ports that outgoing connections take,
/// one of which could come to use it meanwhile. Each call in this process gives another one.
///
/// # Errors
/// No port is free.
pub fn free_port() -> anyhow::Result<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    let mut next = std::iter::repeat_with(|| first + TRIED.fetch_add(1, Ordering::Relaxed));
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    next.by_ref().take(2_000).find(free).context("no port is free")
}
