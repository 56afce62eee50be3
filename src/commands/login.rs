//! `popkeep login`, `logout` and `token`: signing in with OAuth2.
//!
//! Promises: the address and the code go to stdout, each on its own line, flushed, and nothing else does. A token is kept
//! only once the mail server has let us in with it, or could not be reached. `token` prints the token alone.

use super::output::{self, Out};
use super::{Failure, load};
use crate::cli;
use crate::config::{Account, Flow};
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

/// Signs in, tries the mail server with the token, and keeps it.
pub fn run(file: Option<&Path>, options: &cli::Login, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let account = config.one_account(options.account.as_deref())?;
    let flow = match (options.device, options.browser, options.paste) {
        (true, ..) => Some(Flow::Device),
        (_, true, _) => Some(Flow::Browser),
        (.., true) => Some(Flow::Paste),
        _ => None,
    };
    Ok(sign_in(account, flow, options.verbose, out))
}

/// The exit code. What goes wrong is said on stderr.
fn sign_in(account: &Account, flow: Option<Flow>, verbose: u8, out: &mut dyn Write) -> Exit {
    let (observer, trace) = output::watch(verbose, &[account]);
    let Some(tokens) = Tokens::of(&account.access, &*observer, trace) else { return no_sign_in(account) };
    let fresh = match tokens.sign_in(flow, &mut AtTerminal { out }) {
        Ok(fresh) => fresh,
        Err(error) => return complain(account, &error),
    };
    let tried = connect::try_token(account, fresh.access_token(), trace, &observer);
    if let Err(error) = &tried
        && !error.exit().is_transient()
    {
        output::complain_about(&account.name, &format!("{error}; popkeep did not keep the token"));
        return error.exit();
    }
    if let Err(error) = tokens.keep(&fresh) {
        return complain(account, &error);
    }
    warn_unless_it_lasts(account, &fresh);
    match tried {
        Ok(()) => {
            let (user, host) =
                (wording::printable(&account.access.user), wording::printable(&account.access.host));
            output::inform(&format!("{}: signed in; {host} let {user} in with the token.", account.name));
            Exit::OK
        }
        Err(error) => {
            let text = format!("signed in, but the token could not be tried at the mail server: {error}");
            output::complain_about(&account.name, &text);
            error.exit()
        }
    }
}

/// Says so if this sign-in ends with its first token.
pub(super) fn warn_unless_it_lasts(account: &Account, fresh: &Fresh) {
    if !fresh.lasts() {
        let text = "the provider gave no refresh token, so this sign-in ends with its first token (see oauth.scope in \
                    popkeep.toml(5))";
        output::inform(&format!("popkeep: {}: {text}", account.name));
    }
}

/// Forgets a sign-in, and has the provider take it back where it can.
pub fn logout(file: Option<&Path>, options: &cli::Logout) -> Result<Exit, Failure> {
    let config = load(file)?;
    let account = config.one_account(options.account.as_deref())?;
    let (observer, trace) = output::watch(options.verbose, &[account]);
    let Some(tokens) = Tokens::of(&account.access, &*observer, trace) else { return Ok(no_sign_in(account)) };
    let say = |text: &str| output::inform(&format!("{}: {text}", account.name));
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
            output::complain_about(&account.name, &text);
            return Ok(error.exit());
        }
        Err(error) => return Ok(complain(account, &error)),
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
    let account = config.one_account(options.account.as_deref())?;
    let (observer, trace) = output::watch(options.verbose, &[account]);
    let Some(tokens) = Tokens::of(&account.access, &*observer, trace) else { return Ok(no_sign_in(account)) };
    match tokens.access_token(Renewal::Ahead) {
        Ok(token) => {
            writeln!(out, "{}", token.secret.expose_secret())?;
            Ok(Exit::OK)
        }
        Err(error) => Ok(complain(account, &error)),
    }
}

fn complain(account: &Account, error: &SignInError) -> Exit {
    output::complain_about(&account.name, error);
    error.exit()
}

fn no_sign_in(account: &Account) -> Exit {
    let table = format!("[accounts.{:?}.oauth]", account.name);
    output::complain_about(
        &account.name,
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
