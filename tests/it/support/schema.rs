//! The JSON Schema files of `man/schema`, and whether a document is what they say.
//!
//! Only the keywords of draft 2020-12 that these files use are known; any other one is an error of the file, so that
//! nothing in it is passed over. A crate for all of JSON Schema brings some thirty more.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::CommandFactory as _;
use popkeep::cli::Cli;
use serde_json::{Map, Value};

/// One of the files.
pub(crate) struct Schema {
    /// The file's name, without its ending.
    pub(crate) name: String,
    pub(crate) root: Value,
}

/// All of them, by name.
pub(crate) static SCHEMAS: LazyLock<BTreeMap<String, Schema>> = LazyLock::new(|| {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| Schema::read(&file)).map(|schema| (schema.name.clone(), schema)).collect()
});

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man/schema")
}

/// What the document of this command line must be; `None` if it asks for none, or is refused.
pub(crate) fn of_command_line(arguments: &[OsString]) -> Option<&'static Schema> {
    let name = name(arguments)?;
    Some(SCHEMAS.get(&name).unwrap_or_else(|| panic!("{arguments:?}: there is no man/schema/{name}.json")))
}

fn name(arguments: &[OsString]) -> Option<String> {
    if !arguments.iter().any(|argument| argument == "--json") {
        return None;
    }
    let line = [OsString::from("popkeep")].into_iter().chain(arguments.iter().cloned());
    let whole = Cli::command().try_get_matches_from(line).ok()?;
    let (command, matches) = whole.subcommand()?;
    if !matches.try_get_one("json").ok()?.is_some_and(|json: &bool| *json) {
        return None;
    }
    let variant = match command {
        "fetch" if matches.get_flag("dry_run") => "-dry-run",
        "adopt" if matches.contains_id("undo") => "-undo",
        "adopt" if !matches.contains_id("from") => "-list",
        _ => "",
    };
    Some(format!("{command}{variant}"))
}

/// What may stand in a schema.
const KEYWORDS: [&str; 15] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "minimum",
    "properties",
    "required",
    "title",
];

impl Schema {
    fn read(file: &Path) -> Schema {
        let text = std::fs::read_to_string(file).unwrap();
        let root: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let schema = Schema { name: file.file_stem().unwrap().to_str().unwrap().to_owned(), root };
        schema.each(&mut |part| {
            let unknown = part.keys().find(|key| *key != "type" && !KEYWORDS.contains(&key.as_str()));
            assert!(unknown.is_none(), "{}: {unknown:?} is no keyword that is known here", schema.name);
        });
        schema
    }

    /// Calls `look` with each schema in this one, itself the first.
    pub(crate) fn each<'s>(&'s self, look: &mut dyn FnMut(&'s Map<String, Value>)) {
        each(&self.root, look);
    }

    /// The first thing in the document that is not as it must be; `None` if there is none.
    pub(crate) fn fault(&self, document: &Value) -> Option<String> {
        self.check(&self.root, document, "").err()
    }

    fn check(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let schema = schema.as_object().expect("a schema is an object");
        let fail = |what: &str| Err(format!("{place}: {value} {what}"));
        if let Some(name) = schema.get("$ref") {
            let pointer = name.as_str().unwrap().strip_prefix('#').unwrap();
            self.check(self.root.pointer(pointer).expect(pointer), value, place)?;
        }
        if let Some(schemas) = schema.get("anyOf") {
            let faults = list(schemas).iter().map(|schema| self.check(schema, value, place));
            let faults: Result<Vec<_>, ()> = faults.map(|result| result.err().ok_or(())).collect();
            if let Ok(faults) = faults {
                return Err(format!("none of: {}", faults.join("; ")));
            }
        }
        if let Some(kinds) = schema.get("type") {
            let is_one = match kinds {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            };
            if !is_one {
                return fail(&format!("is no {kinds}"));
            }
        }
        if schema.get("const").is_some_and(|only| value != only)
            || schema.get("enum").is_some_and(|words| !list(words).contains(value))
        {
            return fail("is none of the values that are possible");
        }
        if let (Some(least), Some(number)) = (schema.get("minimum"), value.as_f64())
            && number < least.as_f64().unwrap()
        {
            return fail("is too small");
        }
        if let (Some(format), Some(text)) = (schema.get("format"), value.as_str()) {
            let is_so = match format.as_str().unwrap() {
                "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
                "date" => text.parse::<jiff::civil::Date>().is_ok(),
                other => panic!("{other} is no format that is known here"),
            };
            if !is_so {
                return fail(&format!("is no {format}"));
            }
        }
        if let (Some(each), Some(items)) = (schema.get("items"), value.as_array()) {
            for (index, item) in items.iter().enumerate() {
                self.check(each, item, &format!("{place}/{index}"))?;
            }
        }
        if let Some(object) = value.as_object() {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, value) in object {
                match properties.and_then(|properties| properties.get(key)) {
                    Some(schema) => self.check(schema, value, &format!("{place}/{key}"))?,
                    None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                        return fail(&format!("has a property that the schema has not: {key}"));
                    }
                    None => {}
                }
            }
            for key in schema.get("required").map_or(&[][..], |keys| list(keys)) {
                if !object.contains_key(key.as_str().unwrap()) {
                    return fail(&format!("lacks {key}"));
                }
            }
        }
        Ok(())
    }
}

fn each<'s>(schema: &'s Value, look: &mut dyn FnMut(&'s Map<String, Value>)) {
    let schema = schema.as_object().expect("a schema is an object");
    look(schema);
    for key in ["$defs", "properties"] {
        schema
            .get(key)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .for_each(|(_, part)| each(part, look));
    }
    schema.get("anyOf").map_or(&[][..], |parts| list(parts)).iter().for_each(|part| each(part, look));
    schema.get("items").into_iter().for_each(|part| each(part, look));
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}
