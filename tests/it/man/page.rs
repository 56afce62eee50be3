//! popkeep-COMMAND(1): one command, its options, its examples.

use super::roff::{finished, head, paragraphs, rendered, see_also, without_preamble};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The page of a command of the whole command line.
pub(super) fn of(sub: &clap::Command, whole: &clap::Command) -> String {
    let mut page = head(&format!("popkeep-{}", sub.get_name()), &sub.get_about().unwrap().to_string());
    let mut opening = Roff::new();
    let usage = sub.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: popkeep ").to_owned();
    opening.control("SH", ["SYNOPSIS"]).text([bold("popkeep"), roman(format!(" {usage}"))]);
    opening.control("SH", ["DESCRIPTION"]);
    let about = sub.get_long_about().or_else(|| sub.get_about()).unwrap().to_string();
    // Its first paragraph stands under NAME.
    paragraphs(&mut opening, about.split_once("\n\n").map_or(about.as_str(), |(_, more)| more));
    page.push_str(&without_preamble(&opening.render()));

    let options = sub.clone().mut_args(|argument| {
        let elsewhere = argument.get_id() == "help";
        argument.hide(elsewhere)
    });
    page.push_str(&rendered(|out| Man::new(options).render_options_section(out)));

    let mut rest = Roff::new();
    if let Some(examples) = sub.get_after_help() {
        let examples = examples.to_string();
        rest.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.trim_start_matches("Examples:\n").lines() {
            rest.text([roman(line.trim_start_matches("  "))]);
        }
        rest.control("fi", []);
    }
    rest.control("SH", ["EXIT STATUS"]).text([
        roman("As "),
        bold("popkeep"),
        roman("(1) says, which also has the files, the environment, and what to do about each problem."),
    ]);
    let others = whole.get_subcommands().map(clap::Command::get_name).filter(|name| *name != sub.get_name());
    let mut pages = vec![("popkeep".to_owned(), '1')];
    pages.extend(others.map(|name| (format!("popkeep-{name}"), '1')));
    pages.push(("popkeep.toml".to_owned(), '5'));
    if sub.get_arguments().any(|argument| argument.get_id() == "json") {
        pages.push(("popkeep-formats".to_owned(), '7'));
    }
    see_also(&mut rest, &pages);
    page.push_str(&without_preamble(&rest.render()));
    finished(&page)
}
