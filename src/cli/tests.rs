//! Which command lines are understood, and which are refused.

use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_every_option_has_help() {
    fn look(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{} has no help", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(look);
    }
    let mut command = Cli::command();
    command.build();
    look(&command);
}

#[test]
fn the_options_of_fetch_are_understood() {
    let cli =
        parse("popkeep fetch work home --limit 5 --jobs 2 -vv --json --progress never --config f").unwrap();
    let Command::Fetch(fetch) = cli.command else { panic!("not fetch") };
    assert_eq!(fetch.accounts, ["work", "home"]);
    assert_eq!((fetch.limit, fetch.jobs, fetch.verbose), (Some(5), Some(2), 2));
    assert!(fetch.json && !fetch.quiet && !fetch.dry_run);
    assert_eq!(fetch.progress, When::Never);
    assert_eq!(cli.config, Some(PathBuf::from("f")));
}

#[test]
fn nonsense_is_refused() {
    for line in [
        "popkeep fetch --limit 0",
        "popkeep fetch --limit -1",
        "popkeep fetch --jobs 0",
        "popkeep fetch --jobs 1000000",
        "popkeep fetch --quiet -v",
        "popkeep fetch --progress sometimes",
        "popkeep fetch --dry-run --metrics f",
        "popkeep fetch --wait 0m",
        "popkeep fetch --wait soon",
        "popkeep status --max-age 0h",
        "popkeep status --max-age -3h",
        "popkeep status --max-age soon",
        "popkeep completions tcl",
    ] {
        let kind = parse(line).unwrap_err().kind();
        assert!(
            matches!(
                kind,
                ErrorKind::ValueValidation
                    | ErrorKind::InvalidValue
                    | ErrorKind::ArgumentConflict
                    | ErrorKind::UnknownArgument
            ),
            "{line}: {kind:?}"
        );
    }
    assert_eq!(parse("popkeep steal").unwrap_err().kind(), ErrorKind::InvalidSubcommand);
}

#[test]
fn ages_are_read_as_people_write_them() {
    assert_eq!(age("26h"), Ok(Duration::from_hours(26)));
    assert_eq!(age("3d"), Ok(Duration::from_hours(72)));
    assert_eq!(age("1w"), Ok(Duration::from_hours(168)));
    assert_eq!(age("1h 30m"), Ok(Duration::from_mins(90)));
}
