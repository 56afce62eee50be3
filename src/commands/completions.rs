//! `popkeep completions`: a completion script, generated from the command line's definitions.
//!
//! Promises: in bash, zsh and fish the script also completes the names of accounts, which it asks
//! `popkeep completions --accounts` for; where there is no configuration, that is no names and no words.

use super::{Failure, load};
use crate::cli::{self, Cli};
use crate::exit::Exit;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;
use std::path::Path;

/// Prints the script for a shell, or the names of the accounts.
pub fn run(file: Option<&Path>, options: &cli::Completions, out: &mut dyn Write) -> Result<Exit, Failure> {
    if let Some(shell) = options.shell {
        out.write_all(script(shell).as_bytes())?;
    } else {
        for account in load(file)?.accounts {
            writeln!(out, "{}", account.name)?;
        }
    }
    Ok(Exit::OK)
}

fn script(shell: Shell) -> String {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "popkeep", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script.replace("complete -F _popkeep ", "complete -F _popkeep_or_account ").replacen(
            "\nif [[ \"${BASH_VERSINFO",
            &format!("{BASH}\nif [[ \"${{BASH_VERSINFO"),
            1,
        ),
        Shell::Zsh => {
            let of_account = |line: &str| line.contains("::account") || line.starts_with("':account");
            let lines = script.lines().map(|line| {
                if of_account(line) {
                    line.replace(":_default'", ":_popkeep_account'")
                } else {
                    line.to_owned()
                }
            });
            let script = lines.collect::<Vec<_>>().join("\n");
            script.replacen('\n', &format!("\n{ZSH}"), 1) + "\n"
        }
        Shell::Fish => script + FISH,
        _ => script,
    }
}

/// Adds the accounts to what clap proposes, unless an option or its value is being typed.
const BASH: &str = r#"
_popkeep_or_account() {
    _popkeep "$@"
    local word cur="${COMP_WORDS[COMP_CWORD]}"
    case "${COMP_WORDS[COMP_CWORD-1]}" in
        --config|--limit|-n|--since|--jobs|--wait|--metrics|--progress|--max-age|--listen|--password-command|--tls-cert|--tls-key) return 0 ;;
    esac
    [[ "${cur}" == -* ]] && return 0
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${word}" in
            fetch|check|list|status|log|verify|serve|session|login|logout|token)
                COMPREPLY+=( $(compgen -W "$("$1" completions --accounts 2>/dev/null)" -- "${cur}") )
                return 0
                ;;
        esac
    done
}
"#;

const ZSH: &str = r#"
_popkeep_account() {
    local -a accounts
    accounts=(${(f)"$(popkeep completions --accounts 2>/dev/null)"})
    compadd -a accounts
}
"#;

const FISH: &str = r#"complete -c popkeep -n "__fish_popkeep_using_subcommand fetch check list status log verify serve session login logout token" -f -a "(popkeep completions --accounts 2>/dev/null)"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_a_script_that_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let script = script(shell);
            for word in ["fetch", "check", "status", "init", "demo", "completions", "max-age"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            let asks = script.contains("completions --accounts 2>");
            assert_eq!(asks, matches!(shell, Shell::Bash | Shell::Zsh | Shell::Fish), "{shell}");
        }
        assert_eq!(script(Shell::Zsh).matches(":_popkeep_account'").count(), 12);
        assert!(script(Shell::Zsh).starts_with("#compdef popkeep\n"));
        assert!(script(Shell::Bash).contains("complete -F _popkeep_or_account "));
    }
}
