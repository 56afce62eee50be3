//! Which of several machines an account belongs to.
//!
//! Promise: an account is in exactly one shard, and in the same one wherever and whenever that is asked, by its name alone.

use sha2::{Digest as _, Sha256};
use std::str::FromStr;

/// One of `count` shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: u64,
}

/// Why a text is no shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write K/N, such as 0/3: one of N shards, numbered from 0 to N-1")]
pub struct NoShard;

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let (number, count) = text.split_once('/').ok_or(NoShard)?;
        let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
        if !digits(number) || !digits(count) {
            return Err(NoShard);
        }
        let (number, count) = (number.parse().map_err(|_| NoShard)?, count.parse().map_err(|_| NoShard)?);
        if number < count { Ok(Shard { number, count }) } else { Err(NoShard) }
    }
}

impl Shard {
    /// Whether the account of this name is in it: the first 8 octets of SHA-256 of its name, as a big-endian number, modulo
    /// the count.
    pub fn has(self, name: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let number = hash.first_chunk().copied().map_or(0, u64::from_be_bytes);
        number % self.count == self.number
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in
            ["", "1", "/", "0/0", "3/3", "-1/3", "+1/3", "1/3/4", "a/b", "1/ 3", "0/99999999999999999999"]
        {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_shards_of_known_names_never_change() {
        let shard = |name: &str, count: u64| {
            (0..count).find(|number| format!("{number}/{count}").parse::<Shard>().unwrap().has(name)).unwrap()
        };
        // printf %s work | sha256sum | cut -c1-16
        let work = 0x00e1_3ed7_af55_b276_u64;
        for count in [1, 2, 3, 7, 1000] {
            assert_eq!(shard("work", count), work % count, "{count}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_in_exactly_one_shard(name in ".{0,40}", count in 1_u64..50) {
            let all = (0..count).map(|number| format!("{number}/{count}").parse::<Shard>().unwrap());
            prop_assert_eq!(all.filter(|shard| shard.has(&name)).count(), 1);
        }
    }
}
