//! The sample messages: each is one that backup tools tend to get wrong.

/// In the order in which the server lists them.
pub(super) const MESSAGES: &[&[u8]] = &[
    include_bytes!("samples/1-welcome.eml"),
    include_bytes!("samples/2-dots.eml"),
    include_bytes!("samples/3-from-line.eml"),
    include_bytes!("samples/4-eight-bit.eml"),
    include_bytes!("samples/5-attachment.eml"),
    include_bytes!("samples/6-no-newline.eml"),
    include_bytes!("samples/7-long-line.eml"),
];

#[cfg(test)]
mod tests {
    use super::MESSAGES;

    /// Whether some message has a line like this after its header.
    fn some_body_line(like: impl Fn(&[u8]) -> bool) -> bool {
        MESSAGES.iter().any(|message| {
            let mut lines = message.split(|&octet| octet == b'\n').skip_while(|line| !line.is_empty());
            lines.any(&like)
        })
    }

    #[test]
    fn the_samples_are_as_awkward_as_they_say() {
        assert!(some_body_line(|line| line == b"."));
        assert!(some_body_line(|line| line.starts_with(b"From ")));
        assert!(some_body_line(|line| std::str::from_utf8(line).is_err()));
        assert!(some_body_line(|line| line.len() > 10_000));
        assert!(some_body_line(|line| line.starts_with(b"Content-Disposition: attachment")));
        assert!(MESSAGES.iter().any(|message| !message.ends_with(b"\n")));
    }
}
