//! `popkeep demo`.
use crate::exit::Exit;
use std::path::Path;
/// Runs the demo in `dir`.
pub fn run(_dir: &Path) -> Exit {
    todo!()
}
