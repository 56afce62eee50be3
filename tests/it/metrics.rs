//! Promise: `fetch --metrics FILE` leaves a file that Prometheus's textfile collector takes, whole at
//! every moment, and true to the run.

use crate::support::maildrop::Behaviour;
use crate::support::{Account, Mail, PopServer, Sandbox};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

/// Samples by name and labels, as written: `name{account="work"}` → `3`. Each is a number.
type Samples = BTreeMap<String, String>;

/// Reads the text format, version 0.0.4, as strictly as its description has it: each metric has one
/// HELP and one TYPE line before its samples, which stand together; no sample comes twice.
fn parse(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::new();
    let (mut helped, mut typed) = (BTreeSet::new(), BTreeSet::new());
    let mut current = String::new();
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in text.lines() {
        let bad = |why: &str| format!("{why}: {line}");
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').ok_or_else(|| bad("no help"))?;
            if !is_name(name) || words.is_empty() || !helped.insert(name.to_owned()) {
                return Err(bad("HELP"));
            }
            name.clone_into(&mut current);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            if kind != format!("{current} gauge") || !typed.insert(current.clone()) {
                return Err(bad("TYPE"));
            }
        } else {
            let (series, value) = line.rsplit_once(' ').ok_or_else(|| bad("no value"))?;
            let (name, labels) =
                series.split_once('{').map_or((series, None), |(name, rest)| (name, Some(rest)));
            if name != current || !typed.contains(name) {
                return Err(bad("a sample without its TYPE"));
            }
            if let Some(labels) = labels {
                let inside = labels.strip_suffix("\"}").ok_or_else(|| bad("labels do not end"))?;
                let (label, text) = inside.split_once("=\"").ok_or_else(|| bad("no label"))?;
                let plain = text.replace("\\\\", "").replace("\\\"", "").replace("\\n", "");
                if !is_name(label) || plain.contains(['"', '\\', '\n']) {
                    return Err(bad("label"));
                }
            }
            value.parse::<f64>().map_err(|_| bad("value"))?;
            if samples.insert(series.to_owned(), value.to_owned()).is_some() {
                return Err(bad("twice"));
            }
        }
    }
    Ok(samples)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[test]
fn the_reader_of_these_tests_refuses_what_prometheus_refuses() {
    let good = "# HELP a x\n# TYPE a gauge\na{b=\"c\\\"\"} 1\n";
    assert_eq!(parse(good).unwrap().len(), 1);
    for bad in [
        "a 1\n",
        "# HELP a x\na 1\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
        "# TYPE a gauge\n",
        "# HELP a x\n# TYPE a gauge\na{b=\"c\"\"} 1\n",
        "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

fn metrics(sandbox: &Sandbox) -> Samples {
    let text = std::fs::read_to_string(sandbox.path("popkeep.prom")).unwrap();
    parse(&text).unwrap_or_else(|error| panic!("{error}\nin\n{text}"))
}

const FETCH: [&str; 4] = ["fetch", "--quiet", "--metrics", "popkeep.prom"];

#[test]
fn a_run_leaves_its_figures_for_everybody_to_read() {
    let refuse = [Mail::some(4)[2].uid.clone()].into();
    let partial =
        PopServer::behaving(Mail::some(4), Behaviour { refuse_retr: refuse, ..Behaviour::default() });
    let other = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("a.b@c-d+e", &other), Account::on("work", &partial)]);
    sandbox.popkeep(FETCH).run().expect(1).one_line(&["work", "missing"]);
    let file = sandbox.path("popkeep.prom");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);

    let found = metrics(&sandbox);
    for (series, value) in [
        ("popkeep_exit_code", "1"),
        ("popkeep_account_exit_code{account=\"a.b@c-d+e\"}", "0"),
        ("popkeep_account_exit_code{account=\"work\"}", "1"),
        ("popkeep_listed_messages{account=\"work\"}", "4"),
        ("popkeep_archived_messages{account=\"work\"}", "3"),
        ("popkeep_missing_messages{account=\"work\"}", "1"),
        ("popkeep_fetched_messages{account=\"work\"}", "3"),
        ("popkeep_fetched_messages{account=\"a.b@c-d+e\"}", "2"),
        ("popkeep_quarantined_messages{account=\"a.b@c-d+e\"}", "0"),
        ("popkeep_on_new_mail_failures", "0"),
    ] {
        assert_eq!(found.get(series).map(String::as_str), Some(value), "{series} in {found:#?}");
    }
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for series in [
        "popkeep_last_run_timestamp_seconds{account=\"work\"}",
        "popkeep_last_success_timestamp_seconds{account=\"a.b@c-d+e\"}",
    ] {
        assert!(
            (now - 120..=now).contains(&found[series].parse().unwrap()),
            "{series} {} at {now}",
            found[series]
        );
    }
    assert!(!found.contains_key("popkeep_last_success_timestamp_seconds{account=\"work\"}"), "it had none");

    partial.behave(Behaviour::default());
    sandbox.popkeep(FETCH).run().expect(0).silent();
    assert_eq!(metrics(&sandbox)["popkeep_exit_code"], "0");
    assert!(metrics(&sandbox).contains_key("popkeep_last_success_timestamp_seconds{account=\"work\"}"));
    let beside: Vec<_> = crate::support::stores::files(&sandbox.path(""))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("prom"))
        .collect();
    assert_eq!(beside, [file], "no half-written file is left");
}

#[test]
fn a_run_that_could_not_begin_leaves_its_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.config("[accounts.work]\nhots = \"x\"\n");
    sandbox.popkeep(FETCH).run().expect(78).one_line(&["did you mean \"host\""]);
    assert_eq!(metrics(&sandbox)["popkeep_exit_code"], "78");
}

#[test]
fn a_file_that_cannot_be_written_is_a_problem_of_its_own() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let outcome =
        sandbox.popkeep(["fetch", "--quiet", "--json", "--metrics", "nowhere/x.prom"]).run().expect(74);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("popkeep: the metrics cannot be written to nowhere/x.prom: "));
    assert_eq!(
        (&outcome.json()["exit"], &outcome.json()["accounts"][0]["archived"]),
        (&74.into(), &1.into())
    );
    sandbox
        .popkeep(["fetch", "--quiet", "--metrics", "/dev/null"])
        .run()
        .expect(74)
        .one_line(&["not a regular file"]);
}
