//! Promises: a command line that help, a manual page or the README shows is one that popkeep accepts;
//! the files and the tests that contributors are sent to exist.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use popkeep::cli::Cli;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names of the commands.
fn commands() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The popkeep command in a shell's line: without what is piped to or from it, redirections, `sudo`
/// or a comment. `None` if there is none.
fn command_line(shell: &str) -> Option<Vec<&str>> {
    let line = shell.split('#').next()?.split('>').next()?;
    let ours = line.split('|').map(str::trim).find(|part| part.starts_with("popkeep "))?;
    let words: Vec<&str> = ours.split_whitespace().take_while(|word| *word != "&&").collect();
    let known = commands();
    words.iter().skip(1).any(|word| known.iter().any(|name| name == word)).then_some(words)
}

#[track_caller]
fn assert_accepted(words: &[&str], place: &str) {
    if let Err(error) = Cli::try_parse_from(words) {
        // A command may be named without what it works on.
        let named = words.len() == 2 && error.kind() == ErrorKind::MissingRequiredArgument;
        assert!(named || !error.use_stderr(), "{place} shows {words:?}, which is refused: {error}");
    }
}

#[test]
fn the_examples_in_help_are_accepted() {
    let mut seen = 0;
    for command in Cli::command().get_subcommands() {
        let Some(help) = command.get_after_help() else { continue };
        let help = help.to_string();
        for line in help.lines().filter(|line| line.contains("popkeep ")) {
            let (shell, meaning) = line.trim_start().split_once("  ").expect("a line and its meaning");
            assert!(!meaning.trim().is_empty(), "{line}");
            let words = command_line(shell).unwrap_or_else(|| panic!("no command in {line}"));
            assert!(words.contains(&command.get_name()), "an example of another command: {line}");
            assert_accepted(&words, "help");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn the_commands_in_the_readme_are_accepted() {
    let readme = file("README.md");
    let mut fenced = false;
    let mut shown: Vec<&str> = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            fenced = !fenced && line == "```sh";
        } else if fenced {
            shown.push(line);
        } else {
            shown.extend(line.split('`').skip(1).step_by(2));
        }
    }
    let lines: Vec<_> = shown.into_iter().filter_map(command_line).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for words in lines {
        assert_accepted(&words, "README.md");
    }
}

#[test]
fn the_commands_in_the_manuals_of_formats_are_accepted() {
    for name in ["man/popkeep.toml.5", "man/popkeep-formats.7"] {
        let page = file(name);
        let quoted = page.lines().filter_map(|line| line.strip_prefix(".Ql "));
        let lines: Vec<_> = quoted.filter_map(command_line).collect();
        assert!(lines.len() >= 2, "{lines:?}");
        for words in lines {
            assert_accepted(&words, name);
        }
    }
}

#[test]
fn the_commands_on_the_page_for_who_needs_their_mail_back_are_accepted() {
    let page = file("man/popkeep-restore.7").replace("\\(dq", "\"");
    let shown = page.lines().map(|line| {
        let line = line.strip_prefix(".Dl ").or_else(|| line.strip_prefix(".Ql ")).unwrap_or(line);
        // What follows is an explanation, a file, or the punctuation of the sentence.
        let line = line.split(" #").next().unwrap_or_default();
        let line = line.split(" > ").next().unwrap_or_default();
        line.trim_end_matches([' ', ',', '.'])
    });
    let lines: Vec<_> = shown.filter_map(command_line).collect();
    assert!(lines.len() >= 20, "{lines:?}");
    for words in lines {
        assert_accepted(&words, "popkeep-restore(7)");
    }
}

#[test]
fn the_files_that_contributors_are_sent_to_exist() {
    let page = file("CONTRIBUTING.md");
    let named: BTreeSet<&str> =
        page.split('`').filter(|text| text.starts_with("src/") && !text.contains(' ')).collect();
    assert!(named.len() > 40, "{}", named.len());
    for path in named {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{path} is not there");
    }
}

/// The files that a test may be in which a table of rules names: `name` is in the table's own file, `module::name` in
/// another file of this folder, `popkeep::room::module::name` among the unit tests of that module.
fn homes(table: &Path, module: &[&str]) -> Vec<PathBuf> {
    let ["popkeep", rooms @ ..] = module else {
        let home = table.parent().unwrap().join(module.join("/")).with_extension("rs");
        return vec![if module.is_empty() { table.to_owned() } else { home }];
    };
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(rooms.join("/"));
    vec![base.with_extension("rs"), base.join("mod.rs"), base.join("tests.rs")]
}

#[test]
fn the_tests_in_the_tables_of_rules_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let table = entry.unwrap().path();
        if table.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let page = std::fs::read_to_string(&table).unwrap();
        for row in page.lines().filter(|line| line.starts_with("//! |")) {
            for name in row.split("[`").skip(1) {
                let (name, _) = name.split_once("`]").unwrap_or_else(|| panic!("{}: {row}", table.display()));
                let path: Vec<&str> = name.split("::").collect();
                let (test, module) = path.split_last().unwrap();
                let function = format!("#[test]\nfn {test}() {{");
                let is_there = |file: &PathBuf| {
                    let code = std::fs::read_to_string(file).unwrap_or_default();
                    code.replace("    #[test]\n    fn", "#[test]\nfn").contains(&function)
                };
                assert!(homes(&table, module).iter().any(is_there), "{}: no test {name}", table.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 150, "{seen}");
}
