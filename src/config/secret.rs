//! The password or access token, from wherever the configuration says it is.
//!
//! Promises: it is held in a [`SecretString`] only, and no error shows it: neither the command
//! that was run (it may hold one) nor what it printed, only what it complained.

use super::{Access, ClientCertificate, ClientSecret, OAuth, SecretSource, prompt};
use crate::disk::{self, Distrusted};
use crate::exit::Exit;
use crate::shell::{Outcome, Shell, complained};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// How long a command that prints a secret may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// The largest `password_file` that is read, in octets; only its first line counts.
const FILE_LIMIT: u64 = 8 << 10;

/// What editors of another system put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How slow [`secret_digest`] is.
const DIGEST_ROUNDS: u32 = 20_000;

/// Why the secret could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The shell could not be started. Exit 74.
    #[error("cannot run {key}: {source}")]
    NotRun {
        /// The configuration key.
        key: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The command failed. Exit 78.
    #[error("{key} failed ({status}){complaint}")]
    CommandFailed {
        /// The configuration key.
        key: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error, made safe for a terminal; with `: ` before it.
        complaint: String,
    },
    /// The command took too long. Exit 75.
    #[error(
        "{key} did not finish in {seconds} s and was stopped; run it by hand to see if it asks for something"
    )]
    CommandTimedOut {
        /// The configuration key.
        key: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The file cannot be read. Exit 78.
    #[error("cannot read password_file {path}: {source}")]
    FileUnreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others own the file, or could change it; or it is no file. Exit 78.
    #[error("password_file {path} is not safe to use: {reason}")]
    FileDistrusted {
        /// The file.
        path: String,
        /// What is wrong with it, or with a folder above it.
        reason: Distrusted,
    },
    /// Others can read the file. Exit 78.
    #[error("others can read password_file {path} (mode {mode:04o}); run `chmod 600 {path}`")]
    FileExposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The variable is not set. Exit 78.
    #[error(
        "password_env names the variable {name}, which is not set; set it (for cron, in the crontab), or use password_command"
    )]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// There is no first line. Exit 78.
    #[error("{key} gave no password: its first line is empty; put the password there")]
    Empty {
        /// The configuration key.
        key: &'static str,
    },
    /// It is no text of a sensible length. Exit 78.
    #[error("{key} gave no usable password: its first line must be UTF-8 text of at most 8 KiB")]
    NotText {
        /// The configuration key.
        key: &'static str,
    },
    /// There is nobody to ask. Exit 78.
    #[error(
        "no password is configured for {user}, and there is no terminal to ask on; add password_command, password_file or password_env to account {account:?}"
    )]
    NoTerminal {
        /// The account.
        account: String,
        /// Whose password.
        user: String,
    },
    /// Asking failed. Exit 74.
    #[error("cannot ask for the password: {source}")]
    Prompt {
        /// What the system said.
        source: io::Error,
    },
}

impl SecretError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            SecretError::CommandTimedOut { .. } => Exit::TRY_LATER,
            SecretError::NotRun { .. } | SecretError::Prompt { .. } => Exit::IO,
            _ => Exit::CONFIG,
        }
    }
}

/// What the configuration has to log in with.
pub enum Obtained<'a> {
    /// A password or an access token.
    Secret(SecretString),
    /// Nothing yet: an access token comes of a sign-in.
    SignIn(&'a OAuth),
}

/// Reads the account's secret: runs its command (at most 30 s), reads its file or variable, or
/// asks on the terminal.
pub fn obtain(access: &Access) -> Result<Obtained<'_>, SecretError> {
    let secret = match &access.secret {
        SecretSource::Command(command) => from_command("password_command", command, COMMAND_LIMIT),
        SecretSource::TokenCommand(command) => from_command("token_command", command, COMMAND_LIMIT),
        SecretSource::File(path) => from_file(path),
        SecretSource::Environment(name) => from_environment(name),
        SecretSource::Literal(secret) => Ok(secret.clone()),
        SecretSource::Ask => ask(access),
        SecretSource::OAuth(oauth) => return Ok(Obtained::SignIn(oauth)),
    };
    secret.map(Obtained::Secret)
}

/// What proves to the provider that popkeep is the client, from the configuration or from its command (at most 30 s).
pub fn obtain_client_secret(secret: &ClientSecret) -> Result<SecretString, SecretError> {
    match secret {
        ClientSecret::Literal(secret) => Ok(secret.clone()),
        ClientSecret::Command(command) => from_command("client_secret_command", command, COMMAND_LIMIT),
    }
}

/// The password of the client certificate's file, from its command (at most 30 s); `None` if
/// there is no command.
pub fn obtain_client_password(certificate: &ClientCertificate) -> Result<Option<SecretString>, SecretError> {
    let command = certificate.password_command.as_deref();
    command.map(|command| from_command("tls_client_password_command", command, COMMAND_LIMIT)).transpose()
}

/// The password that `serve` asks for, from the command in `--password-command` (at most 30 s).
pub fn obtain_server_password(command: &str) -> Result<SecretString, SecretError> {
    from_command("--password-command", command, COMMAND_LIMIT)
}

/// 16 bits of a slow hash of a secret: enough to tell that it has changed, too little to tell what it is.
pub fn secret_digest(secret: &SecretString, salt: &[u8]) -> u16 {
    let mut digest = [0; 2];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(secret.expose_secret().as_bytes(), salt, DIGEST_ROUNDS, &mut digest);
    u16::from_be_bytes(digest)
}

fn from_command(key: &'static str, command: &str, limit: Duration) -> Result<SecretString, SecretError> {
    match Shell::new(command, limit).run().map_err(|source| SecretError::NotRun { key, source })? {
        Outcome::OutOfTime | Outcome::Stopped => {
            Err(SecretError::CommandTimedOut { key, seconds: limit.as_secs() })
        }
        Outcome::Ended { status, output, .. } if status.success() => first_line(key, &output),
        Outcome::Ended { status, complaint, .. } => {
            Err(SecretError::CommandFailed { key, status, complaint: complained(&complaint) })
        }
    }
}

fn from_file(path: &Path) -> Result<SecretString, SecretError> {
    let shown = || path.display().to_string();
    let unreadable = |source| SecretError::FileUnreadable { path: shown(), source };
    let disk::Trusted { octets, mode } =
        disk::read_trusted(path, FILE_LIMIT).map_err(|error| match error {
            Distrusted::Io(source) => unreadable(source),
            reason => SecretError::FileDistrusted { path: shown(), reason },
        })?;
    let octets = Zeroizing::new(octets);
    if mode & 0o077 != 0 {
        return Err(SecretError::FileExposed { path: shown(), mode });
    }
    first_line("password_file", &octets)
}

fn from_environment(name: &str) -> Result<SecretString, SecretError> {
    use std::os::unix::ffi::OsStringExt;
    let value = std::env::var_os(name).ok_or_else(|| SecretError::NoVariable { name: name.to_owned() })?;
    first_line("password_env", &Zeroizing::new(value.into_vec()))
}

fn ask(access: &Access) -> Result<SecretString, SecretError> {
    if !io::stdin().is_terminal() {
        return Err(SecretError::NoTerminal { account: access.name.clone(), user: access.user.clone() });
    }
    let answer = prompt::ask(&format!("Password of {} at {}: ", access.user, access.host))
        .map_err(|source| SecretError::Prompt { source })?;
    first_line("the answer", &answer)
}

/// The first line, without its end (LF, CR, or both) and without a byte order mark. `octets` may have been cut at
/// 8 KiB.
fn first_line(key: &'static str, octets: &[u8]) -> Result<SecretString, SecretError> {
    let octets = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(octets);
    let line = octets.split(|octet| b"\r\n".contains(octet)).next().unwrap_or_default();
    if line.is_empty() {
        return Err(SecretError::Empty { key });
    }
    match std::str::from_utf8(line) {
        Ok(text) if line.len() as u64 + 2 <= FILE_LIMIT => Ok(SecretString::from(text)),
        _ => Err(SecretError::NotText { key }),
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretError, first_line, from_environment, from_file};
    use crate::exit::Exit;
    use secrecy::{ExposeSecret, SecretString};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, Instant};

    fn from_command(command: &str, limit: Duration) -> Result<SecretString, SecretError> {
        super::from_command("token_command", command, limit)
    }

    const LIMIT: Duration = Duration::from_secs(30);

    fn shown(secret: Result<SecretString, SecretError>) -> String {
        secret.expect("there is a secret").expose_secret().to_owned()
    }

    #[test]
    fn a_command_gives_its_first_line() {
        assert_eq!(shown(from_command("printf 'geheim wort\\r\\nuser: jane\\n'", LIMIT)), "geheim wort");
        assert_eq!(shown(from_command("printf no-line-end", LIMIT)), "no-line-end");
        assert_eq!(
            shown(from_command("echo long; head -c 3000000 /dev/zero", LIMIT)),
            "long",
            "what follows is read and thrown away"
        );
        assert_eq!(shown(from_command("cat; echo no input", LIMIT)), "no input");
    }

    #[test]
    fn a_failing_command_is_heard_but_never_shown() {
        let error = from_command("echo hunter2; echo 'no \x1b[31mkey' >&2; exit 3", LIMIT).unwrap_err();
        assert_eq!(error.exit(), Exit::CONFIG);
        let text = format!("{error} {error:?}");
        assert!(text.starts_with("token_command failed"), "{text}");
        assert!(text.contains("exit status: 3") && text.contains("key"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn a_command_that_gives_nothing_usable_is_a_configuration_error() {
        for command in ["true", "echo", "printf '\\377\\n'", "head -c 9000 /dev/zero | tr '\\0' x"] {
            assert_eq!(from_command(command, LIMIT).unwrap_err().exit(), Exit::CONFIG, "{command}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped() {
        let start = Instant::now();
        let error = from_command("exec sleep 60", Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.exit(), Exit::TRY_LATER);
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_a_command_leaves_in_the_background_is_not_waited_for() {
        let start = Instant::now();
        assert_eq!(shown(from_command("echo word; sleep 60 &", LIMIT)), "word");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_file_gives_its_first_line_unless_others_can_read_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"from a file\nmore\n").unwrap();
        assert_eq!(shown(from_file(file.path())), "from a file");
        file.as_file().set_permissions(PermissionsExt::from_mode(0o640)).unwrap();
        let error = from_file(file.path()).unwrap_err();
        assert!(matches!(error, SecretError::FileExposed { mode: 0o640, .. }), "{error:?}");
        assert_eq!(error.exit(), Exit::CONFIG);
        assert_eq!(from_file("/nowhere/at all".as_ref()).unwrap_err().exit(), Exit::CONFIG);
    }

    #[test]
    fn a_variable_gives_its_first_line() {
        assert_eq!(shown(from_environment("CARGO_PKG_NAME")), "popkeep");
        let error = from_environment("POPKEEP_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(error.exit(), Exit::CONFIG);
    }

    #[test]
    fn a_byte_order_mark_and_whatever_ends_a_line_belong_to_no_password() {
        for octets in [
            &b"\xef\xbb\xbfgeheim\r\n"[..],
            b"geheim\r",
            b"geheim\r\r\nmore",
            b"geheim\rmore\r",
            b"\xef\xbb\xbfgeheim",
        ] {
            assert_eq!(shown(first_line("password_file", octets)), "geheim");
        }
        for octets in [&b"\xef\xbb\xbf\r\n"[..], b"\r\n", b"\r"] {
            assert_eq!(first_line("password_file", octets).unwrap_err().exit(), Exit::CONFIG);
        }
    }

    #[test]
    fn spaces_belong_to_a_password() {
        assert_eq!(shown(first_line("password_file", b" a b \n")), " a b ");
    }
}
