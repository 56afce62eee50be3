//! Dovecot with every mechanism that it has and popkeep speaks: passwords, client certificates, and access
//! tokens that it checks by itself (JSON Web Tokens, RFC 7519).

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::certificates::Authority;

/// What the tokens are signed with.
const KEY: &[u8] = b"a key that only this test and its server know";

/// How to log in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanisms {
    /// PLAIN and USER/PASS.
    Plain,
    /// All of them.
    Every,
}

impl Mechanisms {
    /// Writes the files that the settings name; gives the settings.
    pub(super) fn prepare(self, folder: &Path, authority: &Authority, users: &[&str]) -> String {
        let passwords =
            format!("passdb {{\n  driver = passwd-file\n  args = {}/users\n}}\n", folder.display());
        if self == Mechanisms::Plain {
            return format!("auth_mechanisms = plain\n{passwords}");
        }
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        for user in users {
            let leaf = authority.for_client(user);
            write(&format!("clients/{user}.pem"), &leaf.certificate);
            write(&format!("clients/{user}.key"), &leaf.key);
        }
        write("tokens/default/HS256/default", &STANDARD.encode(KEY));
        write(
            "oauth2.conf",
            &format!(
                "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/tokens/\n\
                 username_attribute = sub\n",
                folder.display()
            ),
        );
        let folder = folder.display();
        format!(
            "\
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 apop external xoauth2 oauthbearer
ssl_ca = <{folder}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
{passwords}"
        )
    }
}

/// An access token for `user`, good until `expires` (seconds since 1970). No two are the same.
pub(crate) fn token(user: &str, expires: i64) -> String {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    let number = GIVEN.fetch_add(1, Ordering::Relaxed);
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(serde_json::json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(
        serde_json::json!({"sub": user, "iat": 1_600_000_000, "exp": expires, "jti": number.to_string()}),
    );
    let signed = format!("{head}.{claims}");
    let mut mac = <Hmac<sha2::Sha256>>::new_from_slice(KEY).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// In the year 2100.
pub(crate) const LATE: i64 = 4_102_444_800;
/// In the year 2020.
pub(crate) const LONG_AGO: i64 = 1_600_000_001;
