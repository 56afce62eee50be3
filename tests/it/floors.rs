//! The house: imports go downward only, as the table in `src/lib.rs` says.

use std::collections::{BTreeMap, BTreeSet};
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

/// The modules in `src`, by their paths: `["fetch", "session"]`.
fn modules() -> BTreeMap<Vec<String>, String> {
    let path_of = |file: &Path| {
        let inside = file.strip_prefix(source()).unwrap().with_extension("");
        let mut path: Vec<String> =
            inside.components().map(|part| part.as_os_str().to_str().unwrap().to_owned()).collect();
        path.pop_if(|last| last == "mod" || last == "lib");
        path
    };
    let is_test =
        |path: &[String]| path.iter().any(|part| ["tests", "testing", "model"].contains(&part.as_str()));
    files(&source())
        .iter()
        .map(|file| (path_of(file), fs::read_to_string(file).unwrap()))
        .filter(|(path, _)| path != &["main"] && !is_test(path))
        .collect()
}

/// The modules that a module imports from: those that its `use` lines name, from `crate`, `super` or `self`.
fn imports<'m>(
    path: &[String],
    text: &str,
    modules: &'m BTreeMap<Vec<String>, String>,
) -> BTreeSet<&'m Vec<String>> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = BTreeSet::new();
    for import in text.split("use ").skip(1) {
        let import: String = import.split(';').next().unwrap().split_whitespace().collect();
        let (stem, names) = import.split_once('{').unwrap_or((&import, ""));
        let mut stem: Vec<&str> = stem.split("::").filter(|part| !part.is_empty()).collect();
        let mut base = match stem.first() {
            Some(&"crate") => Vec::new(),
            Some(&"self" | &"super") => path.to_vec(),
            _ => continue,
        };
        stem.retain(|part| match *part {
            "super" => base.pop().is_none(),
            "crate" | "self" => false,
            _ => true,
        });
        base.extend(stem.into_iter().map(str::to_owned));
        let names = names.trim_end_matches('}').split(',').map(|name| name.split("::").next().unwrap());
        let whole = names.map(|name| [base.clone(), vec![name.to_owned()]].concat()).chain([base.clone()]);
        for mut name in whole {
            while !name.is_empty() && !modules.contains_key(&name) {
                name.pop();
            }
            found.extend(
                modules.get_key_value(&name).map(|(module, _)| module).filter(|module| *module != path),
            );
        }
    }
    found
}

#[test]
fn no_two_files_import_from_each_other_by_whatever_way() {
    let modules = modules();
    let mut graph: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
        modules.iter().map(|(path, text)| (path, imports(path, text, &modules))).collect();
    let count: usize = graph.values().map(BTreeSet::len).sum();
    assert!(count > 600, "{count}");
    // What imports from nothing is taken away, until nothing is left but circles.
    loop {
        let done: Vec<&Vec<String>> =
            graph.iter().filter(|(_, from)| from.is_empty()).map(|(path, _)| *path).collect();
        if done.is_empty() {
            break;
        }
        graph.retain(|path, _| !done.contains(path));
        for from in graph.values_mut() {
            from.retain(|path| !done.contains(path));
        }
    }
    // Nor what nothing that is left imports from.
    loop {
        let wanted: BTreeSet<&Vec<String>> = graph.values().flatten().copied().collect();
        let before = graph.len();
        graph.retain(|path, _| wanted.contains(path));
        if graph.len() == before {
            break;
        }
    }
    assert!(graph.is_empty(), "circles: {graph:#?}");
}
