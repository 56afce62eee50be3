//! Which server, and what its provider wants.

use super::super::output;
use super::console::Console;
use super::interview::{Interview, impossible, protection};
use super::{InitError, trial};
use crate::config::providers::{Offer, Pop3, Provider, Secret, of_domain};
use crate::config::{Draft, DraftSecret, Tls};
use crate::discover::{self, Finding, Proposal, Source};
use crate::net::NetError;
use crate::net::dns::NameServers;

impl Interview<'_> {
    /// The server: as the options say, as the domain tells, or as a person says.
    pub(super) fn which_server(&mut self) -> Result<(), InitError> {
        if let Some(host) = &self.options.host {
            self.draft.host.clone_from(host);
            self.as_options_say();
            self.draft.account().map_err(|why| impossible("host", &why))?;
            self.pop3 = self.provider().and_then(pop3_of).filter(|pop3| pop3.host == *host);
            self.tell_what_is_wanted();
            return Ok(());
        }
        // Without an address there is a host: see `nothing_missing`.
        let Some(domain) = self.address.as_ref().map(|address| address.domain.clone()) else { return Ok(()) };
        if let Some(console) = self.console
            && of_domain(&domain).is_none()
        {
            console.say(&format!("Looking for the POP3 server of {domain} ..."));
        }
        let finding = discover::find(&domain, self.draft.tls_ca_file.as_deref(), &NameServers::of_system());
        match self.console {
            Some(console) => self.talk_about(console, &domain, finding),
            None => self.take(&domain, finding),
        }
    }

    fn provider(&self) -> Option<&'static Provider> {
        of_domain(&self.address.as_ref()?.domain)
    }

    /// What the options say of port and protection goes before everything else.
    fn as_options_say(&mut self) {
        self.draft.port = self.options.port.or(self.draft.port);
        match (self.options.tls, self.options.port) {
            (Some(word), _) => self.draft.tls = protection(word),
            (None, Some(110)) => self.draft.tls = Tls::StartTls,
            _ => {}
        }
    }

    fn accept(&mut self, proposal: &Proposal) {
        self.draft.host.clone_from(&proposal.host);
        self.draft.tls = proposal.tls;
        self.draft.port = Some(proposal.port).filter(|port| *port != usual_port(proposal.tls));
        self.pop3 = proposal.pop3;
        self.as_options_say();
    }

    /// Takes what was found where nobody can be asked, if nothing speaks against it.
    fn take(&mut self, domain: &str, finding: Finding) -> Result<(), InitError> {
        let missing = |why: String| InitError::Missing { missing: vec![why] };
        match finding {
            Finding::Server(proposal) if !proposal.is_foreign(domain) => {
                self.accept(&proposal);
                self.wants_token(proposal.pop3)?;
                self.tell_what_is_wanted();
                Ok(())
            }
            Finding::Server(Proposal { host, .. }) => Err(missing(format!(
                "--host {host}, if that is right (only the name service says that the mail of {domain} is there)"
            ))),
            Finding::NoPop3 { provider, instead } => {
                Err(InitError::NoPop3 { provider: provider.name, instead })
            }
            Finding::NotOffered => Err(missing(format!("--host ({domain} says that it has no POP3)"))),
            Finding::Nothing { distrusted } => {
                let seen = distrusted.first().map_or_else(String::new, |first| format!("; {first}"));
                Err(missing(format!("--host (no POP3 server of {domain} was found{seen})")))
            }
        }
    }

    /// Tells what the provider wants before a login can work; without a terminal, too.
    fn tell_what_is_wanted(&self) {
        for line in self.pop3.iter().flat_map(what_is_wanted) {
            match self.console {
                Some(console) => console.detail(&line),
                None => output::inform(&format!("popkeep: {}: {line}", self.draft.host)),
            }
        }
    }

    /// Before a password is asked for: is it the right server? One whose certificate nobody vouches for is taken
    /// only if a person knows the certificate's fingerprint.
    pub(super) fn know_the_server(&mut self, console: Console) -> Result<(), InitError> {
        // What a provider's server shows, the login tells; a connection in clear shows nothing.
        while self.pop3.is_none() && self.draft.tls != Tls::None {
            let Err(error) = discover::reach(&self.account(None)?) else { return Ok(()) };
            let Some(NetError::Certificate { leaf: Some(leaf), .. }) = error.net() else { return Ok(()) };
            let fingerprint = leaf.fingerprint.to_string();
            for line in trial::words(&error) {
                console.problem(&line);
            }
            if console.confirm("Did the server's operator confirm this fingerprint", false)? {
                self.draft.tls_fingerprint = Some(fingerprint);
                return Ok(());
            }
            self.draft.tls_fingerprint = None;
            self.ask_for_server(console)?;
        }
        Ok(())
    }

    /// A provider that takes tokens only has no use for a password.
    fn wants_token(&self, pop3: Option<Pop3>) -> Result<(), InitError> {
        let token = matches!(self.draft.secret, DraftSecret::TokenCommand(_)) || self.options.oauth.is_some();
        if pop3.is_some_and(|pop3| pop3.secret == Secret::Token) && !token {
            let why = "--oauth or --token-command (this provider accepts only OAuth2)";
            return Err(InitError::Missing { missing: vec![why.to_owned()] });
        }
        Ok(())
    }

    /// Tells what was found, and asks whether to take it.
    fn talk_about(&mut self, console: Console, domain: &str, finding: Finding) -> Result<(), InitError> {
        match finding {
            Finding::Server(proposal) => {
                console.say(&found(&proposal, domain));
                for line in proposal.pop3.iter().flat_map(what_is_wanted) {
                    console.detail(&line);
                }
                let foreign = proposal.is_foreign(domain);
                if foreign {
                    console.detail(
                        "Only the name service says so, and its answers can be forged. Use it only if you know \
                         that your mail is there.",
                    );
                }
                if console.confirm("Use it", !foreign)? {
                    self.accept(&proposal);
                    return Ok(());
                }
            }
            Finding::NoPop3 { provider, instead } => {
                console.problem(&format!(
                    "{} has no POP3, and popkeep speaks nothing else: {instead}",
                    provider.name
                ));
                console.say("If you do have a POP3 server for it, enter it here. Ctrl-C quits.");
            }
            Finding::NotOffered => console.say(&format!("{domain} says that it has no POP3.")),
            Finding::Nothing { distrusted } => {
                console.say("No server found. Look up \"POP3\" in your provider's help pages.");
                for one in distrusted {
                    console.detail(&format!("Not used: {one}"));
                }
            }
        }
        self.ask_for_server(console)
    }

    /// Asks for host, protection and port.
    pub(super) fn ask_for_server(&mut self, console: Console) -> Result<(), InitError> {
        let known = Some(self.draft.host.clone()).filter(|host| host != Draft::NO_HOST);
        let before = tls_word(self.draft.tls);
        // Clear text, for this machine, must not stand in another host's way.
        self.draft.tls = Tls::Implicit;
        self.settle("host", None, "Host", known.as_deref(), |draft, host| {
            host.clone_into(&mut draft.host);
            Ok(())
        })?;
        self.as_options_say();
        if self.options.tls.is_none() {
            loop {
                let words = ["implicit", "starttls", "none"];
                self.draft.tls = match console.choose("TLS: implicit, starttls or none", &words, before)? {
                    "starttls" => Tls::StartTls,
                    "none" => Tls::None,
                    _ => Tls::Implicit,
                };
                match self.draft.account() {
                    Ok(_) => break,
                    Err(why) => console.problem(&why),
                }
            }
        }
        if self.options.port.is_none() {
            self.draft.port = None;
            let usual = usual_port(self.draft.tls);
            let port = loop {
                match console.ask("Port", Some(&usual.to_string()))?.parse::<u16>() {
                    Ok(port) if port > 0 => break port,
                    _ => console.problem("Enter a number from 1 to 65535."),
                }
            };
            self.draft.port = Some(port).filter(|port| *port != usual);
        }
        Ok(())
    }

    /// What a password is called at this provider.
    pub(super) fn password_question(&self) -> &'static str {
        match self.pop3.map(|pop3| pop3.secret) {
            Some(Secret::AppPassword(_)) => "App password, or what your provider calls it (not shown)",
            _ => "Password (not shown)",
        }
    }
}

/// How the server was found, and where it is.
fn found(proposal: &Proposal, domain: &str) -> String {
    let how = match proposal.source {
        Source::Provider(provider) => provider.name.to_owned(),
        Source::Exchanger(provider) => format!("Mail for {domain} goes to {}", provider.name),
        Source::Service => format!("Found in the service records of {domain}"),
        Source::UsualName => "Found by its usual name, with a trusted certificate".to_owned(),
    };
    let tls = match proposal.tls {
        Tls::Implicit => "TLS",
        Tls::StartTls => "TLS by STLS",
        Tls::None => "clear text",
    };
    format!("{how}: {} port {}, {tls}.", proposal.host, proposal.port)
}

/// What the provider wants before a login can work.
fn what_is_wanted(pop3: &Pop3) -> Vec<String> {
    let mut lines: Vec<String> =
        pop3.switch.iter().map(|switch| format!("First turn POP3 on: {switch}.")).collect();
    match pop3.secret {
        Secret::Password => {}
        Secret::AppPassword(what) => lines.push(format!("Use {what}, not your usual password.")),
        Secret::Token => lines.push("It accepts no password, only an OAuth2 sign-in.".to_owned()),
    }
    lines
}

fn pop3_of(provider: &Provider) -> Option<Pop3> {
    match provider.offer {
        Offer::Pop3(pop3) => Some(pop3),
        Offer::Nothing(_) => None,
    }
}

fn usual_port(tls: Tls) -> u16 {
    if tls == Tls::Implicit { 995 } else { 110 }
}

fn tls_word(tls: Tls) -> &'static str {
    match tls {
        Tls::Implicit => "implicit",
        Tls::StartTls => "starttls",
        Tls::None => "none",
    }
}
