//! popkeep(1): what all commands have in common.

use super::roff::{finished, head, list, rendered, see_also, without_preamble};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use popkeep::cli::manual;
use popkeep::cli::problems::{PROBLEMS, REPORTING};

pub(super) fn page(command: &clap::Command) -> String {
    let mut page = head("popkeep", &command.get_about().unwrap().to_string());
    let mut synopsis = Roff::new();
    synopsis.control("SH", ["SYNOPSIS"]);
    let config = [roman(" ["), bold("--config"), roman(" "), italic("FILE"), roman("] ")];
    let command_line = [italic("COMMAND"), roman(" ["), italic("ARGUMENT"), roman("]...")];
    synopsis.text([&[bold("popkeep")], &config[..], &command_line[..]].concat());
    page.push_str(&without_preamble(&synopsis.render()));

    let man = Man::new(command.clone());
    page.push_str(&rendered(|out| man.render_description_section(out)));
    page.push_str(&rendered(|out| man.render_options_section(out)));

    let mut rest = Roff::new();
    commands(&mut rest, command);
    list(&mut rest, "EXIT STATUS", manual::EXIT_STATUS.iter().map(|(code, text)| (code.to_string(), *text)));
    rest.control("PP", []).text([roman(manual::EXIT_MERGE)]);
    problems(&mut rest);
    rest.control("SH", ["REPORTING A PROBLEM"]);
    super::roff::paragraphs(&mut rest, &REPORTING.join("\n\n"));
    list(&mut rest, "FILES", manual::FILES.iter().map(|(file, text)| ((*file).to_owned(), *text)));
    list(
        &mut rest,
        "ENVIRONMENT",
        manual::ENVIRONMENT.iter().map(|(name, text)| ((*name).to_owned(), *text)),
    );
    let mut pages: Vec<_> =
        command.get_subcommands().map(|sub| (format!("popkeep-{}", sub.get_name()), '1')).collect();
    pages.extend([("popkeep.toml", '5'), ("crontab", '5')].map(|(name, section)| (name.to_owned(), section)));
    pages.extend(["fleet", "formats", "oauth", "restore"].map(|name| (format!("popkeep-{name}"), '7')));
    see_also(&mut rest, &pages);
    page.push_str(&without_preamble(&rest.render()));
    finished(&page)
}

/// Each command with the page that tells of it.
fn commands(roff: &mut Roff, command: &clap::Command) {
    roff.control("SH", ["COMMANDS"]);
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        let about = sub.get_about().unwrap().to_string();
        roff.control("TP", []).text([bold(name)]).text([
            roman(format!("{about}: ")),
            bold(format!("popkeep-{name}")),
            roman("(1)."),
        ]);
    }
}

/// What can go wrong, a subsection for each exit code.
fn problems(roff: &mut Roff) {
    roff.control("SH", ["PROBLEMS AND REMEDIES"]);
    roff.text([roman("The common causes of each exit code, and what to do.")]);
    let mut code = None;
    for problem in PROBLEMS {
        if code.replace(problem.code) != Some(problem.code) {
            roff.control("SS", [format!("Exit code {}", problem.code).as_str()]);
        }
        roff.control("TP", []).text([italic(problem.cause)]).text([roman(problem.remedy)]);
    }
}
