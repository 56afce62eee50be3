//! A home of its own for a test, and the built program run in it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::maildrop::{PASSWORD, PopServer};
use super::outcome::Outcome;
use super::terminal::Terminal;
use super::{set_mode, stores};

/// The built program.
pub(crate) const POPKEEP: &str = env!("CARGO_BIN_EXE_popkeep");

/// No run of a test may take longer; a hang is a failure, not a wait.
pub(super) const LIMIT: Duration = Duration::from_mins(3);

/// A throw-away home folder with XDG folders in it.
pub(crate) struct Sandbox {
    home: tempfile::TempDir,
    /// The library that shifts the clock, and by how many seconds; see [`super::clock`].
    pub(super) clock: Mutex<Option<(PathBuf, i64)>>,
}

/// One account in a configuration: TOML keys with their values as written.
#[derive(Clone)]
pub(crate) struct Account {
    name: String,
    keys: BTreeMap<String, String>,
}

impl Account {
    /// An account with the test user and password; host and port are to come.
    pub(crate) fn new(name: &str) -> Account {
        Account { name: name.to_owned(), keys: BTreeMap::new() }
            .text("user", "joe")
            .text("password", PASSWORD)
            .text("archive", "~/Mail/{account}")
    }

    /// An account on a clear-text server of this test.
    pub(crate) fn on(name: &str, server: &PopServer) -> Account {
        Account::new(name).loopback(server.port()).text("tls", "none")
    }

    /// The host by its address, and the port.
    pub(crate) fn loopback(self, port: u16) -> Account {
        self.text("host", "127.0.0.1").key("port", port)
    }

    /// A key with a value as TOML writes it.
    pub(crate) fn key(mut self, key: &str, value: impl std::fmt::Display) -> Account {
        self.keys.insert(key.to_owned(), value.to_string());
        self
    }

    /// A key with a text for its value.
    pub(crate) fn text(self, key: &str, value: impl AsRef<str>) -> Account {
        let quoted = serde_json::to_string(value.as_ref()).unwrap();
        self.key(key, quoted)
    }

    /// Without this key.
    pub(crate) fn without(mut self, key: &str) -> Account {
        self.keys.remove(key);
        self
    }

    /// Its part of the configuration file.
    pub(crate) fn toml(&self) -> String {
        let keys: String = self.keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("[accounts.{}]\n{keys}\n", serde_json::to_string(&self.name).unwrap())
    }
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        usual_signals();
        Sandbox::at(tempfile::Builder::new().prefix("popkeep-it-").tempdir().unwrap())
    }

    /// A sandbox in memory where the system has such a folder: for thousands of runs in which no
    /// machine stops.
    pub(crate) fn in_memory() -> Sandbox {
        let memory = Path::new("/dev/shm");
        let mut folder = tempfile::Builder::new();
        folder.prefix("popkeep-it-");
        match folder.tempdir_in(memory) {
            Ok(home) => Sandbox::at(home),
            Err(_) => Sandbox::new(),
        }
    }

    fn at(home: tempfile::TempDir) -> Sandbox {
        Sandbox { home, clock: Mutex::new(None) }
    }

    /// A sandbox with one account, `work`, on this server.
    pub(crate) fn for_server(server: &PopServer) -> Sandbox {
        Sandbox::with([Account::on("work", server)])
    }

    /// A sandbox with these accounts.
    pub(crate) fn with<const N: usize>(accounts: [Account; N]) -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.configure(accounts);
        sandbox
    }

    /// Writes a configuration of these accounts.
    pub(crate) fn configure<const N: usize>(&self, accounts: [Account; N]) {
        self.config(&accounts.into_iter().map(|account| account.toml()).collect::<String>());
    }

    /// Writes the configuration file, private as it must be with a password in it.
    pub(crate) fn config(&self, text: &str) {
        let file = self.config_file();
        self.write(&file, text);
        set_mode(&file, 0o600);
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path(".config/popkeep/config.toml")
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.home.path().join(below)
    }

    /// Writes a file, with the folders it needs.
    pub(crate) fn write(&self, file: impl AsRef<Path>, octets: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, octets).unwrap();
        file
    }

    /// Where an account's mail is kept by default.
    pub(crate) fn archive(&self, account: &str) -> PathBuf {
        self.path("Mail").join(account)
    }

    /// Every message in an account's Maildir, sorted.
    #[track_caller]
    pub(crate) fn maildir(&self, account: &str) -> Vec<Vec<u8>> {
        stores::maildir(&self.archive(account))
    }

    /// Where the ledger is by default.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path(".local/state/popkeep/ledger.sqlite3")
    }

    /// The ledger's backup.
    pub(crate) fn ledger_backup(&self) -> PathBuf {
        self.path(".local/state/popkeep/ledger-backup.sqlite3")
    }

    /// Away with the ledger, with all that lies beside it, and with its backup.
    pub(crate) fn lose_ledger(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.ledger().display()));
        }
        let _ = std::fs::remove_file(self.ledger_backup());
    }

    /// Fetches from the only account, which must succeed: its part of the JSON report.
    #[track_caller]
    pub(crate) fn fetch(&self) -> Value {
        self.fetch_with(0, &[])
    }

    /// Fetches from the only account with these options, which must end with this exit code: its part of the JSON
    /// report, whose figures account for every message that the server listed.
    #[track_caller]
    pub(crate) fn fetch_with(&self, exit: i32, options: &[&str]) -> Value {
        let arguments = ["fetch", "--json"].iter().chain(options);
        self.popkeep(arguments).run().expect(exit).account()
    }

    /// A run of popkeep with these arguments.
    pub(crate) fn popkeep<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        let mut command = Command::new(POPKEEP);
        command.args(arguments);
        self.command(command)
    }

    /// A run of another program (a tracer, say) in the sandbox's environment.
    pub(crate) fn command(&self, mut command: Command) -> Run {
        command
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.path(".config"))
            .env("XDG_STATE_HOME", self.path(".local/state"))
            .env("XDG_DATA_HOME", self.path(".local/share"))
            .env("XDG_CACHE_HOME", self.path(".cache"))
            .env("TMPDIR", std::env::temp_dir())
            .env("LANG", "C.UTF-8")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let run = Run { command };
        match &*self.clock.lock().unwrap() {
            Some((library, seconds)) => run.ahead(library, *seconds),
            None => run,
        }
    }

    /// Everything in the home folder: path → kind, mode, modification time and content.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for path in stores::files(&folder) {
                let facts = std::fs::symlink_metadata(&path).unwrap();
                let content = if facts.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
                let line = format!(
                    "mode {:o}, modified {}.{:09}, {}",
                    facts.mode(),
                    facts.mtime(),
                    facts.mtime_nsec(),
                    content.escape_ascii()
                );
                found.insert(path.clone(), line);
                if facts.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }
}

/// A program about to be run.
pub(crate) struct Run {
    command: Command,
}

impl Run {
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(key, value);
        self
    }

    /// Runs to the end, with nothing on stdin.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.run_with("")
    }

    /// Runs to the end, with this on stdin.
    #[track_caller]
    pub(crate) fn run_with(self, input: &str) -> Outcome {
        let arguments = self.arguments();
        let mut command = assert_cmd::Command::from_std(self.command);
        let output = command.timeout(LIMIT).write_stdin(input).output().unwrap();
        Outcome::of(&arguments, output)
    }

    pub(crate) fn arguments(&self) -> Vec<OsString> {
        self.command.get_args().map(OsStr::to_owned).collect()
    }

    /// The command, for a test that wants its pipes.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Starts at a pseudo-terminal of this size, for the test to read and to type at.
    pub(crate) fn on_terminal(self, columns: u16, rows: u16) -> Terminal {
        Terminal::start(self.command, columns, rows)
    }

    /// Starts, to be ended by the test.
    pub(crate) fn spawn(mut self) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running { child: self.command.spawn().unwrap() }
    }
}

/// A program that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// `kill -9`, and waits until the kernel has cleaned up.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Sends a signal by its name, `INT` say.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end, looking at the memory all the time. The exit code, and the most memory that it was
    /// seen to occupy, in KiB (`VmHWM`).
    pub(crate) fn wait_watching_memory(mut self) -> (Option<i32>, u64) {
        let status = format!("/proc/{}/status", self.child.id());
        let mut peak = 0;
        loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak =
                peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
            if let Some(ended) = self.child.try_wait().unwrap() {
                return (ended.code(), peak);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the end; the exit code, if it was no signal that ended it.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whoever started the tests may ignore signals (nohup does, and a shell for what runs in its background),
/// which programs inherit; a signal that is handled has its usual meaning again in a program.
fn usual_signals() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            // For the tests themselves it keeps its usual meaning, too.
            let always = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
            signal_hook::flag::register_conditional_default(signal, always).unwrap();
        }
    });
}
