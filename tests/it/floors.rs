//! The house: imports go downward only, as the table in `src/lib.rs` says.

use std::fs;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The rooms in the order of the table: each may import from those behind it.
fn rooms(page: &str) -> Vec<&str> {
    let rows = page.lines().skip_while(|line| !line.starts_with("//! | floor")).skip(2);
    let rooms = rows.take_while(|line| line.starts_with("//! |")).filter_map(|row| row.split('|').nth(2));
    rooms.flat_map(|rooms| rooms.split('`').skip(1).step_by(2)).collect()
}

/// Every Rust file in a folder and the folders in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The room that a file belongs to: the first part of its path.
fn room(file: &Path) -> String {
    let first = file.strip_prefix(source()).unwrap().components().next().unwrap();
    Path::new(first.as_os_str()).with_extension("").to_str().unwrap().to_owned()
}

#[test]
fn imports_go_downward_only() {
    let page = fs::read_to_string(source().join("lib.rs")).unwrap();
    let order = rooms(&page);
    let rank = |name: &str| order.iter().position(|room| *room == name);
    let modules = page.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules {
        assert!(rank(module).is_some(), "{module} is on no floor");
    }
    let mut imports = 0;
    for file in files(&source()) {
        let Some(floor) = rank(&room(&file)) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for path in line.split("crate::").skip(1) {
                let name = path.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap();
                assert!(!name.is_empty(), "{}: one room for each `use`: {line}", file.display());
                let from = rank(name).unwrap_or_else(|| panic!("{}: {line}", file.display()));
                assert!(from >= floor, "{} imports upward: {line}", file.display());
                imports += 1;
            }
        }
    }
    assert!(imports > 300, "{imports}");
}
