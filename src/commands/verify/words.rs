//! What a verification found, in words.

use crate::progress::wording;
use crate::text::dates;
use crate::text::safe::escape;
use crate::verify::{BadCopy, Options, Verified};

/// Missing messages that are named, one a line; all of them are in the JSON document.
const NAMED: usize = 20;

/// The account's lines: a summary, the problems, what to do.
pub(super) fn describe(name: &str, found: &Verified, asked: &Options) -> String {
    let mut figures = vec![format!("{} intact", found.intact)];
    let counts = [
        (found.changed, "changed by a mail program (only header marks)"),
        (found.damaged.len() as u64, "damaged"),
        (found.missing.len() as u64, "missing"),
        (found.repaired, "repaired"),
        (found.accepted, "gone or changed on purpose"),
        (found.twice, "there twice"),
        (found.foreign, "not in the ledger"),
        (found.put_off, "left to the next run"),
    ];
    figures
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let archived = wording::messages(found.archived);
    let octets = wording::size(found.octets);
    let mut lines = vec![format!("{name}: {archived} archived, {octets} read: {}", figures.join(", "))];
    let problems = problems(found);
    let named = found.damaged.len() + NAMED;
    lines.extend(problems.iter().take(named).map(|line| format!("{name}: {line}")));
    if problems.len() > named {
        lines.push(format!("{name}: and {} more (--json lists all)", problems.len() - named));
    }
    lines.extend(advice(found, asked).map(|line| format!("{name}: {line}")));
    lines.push(String::new());
    lines.join("\n")
}

fn advice(found: &Verified, asked: &Options) -> Option<String> {
    if found.is_well() {
        return None;
    }
    let listed = found.damaged.iter().chain(&found.missing).filter(|bad| bad.on_server).count();
    let server = match (listed, found.damaged.len() + found.missing.len()) {
        (0, _) => "none of them was on the server in the last run".to_owned(),
        (some, all) if some == all => "the server listed them in the last run".to_owned(),
        (some, _) => format!("the server listed {some} of them in the last run"),
    };
    let removed = if found.damaged.is_empty() { " --removed" } else { "" };
    Some(match &asked.repair {
        Some(_) if found.damaged.is_empty() => {
            "what was removed is fetched again with --removed; if it was removed on purpose, use --accept"
                .to_owned()
        }
        Some(_) => {
            "what could not be repaired may be in a copy of the archive: name it with --from".to_owned()
        }
        None => format!(
            "{server}; repair them with --repair{removed}, from a copy with --repair{removed} --from PATH, or, if this \
             is on purpose, use --accept"
        ),
    })
}

/// A line for each problem.
pub(super) fn problems(found: &Verified) -> Vec<String> {
    let damaged = found.damaged.iter().map(|bad| {
        let place = bad.place.as_deref().map(wording::printable).unwrap_or_default();
        format!("{} is damaged: {place}: {}{}", bad.id, wording::printable(&bad.reason), caption(bad))
    });
    let missing = found.missing.iter().map(|bad| {
        let uid = bad.uid.as_deref().map(|uid| format!(" (UID {})", escape(uid))).unwrap_or_default();
        format!("{}{uid} is missing", bad.id)
    });
    damaged.chain(missing).collect()
}

/// Date, sender and subject, as far as they are known.
fn caption(bad: &BadCopy) -> String {
    let text = |text: &Option<String>| text.as_deref().map(wording::printable);
    let known: Vec<String> =
        [bad.caption.date.map(dates::day), text(&bad.caption.from), text(&bad.caption.subject)]
            .into_iter()
            .flatten()
            .collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}
