//! `onboarding contracts`: what other programs may rely on, generated from the code.

use std::path::Path;
use std::process::ExitCode;

/// Writes the published contracts into a folder.
///
/// # Errors
/// The folder can't be written.
pub fn write(folder: &Path) -> anyhow::Result<ExitCode> {
    for (name, text) in crate::contracts::all().into_iter().chain(crate::contracts::for_people()) {
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
    }
    println!("The contracts are in {}.", folder.display());
    Ok(ExitCode::SUCCESS)
}
