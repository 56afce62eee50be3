//! Reads what strace wrote: which call touched which file, and what came before what.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The calls of one run, in the order of their ends.
pub(crate) struct Trace {
    pub(crate) calls: Vec<Call>,
}

/// One system call that succeeded.
pub(crate) struct Call {
    pub(crate) name: String,
    arguments: String,
    /// The line of the trace where it began, and the one where it returned: in a program with
    /// threads others may stand between.
    pub(crate) begin: usize,
    pub(crate) end: usize,
    /// As strace shows it.
    pub(crate) line: String,
}

impl Trace {
    /// How strace must be called: all threads, descriptors shown with their paths, and every call
    /// that writes, syncs or names a file.
    pub(crate) const ARGUMENTS: [&'static str; 7] = [
        "-f",
        "-y",
        "-qq",
        "-s",
        "4096",
        "-e",
        "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,splice,\
         fsync,fdatasync,syncfs,link,linkat,rename,renameat,renameat2",
    ];

    pub(crate) fn read(file: &Path) -> Trace {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        let mut unfinished: HashMap<&str, (usize, &str)> = HashMap::new();
        let mut calls = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if let Some(start) = rest.strip_suffix("<unfinished ...>") {
                unfinished.insert(thread, (number, start.trim_end()));
            } else if rest.starts_with("<... ") {
                let Some((begin, start)) = unfinished.remove(thread) else { continue };
                let end = rest.split_once("resumed>").map_or("", |(_, end)| end);
                calls.extend(Call::parse(&format!("{start}{end}"), begin, number));
            } else {
                calls.extend(Call::parse(rest, number, number));
            }
        }
        Trace { calls }
    }
}

impl Call {
    fn parse(line: &str, begin: usize, end: usize) -> Option<Call> {
        let (call, result) = line.rsplit_once(" = ")?;
        if result.starts_with('-') || result.starts_with('?') {
            return None;
        }
        let (name, arguments) = call.split_once('(')?;
        let arguments = arguments.trim_end().strip_suffix(')')?.to_owned();
        Some(Call { name: name.to_owned(), arguments, begin, end, line: line.to_owned() })
    }

    /// The path behind the descriptor in the first argument.
    fn descriptor(&self) -> Option<&Path> {
        let (number, rest) = self.arguments.split_once('<')?;
        number.bytes().all(|digit| digit.is_ascii_digit()).then_some(())?;
        Some(Path::new(rest.split_once('>')?.0))
    }

    /// fsync or fdatasync of a file for which this holds.
    pub(crate) fn is_sync_of(&self, fits: impl Fn(&Path) -> bool) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.descriptor().is_some_and(fits)
    }

    /// Writes to this file.
    pub(crate) fn writes_to(&self, path: &Path) -> bool {
        let writes = self.name.starts_with("write") || self.name.starts_with("pwrite");
        let copies = matches!(self.name.as_str(), "sendfile" | "copy_file_range" | "splice");
        (writes && self.descriptor() == Some(path))
            || (copies && self.arguments.contains(&format!("<{}>", path.display())))
    }

    /// Sends to a socket.
    pub(crate) fn is_send(&self) -> bool {
        self.descriptor().is_some_and(|path| path.to_string_lossy().starts_with("socket:"))
    }

    /// The first string among the arguments, still escaped as strace shows it.
    pub(crate) fn text(&self) -> &str {
        self.arguments.split('"').nth(1).unwrap_or_default()
    }

    /// Gives a file this name.
    pub(crate) fn creates_name(&self, path: &Path) -> bool {
        self.is_naming() && self.names().1 == path
    }

    /// The name that the file had before.
    pub(crate) fn linked_from(&self) -> PathBuf {
        self.names().0
    }

    fn is_naming(&self) -> bool {
        self.name.starts_with("link") || self.name.starts_with("rename")
    }

    /// Old and new name, made absolute through the folders' descriptors.
    fn names(&self) -> (PathBuf, PathBuf) {
        // Neither paths of a sandbox nor Maildir names hold quotes: "old" and "new" are what
        // stands between them, each after its folder's descriptor, if it has one.
        let pieces: Vec<&str> = self.arguments.split('"').collect();
        let [before, old, between, new, ..] = pieces[..] else { return Default::default() };
        let absolute = |folder: &str, name: &str| {
            let folder = folder.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
            Path::new(folder.map_or("", |(path, _)| path)).join(name)
        };
        (absolute(before, old), absolute(between, new))
    }
}

#[test]
fn calls_of_two_threads_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let lines = "\
        10 write(5</m/tmp/a>, \"From x\", 6) = 6\n\
        11 fdatasync(5</m/tmp/a> <unfinished ...>\n\
        10 linkat(7</m/tmp>, \"a\", AT_FDCWD</home>, \"/m/new/b\", 0) = 0\n\
        11 <... fdatasync resumed>) = 0\n\
        10 fsync(9</gone>) = -1 EIO (Input/output error)\n\
        10 sendto(4<socket:[77]>, \"DELE 1\\r\\nDELE 2\\r\\n\", 16, MSG_NOSIGNAL, NULL, 0) = 16\n";
    std::fs::write(&file, lines).unwrap();
    let calls = Trace::read(&file).calls;
    assert_eq!(calls.len(), 4, "a call that failed has done nothing");
    assert!(calls[0].writes_to(Path::new("/m/tmp/a")));
    assert!(calls[1].creates_name(Path::new("/m/new/b")) && calls[1].linked_from() == Path::new("/m/tmp/a"));
    assert!(calls[2].is_sync_of(|path| path == Path::new("/m/tmp/a")));
    assert_eq!((calls[2].begin, calls[2].end), (1, 3), "begun before the link, ended after it");
    assert!(calls[3].is_send() && calls[3].text() == "DELE 1\\r\\nDELE 2\\r\\n");
}
