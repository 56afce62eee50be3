//! A password that is good until the server ends.

use crate::sasl::NoRandomNumbers;
use secrecy::SecretString;

/// Letters and digits that nobody takes for one another.
const LETTERS: &[u8; 54] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ234567";

/// 20 of 54 are 115 bits.
const LENGTH: usize = 20;

/// A new one, at random.
pub fn one_time() -> Result<SecretString, NoRandomNumbers> {
    let mut password = String::with_capacity(LENGTH);
    while password.len() < LENGTH {
        for octet in crate::sasl::random::<32>()? {
            // 216 is four times 54: each letter is as likely.
            if octet < 216 && password.len() < LENGTH {
                password.push(char::from(LETTERS[usize::from(octet) % LETTERS.len()]));
            }
        }
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, LETTERS, one_time};
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_password_is_letters_and_digits_and_never_the_same() {
        let (one, other) = (one_time().unwrap(), one_time().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().len() == LENGTH);
        assert!(one.expose_secret().bytes().all(|letter| LETTERS.contains(&letter)));
        let mut letters = LETTERS.to_vec();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), LETTERS.len());
    }
}
