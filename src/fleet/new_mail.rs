//! `on_new_mail`: what the user wants run once a run has stored something.
//!
//! Promises: each command runs at most once in a run, after all accounts, however many of them
//! name it; one that fails changes nothing about the mail, which is safe by then, and does not stop
//! the next. Must never: show the command, which may hold a secret.

use crate::config::{Account, CommandLine};
use crate::event::Summary;
use crate::shell::{Outcome, Shell, complained};
use crate::stop;
use std::collections::HashMap;
use std::time::Duration;

/// The longest list of accounts that a command is given, in octets: a variable has room for 128 KiB on Linux, and all of them
/// together with the arguments for a quarter of the stack.
const LONGEST_LIST: usize = 100_000;

/// How long a command may take; a mail index over a large archive is not built in a minute.
const LIMIT: Duration = Duration::from_hours(1);

/// What became of one command.
#[derive(Debug, PartialEq, Eq)]
pub struct NewMail {
    /// The accounts with new mail that name it.
    pub accounts: Vec<String>,
    /// How many messages this run stored in them.
    pub fetched: u64,
    /// Why it came to nothing.
    pub error: Option<String>,
}

/// Runs the commands of the accounts that have new mail, in the order of the accounts; `summaries` has them in the same order.
pub fn run(accounts: &[&Account], summaries: &[Summary]) -> Vec<NewMail> {
    let commands = due(accounts, summaries);
    let run = |(command, mut due): (&str, NewMail)| {
        due.error = carry_out(command, &due, LIMIT);
        due
    };
    commands.into_iter().map(run).collect()
}

/// Each command once, with what it is run for.
fn due<'a>(accounts: &[&'a Account], summaries: &[Summary]) -> Vec<(&'a str, NewMail)> {
    let mut commands: Vec<(&str, NewMail)> = Vec::new();
    let mut known = HashMap::new();
    let fetched = accounts.iter().zip(summaries).filter(|(_, summary)| summary.fetched > 0);
    for (account, summary) in fetched {
        let Some(command) = account.on_new_mail.as_ref().map(CommandLine::as_str) else { continue };
        let at = *known.entry(command).or_insert_with(|| {
            commands.push((command, NewMail { accounts: Vec::new(), fetched: 0, error: None }));
            commands.len() - 1
        });
        let (_, due) = &mut commands[at];
        due.accounts.push(summary.account.clone());
        due.fetched += summary.fetched;
    }
    commands
}

/// Runs a command; what it prints is of no interest, what it complains is if it fails.
fn carry_out(command: &str, due: &NewMail, limit: Duration) -> Option<String> {
    if stop::requested().is_some() {
        return Some("on_new_mail did not run, because a signal came first".to_owned());
    }
    let stopped = || stop::requested().is_some();
    let mut names = due.accounts.join(" ");
    if names.len() > LONGEST_LIST {
        names.clear();
    }
    let shell = Shell::new(command, limit)
        .variable("POPKEEP_ACCOUNTS", &names)
        .variable("POPKEEP_FETCHED", &due.fetched.to_string())
        .apart(&stopped);
    match shell.run() {
        Ok(Outcome::Ended { status, .. }) if status.success() => None,
        Ok(Outcome::Ended { status, complaint, .. }) => {
            Some(format!("the mail is stored, but on_new_mail failed ({status}){}", complained(&complaint)))
        }
        Ok(Outcome::OutOfTime) => Some(format!(
            "the mail is stored, but on_new_mail was still running after {} min and was stopped; run it by hand \
             to see why",
            limit.as_secs() / 60
        )),
        Ok(Outcome::Stopped) => Some("on_new_mail was stopped by a signal before it finished".to_owned()),
        Err(error) => Some(format!("the mail is stored, but on_new_mail cannot start: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example_account;
    use crate::event::Outcome;
    use crate::exit::Exit;

    fn account(name: &str, command: Option<&str>) -> Account {
        let on_new_mail = command.map(|command| CommandLine::new(command.to_owned()));
        Account { name: name.to_owned(), on_new_mail, ..example_account() }
    }

    fn fetched(name: &str, fetched: u64) -> Summary {
        Summary { fetched, ..Summary::of_nothing(name, Outcome::Ok, Exit::OK, None) }
    }

    #[test]
    fn accounts_that_name_one_command_have_it_run_once() {
        let accounts = [
            account("a", Some("index")),
            account("b", Some("index")),
            account("c", Some("other")),
            account("d", None),
            account("e", Some("index")),
        ];
        let accounts: Vec<&Account> = accounts.iter().collect();
        let summaries = [("a", 2), ("b", 0), ("c", 1), ("d", 4), ("e", 3)].map(|(name, n)| fetched(name, n));
        let due: Vec<_> = due(&accounts, &summaries)
            .into_iter()
            .map(|(command, due)| (command, due.accounts.join(" "), due.fetched))
            .collect();
        assert_eq!(due, [("index", "a e".to_owned(), 5), ("other", "c".to_owned(), 1)]);
    }

    #[test]
    fn a_command_that_fails_is_told_without_showing_it() {
        let due = NewMail { accounts: vec!["a".to_owned()], fetched: 2, error: None };
        let told = |command: &str| carry_out(command, &due, Duration::from_mins(1));
        assert_eq!(told("test \"$POPKEEP_ACCOUNTS $POPKEEP_FETCHED\" = 'a 2'"), None);
        assert_eq!(
            told("echo 'no database' >&2; exit 2 # hunter2").unwrap(),
            "the mail is stored, but on_new_mail failed (exit status: 2): no database"
        );
        let many = NewMail { accounts: vec!["account".to_owned(); 50_000], ..due };
        let told = |command: &str| carry_out(command, &many, Duration::from_mins(1));
        assert_eq!(told("test -z \"$POPKEEP_ACCOUNTS\" -a $POPKEEP_FETCHED = 2"), None);
        let late = carry_out("sleep 60", &many, Duration::from_millis(20)).unwrap();
        assert!(late.contains("still running after 0 min"), "{late}");
    }
}
