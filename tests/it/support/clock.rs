//! A clock that the test sets: `libfaketime`, which shifts the clock on the wall and no other.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::sandbox::{Run, Sandbox};
use super::skip;

/// An hour in seconds.
pub(crate) const HOUR: i64 = 3_600;
/// A day in seconds.
pub(crate) const DAY: i64 = 86_400;

/// The library, or a test that is skipped.
pub(crate) fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .chain([PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")])
        .find(|path| path.is_file());
    if found.is_none() {
        skip("no libfaketime here");
    }
    found
}

/// The shift by which the clock shows this instant, in seconds since 1970.
pub(crate) fn shift_to(at: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    at - i64::try_from(now).unwrap()
}

impl Sandbox {
    /// From now on every program that runs in the sandbox sees a clock that is so many seconds ahead of the real one.
    pub(crate) fn set_clock(&self, library: &Path, seconds: i64) {
        *self.clock.lock().unwrap() = Some((library.to_owned(), seconds));
    }
}

impl Run {
    /// With the clock so many seconds ahead, in this run alone.
    pub(crate) fn ahead(self, library: &Path, seconds: i64) -> Run {
        self.faking(library).env("FAKETIME", format!("{seconds:+}"))
    }

    /// With a clock that follows what stands in a file: a shift in seconds, with its sign.
    pub(crate) fn by_the_file(self, library: &Path, file: &Path) -> Run {
        self.faking(library).env("FAKETIME_TIMESTAMP_FILE", file).env("FAKETIME_NO_CACHE", "1")
    }

    fn faking(self, library: &Path) -> Run {
        self.env("LD_PRELOAD", library).env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1")
    }
}
