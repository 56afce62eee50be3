//! Lines of STAT, LIST, UIDL, CAPA, and status lines: every number that any of them names is listed once,
//! in order, with the first UID and size given for it.
//!
//! Each line of the input begins with a letter that says what it is (see [`run`]).

use popkeep::pop3::capability::{Capabilities, MAX_LINES};
use popkeep::pop3::listing::{ListingBuilder, parse_list, parse_stat, parse_uidl};
use popkeep::pop3::refusal::Refusal;
use popkeep::pop3::reply::{Reply, challenge};
use std::collections::BTreeMap;

/// A maildrop of more messages than this takes a fuzzer's time and shows nothing new.
const MANY: u64 = 3_000;

pub(super) fn run(octets: &[u8]) {
    let mut listing = ListingBuilder::new();
    let mut expected: BTreeMap<u32, (Option<u64>, Option<Vec<u8>>)> = BTreeMap::new();
    let mut garbage = 0;
    let mut stat = 0;
    let mut capabilities = Capabilities::answered();
    for line in octets.split(|&octet| octet == b'\n') {
        let Some((kind, line)) = line.split_first() else { continue };
        match kind {
            b's' if parse_stat(line).is_none_or(|(count, _)| count <= MANY) => {
                listing.stat(line);
                stat = parse_stat(line).map_or(0, |(count, _)| count);
            }
            b'l' => {
                listing.list_line(line).unwrap();
                match parse_list(line) {
                    Some((number, size)) => {
                        let known = expected.entry(number).or_default();
                        known.0 = known.0.or(size);
                    }
                    None => garbage += 1,
                }
            }
            b'u' => {
                listing.uidl_line(line).unwrap();
                match parse_uidl(line) {
                    Some((number, uid)) => {
                        let known = expected.entry(number).or_default();
                        if known.1.is_none() && !uid.is_empty() {
                            known.1 = Some(uid.to_vec());
                        }
                    }
                    None => garbage += 1,
                }
            }
            b'L' => listing.sizes_follow(),
            b'U' => listing.uids_follow(),
            b'c' => capabilities.push(line),
            _ => status_line(line),
        }
    }
    for number in 1..=u32::try_from(stat).unwrap() {
        expected.entry(number).or_default();
    }
    let listing = listing.finish().unwrap();
    let found: BTreeMap<_, _> =
        listing.iter().map(|entry| (entry.number, (entry.size, entry.uid.map(<[u8]>::to_vec)))).collect();
    assert_eq!(found.len(), listing.len(), "a number is listed twice");
    assert!(listing.iter().is_sorted_by_key(|entry| entry.number));
    assert_eq!(found, expected);
    assert_eq!(listing.garbage(), garbage);
    look_at(&capabilities);
}

fn look_at(capabilities: &Capabilities) {
    assert!(capabilities.lines().count() <= MAX_LINES);
    for line in capabilities.lines() {
        assert!(!line.is_empty());
    }
    for mechanism in capabilities.sasl() {
        assert!(capabilities.offers_sasl(mechanism));
    }
    let _ = (capabilities.expire(), capabilities.login_delay(), capabilities.implementation());
    let _ = (capabilities.top(), capabilities.uidl(), capabilities.user(), capabilities.stls());
    let _ = (capabilities.pipelining(), capabilities.utf8(), capabilities.utf8_user());
}

fn status_line(line: &[u8]) {
    if let Some(range) = challenge(line) {
        assert!(line[range].len() < line.len());
    }
    let reply = match Reply::parse(line) {
        Ok(reply) => reply,
        Err(wrong) => {
            assert!(!wrong.to_string().chars().any(char::is_control), "an error that steers a terminal");
            return;
        }
    };
    assert!(line.ends_with(reply.text()), "the server's words are not its words");
    assert!(reply.code().is_some() || !reply.is_transient());
    let _ = (Refusal::of(&reply), reply.apop_timestamp());
}
