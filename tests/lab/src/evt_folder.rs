//! EVT's folder among the files of a NATS that is one server, while it does not run: kept, put back
//! older, removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::site::Site;

/// Keeps a copy of EVT as it is now. NATS is stopped for that: only then its files tell the truth.
pub(crate) async fn keep_copy(site: &Site) -> anyhow::Result<()> {
    let nats = site.nats.only()?;
    nats.stop().await?;
    let (evt, copy) = places(site)?;
    remove(&copy)?;
    // Just deleted, and not made anew: then that is how it was.
    if evt.is_dir() {
        copy_all(&evt, &copy).context("copying EVT's folder")?;
    }
    nats.restart().await
}

/// NATS dies and comes back with the copy in EVT's place.
pub(crate) async fn put_copy_back(site: &Site) -> anyhow::Result<()> {
    let nats = site.nats.only()?;
    nats.kill().await?;
    let (evt, copy) = places(site)?;
    remove(&evt)?;
    if copy.is_dir() {
        fs::rename(&copy, &evt).context("putting EVT's folder back")?;
    }
    nats.restart().await
}

/// NATS dies, and EVT's folder is gone.
pub(crate) async fn lose(site: &Site) -> anyhow::Result<()> {
    site.nats.only()?.kill().await?;
    let (evt, _) = places(site)?;
    remove(&evt)
}

/// Where EVT is, and where its copy: beside all streams, so that NATS takes it for none.
fn places(site: &Site) -> anyhow::Result<(PathBuf, PathBuf)> {
    let nats = site.nats.only()?.data_dir().context("NATS is not ours")?;
    Ok((streams(nats)?.join("EVT"), nats.join("evt-before")))
}

/// The streams' folder, whatever their account is called; INBOX is always in it.
fn streams(nats: &Path) -> anyhow::Result<PathBuf> {
    let accounts = nats.join("jetstream").join("jetstream");
    let accounts = fs::read_dir(&accounts)
        .with_context(|| format!("NATS keeps nothing in {}", accounts.display()))?;
    let mut streams = accounts.flatten().map(|account| account.path().join("streams"));
    let with_inbox = streams.find(|streams| streams.join("INBOX").is_dir());
    with_inbox.context("NATS keeps no stream INBOX")
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evt_is_found_beside_inbox_and_copied_with_all_that_is_in_it() {
        let nats = std::env::temp_dir().join(format!("lab-evt-{}", std::process::id()));
        let account = nats.join("jetstream/jetstream/$G");
        assert!(streams(&nats).is_err());
        fs::create_dir_all(account.join("streams/INBOX")).unwrap();
        fs::create_dir_all(account.join("streams/EVT/msgs")).unwrap();
        fs::write(account.join("streams/EVT/msgs/1.blk"), "events").unwrap();
        let evt = streams(&nats).unwrap().join("EVT");
        let copy = nats.join("evt-before");
        copy_all(&evt, &copy).unwrap();
        assert_eq!(fs::read_to_string(copy.join("msgs/1.blk")).unwrap(), "events");
        remove(&evt).unwrap();
        remove(&evt).unwrap();
        assert!(!evt.exists() && copy.is_dir());
        remove(&nats).unwrap();
    }
}
