//! What to do with a new configuration: fetch, and have it fetched.

use crate::config::{self, Draft, DraftSecret};
use crate::disk::{Disk as _, OsDisk};
use directories::BaseDirs;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where a package puts the units for each user.
const UNITS: &[&str] = &["/usr/lib/systemd/user", "/usr/local/lib/systemd/user", "/etc/systemd/user"];

/// The next steps with the configuration in `file`. `signed_in`: with OAuth2, if that is how the account logs in.
pub(super) fn text(draft: &Draft, file: &Path, signed_in: bool) -> String {
    let config = if is_usual(file) { String::new() } else { format!(" --config {}", quoted(file)) };
    let mut text = String::new();
    if matches!(draft.secret, DraftSecret::SignIn(_)) && !signed_in {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "Sign in first:\n  popkeep{config} login {}\n", draft.name);
    }
    let _ = writeln!(text, "Fetch now:\n  popkeep{config} fetch");
    if draft.secret == DraftSecret::Ask {
        text.push_str(
            "\nIt cannot run from cron or systemd until the configuration says where to get the password.\n",
        );
        return text;
    }
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("popkeep"));
    // cron makes a line end of a per cent sign.
    let line = format!("{}{config} fetch --quiet", quoted(&program)).replace('%', "\\%");
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "\nEvery quarter of an hour by cron, with this line in `crontab -e`:\n  7,22,37,52 * * * *  {line}\n"
    );
    text.push_str("\nOr by systemd:\n");
    // A package's units know nothing of a configuration in another place.
    if !units_are_installed() || !config.is_empty() {
        let start = format!("{}{config} fetch --quiet", quoted(&program)).replace('%', "%%");
        text.push_str(&units(&start));
    }
    text.push_str("  systemctl --user daemon-reload\n  systemctl --user enable --now popkeep.timer\n");
    text
}

/// Commands that make the units which run this command line.
fn units(start: &str) -> String {
    format!(
        "  mkdir -p ~/.config/systemd/user
  cat >~/.config/systemd/user/popkeep.service <<'END'
  [Service]
  Type=oneshot
  ExecStart={start}
  SuccessExitStatus=68 69 75 143
  END
  cat >~/.config/systemd/user/popkeep.timer <<'END'
  [Timer]
  OnCalendar=*:0/15
  RandomizedDelaySec=5min
  Persistent=true
  [Install]
  WantedBy=timers.target
  END
"
    )
    .replace("  END\n", "END\n")
}

fn units_are_installed() -> bool {
    let own = BaseDirs::new().map(|dirs| dirs.config_dir().join("systemd/user"));
    let folders = UNITS.iter().map(PathBuf::from).chain(own);
    folders.into_iter().any(|folder| OsDisk.metadata(&folder.join("popkeep.timer")).is_ok())
}

/// Whether cron, which knows of no variables but `HOME`, finds the configuration there.
fn is_usual(file: &Path) -> bool {
    home().is_some_and(|home| file == home.join(".config/popkeep/config.toml"))
}

/// The ledger's folder, if cron would look for it elsewhere: a variable has moved it.
pub(in crate::commands) fn unusual_state_dir() -> Option<String> {
    let folder = config::state_dir().ok()?;
    let usual = home().is_some_and(|home| folder == home.join(".local/state/popkeep"));
    if usual { None } else { folder.to_str().map(str::to_owned) }
}

fn home() -> Option<PathBuf> {
    BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@%".contains(&b);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A path with `~` for the home folder.
pub(in crate::commands) fn with_tilde(path: &Path) -> String {
    match home().as_deref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}
