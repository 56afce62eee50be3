//! The man page is the command line's own definitions, printed: this keeps it true.
//!
//! `POPKEEP_BLESS=1 cargo test man` writes it anew.

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use popkeep::cli::{Cli, manual};
use std::path::Path;

const PAGE: &str = "man/popkeep.1";

#[test]
fn the_man_page_is_what_the_command_line_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("POPKEEP_BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "{PAGE} is stale: write it anew with POPKEEP_BLESS=1 cargo test man");
}

#[test]
fn the_man_page_has_every_command_every_option_and_every_exit_code() {
    let page = page().replace("\\-", "-");
    let mut command = Cli::command();
    command.build();
    for sub in command.get_subcommands() {
        assert!(page.contains(&format!(".SS \"popkeep {}", sub.get_name())), "{}", sub.get_name());
        for option in sub.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&format!("--{option}")), "{} --{option}", sub.get_name());
        }
    }
    for (code, _) in manual::EXIT_STATUS {
        assert!(page.contains(&format!("\n\\fB{code}\\fR\n")), "exit code {code}");
    }
}

/// When the page was last given a new shape; the formatters want a date.
const DATE: &str = "2026-11-22";

fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let version = concat!("popkeep ", env!("CARGO_PKG_VERSION"));

    let mut head = Roff::new();
    head.control("TH", ["POPKEEP", "1", DATE, version, "User Commands"]);
    head.control("SH", ["NAME"]);
    head.text([roman(format!("popkeep - {}", command.get_about().unwrap()))]);
    head.control("SH", ["SYNOPSIS"]);
    let config = [roman(" ["), bold("--config"), roman(" "), italic("FILE"), roman("] ")];
    let command_line = [italic("COMMAND"), roman(" ["), italic("ARGUMENT"), roman("]...")];
    head.text([&[bold("popkeep")], &config[..], &command_line[..]].concat());
    let mut page = head.render();

    let man = Man::new(command.clone());
    page.push_str(&without_preamble(&rendered(|out| man.render_description_section(out))));
    page.push_str(&without_preamble(&rendered(|out| man.render_options_section(out))));
    page.push_str(&commands(&command));

    let mut rest = Roff::new();
    list(&mut rest, "EXIT STATUS", manual::EXIT_STATUS.iter().map(|(code, text)| (code.to_string(), *text)));
    rest.control("PP", []).text([roman(manual::EXIT_MERGE)]);
    list(&mut rest, "FILES", manual::FILES.iter().map(|(file, text)| ((*file).to_owned(), *text)));
    list(
        &mut rest,
        "ENVIRONMENT",
        manual::ENVIRONMENT.iter().map(|(name, text)| ((*name).to_owned(), *text)),
    );
    let examples = [manual::FETCH, manual::CHECK, manual::LIST, manual::STATUS, manual::SESSION, manual::COMPLETIONS].concat();
    list(&mut rest, "EXAMPLES", examples.iter().map(|(line, meaning)| ((*line).to_owned(), *meaning)));
    rest.control("SH", ["SEE ALSO"]).text([
        bold("popkeep.toml"),
        roman("(5), "),
        bold("crontab"),
        roman("(5)"),
    ]);
    page.push_str(&without_preamble(&rest.render()));
    // The empty lines around lists of values are breaks twice over.
    folded(&page.replace(".br\n\n.br\n", ".sp\n"))
}

/// A subsection for each command: what it does and its own options.
fn commands(command: &clap::Command) -> String {
    let mut page = String::from(".SH COMMANDS\n");
    for sub in command.get_subcommands() {
        let usage = sub.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let mut head = Roff::new();
        head.control("SS", [usage.as_str()]);
        let about = sub.get_long_about().or_else(|| sub.get_about()).unwrap().to_string();
        for (index, paragraph) in about.split("\n\n").enumerate() {
            if index > 0 {
                head.control("PP", []);
            }
            head.text([roman(paragraph)]);
        }
        page.push_str(&without_preamble(&head.render()));

        // The options that every command has stand in OPTIONS above.
        let own = sub.clone().mut_args(|argument| {
            let everywhere = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(everywhere)
        });
        let options = without_preamble(&rendered(|out| Man::new(own).render_options_section(out)));
        // Its heading would end the section of commands.
        page.push_str(options.trim_start_matches(".SH OPTIONS\n"));
    }
    page
}

/// Terms and what they mean.
fn list<'a>(roff: &mut Roff, heading: &str, entries: impl Iterator<Item = (String, &'a str)>) {
    roff.control("SH", [heading]);
    for (term, text) in entries {
        roff.control("TP", []).text([bold(term)]).text([roman(text)]);
    }
}

fn rendered(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Each rendering opens with the definition of the apostrophe; the page has it once, at its head.
fn without_preamble(rendered: &str) -> String {
    rendered.split_inclusive('\n').filter(|line| !is_preamble(line)).collect()
}

fn is_preamble(line: &str) -> bool {
    line.starts_with(".ie ") || line.starts_with(".el ")
}

/// Text lines of at most 80 octets, as the formatters' checkers like them.
fn folded(page: &str) -> String {
    let mut out = String::new();
    for line in page.lines() {
        let mut width = 0;
        for word in line.split_inclusive(' ') {
            // A line must not begin with what would make it a request.
            let fold = width + word.trim_end().len() > 78
                && !line.starts_with('.')
                && !word.starts_with(['.', '\'']);
            if fold {
                out.truncate(out.trim_end().len());
                out.push('\n');
                width = 0;
            }
            out.push_str(word);
            width += word.len();
        }
        out.push('\n');
    }
    out
}
