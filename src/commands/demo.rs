//! `popkeep demo`: a newcomer's first run with no account.
//!
//! Starts the server of [`crate::server`] on a loopback port, writes a configuration, and
//! runs the real fetch with it, twice. Configuration, ledger and mail are inside one folder;
//! nothing else is touched.

mod folder;
mod samples;

use super::Failure;
use crate::config::{self, Account, Format};
use crate::event::{Event, Observer, Summary};
use crate::exit::Exit;
use crate::fleet;
use crate::progress::wording;
use crate::server::{Maildrop, Server};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the demo could not begin.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder holds something else. Exit 73.
    #[error(
        "{} is not empty, and not from an earlier demo, so nothing was changed; name another folder: popkeep demo FOLDER",
        dir.display()
    )]
    Taken {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder cannot be made or used. Exit 73.
    #[error("cannot use {} ({reason}); name another folder: popkeep demo FOLDER", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No port to listen on. Exit 69.
    #[error("the demo's server cannot listen on 127.0.0.1 ({0}); is the loopback interface up?")]
    Listen(io::Error),
}

impl DemoError {
    fn taken(dir: &Path) -> Self {
        DemoError::Taken { dir: dir.to_owned() }
    }

    fn folder(dir: &Path, error: &io::Error) -> Self {
        DemoError::Folder { dir: dir.to_owned(), reason: error.to_string() }
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            DemoError::Taken { .. } | DemoError::Folder { .. } => Exit::CANT_CREATE,
            DemoError::Listen(_) => Exit::UNAVAILABLE,
        }
    }
}

/// Runs the demo in `dir`, telling its story on `out`.
pub fn run(dir: &Path, out: &mut dyn Write) -> Result<Exit, Failure> {
    let samples = Maildrop::new(folder::USER, folder::PASSWORD);
    let maildrop = samples::MESSAGES.iter().fold(samples, |maildrop, message| maildrop.message(message));
    let server = Server::start([maildrop]).map_err(DemoError::Listen)?;
    let file = folder::prepare(dir, server.port())?;
    let config = config::load(&file)?;
    let accounts = config.select(&["demo".to_owned()])?;
    let [account] = &accounts[..] else { return Ok(Exit::CONFIG) };
    let shown = Shown::new(dir, &file, account);

    writeln!(
        out,
        "A small POP3 server is running on this machine, 127.0.0.1 port {}. In its maildrop
are {}: some ordinary, some that backup tools tend to get wrong.
A configuration for it is in {}.

First run, as you would start it yourself:
  {} --config {} fetch",
        server.port(),
        wording::messages(samples::MESSAGES.len() as u64),
        shown.config,
        shown.program,
        shown.config,
    )?;
    out.flush()?;
    let fetch = || fleet::run(&config, &accounts, &fleet::Options::default(), &silence());
    let first = fetch();
    tell(&first, out)?;
    let exit = exit_of(&first);
    if !exit.is_ok() {
        return Ok(exit);
    }
    match first.iter().map(|summary| summary.fetched).sum() {
        0 => writeln!(out, "Nothing was fetched: an earlier demo has already archived it all.")?,
        fetched => writeln!(
            out,
            "{} archived in {}, octet for octet, each checked and\nsynced to disk before it was recorded.",
            were(fetched),
            shown.archive
        )?,
    }

    writeln!(out, "\nSecond run, the same command:")?;
    let second = fetch();
    tell(&second, out)?;
    let exit = exit_of(&second);
    if exit.is_ok() && second.iter().all(|summary| summary.fetched == 0) {
        writeln!(
            out,
            "Nothing was fetched: the ledger knows every message by the unique-id that the server
gave it. Nothing was deleted from the server either; that happens only if you ask for it."
        )?;
    }
    shown.what_next(out)?;
    Ok(exit)
}

/// Names as the user would write them in a shell.
struct Shown {
    /// As this process was started: a newcomer has not installed it yet.
    program: String,
    dir: String,
    config: String,
    archive: String,
    /// A command that shows what is in the archive.
    look: String,
}

impl Shown {
    fn new(dir: &Path, config: &Path, account: &Account) -> Self {
        let program = std::env::args_os().next().unwrap_or_else(|| "popkeep".into());
        let archive = inside(dir, &account.archive);
        let look = match account.format {
            Format::Maildir => format!("ls {}", shown(&archive.join("new"))),
            Format::Mbox => format!("less {}", shown(&archive)),
        };
        Shown {
            program: shown(Path::new(&program)),
            dir: shown(dir),
            config: shown(config),
            archive: shown(&archive),
            look,
        }
    }

    fn what_next(&self, out: &mut dyn Write) -> io::Result<()> {
        let Shown { program, dir, config, look, .. } = self;
        writeln!(
            out,
            "
The server has stopped. To look around:
  {look}
  {program} --config {config} status
  less {config}
To see it again, or to remove all of it:
  {program} demo {dir}
  rm -r {dir}
For your own mail:
  {program} init      asks for what it needs, tests the login, writes the configuration
  {program} fetch     does the work"
        )
    }
}

/// What the run says of itself, indented under the command.
fn tell(summaries: &[Summary], out: &mut dyn Write) -> io::Result<()> {
    for summary in summaries {
        for line in wording::summary(summary).into_iter().chain(wording::problems(summary)) {
            writeln!(out, "  {}: {line}", summary.account)?;
        }
    }
    out.flush()
}

fn exit_of(summaries: &[Summary]) -> Exit {
    Exit::merge(summaries.iter().map(|summary| summary.exit))
}

fn were(count: u64) -> String {
    format!("{} {}", wording::messages(count), if count == 1 { "was" } else { "were" })
}

/// The story is told here, on stdout; progress bars would only be in its way.
fn silence() -> Arc<dyn Observer> {
    struct Silence;
    impl Observer for Silence {
        fn event(&self, _account: &str, _event: Event<'_>) {}
    }
    Arc::new(Silence)
}

/// An absolute path below `dir` as the user would write it, who wrote `dir`.
fn inside(dir: &Path, path: &Path) -> PathBuf {
    let base = std::path::absolute(dir).unwrap_or_default();
    path.strip_prefix(&base).map_or_else(|_| path.to_owned(), |rest| dir.join(rest))
}

/// A path as a shell and a terminal take it.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+@~,:".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", wording::printable(&text).replace('\'', r"'\''"))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::{run, samples, shown};
    use crate::exit::Exit;
    use std::path::Path;

    fn demo(dir: &Path) -> String {
        let mut out = Vec::new();
        let exit = run(dir, &mut out).unwrap();
        let story = String::from_utf8(out).unwrap();
        assert_eq!(exit, Exit::OK, "{story}");
        story
    }

    #[test]
    fn the_first_run_archives_all_and_the_second_fetches_nothing() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("popkeep-demo");
        let story = demo(&dir);
        assert!(story.contains("7 messages were archived in"), "{story}");
        assert_eq!(story.matches("Nothing was fetched: the ledger").count(), 1, "{story}");

        let mut archived: Vec<Vec<u8>> = std::fs::read_dir(dir.join("mail/new"))
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        let mut expected: Vec<Vec<u8>> = samples::MESSAGES.iter().map(|message| message.to_vec()).collect();
        for message in &mut expected {
            if !message.ends_with(b"\n") {
                message.push(b'\n');
            }
        }
        archived.sort();
        expected.sort();
        assert_eq!(archived, expected);

        let again = demo(&dir);
        assert!(again.contains("Nothing was fetched: an earlier demo"), "{again}");
        assert_eq!(std::fs::read_dir(dir.join("mail/new")).unwrap().count(), samples::MESSAGES.len());
        let names: Vec<_> =
            std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["popkeep-demo"]);
    }

    #[test]
    fn a_folder_of_other_things_is_refused() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("letter.txt"), "dear").unwrap();
        let failure = run(home.path(), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.exit(), Exit::CANT_CREATE);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn paths_are_shown_as_a_shell_takes_them() {
        assert_eq!(shown(Path::new("popkeep-demo/mail")), "popkeep-demo/mail");
        assert_eq!(shown(Path::new("it's here")), r"'it'\''s here'");
    }
}
