//! `tests/mutations` is run by hand; that it still finds each safeguard in the sources is looked at here, without a
//! build.

use crate::support::{find_program, skip};
use std::path::Path;
use std::process::Command;

#[test]
fn each_safeguard_is_where_the_mutations_look_for_it() {
    if find_program("perl").is_none() {
        return skip("no perl");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations");
    let output = Command::new(script).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
