//! The report as a page: one HTML document that needs nothing else.
//!
//! Promises: no script; nothing is loaded from anywhere, which the page itself forbids the browser
//! (Content-Security-Policy); every text is escaped by the template, and made printable before, so that neither markup nor
//! the direction of writing is a server's to choose. It is well-formed as XML is, but for the tags that HTML does not
//! close. Its size is bounded by the number of accounts that the caller gives.

use super::calendar::{calendar, sign};
use super::chart::{Bar, Chart, Scale, Shape};
use super::{Account, Report, words};
use crate::ledger::{Totals, UnixTime};
use crate::progress::wording::{printable, size, version};
use crate::report::{Details, Facts, Growth, Health, Runs, Unit};
use crate::text::dates;
use crate::text::figures::grouped;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

/// How the page looks.
const STYLE: &str = include_str!("style.css");

/// Nothing but this style sheet.
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

pub(super) fn page(report: &Report) -> String {
    let title = format!("popkeep report, {}", words::long_day(report.now));
    let healths = &report.healths;
    let worst = healths.iter().copied().max().unwrap_or(Health::Good);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p class="kicker" { "popkeep report" }
                        h1 { (sign(worst)) (words::headline(healths)) }
                        p class="quiet" {
                            (dates::minute(report.now)) " · "
                            @match report.since {
                                Some(since) => { "since " (words::long_date(since)) },
                                None => "runs of the last 12 weeks",
                            }
                        }
                    }
                    @if report.rows.len() + report.more > 1 { (overview(report)) }
                    @for (place, account) in report.accounts.iter().enumerate() {
                        (section(account, place, report))
                    }
                    footer {
                        p class="quiet" {
                            (version()) ". Made from the ledger alone: no server was asked, and no copy of a message was read."
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// All accounts in a table.
fn overview(report: &Report) -> Markup {
    html! {
        section class="overview" {
            h2 { "Accounts" }
            (total(report))
            table {
                caption { "All accounts, those with problems first" }
                thead {
                    tr {
                        th scope="col" { "Account" }
                        th scope="col" { "State" }
                        th scope="col" class="wide" { "Runs by day" }
                        th scope="col" { "Last success" }
                        th scope="col" class="number wide" { "Messages" }
                        th scope="col" class="number wide" { "Size" }
                    }
                }
                tbody {
                    @for row in &report.rows {
                        tr {
                            th scope="row" {
                                @match row.section {
                                    Some(place) => a href=(format!("#account-{place}")) { (row.name) },
                                    None => (row.name),
                                }
                            }
                            td class="state" { (sign(row.health)) (words::health(row.health)) }
                            td class="wide" { (PreEscaped(&row.strip)) }
                            td { (row.last_success.map_or_else(|| "never".to_owned(), |at| dates::ago(at, report.now))) }
                            td class="number wide" { (grouped(row.total.messages)) }
                            td class="number wide" { (size(row.total.octets)) }
                        }
                    }
                }
            }
            @if report.more > 0 {
                p class="quiet" {
                    (grouped(report.more as u64)) " more accounts are not shown; none of them is worse than those that are."
                }
            }
            @if report.rows.len() + report.more > report.accounts.len() {
                p class="quiet" {
                    "The first " (report.accounts.len()) " have a section of their own below. For another account, name it: "
                    code { "popkeep report ACCOUNT --html FILE" }
                }
            }
        }
    }
}

/// What all accounts come to.
fn total(report: &Report) -> Markup {
    let new = format!("New {}", report.lately_words());
    html! {
        dl class="figures" {
            (figure("Archived", &grouped(report.total.messages), "messages"))
            (figure("Size", &size(report.total.octets), "in all archives"))
            (figure(&new, &grouped(report.lately.messages), &size(report.lately.octets)))
        }
    }
}

fn figure(name: &str, value: &str, more: &str) -> Markup {
    html! {
        div {
            dt { (name) }
            dd { strong { (value) } " " span class="quiet" { (more) } }
        }
    }
}

/// One account.
fn section(account: &Account, place: usize, report: &Report) -> Markup {
    let Account { name, archive, facts, details, health } = account;
    let now = report.now;
    let heading = format!("account-{place}");
    html! {
        section class="account" aria-labelledby=(heading) {
            h2 id=(heading) {
                (name) " " span class=(format!("badge {}", class(*health))) { (sign(*health)) (words::health(*health)) }
            }
            p class="quiet path" { (archive) }
            @if !facts.problems.is_empty() {
                ul class="problems" {
                    @for problem in &facts.problems {
                        li class=(class(problem.health())) { (words::problem(problem, name, now)) "." }
                    }
                }
            }
            (figures(facts, report))
            div class="columns" {
                @if !facts.growth.periods.is_empty() { (growth(&facts.growth, place)) }
                @if facts.runs.runs > 0 || facts.history.last_started.is_some() { (runs(&facts.runs, place)) }
            }
            (missing(facts, now))
            @if let Some(details) = details {
                div class="columns" {
                    div class="column" {
                        (years(&facts.growth))
                        h3 { "On the server" }
                        @for remark in words::remarks(&facts.history) { p { (remark) "." } }
                        p { (words::due(&details.due)) "." }
                        h3 { "Verification" }
                        p { (words::verified(facts, name, now)) "." }
                    }
                    (largest(details))
                }
            }
        }
    }
}

fn class(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::NeverRun => "never",
        Health::Attention => "attention",
        Health::Failing => "failing",
    }
}

fn figures(facts: &Facts, report: &Report) -> Markup {
    let (history, now) = (&facts.history, report.now);
    let verified = history.verification.last.map(|last| last.at);
    let new = format!("New {}", report.lately_words());
    let ago = |at: Option<UnixTime>| at.map_or_else(|| "never".to_owned(), |at| dates::ago(at, now));
    let on = |at: Option<UnixTime>| at.map(words::long_day).unwrap_or_default();
    let lately = &facts.growth.lately;
    html! {
        dl class="figures" {
            (figure("Archived", &grouped(history.archived.messages), &size(history.archived.octets)))
            (figure(&new, &grouped(lately.messages), &size(lately.octets)))
            (figure("Last success", &ago(history.last_success), &on(history.last_success)))
            (figure("Last verified", &ago(verified), &on(verified)))
        }
    }
}

/// Messages and octets over the years.
fn growth(growth: &Growth, place: usize) -> Markup {
    let unit = words::unit(growth.unit);
    let label = |at: usize| label(growth, at);
    let new = growth.periods.iter().enumerate().map(|(at, period)| Bar {
        value: period.new.messages,
        upper: 0,
        title: format!(
            "{}: {}, {}",
            words::period(period, growth.unit),
            words::messages(period.new.messages),
            size(period.new.octets)
        ),
        label: label(at),
    });
    let sums = growth.sums().zip(&growth.periods).enumerate().map(|(at, ((_, sum), period))| Bar {
        value: sum.octets,
        upper: 0,
        title: format!(
            "{}: {} in {} at its end",
            words::period(period, growth.unit),
            size(sum.octets),
            words::messages(sum.messages)
        ),
        label: label(at),
    });
    let messages_title = format!("Messages archived, by {unit}");
    let described = words::messages(growth.total.messages);
    let messages = Chart {
        id: format!("m{place}"),
        title: &messages_title,
        description: &format!("{described} in all, {} of them lately", grouped(growth.lately.messages)),
        scale: Scale::Count,
        shape: Shape::Bars,
        bars: new.collect(),
    };
    let octets = Chart {
        id: format!("o{place}"),
        title: "Size of the archive",
        description: &format!("{} in {described}", size(growth.total.octets)),
        scale: Scale::Octets,
        shape: Shape::Area,
        bars: sums.collect(),
    };
    html! {
        div class="column" { h3 { (messages_title) } (messages.draw()) }
        div class="column" { h3 { "Size of the archive" } (octets.draw()) }
    }
}

/// What stands below a period: the year where it begins, and below the first one also the month.
fn label(growth: &Growth, at: usize) -> Option<String> {
    let from = growth.periods.get(at)?.from;
    let is_told_by_month = growth.unit == Unit::Month && (at == 0 || growth.periods.len() <= 12);
    if is_told_by_month {
        return Some(from.strftime("%b %Y").to_string());
    }
    (from.month() == 1).then(|| from.year().to_string())
}

/// The calendar, and how long runs took.
fn runs(runs: &Runs, place: usize) -> Markup {
    let took = words::took(runs);
    let mut before = None;
    let bars = runs.took.iter().map(|group| {
        let (from, to) = (dates::minute(group.from), dates::minute(group.to));
        let title = match group.runs {
            1 => format!("{from}: {}", words::span(group.median)),
            count => format!(
                "{from} to {to}: {count} runs, half of them {} or less, the longest {}",
                words::span(group.median),
                words::span(group.longest)
            ),
        };
        let day = dates::date(group.from);
        let label = day.filter(|_| before != day).map(words::short_date);
        before = day;
        Bar { value: group.median, upper: group.longest, title, label }
    });
    let chart = Chart {
        id: format!("t{place}"),
        title: "Time per run",
        description: took.as_deref().unwrap_or_default(),
        scale: Scale::Seconds,
        shape: Shape::Bars,
        bars: bars.collect(),
    };
    html! {
        div class="column" {
            h3 { "Runs by day" }
            (calendar(runs, &format!("c{place}")))
            p class="quiet" {
                (words::runs(runs.runs)) ", " (grouped(runs.succeeded)) " succeeded; "
                (words::messages(runs.fetched)) " fetched (" (size(runs.octets)) "), " (grouped(runs.deleted))
                " deleted from the server"
            }
        }
        @if let Some(took) = &took {
            div class="column" {
                h3 { "Time per run" }
                (chart.draw())
                @if runs.took.iter().any(|group| group.runs > 1) {
                    ul class="legend" {
                        li { (swatch("bar")) "half of a bar's runs took no longer" }
                        li { (swatch("bar faint")) "its longest run" }
                    }
                }
                p class="quiet" { (took) }
            }
        }
    }
}

fn swatch(class: &str) -> Markup {
    html! {
        svg class="key" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" {
            rect class=(class) width="12" height="12" rx="2" {}
        }
    }
}

/// What is missing and why, and how runs have failed since the last success.
fn missing(facts: &Facts, now: UnixTime) -> Markup {
    let history = &facts.history;
    let more = history.quarantined.saturating_sub(history.quarantine.len() as u64);
    html! {
        @if !history.quarantine.is_empty() {
            h3 { "Missing messages" }
            table class="reasons" {
                caption { "What the server lists and popkeep could not fetch, those first that failed first" }
                thead { tr { th scope="col" { "Message" } th scope="col" { "Why" } } }
                tbody {
                    @for message in &history.quarantine {
                        tr {
                            th scope="row" {
                                (words::quarantined(message))
                                span class="quiet" { (words::tried(message)) }
                            }
                            td { (printable(&message.reason)) }
                        }
                    }
                }
            }
            @if more > 0 { p class="quiet" { "and " (words::messages(more)) " more" } }
        }
        @if !history.failures.is_empty() {
            h3 { "Failed runs since the last success" }
            table class="reasons" {
                caption { (words::runs(history.failed_runs)) " failed, by reason" }
                thead { tr { th scope="col" { "Runs" } th scope="col" { "Why" } } }
                tbody {
                    @for kind in &history.failures {
                        tr {
                            th scope="row" {
                                (words::runs(kind.runs))
                                span class="quiet" { "exit code " (kind.exit) ", the last " (dates::ago(kind.last, now)) }
                            }
                            td { (words::failure(kind)) }
                        }
                    }
                }
            }
        }
    }
}

/// Each year's figures.
fn years(growth: &Growth) -> Markup {
    let cells = |totals: &Totals| {
        html! {
            td class="number" { (grouped(totals.messages)) }
            td class="number" { (size(totals.octets)) }
        }
    };
    html! {
        @if !growth.years.is_empty() {
            div {
                h3 { "Year by year" }
                table {
                    caption { "Messages archived in each year, and the archive at its end" }
                    thead {
                        tr {
                            th scope="col" { "Year" }
                            th scope="col" class="number" { "New" }
                            th scope="col" class="number" { "Size" }
                            th scope="col" class="number wide" { "All" }
                            th scope="col" class="number" { "Archive" }
                        }
                    }
                    tbody {
                        @for year in &growth.years {
                            tr {
                                th scope="row" { (year.year) }
                                (cells(&year.new))
                                td class="number wide" { (grouped(year.total.messages)) }
                                td class="number" { (size(year.total.octets)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn largest(details: &Details) -> Markup {
    html! {
        @if !details.largest.is_empty() {
            div class="column" {
                h3 { "Largest messages" }
                table {
                    caption { "Shown by " code { "popkeep show ID" } }
                    thead {
                        tr {
                            th scope="col" class="number" { "Size" }
                            th scope="col" { "Archived" }
                            th scope="col" { "ID" }
                        }
                    }
                    tbody {
                        @for message in &details.largest {
                            tr {
                                td class="number" { (size(message.size)) }
                                td { (dates::day(message.archived_at)) }
                                td { code { (message.id) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
