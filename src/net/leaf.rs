//! What a server's own certificate (the leaf of its chain) says.
//!
//! Must never: decide whether a certificate is to be trusted. The TLS library does that, or a
//! pinned fingerprint; what is read here is for people.

use super::Fingerprint;
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A server's certificate. Its texts are as the certificate has them: to be escaped before they
/// are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of the whole.
    pub fingerprint: Fingerprint,
    /// What stands in it; `None` if it is too odd to be read.
    pub facts: Option<Facts>,
}

/// What stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is: `CN=pop.example.com`.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// The first second at which it is valid, counted as Unix does.
    pub valid_from: i64,
    /// The last second at which it is valid.
    pub valid_until: i64,
}

impl Leaf {
    /// Reads a certificate in DER form.
    pub fn read(der: &[u8]) -> Leaf {
        let facts = X509Certificate::from_der(der).ok().map(|(_, certificate)| Facts::of(&certificate));
        Leaf { fingerprint: Fingerprint::of(der), facts }
    }

    /// The line of the configuration that pins it.
    pub fn pin(&self) -> String {
        format!("tls_fingerprint = \"{}\"", self.fingerprint)
    }
}

impl Facts {
    fn of(certificate: &X509Certificate<'_>) -> Facts {
        let validity = certificate.validity();
        Facts {
            subject: text(certificate.subject()),
            issuer: text(certificate.issuer()),
            names: names(certificate),
            valid_from: validity.not_before.timestamp(),
            valid_until: validity.not_after.timestamp(),
        }
    }

    /// Whole days from `now` (seconds, as Unix counts them) until it expires; negative when it
    /// has expired.
    pub fn days_left(&self, now: i64) -> i64 {
        self.valid_until.saturating_sub(now).div_euclid(86_400)
    }
}

fn text(name: &X509Name<'_>) -> String {
    match name.to_string() {
        text if text.is_empty() => "(nobody named)".to_owned(),
        text => text,
    }
}

/// The subject's alternative names; only a certificate without any is for its common name
/// (RFC 6125, 6.4.4).
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names: Vec<String> = alternatives
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        return names;
    }
    certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok())
        .map(str::to_owned)
        .collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(octets).ok().map(IpAddr::from))
}

#[cfg(test)]
mod tests {
    use super::Leaf;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    /// 2001-01-01 00:00:00 UTC.
    const MILLENNIUM: i64 = 978_307_200;

    fn leaf(change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = CertificateParams::default();
        change(&mut params);
        Leaf::read(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn what_stands_in_a_certificate_is_read() {
        let leaf = leaf(|params| {
            let names = ["pop.example.com", "*.example.net", "192.0.2.1", "2001:db8::1"];
            *params = CertificateParams::new(names.map(str::to_owned)).unwrap();
            params.distinguished_name.push(DnType::CommonName, "The server");
            params.distinguished_name.push(DnType::OrganizationName, "Example");
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        });
        let facts = leaf.facts.unwrap();
        assert!(facts.subject.contains("CN=The server") && facts.subject.contains("O=Example"));
        assert_eq!(facts.issuer, facts.subject);
        assert_eq!(facts.names, ["pop.example.com", "*.example.net", "192.0.2.1", "2001:db8::1"]);
        assert_eq!((facts.valid_from, facts.valid_until), (MILLENNIUM - 366 * 86_400, MILLENNIUM));
    }

    #[test]
    fn the_common_name_counts_only_where_there_is_no_other() {
        let names = |leaf: Leaf| leaf.facts.unwrap().names;
        let common_name = |params: &mut CertificateParams| {
            params.distinguished_name.push(DnType::CommonName, "old.example.com");
        };
        assert_eq!(names(leaf(common_name)), ["old.example.com"]);
        assert_eq!(
            names(leaf(|params| {
                *params = CertificateParams::new(["new.example.com".to_owned()]).unwrap();
                common_name(params);
            })),
            ["new.example.com"]
        );
    }

    #[test]
    fn days_are_counted_to_the_end() {
        let facts = leaf(|params| params.not_after = date_time_ymd(2001, 1, 1)).facts.unwrap();
        assert_eq!(facts.days_left(MILLENNIUM - 86_400), 1);
        assert_eq!(facts.days_left(MILLENNIUM - 1), 0);
        assert_eq!(facts.days_left(MILLENNIUM + 1), -1);
        assert_eq!(facts.days_left(MILLENNIUM + 86_401), -2);
    }

    #[test]
    fn what_is_no_certificate_still_has_a_fingerprint() {
        let leaf = Leaf::read(b"abc");
        assert_eq!(leaf.facts, None);
        assert!(leaf.pin().starts_with("tls_fingerprint = \"BA:78:16:BF:"), "{}", leaf.pin());
    }
}
