//! The certificate and key that we show to a server which asks for them.
//!
//! Promises: a key that others can read is refused; nothing is converted, and what cannot be used
//! is refused in words that say how to convert it. Must never: show a key or a password.

use super::NetError;
use crate::disk;
use native_tls::Identity;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};

/// The largest file that is read, in octets.
const FILE_LIMIT: u64 = 1 << 20;

/// The keys of the configuration, for messages.
const CERT: &str = "tls_client_cert";
const KEY: &str = "tls_client_key";

/// Where our certificate and its key are.
#[derive(Clone, Debug)]
pub struct ClientIdentity {
    /// PEM, or PKCS#12.
    pub file: PathBuf,
    /// PEM in PKCS#8 form, if the key is not in `file`.
    pub key: Option<PathBuf>,
    /// Of a PKCS#12 file.
    pub password: Option<SecretString>,
}

/// The names under which somebody has given us a certificate and its key, for messages.
#[derive(Clone, Copy)]
struct Names {
    cert: &'static str,
    key: &'static str,
}

const CLIENT: Names = Names { cert: CERT, key: KEY };

/// The certificate that a server shows, in PEM files.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate, with those between it and the authority behind it.
    pub cert: PathBuf,
    /// The key, in PKCS#8 form, if it is not in `cert`.
    pub key: Option<PathBuf>,
}

impl ServerIdentity {
    const NAMES: Names = Names { cert: "--tls-cert", key: "--tls-key" };

    /// Reads the files.
    pub(super) fn read(&self) -> Result<Identity, NetError> {
        let (octets, mode) = read(Self::NAMES.cert, &self.cert)?;
        pem(Self::NAMES, (&self.cert, &String::from_utf8_lossy(&octets), mode), self.key.as_deref())
    }

    /// That certificate and key are not of one another.
    pub(super) fn mismatch(&self) -> NetError {
        mismatch(Self::NAMES, &self.cert, self.key.as_deref())
    }
}

impl ClientIdentity {
    /// Reads the files.
    pub(super) fn read(&self) -> Result<Identity, NetError> {
        let (octets, mode) = read(CERT, &self.file)?;
        match std::str::from_utf8(&octets) {
            Ok(text) if text.contains("-----BEGIN ") => self.pem(text, mode),
            _ => self.pkcs12(&octets, mode),
        }
    }

    /// That certificate and key are not of one another.
    pub(super) fn mismatch(&self) -> NetError {
        mismatch(CLIENT, &self.file, self.key.as_deref())
    }

    fn pem(&self, text: &str, mode: u32) -> Result<Identity, NetError> {
        if self.password.is_some() {
            return Err(unusable(
                CERT,
                &self.file,
                "it is a PEM file, and tls_client_password_command is for PKCS#12 only; remove that line"
                    .to_owned(),
            ));
        }
        pem(CLIENT, (&self.file, text, mode), self.key.as_deref())
    }

    fn pkcs12(&self, octets: &[u8], mode: u32) -> Result<Identity, NetError> {
        let unusable = |reason: &str| unusable(CERT, &self.file, reason.to_owned());
        if self.key.is_some() {
            return Err(unusable(
                "it is not a PEM file; a PKCS#12 file contains the key, so remove tls_client_key",
            ));
        }
        private(CERT, &self.file, mode)?;
        let password = self.password.as_ref().map_or("", |password| password.expose_secret());
        Identity::from_pkcs12(octets, password).map_err(|error| {
            let text = error.to_string();
            let says = |words: &str| text.contains(words);
            if says("mac verify") || says("password") {
                match self.password {
                    Some(_) => unusable("the password from tls_client_password_command is wrong"),
                    None => unusable("it has a password; add tls_client_password_command"),
                }
            } else if says("unsupported") {
                unusable(
                    "it is encrypted in a way that the TLS library no longer supports; \
                     convert it with `openssl pkcs12 -legacy -in OLD -nodes | openssl pkcs12 -export -out NEW`",
                )
            } else {
                unusable("it is neither a PEM file nor PKCS#12")
            }
        })
    }
}

/// A certificate from the text of a PEM file with these permission bits, and its key, which may be in a file of its own.
fn pem(
    names: Names,
    (file, text, mode): (&Path, &str, u32),
    key: Option<&Path>,
) -> Result<Identity, NetError> {
    let chain = blocks(text, "CERTIFICATE");
    if chain.is_empty() {
        return Err(unusable(names.cert, file, "it contains no complete certificate".to_owned()));
    }
    let key_text;
    let (key_name, key_path, key_text, mode) = match key {
        None => (names.cert, file, text, mode),
        Some(path) => {
            let (octets, mode) = read(names.key, path)?;
            key_text = Zeroizing::new(String::from_utf8_lossy(&octets).into_owned());
            (names.key, path, key_text.as_str(), mode)
        }
    };
    if let Some(reason) = unusable_key(names, key_text, key_path) {
        return Err(unusable(key_name, key_path, reason));
    }
    private(key_name, key_path, mode)?;
    let key = Zeroizing::new(blocks(key_text, "PRIVATE KEY"));
    Identity::from_pkcs8(chain.as_bytes(), key.as_bytes()).map_err(|error| {
        if error.to_string().contains("key values mismatch") {
            return unusable(key_name, key_path, "its key belongs to another certificate".to_owned());
        }
        unusable(key_name, key_path, "the certificate or the key in it is damaged".to_owned())
    })
}

/// That certificate and key are not of one another.
fn mismatch(names: Names, file: &Path, key: Option<&Path>) -> NetError {
    let (name, path) = key.map_or((names.cert, file), |key| (names.key, key));
    unusable(name, path, "its key belongs to another certificate".to_owned())
}

fn unusable(key: &'static str, path: &Path, reason: String) -> NetError {
    NetError::ClientCertificate { key, path: path.display().to_string(), reason }
}

/// What is in a file, and its permission bits. It is believed only if nobody else could have put it there.
fn read(key: &'static str, path: &Path) -> Result<(Zeroizing<Vec<u8>>, u32), NetError> {
    disk::read_trusted(path, FILE_LIMIT)
        .map(|trusted| (Zeroizing::new(trusted.octets), trusted.mode))
        .map_err(|error| unusable(key, path, error.to_string()))
}

/// Nobody but the owner has any permission on a file with a key in it.
fn private(key: &'static str, path: &Path, mode: u32) -> Result<(), NetError> {
    if mode & 0o077 != 0 {
        let shown = path.display();
        let reason = format!("others can read the key in it (mode {mode:04o}); `chmod 600 {shown}`");
        return Err(unusable(key, path, reason));
    }
    Ok(())
}

/// Why there is no key in `text` that the TLS library takes, if so.
fn unusable_key(names: Names, text: &str, path: &Path) -> Option<String> {
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    let shown = path.display();
    if !blocks(text, "PRIVATE KEY").is_empty() {
        None
    } else if has("ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        let or =
            if names.cert == CERT { ", or use a PKCS#12 file with tls_client_password_command" } else { "" };
        Some(format!(
            "its key has a password; write it without one (`openssl pkcs8 -topk8 -nocrypt -in {shown} -out NEW`){or}"
        ))
    } else if ["RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"].into_iter().any(has) {
        Some(format!(
            "its key is not in PKCS#8 form (BEGIN PRIVATE KEY); \
             convert it: `openssl pkcs8 -topk8 -nocrypt -in {shown} -out NEW`"
        ))
    } else if has("PRIVATE KEY") {
        Some("its key is cut off".to_owned())
    } else {
        Some(format!("there is no key in it (BEGIN PRIVATE KEY); name the key's file in {}", names.key))
    }
}

/// The whole PEM blocks with this label, in order.
fn blocks(text: &str, label: &str) -> String {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut found = String::with_capacity(text.len());
    for block in text.split(&begin).skip(1) {
        if let Some((body, _)) = block.split_once(&end) {
            found.extend([begin.as_str(), body, end.as_str(), "\n"]);
        }
    }
    found
}
