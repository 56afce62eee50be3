//! Many accounts in one run, each with a server, a maildrop and an archive of its own: thousands of
//! points are tried for the price of a few hundred program starts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::outcome::Outcome;
use super::{Account, Behaviour, Mail, PopServer, Sandbox, stores};

/// How the accounts of a fleet are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// `maildir` or `mbox`.
    pub(crate) format: &'static str,
    /// `never` or `fetched`.
    pub(crate) delete: &'static str,
}

/// Every way that matters.
pub(crate) const EVERY_KEEPING: [Keeping; 4] = [
    Keeping { format: "maildir", delete: "never" },
    Keeping { format: "maildir", delete: "fetched" },
    Keeping { format: "mbox", delete: "never" },
    Keeping { format: "mbox", delete: "fetched" },
];

/// Accounts at work at once: more would wait for one another's ledger.
const JOBS: &str = "8";

/// See the module's page.
pub(crate) struct Fleet {
    pub(crate) keeping: Keeping,
    pub(crate) servers: Vec<PopServer>,
    sandbox: Sandbox,
}

impl Fleet {
    /// One account for each behaviour; each has these messages.
    pub(crate) fn new(keeping: Keeping, mails: &[Mail], behaviours: Vec<Behaviour>) -> Fleet {
        Fleet::patient(keeping, mails, behaviours, Duration::from_mins(1))
    }

    /// The same, with the `timeout` of every account.
    pub(crate) fn patient(
        keeping: Keeping,
        mails: &[Mail],
        behaviours: Vec<Behaviour>,
        timeout: Duration,
    ) -> Fleet {
        let servers: Vec<_> =
            behaviours.into_iter().map(|behaviour| PopServer::behaving(mails.to_vec(), behaviour)).collect();
        let sandbox = Sandbox::in_memory();
        let accounts = servers.iter().enumerate().map(|(number, server)| {
            Account::on(&name(number), server)
                .text("identity", name(number))
                .text("format", keeping.format)
                .text("delete", keeping.delete)
                .text("timeout", format!("{}s", timeout.as_secs()))
                .toml()
        });
        sandbox.config(&accounts.collect::<String>());
        Fleet { keeping, servers, sandbox }
    }

    /// One run over all of them.
    pub(crate) fn fetch(&self) -> Outcome {
        self.sandbox.popkeep(["fetch", "--json", "--quiet", "--jobs", JOBS]).run()
    }

    /// One run over all of them that also tries what is in quarantine, and logins that rest: a configuration that has
    /// been written since is another one.
    pub(crate) fn retry(&self) -> Outcome {
        let config = std::fs::read_to_string(self.sandbox.config_file()).unwrap();
        self.sandbox.config(&config);
        self.sandbox.popkeep(["fetch", "--json", "--quiet", "--jobs", JOBS, "--retry"]).run()
    }

    /// The last run's exit code of each account.
    pub(crate) fn exits(&self) -> Vec<u64> {
        let status = self.sandbox.popkeep(["status", "--json"]).run().expect(0).json();
        self.each(&status).map(|account| account["last_run"]["exit"].as_u64().unwrap()).collect()
    }

    /// The accounts of a JSON document, in the servers' order.
    pub(crate) fn each(&self, document: &Value) -> impl Iterator<Item = Value> {
        let named: BTreeMap<_, _> = document["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| (account["name"].as_str().unwrap().to_owned(), account.clone()))
            .collect();
        assert_eq!(named.len(), self.servers.len(), "an account is not in the document");
        named.into_values()
    }

    /// What an account's archive holds, sorted.
    #[track_caller]
    pub(crate) fn archived(&self, number: usize) -> Vec<Vec<u8>> {
        let archive = self.sandbox.archive(&name(number));
        let mut found = match self.keeping.format {
            "mbox" => stores::mbox(&archive),
            _ => stores::maildir(&archive),
        };
        found.sort();
        found
    }
}

/// Sorted as the numbers are.
fn name(number: usize) -> String {
    format!("account-{number:04}")
}
