//! Taking over from another program: nothing is fetched or stored twice, and nothing is lost.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | after a real tool, the next fetch stores only what came meanwhile; then all may be deleted | [`real_tools`] |
//! | without --write nothing is written | [`real_tools`], [`surface::without_write_nothing_is_written`] |
//! | mail programs from files: what they hold is copied, what they have marked as deleted or fetched in part is not | [`mail_programs`] |
//! | --seen skip: left, never deleted, shown | [`seen`] |
//! | one step, taken back until the next fetch | [`undo`] |
//! | nothing that stands in a program's file is run, no password is shown | [`surface`] |
//! | an archive for an account that is configured | [`archive`] |

mod archive;
mod mail_programs;
mod real_tools;
mod seen;
mod surface;
mod undo;

use crate::support::maildrop::PASSWORD;
use crate::support::{PopServer, Sandbox, set_mode, stores};
use serde_json::Value;
use std::path::Path;

/// Adopts with these arguments, which must succeed: the document.
#[track_caller]
fn adopt(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    sandbox.popkeep(["adopt", "--json"].iter().chain(arguments)).run().expect(0).json()
}

/// The same for one account.
#[track_caller]
fn adopt_one(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let document = adopt(sandbox, arguments);
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 1, "{document}");
    accounts[0].clone()
}

/// What is in an archive, whatever its format.
fn copies(archive: &Path, format: &str) -> Vec<Vec<u8>> {
    match format {
        "mbox" => stores::mbox(archive),
        _ => stores::maildir(archive),
    }
}

/// mpop's settings for this server: a Maildir, `~/uidls` for its list, mail stays on the server.
fn write_mpoprc(sandbox: &Sandbox, server: &PopServer) {
    let port = server.port();
    let settings = format!(
        "account work\nhost 127.0.0.1\nport {port}\ntls off\nuser joe\npassword \"{PASSWORD}\"\nkeep on\n\
         delivery maildir ~/Mail/work\nuidls_file ~/uidls\n"
    );
    set_mode(sandbox.write(".mpoprc", settings), 0o600);
}

/// Messages without the fields that fetching and mail programs put into them.
fn without_added(messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let strip = |message: &Vec<u8>| {
        let end = message.windows(2).position(|two| two == b"\n\n").map_or(message.len(), |at| at + 1);
        let (header, rest) = message.split_at(end);
        let mut kept = Vec::new();
        let mut field = Vec::new();
        let mut keep = |field: &mut Vec<u8>| {
            if !is_added(field) {
                kept.extend_from_slice(field);
            }
            field.clear();
        };
        for line in header.split_inclusive(|octet| *octet == b'\n') {
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                keep(&mut field);
            }
            field.extend_from_slice(line);
        }
        keep(&mut field);
        [kept.as_slice(), rest].concat()
    };
    messages.iter().map(strip).collect()
}

fn is_added(field: &[u8]) -> bool {
    let text = String::from_utf8_lossy(field).to_lowercase();
    let fetchers = ["(mpop-", "(fetchmail-", "(fdm ", " getmail"];
    ["return-path:", "delivered-to:", "x-account-key:", "x-uidl:", "x-mozilla-"]
        .iter()
        .any(|name| text.starts_with(name))
        || text.starts_with("received:") && fetchers.iter().any(|fetcher| text.contains(fetcher))
}

/// In the configuration, what is archived is deleted from now on.
fn delete_what_is_fetched(sandbox: &Sandbox) {
    let text = std::fs::read_to_string(sandbox.config_file()).unwrap();
    let changed = text.replace("delete = \"never\" ", "delete = \"fetched\" ");
    assert_ne!(text, changed);
    sandbox.config(&changed);
}
