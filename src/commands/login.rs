//! `popkeep login`, `logout` and `token`: signing in with OAuth2.
//!
//! Promises: the address and the code go to stdout, each on its own line, flushed, and nothing else does. A token is kept
//! only once the mail server has let us in with it, or could not be reached. `token` prints the token alone.

use super::output::{self, Out};
use super::{Failure, load};
use crate::cli;
use crate::config::{Access, Account, Config, ConfigError, Destination, Flow};
use crate::connect;
use crate::exit::Exit;
use crate::oauth::{self, Fresh, Person, Renewal, Revoked, SignInError, Tokens};
use crate::progress::wording;
use crate::shell;
use secrecy::ExposeSecret as _;
use std::io::{self, BufRead as _, Read as _, Write};
use std::path::Path;

/// The longest line that can be pasted, in octets.
const PASTED_LIMIT: u64 = 16 << 10;

/// An account or a destination that signs in.
#[derive(Clone, Copy)]
enum Whose<'c> {
    Account(&'c Account),
    Destination(&'c Destination),
}

impl<'c> Whose<'c> {
    /// The account of this name, or the only one; or the destination, if that is what signs in under the name.
    fn named(config: &'c Config, name: Option<&str>) -> Result<Self, ConfigError> {
        let account = config.one_account(name);
        if account.as_ref().is_ok_and(|account| account.access.oauth().is_some()) {
            return account.map(Whose::Account);
        }
        match config.destinations.iter().find(|to| name == Some(&to.access.name)) {
            Some(destination) if account.is_err() || destination.access.oauth().is_some() => {
                Ok(Whose::Destination(destination))
            }
            _ => account.map(Whose::Account),
        }
    }

    fn access(self) -> &'c Access {
        match self {
            Whose::Account(account) => &account.access,
            Whose::Destination(destination) => &destination.access,
        }
    }

    fn tables(self) -> &'static str {
        match self {
            Whose::Account(_) => "accounts",
            Whose::Destination(_) => "destinations",
        }
    }
}

/// Signs in, tries the mail server with the token, and keeps it.
pub fn run(file: Option<&Path>, options: &cli::Login, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let whose = Whose::named(&config, options.account.as_deref())?;
    let flow = match (options.device, options.browser, options.paste) {
        (true, ..) => Some(Flow::Device),
        (_, true, _) => Some(Flow::Browser),
        (.., true) => Some(Flow::Paste),
        _ => None,
    };
    Ok(sign_in(whose, flow, options.verbose, out))
}

/// The exit code. What goes wrong is said on stderr.
fn sign_in(whose: Whose<'_>, flow: Option<Flow>, verbose: u8, out: &mut dyn Write) -> Exit {
    let access = whose.access();
    let (observer, trace) = output::watch_names(verbose, [access.name.as_str()].into_iter());
    let Some(tokens) = Tokens::of(access, &*observer, trace) else { return no_sign_in(whose) };
    let fresh = match tokens.sign_in(flow, &mut AtTerminal { out }) {
        Ok(fresh) => fresh,
        Err(error) => return complain(access, &error),
    };
    let tried = match whose {
        Whose::Account(account) => connect::try_token(account, fresh.access_token(), trace, &observer),
        Whose::Destination(_) => connect::try_imap_token(access, fresh.access_token(), trace, &observer),
    };
    if let Err(error) = &tried
        && !error.exit().is_transient()
    {
        output::complain_about(&access.name, &format!("{error}; popkeep did not keep the token"));
        return error.exit();
    }
    if let Err(error) = tokens.keep(&fresh) {
        return complain(access, &error);
    }
    warn_unless_it_lasts(access, &fresh);
    match tried {
        Ok(()) => {
            let (user, host) = (wording::printable(&access.user), wording::printable(&access.host));
            output::inform(&format!("{}: signed in; {host} let {user} in with the token.", access.name));
            Exit::OK
        }
        Err(error) => {
            let text = format!("signed in, but the token could not be tried at the mail server: {error}");
            output::complain_about(&access.name, &text);
            error.exit()
        }
    }
}

/// Says so if this sign-in ends with its first token.
pub(super) fn warn_unless_it_lasts(access: &Access, fresh: &Fresh) {
    if !fresh.lasts() {
        let text = "the provider gave no refresh token, so this sign-in ends with its first token (see oauth.scope in \
                    popkeep.toml(5))";
        output::inform(&format!("popkeep: {}: {text}", access.name));
    }
}

/// Forgets a sign-in, and has the provider take it back where it can.
pub fn logout(file: Option<&Path>, options: &cli::Logout) -> Result<Exit, Failure> {
    let config = load(file)?;
    let whose = Whose::named(&config, options.account.as_deref())?;
    let access = whose.access();
    let (observer, trace) = output::watch_names(options.verbose, [access.name.as_str()].into_iter());
    let Some(tokens) = Tokens::of(access, &*observer, trace) else { return Ok(no_sign_in(whose)) };
    let say = |text: &str| output::inform(&format!("{}: {text}", access.name));
    match tokens.forget() {
        Ok(Revoked::Yes) => say("signed out; the provider has revoked the token."),
        Ok(Revoked::NoAddress) => {
            say(
                "signed out here. The provider has no address to revoke a token; its account page may list popkeep.",
            );
        }
        Ok(Revoked::NotSignedIn) => say("nobody was signed in."),
        Ok(Revoked::No(error)) => {
            let text = format!("signed out here, but the provider did not revoke the token: {error}");
            output::complain_about(&access.name, &text);
            return Ok(error.exit());
        }
        Err(error) => return Ok(complain(access, &error)),
    }
    Ok(Exit::OK)
}

/// Prints an access token.
pub(super) fn token<W: Write>(
    file: Option<&Path>,
    options: &cli::Token,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let config = load(file)?;
    let whose = Whose::named(&config, options.account.as_deref())?;
    let access = whose.access();
    let (observer, trace) = output::watch_names(options.verbose, [access.name.as_str()].into_iter());
    let Some(tokens) = Tokens::of(access, &*observer, trace) else { return Ok(no_sign_in(whose)) };
    match tokens.access_token(Renewal::Ahead) {
        Ok(token) => {
            writeln!(out, "{}", token.secret.expose_secret())?;
            Ok(Exit::OK)
        }
        Err(error) => Ok(complain(access, &error)),
    }
}

fn complain(access: &Access, error: &SignInError) -> Exit {
    output::complain_about(&access.name, error);
    error.exit()
}

fn no_sign_in(whose: Whose<'_>) -> Exit {
    let name = &whose.access().name;
    let table = format!("[{}.{name:?}.oauth]", whose.tables());
    output::complain_about(
        name,
        &format!("it has no OAuth2 sign-in; add {table} to the configuration (see popkeep.toml(5))"),
    );
    Exit::CONFIG
}

/// A person, or a script in the place of one.
pub(super) struct AtTerminal<'o> {
    /// Where the address and the code are shown.
    pub(super) out: &'o mut dyn Write,
}

impl Person for AtTerminal<'_> {
    fn show_address(&mut self, address: &str) -> io::Result<()> {
        writeln!(self.out, "{address}").and_then(|()| self.out.flush())
    }

    fn show_code(&mut self, code: &str) -> io::Result<()> {
        writeln!(self.out, "{code}").and_then(|()| self.out.flush())
    }

    fn explain(&mut self, text: &str) {
        output::inform(text);
    }

    fn open(&mut self, address: &str) {
        if oauth::has_display() {
            shell::open_in_browser(address);
        }
    }

    fn paste(&mut self) -> io::Result<String> {
        let mut line = String::new();
        io::stdin().lock().take(PASTED_LIMIT).read_line(&mut line)?;
        Ok(line)
    }
}
