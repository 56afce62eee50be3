//! What passes from the receiver to the storer.

/// A chunk is sent when it holds this number of octets; a CR that waited for its LF may come on top.
const CHUNK_OCTETS: usize = 16 * 1024;
/// Chunks that may wait between network and disk. What comes while they do is held by the system, in
/// the socket's buffer, which is far larger.
pub(crate) const CHUNKS_WAITING: usize = 4;

/// Octets of messages in stored form, one behind the other, and where each begins and ends.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub octets: Vec<u8>,
    pub marks: Vec<(usize, Mark)>,
}

/// A message that has come to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Which of the plan.
    pub item: usize,
    /// Its octets on the wire, dot-stuffing undone.
    pub wire_octets: u64,
    /// It begins as a status line does: perhaps an answer that nobody asked for came before its own.
    pub begins_as_answer: bool,
}

/// What happens at a place in a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    Begin,
    End(Ended),
    Discard,
    Rest,
}

impl Chunk {
    /// An empty one. It has its whole room at once: one that grows ends up with twice as much as it needs.
    pub(crate) fn new() -> Self {
        Chunk { octets: Vec::with_capacity(CHUNK_OCTETS + 1), marks: Vec::new() }
    }

    /// Octets that it can take before it is full.
    pub(crate) fn room(&self) -> usize {
        CHUNK_OCTETS.saturating_sub(self.octets.len())
    }

    /// A message begins here.
    pub(crate) fn begin(&mut self) {
        self.marks.push((self.octets.len(), Mark::Begin));
    }

    /// The message that began last is complete.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.marks.push((self.octets.len(), Mark::End(ended)));
    }

    /// The message that began last is to be forgotten.
    pub(crate) fn discard(&mut self) {
        self.marks.push((self.octets.len(), Mark::Discard));
    }

    /// Nothing more comes for a round trip: time to make durable what has come.
    pub(crate) fn rest(&mut self) {
        self.marks.push((self.octets.len(), Mark::Rest));
    }

    /// Whether it is worth sending.
    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.marks.is_empty()
    }

    /// Makes it empty, for the next octets.
    pub(crate) fn clear(&mut self) {
        self.octets.clear();
        self.marks.clear();
    }
}
