//! How a run ended, and what may be asked of that.
//!
//! Every document that a run printed because of `--json` is what its schema in `man/schema` says, or the test fails,
//! whatever it is about.

use std::ffi::OsString;

use super::{sandbox, schema};

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    what: String,
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Of a program that has ended: popkeep with these arguments, or another one that was to run popkeep.
    #[track_caller]
    pub(crate) fn of(arguments: &[OsString], output: std::process::Output) -> Outcome {
        let outcome = Outcome {
            what: format!("{arguments:?}"),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        };
        outcome.assert_schema(arguments);
        outcome
    }

    /// Whoever was not killed has printed a whole document, or nothing because it could not begin.
    #[track_caller]
    fn assert_schema(&self, arguments: &[OsString]) {
        let ours = arguments.iter().position(|argument| argument == sandbox::POPKEEP).map_or(0, |at| at + 1);
        let Some(schema) = schema::of_command_line(&arguments[ours..]) else { return };
        if self.code.is_none() || self.code != Some(0) && self.stdout.is_empty() {
            return;
        }
        let document = self.json();
        if let Some(fault) = schema.fault(&document) {
            panic!("popkeep {}: man/schema/{}.json does not allow this: {fault}", self.what, schema.name);
        }
        let exit = document.get("exit").and_then(serde_json::Value::as_i64);
        assert!(
            exit.is_none() || exit == self.code.map(i64::from),
            "popkeep {}: {exit:?} is not the exit code",
            self.what
        );
    }

    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Outcome {
        assert_eq!(
            self.code,
            Some(code),
            "popkeep {} ended with {:?}\n-- stdout\n{}\n-- stderr\n{}",
            self.what,
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Neither stdout nor stderr may hold anything.
    #[track_caller]
    pub(crate) fn silent(self) -> Outcome {
        assert_eq!(
            (self.stdout.as_str(), self.stderr.as_str()),
            ("", ""),
            "popkeep {} was not silent",
            self.what
        );
        self
    }

    /// One line on stderr, nothing on stdout, and these words in the line.
    #[track_caller]
    pub(crate) fn one_line(self, words: &[&str]) -> Outcome {
        assert_eq!(self.stdout, "", "popkeep {} wrote to stdout", self.what);
        assert_eq!(self.stderr.lines().count(), 1, "not one line of problem:\n{}", self.stderr);
        assert!(self.stderr.ends_with('\n'), "the line does not end: {:?}", self.stderr);
        self.says(words)
    }

    /// These words stand on stdout or stderr, whatever the case of their letters.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Outcome {
        let said = format!("{}\n{}", self.stdout, self.stderr).to_lowercase();
        for word in words {
            assert!(
                said.contains(&word.to_lowercase()),
                "popkeep {} does not say {word:?}:\n{said}",
                self.what
            );
        }
        self
    }

    /// The JSON document on stdout, which must be the only thing there.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "popkeep {} printed no JSON document ({error}):\n{}\n{}",
                self.what, self.stdout, self.stderr
            )
        })
    }

    /// The only account's part of a fetch's JSON document. Whatever became of the run, its figures account for
    /// every message that the server listed.
    #[track_caller]
    pub(crate) fn account(&self) -> serde_json::Value {
        let document = self.json();
        let accounts = document["accounts"].as_array().unwrap();
        assert_eq!(accounts.len(), 1, "{document}");
        let account = accounts[0].clone();
        let figure = |key: &str| account[key].as_u64().unwrap();
        let missing = account["missing"].as_array().unwrap().len() as u64;
        let accounted = figure("archived") + figure("removed") + figure("left") + missing;
        assert_eq!(figure("listed"), accounted, "{account}");
        account
    }
}
