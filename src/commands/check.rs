//! `popkeep check`: a look at each account that changes nothing.

use super::{Failure, load};
use crate::cli;
use crate::exit::Exit;
use std::io::Write;
use std::path::Path;

/// Checks the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Check, _out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    config.select(&options.accounts)?;
    Ok(Exit::OK)
}
