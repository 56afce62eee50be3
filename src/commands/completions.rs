//! `popkeep completions`: a completion script, generated from the command line's definitions.

use super::Failure;
use crate::cli::Cli;
use crate::exit::Exit;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Prints the script for `shell`.
pub fn run(shell: Shell, out: &mut dyn Write) -> Result<Exit, Failure> {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "popkeep", &mut script);
    out.write_all(&script)?;
    Ok(Exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_a_script_that_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut script = Vec::new();
            assert!(run(shell, &mut script).is_ok_and(Exit::is_ok));
            let script = String::from_utf8(script).unwrap();
            for word in ["fetch", "check", "status", "init", "demo", "completions", "max-age"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
