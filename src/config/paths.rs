//! Paths as the configuration writes them, made absolute.

use std::path::{Component, Path, PathBuf};

/// Why a path cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathFault {
    /// It is empty.
    Empty,
    /// It has a NUL in it, which no system's path can have.
    Nul,
    /// It starts with `~`, and nobody knows a home folder.
    NoHome,
    /// `~somebody`: only one's own home is known.
    OtherHome,
    /// A `{placeholder}` other than `{account}`, or one where there is no account.
    Placeholder(String),
}

/// What relative paths and `~` refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bases<'b> {
    /// The folder of the configuration file, absolute.
    pub(super) folder: &'b Path,
    /// The user's home.
    pub(super) home: Option<&'b Path>,
    /// What `{account}` stands for, where it may stand.
    pub(super) account: Option<&'b str>,
}

/// Expands `{account}` and a leading `~`, and makes the path absolute and free of `.`, `..`
/// and doubled slashes, without a look at the disk: a symbolic link before a `..` is not followed.
pub(super) fn expand(text: &str, bases: Bases<'_>) -> Result<PathBuf, PathFault> {
    if text.is_empty() {
        return Err(PathFault::Empty);
    }
    if text.contains('\0') {
        return Err(PathFault::Nul);
    }
    let text = fill_in(text, bases.account)?;
    let path = match text.strip_prefix('~') {
        None => bases.folder.join(&text),
        Some(rest) => {
            let home = bases.home.ok_or(PathFault::NoHome)?;
            match rest.strip_prefix('/') {
                Some(below) => home.join(below.trim_start_matches('/')),
                None if rest.is_empty() => home.to_path_buf(),
                None => return Err(PathFault::OtherHome),
            }
        }
    };
    Ok(normal(&path))
}

/// Puts the account's name where `{account}` stands. Braces around anything else that looks
/// like a placeholder are taken for a slip: they would make one folder for all accounts.
fn fill_in(text: &str, account: Option<&str>) -> Result<String, PathFault> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            Some((name, after)) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()) => {
                match account {
                    Some(account) if name == "account" => filled.push_str(account),
                    _ => return Err(PathFault::Placeholder(format!("{{{name}}}"))),
                }
                rest = after;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::{Bases, PathFault, expand};
    use std::path::{Path, PathBuf};

    fn bases() -> Bases<'static> {
        Bases {
            folder: Path::new("/etc/popkeep"),
            home: Some(Path::new("/home/jane")),
            account: Some("work"),
        }
    }

    #[test]
    fn paths_become_absolute_and_normal() {
        for (text, path) in [
            ("~/Mail/{account}", "/home/jane/Mail/work"),
            ("~", "/home/jane"),
            ("~//Mail/", "/home/jane/Mail"),
            ("mail", "/etc/popkeep/mail"),
            ("./mail/../{account}.mbox", "/etc/popkeep/work.mbox"),
            ("/srv//mail/./x/", "/srv/mail/x"),
            ("/../../x", "/x"),
            ("/a/~/b", "/a/~/b"),
            ("/a/{}/{1}/{b", "/a/{}/{1}/{b"),
            ("{account}/{account}", "/etc/popkeep/work/work"),
        ] {
            assert_eq!(expand(text, bases()), Ok(PathBuf::from(path)), "{text}");
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        assert_eq!(expand("", bases()), Err(PathFault::Empty));
        assert_eq!(expand("~bob/Mail", bases()), Err(PathFault::OtherHome));
        assert_eq!(expand("~/Mail/{acount}", bases()), Err(PathFault::Placeholder("{acount}".to_owned())));
        assert_eq!(expand("~/Mail", Bases { home: None, ..bases() }), Err(PathFault::NoHome));
        assert_eq!(
            expand("/x/{account}", Bases { account: None, ..bases() }),
            Err(PathFault::Placeholder("{account}".to_owned()))
        );
    }
}
