//! `popkeep search`: which archived messages are there?

mod document;
mod table;

use super::output::{Out, Printer};
use super::{Failure, load, output, pager};
use crate::archive::CopyAt;
use crate::cli;
use crate::config::{Account, Config};
use crate::exit::Exit;
use crate::progress::reading::ReadingBar;
use crate::search::{self, Found, Hit, Query, Search, SearchError, Watcher};
use crate::stop;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Searches the accounts named, or all of them.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::Search,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let query = Query::parse(&options.query.join(" "))?;
    let config = load(file)?;
    let mut opened = open(&config, &config.select(&options.accounts)?, &query)?;
    let found = opened.search.find(&query, options.limit)?;
    let is_table = !options.json && !options.ids && !options.paths;
    let form: Box<dyn Form> = if options.json {
        Box::new(document::Document::new(opened.search.id_digits()?))
    } else if options.ids {
        Box::new(Ids { digits: opened.search.id_digits()? })
    } else if options.paths {
        Box::new(Paths)
    } else {
        let several = config.select(&options.accounts)?.len() > 1;
        Box::new(table::Table::new(opened.search.id_digits()?, several, output::width()))
    };
    if is_table && opened.exit.is_ok() && pager::is_wanted(found.len() + 1) {
        let folder = search::folder(&config)?;
        pager::page(&folder, out, |out| print(&mut opened.search, &found, form, out))?;
    } else {
        print(&mut opened.search, &found, form, out)?;
    }
    Ok(opened.exit)
}

/// Archives that can be searched, and what kept others from being so.
pub(super) struct Opened<'c> {
    pub(super) search: Search<'c>,
    pub(super) exit: Exit,
}

/// Opens the index and these archives, and says on stderr which cannot be searched.
pub(super) fn open<'c>(
    config: &'c Config,
    accounts: &[&'c Account],
    query: &Query,
) -> Result<Opened<'c>, Failure> {
    config.select(&query.accounts())?;
    stop::listen().map_err(Failure::Signals)?;
    let mut bars = Bars { bar: ReadingBar::new("", 0, false), shows: io::stderr().is_terminal() };
    let mut exits = Vec::new();
    let mut problem = |account: &str, error: SearchError| {
        exits.push(error.exit());
        output::complain_about(account, &error);
    };
    let folder = search::folder(config)?;
    let search = Search::open(&folder, config, accounts, &mut bars, &mut problem);
    bars.bar.clear();
    Ok(Opened { search: search?, exit: Exit::merge(exits) })
}

/// Draws how far the index has come, on a terminal.
struct Bars {
    bar: ReadingBar,
    shows: bool,
}

impl Watcher for Bars {
    fn begins(&mut self, account: &str, octets: u64) {
        self.bar.clear();
        self.bar = ReadingBar::new(account, octets, self.shows);
    }

    fn has_read(&mut self, octets: u64) {
        self.bar.advance(octets, &|| "indexing".to_owned());
    }
}

/// How what was found is printed.
trait Form {
    /// Whether it is known where the copies are, which takes longer.
    fn wants_place(&self) -> bool {
        false
    }

    /// What comes first.
    fn head(&mut self, _found: usize) -> String {
        String::new()
    }

    /// One message; `at`: where its copy is, if that is wanted.
    fn hit(&mut self, hit: &Hit, at: Option<&CopyAt>) -> Vec<u8>;

    /// What comes last.
    fn foot(&mut self) -> String {
        String::new()
    }
}

fn print<W: Write>(
    search: &mut Search<'_>,
    found: &[Found],
    mut form: Box<dyn Form>,
    out: &mut Out<W>,
) -> Result<(), Failure> {
    let mut printer = Printer::new(out, false);
    let _ = printer.put(form.head(found.len()).as_bytes());
    for found in found {
        stop::check().map_err(SearchError::from)?;
        let Some(hit) = search.hit(*found)? else { continue };
        let at = if form.wants_place() { search.copies(&hit)?.map(|copies| copies.at) } else { None };
        let at = at.unwrap_or_default();
        if form.wants_place() && at.is_empty() {
            // It went while we looked.
            continue;
        }
        if printer.put(&form.hit(&hit, at.first())).is_break() {
            break;
        }
    }
    let _ = printer.put(form.foot().as_bytes());
    Ok(printer.finish()?)
}

/// `--ids`.
struct Ids {
    digits: usize,
}

impl Form for Ids {
    fn hit(&mut self, hit: &Hit, _: Option<&CopyAt>) -> Vec<u8> {
        format!("{}\n", hit.id.digits(self.digits)).into_bytes()
    }
}

/// `--paths`.
struct Paths;

impl Form for Paths {
    fn wants_place(&self) -> bool {
        true
    }

    fn hit(&mut self, _: &Hit, at: Option<&CopyAt>) -> Vec<u8> {
        let path = at.map(|at| at.path().as_os_str().as_bytes()).unwrap_or_default();
        [path, b"\n"].concat()
    }
}
