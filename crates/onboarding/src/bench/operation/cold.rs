//! Files as if they had never been read.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// Drops what the page cache holds of a file, or of all files below a folder. Pages that a process
/// has mapped stay.
pub(super) fn drop_pages(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            drop_pages(&entry?.path())?;
        }
        return Ok(());
    }
    if !path.is_file() {
        return Ok(());
    }
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    // Only what is on disk already can be dropped.
    file.sync_all()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    Ok(())
}
