//! Signing in with OAuth2: what `[accounts.NAME.oauth]` says, and what is known of the providers.
//!
//! Promise: no client id of another program is in here.

use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;

/// Everything that a sign-in needs to know, complete.
#[derive(Clone)]
pub struct OAuth {
    /// The provider, if it is a known one.
    pub provider: Option<Provider>,
    /// Who popkeep is to the provider.
    pub client_id: String,
    /// What proves it, where the provider gives such a thing.
    pub client_secret: Option<ClientSecret>,
    /// How to sign in; `None`: whatever fits.
    pub flow: Option<Flow>,
    /// The port that the browser is sent back to; `None`: any.
    pub redirect_port: Option<u16>,
    /// What is asked for, blanks between.
    pub scope: String,
    /// Where a person signs in.
    pub authorize_url: Option<String>,
    /// Where tokens come from.
    pub token_url: String,
    /// Where a device flow begins.
    pub device_url: Option<String>,
    /// Where a token is taken back.
    pub revoke_url: Option<String>,
    /// Who answers the browser (RFC 9207); `None`: the origin of `authorize_url`.
    pub issuer: Option<String>,
    /// The authorities to trust for these addresses, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Whom the sign-in page is to expect; `None`: nobody.
    pub login_hint: Option<String>,
    /// The folder that `tokens/` is in. Empty where it is not known yet.
    pub state_dir: PathBuf,
}

/// Shows no secret, and nothing that may hold one.
impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("provider", &self.provider)
            .field("client_id", &self.client_id)
            .field("token_url", &self.token_url)
            .finish_non_exhaustive()
    }
}

/// What proves to the provider that popkeep is the client.
#[derive(Clone)]
pub enum ClientSecret {
    /// The configuration has it.
    Literal(SecretString),
    /// `sh -c` prints it.
    Command(String),
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A code to be typed at another device (RFC 8628).
    Device,
    /// A browser on this machine, sent back to a port of ours (RFC 8252).
    Browser,
    /// Any browser; the address that it is sent back to is pasted.
    Paste,
}

impl Flow {
    /// What the configuration calls them.
    pub const NAMES: &[(&'static str, Flow)] =
        &[("device", Flow::Device), ("browser", Flow::Browser), ("paste", Flow::Paste)];
}

/// A provider whose addresses are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Gmail and Google Workspace.
    Google,
    /// Outlook.com and Microsoft 365.
    Microsoft,
    /// Fastmail.
    Fastmail,
    /// Yahoo and AT&T.
    Yahoo,
    /// AOL.
    Aol,
    /// Comcast (Xfinity).
    Comcast,
}

/// A provider's addresses and scope. The tenant takes the place of `{tenant}` in an address.
pub(super) struct Preset {
    pub(super) authorize_url: &'static str,
    pub(super) token_url: &'static str,
    pub(super) device_url: Option<&'static str>,
    pub(super) revoke_url: Option<&'static str>,
    pub(super) issuer: Option<&'static str>,
    pub(super) scope: &'static str,
    /// The same for IMAP.
    pub(super) imap_scope: &'static str,
}

/// popkeep's own public client at each provider; empty where none is registered.
const GOOGLE_CLIENT_ID: &str = "";
const MICROSOFT_CLIENT_ID: &str = "";
const FASTMAIL_CLIENT_ID: &str = "";
const YAHOO_CLIENT_ID: &str = "";
const AOL_CLIENT_ID: &str = "";
const COMCAST_CLIENT_ID: &str = "";

impl Provider {
    /// What the configuration calls them.
    pub const NAMES: &[(&'static str, Provider)] = &[
        ("google", Provider::Google),
        ("microsoft", Provider::Microsoft),
        ("fastmail", Provider::Fastmail),
        ("yahoo", Provider::Yahoo),
        ("aol", Provider::Aol),
        ("comcast", Provider::Comcast),
    ];

    /// What the configuration calls it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, provider)| *provider == self).map_or("", |(name, _)| name)
    }

    /// The provider whose POP3 server this is.
    pub fn of_server(host: &str) -> Option<Provider> {
        let servers = [
            ("pop.gmail.com", Provider::Google),
            ("outlook.office365.com", Provider::Microsoft),
            ("pop-mail.outlook.com", Provider::Microsoft),
            ("pop.fastmail.com", Provider::Fastmail),
            ("pop.mail.yahoo.com", Provider::Yahoo),
            ("pop.aol.com", Provider::Aol),
            ("mail.comcast.net", Provider::Comcast),
        ];
        servers.iter().find(|(server, _)| server.eq_ignore_ascii_case(host)).map(|(_, provider)| *provider)
    }

    /// popkeep's own client id there; empty if it has none.
    pub fn client_id(self) -> &'static str {
        match self {
            Provider::Google => GOOGLE_CLIENT_ID,
            Provider::Microsoft => MICROSOFT_CLIENT_ID,
            Provider::Fastmail => FASTMAIL_CLIENT_ID,
            Provider::Yahoo => YAHOO_CLIENT_ID,
            Provider::Aol => AOL_CLIENT_ID,
            Provider::Comcast => COMCAST_CLIENT_ID,
        }
    }

    pub(super) fn preset(self) -> Preset {
        match self {
            // The device flow of Google gives no mail scope.
            Provider::Google => Preset {
                authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
                token_url: "https://oauth2.googleapis.com/token",
                device_url: None,
                revoke_url: Some("https://oauth2.googleapis.com/revoke"),
                issuer: Some("https://accounts.google.com"),
                scope: "https://mail.google.com/",
                imap_scope: "https://mail.google.com/",
            },
            // Its issuer has the tenant's number in it, which nobody knows beforehand.
            Provider::Microsoft => Preset {
                authorize_url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
                token_url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
                device_url: Some("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode"),
                revoke_url: None,
                issuer: None,
                scope: "https://outlook.office.com/POP.AccessAsUser.All offline_access",
                imap_scope: "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
            },
            Provider::Fastmail => Preset {
                authorize_url: "https://api.fastmail.com/oauth/authorize",
                token_url: "https://api.fastmail.com/oauth/refresh",
                device_url: None,
                revoke_url: Some("https://api.fastmail.com/oauth/revoke"),
                issuer: Some("https://api.fastmail.com"),
                scope: "https://www.fastmail.com/dev/protocol-pop",
                imap_scope: "https://www.fastmail.com/dev/protocol-imap",
            },
            Provider::Yahoo => Preset {
                authorize_url: "https://api.login.yahoo.com/oauth2/request_auth",
                token_url: "https://api.login.yahoo.com/oauth2/get_token",
                device_url: None,
                revoke_url: None,
                issuer: None,
                scope: "mail-w",
                imap_scope: "mail-w",
            },
            Provider::Aol => Preset {
                authorize_url: "https://api.login.aol.com/oauth2/request_auth",
                token_url: "https://api.login.aol.com/oauth2/get_token",
                device_url: None,
                revoke_url: None,
                issuer: None,
                scope: "mail-w",
                imap_scope: "mail-w",
            },
            Provider::Comcast => Preset {
                authorize_url: "https://oauth.xfinity.com/oauth/authorize",
                token_url: "https://oauth.xfinity.com/oauth/token",
                device_url: None,
                revoke_url: None,
                issuer: None,
                scope: "https://email.comcast.net/ profile openid",
                imap_scope: "https://email.comcast.net/ profile openid",
            },
        }
    }
}
