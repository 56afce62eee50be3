//! Single-line replies (RFC 1939, section 3).

/// Appends a positive reply.
pub(super) fn ok(out: &mut Vec<u8>, text: &str) {
    reply(out, "+OK", text);
}

/// Appends a negative reply.
pub(super) fn error(out: &mut Vec<u8>, text: &str) {
    reply(out, "-ERR", text);
}

fn reply(out: &mut Vec<u8>, status: &str, text: &str) {
    out.extend_from_slice(status.as_bytes());
    if !text.is_empty() {
        out.push(b' ');
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
