//! The certificates of `tls_ca_file`.

use super::NetError;
use native_tls::Certificate;
use std::path::Path;

/// The largest file of authorities that is read, in octets: several times a whole system's bundle, which is
/// 220,000 on Debian.
pub(super) const FILE_LIMIT: u64 = 4 << 20;

/// What a certificate in PEM (RFC 7468) begins with.
pub(super) const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// What it ends with.
pub(super) const PEM_END: &str = "-----END CERTIFICATE-----";

/// The same in DER, for `oauth.ca_file`.
pub(crate) fn der(path: &Path) -> Result<Vec<Vec<u8>>, NetError> {
    let unusable = |error: native_tls::Error| NetError::CaFile {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    read(path)?.iter().map(|certificate| certificate.to_der().map_err(unusable)).collect()
}

/// Every certificate of `tls_ca_file`. The TLS library ignores what it cannot use, which would
/// show only as a certificate that nobody trusts: so each one is looked at here.
pub(super) fn read(path: &Path) -> Result<Vec<Certificate>, NetError> {
    let unusable = |reason: String| NetError::CaFile { path: path.display().to_string(), reason };
    let octets = crate::disk::read_limited(path, FILE_LIMIT).map_err(|error| unusable(error.to_string()))?;
    let text = String::from_utf8_lossy(&octets);
    let mut found = Vec::new();
    for (index, block) in text.split(PEM_BEGIN).skip(1).enumerate() {
        let number = index + 1;
        let Some((body, _)) = block.split_once(PEM_END) else {
            return Err(unusable(format!("certificate {number} in it is cut off")));
        };
        let pem = format!("{PEM_BEGIN}{body}{PEM_END}\n");
        let certificate = Certificate::from_pem(pem.as_bytes())
            .map_err(|_| unusable(format!("certificate {number} in it is damaged")))?;
        found.push(certificate);
    }
    if found.is_empty() {
        return Err(unusable(format!("it has no certificate in PEM form ({PEM_BEGIN})")));
    }
    Ok(found)
}
