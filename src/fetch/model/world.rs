//! A mail account in a model of the world: server, disk, ledger, and runs that meet their strike.

use super::disk::{ModelDisk, Traits};
use super::ledger::ModelLedger;
use super::maildrop::{Connection, Maildrop, Manners};
use super::store::{DiskState, Survival};
use super::strike::{Doom, Strike};
use crate::archive::Archive;
use crate::archive::maildir::Maildir;
use crate::archive::mbox::Mbox;
use crate::clock::{self, UnixTime};
use crate::config::{Account, DeletePolicy, Format, example_account};
use crate::event::{Event, Observer, Summary};
use crate::fetch::portions::{BatchLimits, Portions};
use crate::fetch::run::{Orders, Run};
use crate::ledger::{Content, SqliteLedger};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::{Choice, Clearance, Login, Options, Pipeline, Session};
use crate::store::Store;
use secrecy::SecretString;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub format: Format,
    pub delete: DeletePolicy,
    pub manners: Manners,
    pub traits: Traits,
    /// Messages in a batch.
    pub batch: usize,
    /// Deletions in a session.
    pub portion: usize,
    /// The mbox has a message of another program's in it already.
    pub foreign: bool,
}

pub(crate) struct World {
    pub case: Case,
    pub maildrop: Arc<Mutex<Maildrop>>,
    pub store: Arc<Mutex<DiskState>>,
    record: Arc<Mutex<SqliteLedger>>,
    /// The folder that has everything of this world.
    home: PathBuf,
    pub(crate) account: Account,
    /// Everything in quarantine is tried.
    pub retry: bool,
}

/// A world as it was at one time, to try more than one future of it.
pub(crate) struct Snapshot {
    case: Case,
    maildrop: Maildrop,
    store: DiskState,
    record: Content,
    home: PathBuf,
    account: Account,
    retry: bool,
}

impl Snapshot {
    /// A world like that.
    pub(crate) fn world(&self) -> World {
        let record = spare_record(&self.account.identity);
        record.lock().unwrap().put_back(&self.record);
        World {
            case: self.case,
            maildrop: Arc::new(Mutex::new(self.maildrop.clone())),
            store: Arc::new(Mutex::new(self.store.clone())),
            record,
            home: self.home.clone(),
            account: self.account.clone(),
            retry: self.retry,
        }
    }
}

/// Records of worlds that are over. To make a ledger, and to parse its statements, takes longer than a whole run.
static SPARE_RECORDS: Mutex<Vec<Arc<Mutex<SqliteLedger>>>> = Mutex::new(Vec::new());

fn spare_record(identity: &str) -> Arc<Mutex<SqliteLedger>> {
    let spare = SPARE_RECORDS.lock().unwrap().pop();
    spare.unwrap_or_else(|| Arc::new(Mutex::new(SqliteLedger::in_memory(identity).unwrap())))
}

fn empty_record(identity: &str) -> Arc<Mutex<SqliteLedger>> {
    let record = spare_record(identity);
    record.lock().unwrap().empty(identity);
    record
}

impl Drop for World {
    fn drop(&mut self) {
        if Arc::strong_count(&self.record) == 1
            && !self.record.is_poisoned()
            && let Ok(mut spare) = SPARE_RECORDS.lock()
        {
            spare.push(Arc::clone(&self.record));
        }
    }
}

/// What the clock shows all the time.
const NOW: UnixTime = 1_800_000_000;

/// Numbers tests.
static TESTS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Writers of one mbox wait for each other within a process: every test has its own.
    static HOME: PathBuf = PathBuf::from(format!("/home{}", TESTS.fetch_add(1, Ordering::Relaxed)));
}

/// Its end is no empty line, as some programs leave it.
const FOREIGN: &[u8] = b"From joe@example.org Mon Nov 23 01:00:00 2026\nSubject: hi\n\n>From joe\n";

struct Nobody;

impl Observer for Nobody {
    fn event(&self, _account: &str, _event: Event<'_>) {}
}

impl World {
    pub(crate) fn new(case: Case, mail: &[&[u8]]) -> Self {
        clock::testing::set(NOW);
        let home = HOME.with(Clone::clone);
        let mut store = DiskState::new();
        store.make_folder(&home).unwrap();
        store.sync_all();
        let archive = home.join("mail/work");
        if case.foreign {
            store.make_folder(&home.join("mail")).unwrap();
            let ino = store.add_file();
            store.give_name(&archive, ino).unwrap();
            store.change_octets(ino).unwrap().extend_from_slice(FOREIGN);
            store.sync_all();
        }
        let account = Account { archive, format: case.format, delete: case.delete, ..example_account() };
        let mut maildrop = Maildrop::new(case.manners);
        for message in mail {
            maildrop.deliver(message);
        }
        World {
            case,
            maildrop: Arc::new(Mutex::new(maildrop)),
            store: Arc::new(Mutex::new(store)),
            record: empty_record(&account.identity),
            home,
            account,
            retry: false,
        }
    }

    /// What a store of the account is in this world.
    fn store(&self, strike: &Arc<Strike>) -> Store {
        let disk = Arc::new(ModelDisk {
            store: Arc::clone(&self.store),
            strike: Arc::clone(strike),
            traits: self.case.traits,
        });
        let (path, identity) = (self.account.archive.clone(), self.account.identity.as_str());
        let archive: Box<dyn Archive> = match self.case.format {
            Format::Maildir => Box::new(Maildir::new(disk, path, identity)),
            Format::Mbox => Box::new(Mbox::new(disk, path, identity)),
        };
        self.record.lock().unwrap().reopen();
        let ledger = ModelLedger { record: Arc::clone(&self.record), strike: Arc::clone(strike) };
        Store::of(archive, Box::new(ledger))
    }

    /// Something is done with the account's store; whether its doom was fulfilled.
    pub(crate) fn with_store(&self, doom: Option<Doom>, work: impl FnOnce(Store)) -> bool {
        let strike = Arc::new(Strike::new(doom));
        work(self.store(&strike));
        let struck = strike.has_struck();
        strike.end();
        struck
    }

    /// One run of popkeep, and whether its doom was fulfilled.
    pub(crate) fn run(&self, doom: Option<Doom>) -> (Summary, bool) {
        let strike = Arc::new(Strike::new(doom));
        let observer: Arc<dyn Observer> = Arc::new(Nobody);
        let open = |_one_at_a_time: bool| {
            let connection = Box::new(Connection::new(&self.maildrop, &strike));
            let timeout = Duration::from_mins(1);
            let options = Options { timeout, until: None, tracer: None, pipeline: Pipeline::WhereOffered };
            let mut session = Session::open(connection, options)?;
            session.capabilities()?;
            Ok(session.login(&Login {
                user: &self.account.access.user,
                secret: &SecretString::from("secret"),
                kind: SecretKind::Password,
                choice: Choice::Named(Mechanism::User),
                clearance: Clearance::Granted,
                host: &self.account.access.host,
                port: self.account.access.port,
            })?)
        };
        // However slow the machine, what is done does not depend on it.
        let age = Duration::from_hours(1);
        let summary = Run {
            portions: Portions {
                batch: BatchLimits { messages: self.case.batch, octets: u64::MAX, age, gently: false },
                deletions: self.case.portion,
                session: age,
            },
            orders: Orders { retry: self.retry, ..Orders::default() },
            ..Run::new(&self.account, &observer, &open, self.store(&strike))
        }
        .complete();
        let struck = strike.has_struck();
        strike.end();
        assert_eq!(summary.listed, summary.archived + summary.removed + summary.missing.len() as u64);
        (summary, struck)
    }

    /// The power fails.
    pub(crate) fn power_cut(&self, survival: Survival) {
        self.store.lock().unwrap().power_cut(survival);
    }

    /// All that a run from here on can see, and all that it is judged by: the clock stands still, and no number is
    /// random.
    pub(crate) fn write_state(&self, state: &mut Vec<u8>) {
        // What was retrieved is counted afresh for each run.
        let mut maildrop = self.maildrop.lock().unwrap().clone();
        maildrop.retrieved = 0;
        let _ = write!(state, "{:?} {:?} {} {maildrop:?}", self.case, self.account, self.retry);
        let store = self.store.lock().unwrap();
        store.write_content(store.find(&self.home).unwrap(), state);
        for (table, rows) in self.record.lock().unwrap().content().0 {
            let _ = write!(state, "\n{table} {rows:?}");
        }
    }

    /// What can be gone back to.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            case: self.case,
            maildrop: self.maildrop.lock().unwrap().clone(),
            store: self.store.lock().unwrap().clone(),
            record: self.record.lock().unwrap().content(),
            home: self.home.clone(),
            account: self.account.clone(),
            retry: self.retry,
        }
    }

    /// The ledger is gone.
    pub(crate) fn lose_ledger(&self) {
        self.record.lock().unwrap().empty(&self.account.identity);
    }

    /// The ledger is exchanged for another one, if it is given, or for an empty one; what it was.
    pub(crate) fn exchange_ledger(&self, other: Option<SqliteLedger>) -> SqliteLedger {
        let other = other.unwrap_or_else(|| SqliteLedger::in_memory(&self.account.identity).unwrap());
        std::mem::replace(&mut *self.record.lock().unwrap(), other)
    }

    /// A mail client looks at everything.
    pub(crate) fn read_all(&self) {
        let (new, cur) = (self.account.archive.join("new"), self.account.archive.join("cur"));
        for name in self.names(&new) {
            let mut store = self.store.lock().unwrap();
            let ino = store.find(&new.join(&name)).unwrap();
            store.give_name(&cur.join(format!("{name}:2,RS")), ino).unwrap();
            store.remove_name(&new.join(&name)).unwrap();
        }
        // What moved must not be lost between two folders: that is the file system's promise.
        let mut store = self.store.lock().unwrap();
        for folder in [cur, new] {
            if let Ok(ino) = store.find(&folder) {
                store.sync(ino);
            }
        }
    }

    /// Somebody changes every subject in the archive, and no length.
    pub(crate) fn vandalise(&self) {
        let path = &self.account.archive;
        let new = path.join("new");
        let mut files: Vec<PathBuf> = self.names(&new).iter().map(|name| new.join(name)).collect();
        files.push(path.clone());
        let mut store = self.store.lock().unwrap();
        for file in files {
            let Ok(ino) = store.find(&file) else { continue };
            let Ok(octets) = store.change_octets(ino) else { continue };
            let found: Vec<usize> = memchr::memmem::find_iter(octets, b"Subject: ").collect();
            for at in found {
                octets[at + 9] = b'?';
            }
        }
    }

    /// The archive's owner removes all mail in it.
    pub(crate) fn empty(&self) {
        let path = &self.account.archive;
        let new = path.join("new");
        for name in self.names(&new) {
            self.store.lock().unwrap().remove_name(&new.join(name)).unwrap();
        }
        let mut store = self.store.lock().unwrap();
        if let Ok(ino) = store.find(path)
            && let Ok(octets) = store.change_octets(ino)
        {
            octets.clear();
        }
    }

    /// From now on what is archived is deleted from the server.
    pub(crate) fn delete_what_is_fetched(&mut self) {
        self.account.delete = DeletePolicy::Fetched;
    }

    /// The same world, but another case from now on: its policy and its portions.
    pub(crate) fn with(mut self, case: Case) -> Self {
        self.account.delete = case.delete;
        self.case = case;
        self
    }

    /// What the server has deleted so far.
    pub(crate) fn purged(&self) -> Vec<Vec<u8>> {
        self.maildrop.lock().unwrap().purged.clone()
    }

    pub(crate) fn deliver(&self, message: &[u8]) {
        self.maildrop.lock().unwrap().deliver(message);
    }

    /// Everything that ever came and should be archived, sorted.
    pub(crate) fn expected(&self) -> Vec<Vec<u8>> {
        let mut expected = self.maildrop.lock().unwrap().delivered.clone();
        if self.case.foreign {
            expected.push(b"Subject: hi\n\nFrom joe\n".to_vec());
        }
        expected.sort_unstable();
        expected
    }

    /// What the archive shows to whoever looks, sorted.
    pub(crate) fn archived(&self) -> Vec<Vec<u8>> {
        let path = &self.account.archive;
        let mut found = match self.case.format {
            Format::Maildir => [self.files(&path.join("new")), self.files(&path.join("cur"))].concat(),
            Format::Mbox => self.octets(path).map(|octets| messages_of_mbox(&octets)).unwrap_or_default(),
        };
        found.sort_unstable();
        found
    }

    /// Names that no program but us would know what to do with.
    pub(crate) fn litter(&self) -> Vec<String> {
        let path = &self.account.archive;
        match self.case.format {
            Format::Maildir => self.names(&path.join("tmp")),
            Format::Mbox => {
                let mut names = self.names(path.parent().unwrap());
                names.retain(|name| OsStr::new(name) != path.file_name().unwrap());
                names
            }
        }
    }

    fn files(&self, folder: &Path) -> Vec<Vec<u8>> {
        self.names(folder).iter().filter_map(|name| self.octets(&folder.join(name))).collect()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let store = self.store.lock().unwrap();
        let Ok(ino) = store.find(folder) else { return Vec::new() };
        store.names(ino).unwrap().keys().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    pub(crate) fn octets(&self, file: &Path) -> Option<Vec<u8>> {
        let store = self.store.lock().unwrap();
        store.octets(store.find(file).ok()?).ok().map(<[u8]>::to_vec)
    }
}

/// Reads an mbox as mail clients do: a message begins behind an empty line.
fn messages_of_mbox(octets: &[u8]) -> Vec<Vec<u8>> {
    let is_start =
        |at: &usize| octets[*at..].starts_with(b"From ") && (*at == 0 || octets[..*at].ends_with(b"\n\n"));
    let mut starts: Vec<usize> = (0..octets.len()).filter(is_start).collect();
    if starts.first() != Some(&0) && !octets.is_empty() {
        starts.insert(0, 0);
    }
    starts.push(octets.len());
    starts.windows(2).map(|pair| message_of_mbox(&octets[pair[0]..pair[1]])).collect()
}

fn message_of_mbox(part: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = part.split_inclusive(|octet| *octet == b'\n').skip(1).collect();
    lines.pop_if(|line| *line == b"\n");
    let unquoted = lines.into_iter().map(|line| {
        let start = line.iter().position(|octet| *octet != b'>').unwrap_or(0);
        if start > 0 && line[start..].starts_with(b"From ") { &line[1..] } else { line }
    });
    unquoted.collect::<Vec<_>>().concat()
}
