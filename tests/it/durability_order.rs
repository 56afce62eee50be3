//! No DELE leaves before its message is durable: read from a trace of the system calls.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::maildrop::Capa;
use crate::support::trace::{Call, Trace};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, find_program, skip, stores};

/// A deleting run under strace; `None` where that cannot be.
fn traced(sandbox: &Sandbox) -> Option<Trace> {
    let Some(strace) = find_program("strace") else {
        skip("strace is not installed: apt-get install strace");
        return None;
    };
    let permitted = Command::new(&strace).args(["-o", "/dev/null", "true"]).output().unwrap();
    if !permitted.status.success() {
        skip(&format!("strace may not trace here: {}", String::from_utf8_lossy(&permitted.stderr).trim()));
        return None;
    }
    let file = sandbox.path("trace");
    let mut command = Command::new(strace);
    command
        .args(Trace::ARGUMENTS)
        .arg("-o")
        .arg(&file)
        .arg(crate::support::sandbox::POPKEEP)
        .args(["fetch", "--quiet"]);
    sandbox.command(command).run().expect(0);
    Some(Trace::read(&file))
}

fn behaviours() -> [(&'static str, Behaviour); 2] {
    let turn_by_turn = Behaviour { capa: Capa::without_pipelining(), ..Behaviour::default() };
    [("pipelined", Behaviour::default()), ("turn by turn", turn_by_turn)]
}

/// The call that comes first among those that fit and begin after `after`.
fn first(trace: &Trace, after: usize, fits: impl Fn(&Call) -> bool) -> Option<&Call> {
    trace.calls.iter().find(|call| call.begin > after && fits(call))
}

/// A sync of this file, or of the whole file system.
fn syncs(call: &Call, path: &Path) -> bool {
    call.is_sync_of(|synced| synced == path) || call.name == "syncfs"
}

/// A sync of the ledger: its database or the log that goes with it.
fn syncs_the_ledger(call: &Call, state: &Path) -> bool {
    call.is_sync_of(|synced| synced.starts_with(state) && synced.extension().is_some())
}

/// Every DELE with the number it names.
fn deletions(trace: &Trace) -> Vec<(usize, &Call)> {
    let sent = trace.calls.iter().filter(|call| call.is_send());
    sent.flat_map(|call| {
        let commands = call.text().split("\\r\\n").filter_map(|line| line.strip_prefix("DELE "));
        commands.map(move |number| (number.parse().unwrap(), call)).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn for_every_dele_data_link_folder_and_ledger_are_durable_in_a_maildir() {
    for (how, behaviour) in behaviours() {
        let mails = Mail::some(30);
        let server = PopServer::behaving(mails.clone(), behaviour);
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        let Some(trace) = traced(&sandbox) else { return };
        let archive = sandbox.archive("work").canonicalize().unwrap();
        let state = sandbox.path(".local/state/popkeep").canonicalize().unwrap();
        let files = stores::maildir_files(&archive);
        let deletions = deletions(&trace);
        assert_eq!(deletions.len(), mails.len(), "{how}: every message is deleted, and once");
        for (number, dele) in deletions {
            let stored = mails[number - 1].stored();
            let named: Vec<&PathBuf> =
                files.iter().filter(|file| std::fs::read(file).unwrap() == stored).collect();
            let [name] = named[..] else { panic!("{how}: message {number} stands in {} files", named.len()) };
            order_of_one(&trace, how, number, name, &state, dele);
        }
    }
}

fn order_of_one(trace: &Trace, how: &str, number: usize, name: &Path, state: &Path, dele: &Call) {
    let step = |what: &str, call: Option<&Call>| {
        let call = call.unwrap_or_else(|| panic!("{how}: message {number}: no {what} before its DELE"));
        assert!(
            call.end < dele.begin,
            "{how}: message {number}: {what} is done only after its DELE left: {}",
            call.line
        );
        call.end
    };
    let link = trace.calls.iter().find(|call| call.creates_name(name));
    step("link into new/", link);
    let link = link.unwrap();
    let draft = link.linked_from();
    let written = trace.calls.iter().filter(|call| call.writes_to(&draft)).map(|call| call.end).max();
    let written = written
        .unwrap_or_else(|| panic!("{how}: message {number}: nothing was written to {}", draft.display()));
    let synced = step("sync of its data", first(trace, written, |call| syncs(call, &draft)));
    assert!(synced < link.begin, "{how}: message {number} was linked before its data was synced");
    let folder = name.parent().unwrap();
    let folder = step("sync of new/", first(trace, link.end, |call| syncs(call, folder)));
    step("sync of the ledger", first(trace, folder, |call| syncs_the_ledger(call, state)));
}

#[test]
fn for_every_dele_the_file_and_the_ledger_are_durable_in_an_mbox() {
    for (how, behaviour) in behaviours() {
        let mails = Mail::some(30);
        let server = PopServer::behaving(mails.clone(), behaviour);
        let sandbox =
            Sandbox::with([Account::on("work", &server).text("delete", "fetched").text("format", "mbox")]);
        let Some(trace) = traced(&sandbox) else { return };
        let mbox = sandbox.archive("work").canonicalize().unwrap();
        let state = sandbox.path(".local/state/popkeep").canonicalize().unwrap();
        let deletions = deletions(&trace);
        assert_eq!(deletions.len(), mails.len(), "{how}: every message is deleted, and once");
        assert_eq!(stores::mbox(&mbox).len(), mails.len());
        for (number, dele) in deletions {
            let before = |call: &&Call| call.writes_to(&mbox) && call.begin < dele.begin;
            let written = trace.calls.iter().filter(before).map(|call| call.end).max();
            let written =
                written.unwrap_or_else(|| panic!("{how}: DELE {number} came before anything was written"));
            let durable = |what: &str, call: Option<&Call>| {
                let call = call.unwrap_or_else(|| panic!("{how}: no {what} before DELE {number}"));
                assert!(
                    call.end < dele.begin,
                    "{how}: {what} is done only after DELE {number} left: {}",
                    call.line
                );
                call.end
            };
            let synced = durable("sync of the mbox", first(&trace, written, |call| syncs(call, &mbox)));
            durable("sync of the ledger", first(&trace, synced, |call| syncs_the_ledger(call, &state)));
        }
    }
}
