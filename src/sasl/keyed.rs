//! HMAC (RFC 2104), over whichever hash.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;

/// HMAC of `parts`, one after the other.
pub(super) fn hmac<H: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(keyed::<H>(key, parts).finalize().into_bytes().to_vec())
}

/// Whether `tag` is the HMAC of `message`; takes the same time wherever they differ.
pub(super) fn hmac_is<H: EagerHash>(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    keyed::<H>(key, &[message]).verify_slice(tag).is_ok()
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length; the error is of the trait")]
fn keyed<H: EagerHash>(key: &[u8], parts: &[&[u8]]) -> Hmac<H> {
    let mut hmac = <Hmac<H> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    for part in parts {
        hmac.update(part);
    }
    hmac
}
