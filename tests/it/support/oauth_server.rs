//! An OAuth2 provider on this machine, with faults: tokens, device codes, an authorisation page that says yes at once,
//! and revocation. Refresh tokens are rotated as [`Rotation`] says.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use popkeep::http::form;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::certificates::Leaf;
use super::maildrop::{Behaviour, Capa, PopServer};
use super::{Mail, dovecot_auth};

/// Access tokens that are good now; the mail server looks at them, too.
pub(crate) type Good = Arc<Mutex<BTreeSet<String>>>;

/// What the next request to the token endpoint meets.
#[derive(Clone)]
pub(crate) enum Fault {
    /// This error, with a status of 400.
    Error(&'static str),
    /// This status, with these header lines and this body.
    Status(u16, &'static str, &'static str),
    /// The connection ends without an answer.
    Cut,
    /// The connection ends in the middle of the answer; the tokens are changed.
    Torn,
    /// An answer without end.
    Endless,
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// A new one comes, and the old one works until the new one was used, as at providers that know that answers get
    /// lost (Microsoft).
    UntilNextIsUsed,
    /// A new one comes, and the old one is refused from then on.
    AtOnce,
    /// It works for good, and none comes.
    Never,
    /// There are no refresh tokens.
    NoneAtAll,
}

/// How the provider is now.
pub(crate) struct State {
    /// For requests to the token endpoint to come, one for each.
    pub(crate) faults: VecDeque<Fault>,
    /// What `expires_in` says; `None`: it is missing.
    pub(crate) expires_in: Option<Value>,
    /// For how many seconds a sign-in holds: `refresh_token_expires_in`.
    pub(crate) sign_in_lasts: Option<i64>,
    pub(crate) rotation: Rotation,
    /// Access tokens are JSON Web Tokens for this user, signed with the key that the test's Dovecot knows.
    pub(crate) signs_for: Option<&'static str>,
    /// A new access token ends all earlier ones.
    pub(crate) one_access_token: bool,
    /// The `iss` of the answer to a browser.
    pub(crate) iss: Option<String>,
    /// The answer to a browser has another `state`.
    pub(crate) mixes_up_answers: bool,
    /// The person at the browser says no.
    pub(crate) denies: bool,
    /// A client secret that is wanted.
    pub(crate) client_secret: Option<String>,
    refresh_tokens: BTreeSet<String>,
    challenges: BTreeSet<String>,
    asked: Vec<(String, Vec<(String, String)>)>,
    given: usize,
    /// Every secret that was ever given out or received.
    secrets: BTreeSet<String>,
}

/// How the provider is reached.
pub(crate) enum Door {
    Clear,
    /// Under TLS, with this certificate.
    Tls(Leaf),
    /// Each connection ends in the middle of its TLS handshake.
    Cut,
    /// The TLS handshake is answered as a web server does that speaks no TLS.
    NoTls,
}

/// A running provider; it ends when the test's process does.
pub(crate) struct OAuthServer {
    origin: String,
    state: Arc<Mutex<State>>,
    good: Good,
}

impl OAuthServer {
    pub(crate) fn start() -> OAuthServer {
        OAuthServer::behind(Door::Clear)
    }

    pub(crate) fn behind(door: Door) -> OAuthServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            faults: VecDeque::new(),
            expires_in: Some(json!(3600)),
            sign_in_lasts: None,
            rotation: Rotation::UntilNextIsUsed,
            signs_for: None,
            one_access_token: false,
            iss: None,
            mixes_up_answers: false,
            denies: false,
            client_secret: None,
            refresh_tokens: BTreeSet::new(),
            challenges: BTreeSet::new(),
            asked: Vec::new(),
            given: 0,
            secrets: BTreeSet::new(),
        }));
        let good = Good::default();
        let (shared, tokens) = (Arc::clone(&state), Arc::clone(&good));
        let acceptor = match &door {
            Door::Tls(leaf) => Some(leaf.acceptor()),
            Door::Clear | Door::Cut | Door::NoTls => None,
        };
        let origin = match door {
            Door::Clear => format!("http://127.0.0.1:{port}"),
            Door::Tls(_) | Door::Cut | Door::NoTls => format!("https://localhost:{port}"),
        };
        let page = origin.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if matches!(door, Door::Cut | Door::NoTls) {
                    let _ = stream.read(&mut [0; 4096]);
                    if matches!(door, Door::NoTls) {
                        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
                    }
                    continue;
                }
                let (shared, tokens, page) = (Arc::clone(&shared), Arc::clone(&tokens), page.clone());
                let acceptor = acceptor.clone();
                // A client that goes away is no error of the test.
                std::thread::spawn(move || match acceptor {
                    None => serve(stream, &shared, &tokens, &page),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream) {
                            serve(stream, &shared, &tokens, &page);
                        }
                    }
                });
            }
        });
        OAuthServer { origin, state, good }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next requests to the token endpoint meet these.
    pub(crate) fn will(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// For [`Behaviour`](super::Behaviour)'s `tokens`.
    pub(crate) fn good(&self) -> Good {
        Arc::clone(&self.good)
    }

    /// From now on the mail server takes no token that was given before.
    pub(crate) fn expire_access_tokens(&self) {
        self.good.lock().unwrap().clear();
    }

    /// `oauth = { … }` with all addresses, and this besides.
    pub(crate) fn table(&self, more: &str) -> String {
        let at = &self.origin;
        format!(
            "{{ client_id = \"the-client\", scope = \"pop\", authorize_url = \"{at}/authorize\", token_url = \"{at}/token\", \
             device_url = \"{at}/device\", revoke_url = \"{at}/revoke\" {more} }}"
        )
    }

    /// `init` with the options that name this provider and this mail server, for the preset with other addresses.
    pub(crate) fn init(&self, server: &PopServer, preset: &str) -> Vec<String> {
        let at = |path: &str| format!("{}/{path}", self.origin());
        let port = server.port().to_string();
        let words = [
            "init",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--tls",
            "none",
            "--user",
            "joe",
            "--account",
            "work",
            "--archive",
            "~/Mail/work",
            "--oauth",
            preset,
            "--client-id",
            "the-client",
            "--scope",
            "pop",
            "--authorize-url",
            &at("authorize"),
            "--token-url",
            &at("token"),
            "--device-url",
            &at("device"),
        ];
        words.map(str::to_owned).to_vec()
    }

    pub(crate) fn origin(&self) -> String {
        self.origin.clone()
    }

    /// The fields of all requests to this path so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<Vec<(String, String)>> {
        self.state()
            .asked
            .iter()
            .filter(|(known, _)| known == path)
            .map(|(_, fields)| fields.clone())
            .collect()
    }

    /// How many refreshes were asked for.
    pub(crate) fn refreshes(&self) -> usize {
        let is_refresh =
            |fields: &Vec<(String, String)>| form::only(fields, "grant_type") == Some("refresh_token");
        self.asked("/token").iter().filter(|fields| is_refresh(fields)).count()
    }

    /// Every token, code and secret that went over the wire.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.state().secrets.iter().cloned().collect()
    }
}

/// A mail server that takes these tokens and nothing else.
pub(crate) fn mail_server(mails: Vec<Mail>, tokens: Good) -> PopServer {
    PopServer::behaving(mails, taking(tokens))
}

/// How it behaves.
pub(crate) fn taking(tokens: Good) -> Behaviour {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "SASL XOAUTH2", "PIPELINING"]);
    Behaviour { capa, tokens: Some(tokens), ..Behaviour::default() }
}

fn serve(mut stream: impl Read + Write, state: &Mutex<State>, good: &Good, origin: &str) {
    while let Some((method, target, body)) = request(&mut stream) {
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let fields = form::decode(if method == "POST" { &body } else { query });
        let mut state = state.lock().unwrap();
        state.asked.push((path.to_owned(), fields.clone()));
        for (name, value) in &fields {
            if ["refresh_token", "code", "code_verifier", "device_code", "client_secret", "token"]
                .contains(&name.as_str())
            {
                state.secrets.insert(value.clone());
            }
        }
        let fault = if path == "/token" { state.faults.pop_front() } else { None };
        let (status, head, text) = match fault {
            Some(Fault::Error(error)) => (
                400,
                String::new(),
                json!({"error": error, "error_description": "as \u{1b}[31mwished"}).to_string(),
            ),
            Some(Fault::Status(status, head, body)) => (status, head.to_owned(), body.to_owned()),
            Some(Fault::Cut) => return,
            Some(Fault::Torn) => {
                let (_, text) = state.token(&fields, good);
                let half = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", text.len(), &text[..9]);
                let _ = stream.write_all(half.as_bytes());
                return;
            }
            Some(Fault::Endless) => {
                drop(state);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                while stream.write_all(&[b' '; 4096]).is_ok() {}
                return;
            }
            None => match path {
                "/token" => {
                    let (status, text) = state.token(&fields, good);
                    (status, String::new(), text)
                }
                "/device" => (200, String::new(), state.device(origin)),
                "/authorize" => (302, state.authorize(&fields), String::new()),
                "/revoke" => {
                    if let Some(token) = form::only(&fields, "token") {
                        state.refresh_tokens.remove(token);
                    }
                    (200, String::new(), String::new())
                }
                _ => (404, String::new(), String::new()),
            },
        };
        drop(state);
        let answer = format!("HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

impl State {
    fn token(&mut self, fields: &[(String, String)], good: &Good) -> (u16, String) {
        let error = |error: &str| (400, json!({ "error": error }).to_string());
        let field = |name: &str| form::only(fields, name);
        if self.client_secret.as_deref() != field("client_secret") || field("client_id") != Some("the-client")
        {
            return error("invalid_client");
        }
        match field("grant_type") {
            Some("refresh_token") => {
                let token = field("refresh_token").unwrap_or_default();
                if !self.refresh_tokens.contains(token) {
                    return error("invalid_grant");
                }
                match self.rotation {
                    Rotation::UntilNextIsUsed => {
                        let used = token.to_owned();
                        self.refresh_tokens.retain(|known| *known == used);
                    }
                    Rotation::AtOnce => self.refresh_tokens.clear(),
                    Rotation::Never | Rotation::NoneAtAll => {}
                }
            }
            Some("authorization_code") => {
                let verifier = field("code_verifier").unwrap_or_default();
                let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()));
                if !self.challenges.remove(&challenge) || field("code") != Some("the-code-4711") {
                    return error("invalid_grant");
                }
            }
            Some("urn:ietf:params:oauth:grant-type:device_code") if field("device_code").is_some() => {}
            _ => return error("unsupported_grant_type"),
        }
        let access = match self.signs_for {
            None => self.new_secret("access"),
            Some(user) => self.known_secret(dovecot_auth::token(user, dovecot_auth::LATE)),
        };
        if self.one_access_token {
            good.lock().unwrap().clear();
        }
        good.lock().unwrap().insert(access.clone());
        let mut answer = json!({"token_type": "Bearer", "access_token": access});
        if let Some(lasts) = self.sign_in_lasts {
            answer["refresh_token_expires_in"] = json!(lasts);
        }
        if let Some(expires_in) = &self.expires_in {
            answer["expires_in"] = expires_in.clone();
        }
        let comes = match self.rotation {
            Rotation::UntilNextIsUsed | Rotation::AtOnce => true,
            Rotation::Never => self.refresh_tokens.is_empty(),
            Rotation::NoneAtAll => false,
        };
        if comes {
            let refresh = self.new_secret("refresh");
            self.refresh_tokens.insert(refresh.clone());
            answer["refresh_token"] = refresh.into();
        }
        (200, answer.to_string())
    }

    fn device(&mut self, origin: &str) -> String {
        let code = self.new_secret("device");
        self.secrets.insert("WDJB-MJHT".to_owned());
        json!({
            "device_code": code, "user_code": "WDJB-MJHT", "interval": 1, "expires_in": 900,
            "verification_uri": format!("{origin}/activate"),
        })
        .to_string()
    }

    /// Sends the browser back.
    fn authorize(&mut self, fields: &[(String, String)]) -> String {
        let field = |name: &str| form::only(fields, name).unwrap_or_default().to_owned();
        assert_eq!(
            (field("response_type").as_str(), field("code_challenge_method").as_str()),
            ("code", "S256")
        );
        self.challenges.insert(field("code_challenge"));
        let state = if self.mixes_up_answers { "another".to_owned() } else { field("state") };
        let mut answer = vec![("state", state.as_str())];
        // Whatever it knows, it says.
        let words = format!("no, {} and {}", self.client_secret.as_deref().unwrap_or("none"), field("state"));
        if self.denies {
            answer.extend([("error", "access_denied"), ("error_description", words.as_str())]);
        } else {
            answer.push(("code", "the-code-4711"));
        }
        let iss = self.iss.clone();
        if let Some(iss) = &iss {
            answer.push(("iss", iss));
        }
        self.secrets.insert("the-code-4711".to_owned());
        format!("Location: {}\r\n", form::address(&field("redirect_uri"), &answer))
    }

    fn new_secret(&mut self, kind: &str) -> String {
        self.given += 1;
        let number = self.given;
        self.known_secret(format!(
            "{kind}-token-number-{number:04}-{:08x}",
            number * 0x9e37_79b1 % 0xffff_fffb
        ))
    }

    fn known_secret(&mut self, secret: String) -> String {
        self.secrets.insert(secret.clone());
        secret
    }
}

/// Method, target and body.
fn request(stream: &mut impl Read) -> Option<(String, String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).ok()?;
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    assert!(!chunked, "a form has a length");
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((method, target, String::from_utf8(body).ok()?))
}

/// Gets a page as a browser does, and follows where it is sent: the last status and body.
pub(crate) fn browse(address: &str) -> (u16, String) {
    let (authority, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let authority = authority.replace("localhost", "127.0.0.1");
    let mut stream = TcpStream::connect(&authority).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(octets) => answer.extend_from_slice(&buffer[..octets]),
        }
        // The provider keeps the connection open.
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && head.lines().any(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ") == Some(&body.len().to_string())
            })
        {
            break;
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    if let Some(location) = answer.lines().find_map(|line| line.strip_prefix("Location: ")) {
        return browse(location);
    }
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}
