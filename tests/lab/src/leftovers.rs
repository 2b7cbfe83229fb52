//! What labs have left that were killed: removed when the next one starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::disk;

/// Marks a folder that is to stay.
const KEPT: &str = "kept";
/// Names what belongs to a folder and is elsewhere, one path a line.
const ELSEWHERE: &str = "elsewhere";

/// Removes the folders of labs that are no more, once in this process and before it has one of its
/// own: its number may have been another's.
pub(crate) fn remove(above: &Path) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| remove_those_of(above, is_over));
}

/// A folder stays, also when the lab is killed.
pub(crate) fn keep(folder: &Path) -> std::io::Result<()> {
    fs::write(folder.join(KEPT), "")
}

/// Notes what else is to be removed with a folder.
pub(crate) fn note(folder: &Path, elsewhere: &[PathBuf]) -> std::io::Result<()> {
    let lines: String = elsewhere.iter().map(|path| format!("{}\n", path.display())).collect();
    fs::write(folder.join(ELSEWHERE), lines)
}

fn remove_those_of(above: &Path, is_over: impl Fn(i32) -> bool) {
    let folders = fs::read_dir(above).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders {
        let process = process_of(&folder);
        if process.is_some_and(&is_over) && !folder.join(KEPT).exists() {
            let elsewhere = fs::read_to_string(folder.join(ELSEWHERE)).unwrap_or_default();
            for path in elsewhere.lines().map(Path::new) {
                disk::unmount(path);
                remove_one(path);
                // The one above, once it is empty.
                let _ = path.parent().map(fs::remove_dir);
            }
            remove_one(&folder);
        }
    }
}

/// What can't be removed is tried again by the next lab: nobody is harmed by it meanwhile.
fn remove_one(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

/// The process that a folder is named after: `<process>-<number>`.
fn process_of(folder: &Path) -> Option<i32> {
    let (process, number) = folder.file_name()?.to_str()?.split_once('-')?;
    number.parse::<u32>().ok()?;
    // Zero and less would be whole groups of processes.
    process.parse().ok().filter(|process| *process > 0)
}

fn is_over(process: i32) -> bool {
    let own = u32::try_from(process).is_ok_and(|process| process == std::process::id());
    own || kill(Pid::from_raw(process), None::<Signal>) == Err(Errno::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_labs_that_are_over_go_with_what_they_have_elsewhere_and_kept_ones_stay() {
        let root = std::env::temp_dir().join(format!("lab-leftovers-{}", std::process::id()));
        let (above, elsewhere) = (root.join("lab"), root.join("elsewhere"));
        for folder in ["1-1", "2-1", "2-2", "notes"] {
            fs::create_dir_all(above.join(folder)).unwrap();
        }
        fs::create_dir_all(elsewhere.join("postgres")).unwrap();
        note(&above.join("2-1"), &[elsewhere.join("postgres")]).unwrap();
        keep(&above.join("2-2")).unwrap();
        remove_those_of(&above, |process| process == 2);
        let left = ["1-1", "2-1", "2-2", "notes"].map(|folder| above.join(folder).exists());
        assert_eq!(left, [true, false, true, true]);
        assert!(!elsewhere.exists());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_process_that_has_ended_is_over_and_one_that_runs_is_not() {
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = other.id().cast_signed();
        assert!(!is_over(process));
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(is_over(process));
    }

    #[test]
    fn only_a_process_and_a_number_name_a_folder() {
        let of = |name: &str| process_of(Path::new(name));
        assert_eq!((of("lab/12-3"), of("lab/12"), of("lab/0-1")), (Some(12), None, None));
        assert_eq!((of("lab/-1-1"), of("lab/12-x")), (None, None));
    }
}
