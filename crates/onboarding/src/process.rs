//! What the system lets this process do.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// No dumps of its memory, which holds personal data and secrets; and as many open files as it may
/// have, for each connection is one. The servers that the demo starts inherit both.
pub(crate) fn prepare() {
    for (what, done) in [("core dumps", no_core_dumps()), ("open files", all_open_files())] {
        if let Err(error) = done {
            eprintln!("warning: the limit of {what} stays as it is: {error}");
        }
    }
}

/// A limit of 0 does not count where the kernel hands dumps to a program (`core_pattern` with `|`):
/// there it does that the process is none that may be dumped. Its environment is then shown to nobody
/// of the same user either.
fn no_core_dumps() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    set_dumpable(false)
}

/// The first limit is low for the sake of programs that can't count beyond 1,024.
fn all_open_files() -> nix::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_never_dumped_and_all_files_are_used() {
        prepare();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(now, most);
    }
}
