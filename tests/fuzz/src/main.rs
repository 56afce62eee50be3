//! One program for all targets of `tests/it/fuzz`: libFuzzer's own arguments, and the target's name in
//! `$POPKEEP_FUZZ_TARGET`. The script `run` beside this crate builds and starts it.
#![no_main]

#[path = "../../it/fuzz/targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("POPKEEP_FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target {name:?}")).run
});

libfuzzer_sys::fuzz_target!(|octets: &[u8]| TARGET(octets));
