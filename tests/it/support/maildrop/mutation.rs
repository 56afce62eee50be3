//! Replies mutated at random: status lines, listings and their order, but no octet of a message, which
//! nobody could tell from what was sent.

/// What becomes of one reply.
pub(crate) enum Mutant {
    /// These octets are sent instead; none at all for a reply that is lost.
    Octets(Vec<u8>),
    /// The connection ends.
    HangUp,
}

/// The mutations of one session.
pub(crate) struct Mutations {
    random: Random,
    /// No reply is lost, invented or run into the next one.
    counted: bool,
}

impl Mutations {
    /// The same for the same seed and session. Where commands are sent ahead, replies must be `counted`:
    /// a server that loses one gives every message its neighbour's UID, and nobody can tell.
    pub(crate) fn new(seed: u64, session: usize, counted: bool) -> Mutations {
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((session as u64 + 1) << 40));
        Mutations { random, counted }
    }

    /// One reply in eight is mutated.
    pub(crate) fn mutate(&mut self, reply: &[u8]) -> Option<Mutant> {
        if self.random.below(8) > 0 {
            return None;
        }
        let has = |text: &[u8]| reply.windows(text.len()).any(|here| here == text);
        let lines = reply.split_inclusive(|&octet| octet == b'\n').count();
        let octets = match self.random.below(if has(b"Subject:") { 6 } else { 13 }) {
            0 => return Some(Mutant::HangUp),
            1 => b"-ERR not in the mood\r\n".to_vec(),
            2 => [b"-ERR".as_slice(), reply.strip_prefix(b"+OK").unwrap_or(reply)].concat(),
            3 => [&self.octets()[..], b"\r\n", reply].concat(),
            4 if !self.counted => Vec::new(),
            5 if !self.counted => [reply, reply].concat(),
            6 if !self.counted => [b"+OK\r\n", reply].concat(),
            7 if !self.counted => reply[..self.random.below(reply.len())].to_vec(),
            8 => reply.iter().copied().filter(|&octet| octet != b'\r').collect(),
            9 => [reply, &self.octets()].concat(),
            10 if lines > 2 => self.lines(reply, |lines, at, _| drop(lines.remove(at))),
            11 if lines > 2 => self.lines(reply, |lines, at, other| lines.swap(at, other)),
            12 if lines > 2 => self.lines(reply, |lines, at, other| lines.insert(at, lines[other].clone())),
            // Which message a UID belongs to is the one thing that only the server knows.
            _ if has(b"uid-") || has(b"Subject:") => return None,
            _ => {
                let mut octets = reply.to_vec();
                let at = self.random.below(octets.len() - 2);
                octets[at] = self.octets()[0];
                octets
            }
        };
        Some(Mutant::Octets(octets))
    }

    /// Changes something about two lines of a listing; the lone dot stays where it is.
    fn lines(&mut self, reply: &[u8], change: impl Fn(&mut Vec<Vec<u8>>, usize, usize)) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> =
            reply.split_inclusive(|&octet| octet == b'\n').map(<[u8]>::to_vec).collect();
        let (at, other) = (self.random.below(lines.len() - 1), self.random.below(lines.len() - 1));
        change(&mut lines, at, other);
        lines.concat()
    }

    /// One to eight octets of any kind.
    fn octets(&mut self) -> Vec<u8> {
        (0..=self.random.below(8)).map(|_| self.random.octet()).collect()
    }
}

/// The generator splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
