//! The system's authorities, looked up one by one when a certificate names them.
//!
//! The TLS library reads the file of them all, twice over, whenever it is set up, even where a
//! `tls_ca_file` stands instead of them: more than half of the processor time of a run that finds
//! nothing new, and 2 MB. OpenSSL can also look an authority up in a folder, by a hash of its name.
//! Which of the two it does is said by its environment alone, which a program without `unsafe` can
//! only set for another; so the program starts itself once more.
//!
//! Promises: the authorities that are trusted are the same ones, if names in the folder are what `openssl rehash`
//! makes them: those that are in the file alone are handed to the library by themselves. Must never: overrule an
//! environment that names other authorities, or reach a command that we start.

use super::authorities::{FILE_LIMIT, PEM_BEGIN, PEM_END};
use crate::disk;
use native_tls::Certificate;
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// OpenSSL's name for the file of all authorities.
const FILE: &str = "SSL_CERT_FILE";
/// OpenSSL's name for the folder of authorities under hashed names.
const FOLDER: &str = "SSL_CERT_DIR";
/// In place of a file: a file of none, as nobody else spells it.
const NONE: &str = "/dev/./null";

/// The file of all authorities and the folder of the same, as Debian's `update-ca-certificates` (and
/// Alpine's, and Arch's) makes them.
const SYSTEM: (&str, &str) = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs");

/// Starts the program anew, in the same process and with the same arguments, so that it looks authorities up
/// one by one. Returns if there is no need, if that might change whom it trusts, or if it cannot be done: then
/// everything works as well, and slower.
pub fn look_up_one_by_one(arguments: &[OsString]) {
    let (file, folder) = SYSTEM;
    let other = |name, system| std::env::var_os(name).is_some_and(|set| set != system);
    if other(FILE, file) || other(FOLDER, folder) {
        return;
    }
    if !disk::read_limited(Path::new(file), FILE_LIMIT).is_ok_and(|all| holds_only_certificates(&all)) {
        return;
    }
    // Not /proc/self/exe: the process would be called "exe".
    let (Ok(program), [name, rest @ ..]) = (std::env::current_exe(), arguments) else { return };
    let _ = Command::new(program).arg0(name).args(rest).env(FILE, NONE).env(FOLDER, folder).exec();
}

/// Whether this is the program that [`look_up_one_by_one`] has started.
fn is_started_anew() -> bool {
    std::env::var_os(FILE).is_some_and(|set| set == NONE)
}

/// What a command that we run is to find in its environment, if [`look_up_one_by_one`] has changed ours: the
/// system's own places, as they were, or as they are if nothing is said.
pub fn for_commands() -> &'static [(&'static str, &'static str)] {
    if is_started_anew() { &[(FILE, SYSTEM.0), (FOLDER, SYSTEM.1)] } else { &[] }
}

/// The system's authorities that the library will not find one by one: none, as a rule.
pub(super) fn beside_the_folder() -> Vec<Certificate> {
    if !is_started_anew() {
        return Vec::new();
    }
    let usable = |pem: String| Certificate::from_pem(pem.as_bytes()).ok();
    only_in_the_file(Path::new(SYSTEM.0), Path::new(SYSTEM.1)).into_iter().filter_map(usable).collect()
}

/// Whether it is text that we read as the library does: the library also knows blocks of other kinds.
fn holds_only_certificates(pem: &[u8]) -> bool {
    let blocks = str::from_utf8(pem).map(|text| text.matches("-----BEGIN ").count()).unwrap_or_default();
    blocks > 0 && blocks == certificates(pem).count()
}

/// Each authority of the file, in PEM, that cannot be found in the folder.
fn only_in_the_file(file: &Path, folder: &Path) -> Vec<String> {
    let all = disk::read_limited(file, FILE_LIMIT).unwrap_or_default();
    let mut wanted: HashSet<&str> = certificates(&all).collect();
    let names = disk::names_in(folder).unwrap_or_default();
    let names: HashSet<&str> = names.iter().filter_map(|name| name.to_str()).collect();
    for name in names.iter().filter(|name| is_looked_up(name, &names)) {
        let Ok(one) = disk::read_limited(&folder.join(name), FILE_LIMIT) else { continue };
        // OpenSSL takes the first certificate of such a file.
        if let Some(found) = certificates(&one).next() {
            wanted.remove(found);
        }
    }
    wanted.into_iter().map(|base64| format!("{PEM_BEGIN}\n{base64}\n{PEM_END}\n")).collect()
}

/// Whether OpenSSL would look at a file of this name: eight hexadecimal digits, a dot, a number, and the same with
/// each smaller number is there as well.
fn is_looked_up(name: &str, names: &HashSet<&str>) -> bool {
    let Some((hash, number)) = name.split_once('.') else { return false };
    let Ok(number) = number.parse::<u8>() else { return false };
    hash.len() == 8
        && hash.bytes().all(|octet| octet.is_ascii_hexdigit())
        && (0..=number).all(|number| names.contains(format!("{hash}.{number}").as_str()))
        && name.len() == hash.len() + 1 + number.to_string().len()
}

/// The base64 of each certificate in PEM (RFC 7468).
fn certificates(pem: &[u8]) -> impl Iterator<Item = &str> {
    let text = str::from_utf8(pem).unwrap_or_default();
    text.split(PEM_BEGIN).skip(1).map(|rest| {
        let end = rest.find(PEM_END).unwrap_or(rest.len());
        rest[..end].trim()
    })
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the files")]
mod tests {
    use super::*;

    fn pem(base64: &str) -> String {
        format!("# a comment\n-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn an_authority_that_is_only_in_the_file_is_trusted_as_well() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("all.crt"), place.path());
        let missing = || {
            let mut missing = only_in_the_file(&file, folder);
            missing.sort();
            missing.concat().replace("# a comment\n", "")
        };
        let plain = |base64: &[&str]| {
            base64.iter().map(|base64| pem(base64)).collect::<String>().replace("# a comment\n", "")
        };
        assert_eq!(missing(), "", "no file");
        std::fs::write(&file, pem("QUFB") + &pem("QkJC")).unwrap();
        assert_eq!(missing(), plain(&["QUFB", "QkJC"]), "nothing but the file");
        std::fs::write(folder.join("0123abcd.0"), pem("QUFB")).unwrap();
        std::fs::write(folder.join("another.pem"), pem("QkJC")).unwrap();
        assert_eq!(missing(), plain(&["QkJC"]), "one of them has no hashed name");
        std::fs::write(folder.join("0123abcd.1"), pem("QkJC")).unwrap();
        assert_eq!(missing(), "");
        std::fs::write(&file, pem("QUFB") + &pem("QkJC") + &pem("Q0ND")).unwrap();
        assert_eq!(missing(), plain(&["Q0ND"]), "an authority was added to the file by hand");
    }

    #[test]
    fn a_hashed_name_has_eight_digits_and_the_next_number() {
        let names = [
            "3bde41ac.0",
            "3bde41ac.1",
            "3bde41ac.3",
            "ffffffff.12",
            "3bde41ac",
            "3bde41ac.",
            "3bde41ac.pem",
        ];
        let names: HashSet<&str> =
            names.into_iter().chain(["3bde41a.0", "3bde41ag.0", "ca.0", "3bde41ac.00"]).collect();
        let mut looked_up: Vec<&str> =
            names.iter().copied().filter(|name| is_looked_up(name, &names)).collect();
        looked_up.sort_unstable();
        assert_eq!(looked_up, ["3bde41ac.0", "3bde41ac.1"]);
    }

    #[test]
    fn a_file_that_the_library_may_read_otherwise_is_left_to_it() {
        assert!(holds_only_certificates(pem("QUFB").as_bytes()));
        assert!(!holds_only_certificates(b"nothing"));
        assert!(!holds_only_certificates(&[pem("QUFB").as_bytes(), b"# caf\xe9\n"].concat()), "not UTF-8");
        let trusted = pem("QUFB").replace("CERTIFICATE", "TRUSTED CERTIFICATE");
        assert!(!holds_only_certificates((pem("QUFB") + &trusted).as_bytes()));
    }
}
