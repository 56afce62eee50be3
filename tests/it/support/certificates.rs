//! Certificates made for a test: an authority, and leaves that are good or bad in one way each.

use native_tls::{Identity, TlsAcceptor};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Somebody who signs certificates; a test trusts it through `tls_ca_file`, or does not.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and key, both PEM (the key PKCS#8).
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        Authority::made(|_| {})
    }

    /// Its certificate, PEM: what `tls_ca_file` holds.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for localhost and 127.0.0.1 with nothing wrong.
    pub(crate) fn good(&self) -> Leaf {
        self.sign(&params(&["localhost", "127.0.0.1"]))
    }

    /// An authority of the same name with another key, or of another name, or changed otherwise.
    pub(crate) fn made(change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let mut params = authority();
        change(&mut params);
        Authority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A good certificate for somebody else.
    pub(crate) fn for_another_host(&self) -> Leaf {
        self.sign(&params(&["mail.elsewhere.example"]))
    }

    /// A good certificate for these names and addresses.
    pub(crate) fn for_names(&self, names: &[&str]) -> Leaf {
        self.sign(&params(names))
    }

    /// A certificate for localhost with one thing changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = params(&["localhost", "127.0.0.1"]);
        change(&mut params);
        self.sign(&params)
    }

    /// One that will be good from 2090 on.
    pub(crate) fn not_yet_valid(&self) -> Leaf {
        self.with(|params| params.not_before = date_time_ymd(2090, 1, 1))
    }

    /// One for clients.
    pub(crate) fn for_clients_only(&self) -> Leaf {
        self.with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// A good certificate, signed by somebody whom this authority has certified so; both are
    /// sent along.
    pub(crate) fn through(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut between = authority();
        between.distinguished_name.push(DnType::CommonName, "popkeep test issuer between");
        between.use_authority_key_identifier_extension = true;
        change(&mut between);
        let between =
            CertifiedIssuer::signed_by(between, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = params(&["localhost", "127.0.0.1"]).signed_by(&key, &between).unwrap();
        Leaf { certificate: format!("{}{}", leaf.pem(), between.pem()), key: key.serialize_pem() }
    }

    /// One that was good until the end of 2001.
    pub(crate) fn expired(&self) -> Leaf {
        let mut params = params(&["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 12, 31);
        self.sign(&params)
    }

    /// A client's certificate: its common name says who it is.
    pub(crate) fn for_client(&self, name: &str) -> Leaf {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A certificate for localhost that nobody but itself vouches for.
pub(crate) fn self_signed() -> Leaf {
    let key = KeyPair::generate().unwrap();
    let certificate = params(&["localhost", "127.0.0.1"]).self_signed(&key).unwrap();
    Leaf { certificate: certificate.pem(), key: key.serialize_pem() }
}

impl Leaf {
    /// Its fingerprint, as `openssl x509 -fingerprint -sha256` prints it.
    pub(crate) fn fingerprint(&self) -> String {
        let certificate = openssl::x509::X509::from_pem(self.certificate.as_bytes()).unwrap();
        let digest = certificate.digest(openssl::hash::MessageDigest::sha256()).unwrap();
        digest.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
    }

    /// A TLS server that shows this certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let identity = Identity::from_pkcs8(self.certificate.as_bytes(), self.key.as_bytes()).unwrap();
        TlsAcceptor::new(identity).unwrap()
    }
}

/// A certificate for localhost that vouches for itself, with a key that is far too short.
pub(crate) fn weak() -> Leaf {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, rsa::Rsa, x509};
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let mut name = x509::X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut made = x509::X509Builder::new().unwrap();
    made.set_version(2).unwrap();
    made.set_subject_name(&name).unwrap();
    made.set_issuer_name(&name).unwrap();
    made.set_pubkey(&key).unwrap();
    made.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    made.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    let names = x509::extension::SubjectAlternativeName::new()
        .dns("localhost")
        .build(&made.x509v3_context(None, None));
    made.append_extension(names.unwrap()).unwrap();
    made.sign(&key, MessageDigest::sha256()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    Leaf {
        certificate: text(made.build().to_pem().unwrap()),
        key: text(key.private_key_to_pem_pkcs8().unwrap()),
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "popkeep test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "popkeep test server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}
