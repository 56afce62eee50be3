//! Promise: every file in `sample-config/` is right, because it is read here.

#![expect(clippy::disallowed_methods, reason = "the test reads the project's own files")]

use popkeep::config::{self, DeletePolicy, Format, SecretSource, Tls};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fs, iter};

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-config");
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn sample(name: &str) -> PathBuf {
    samples().into_iter().find(|path| path.ends_with(name)).unwrap_or_else(|| panic!("no sample {name}"))
}

/// The sample as a user has it: a private copy. (In a checkout its mode depends on the umask.)
fn load(path: &Path) -> config::Config {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("config.toml");
    fs::copy(path, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    config::load(&copy).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A systemd unit: its sections, and the settings in each.
fn unit(path: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections = BTreeMap::<String, BTreeMap<String, String>>::new();
    let mut section = None;
    for line in fs::read_to_string(path).unwrap().lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(sections.entry(name.to_owned()).or_default());
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        let section = section.as_mut().unwrap_or_else(|| panic!("outside of every section: {line}"));
        let earlier = section.insert(key.to_owned(), value.to_owned());
        // A second filter takes away from the first.
        assert!(earlier.is_none() || key == "SystemCallFilter", "twice: {line}");
    }
    sections
}

/// What follows `popkeep` in a command line, checked against the real command line.
fn assert_runs(command: &str) {
    let (program, arguments) = command.split_once(' ').unwrap();
    assert!(program.ends_with("/popkeep"), "{program}");
    let line = iter::once("popkeep").chain(arguments.split_whitespace()).chain(iter::once("--help"));
    let outcome = assert_cmd::cargo_bin_cmd!("popkeep").args(line.skip(1)).output().unwrap();
    assert!(outcome.status.success(), "{command}: {}", String::from_utf8_lossy(&outcome.stderr));
}

#[test]
fn every_sample_is_read() {
    for path in samples() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        match (name, path.extension().and_then(|extension| extension.to_str())) {
            (_, Some("toml")) => assert!(!load(&path).accounts.is_empty(), "{name}"),
            (_, Some("service" | "timer")) => assert!(unit(&path).contains_key("Unit"), "{name}"),
            ("crontab" | "cronjob.yaml" | "compose.yaml" | "Containerfile", _) => {}
            _ => panic!("{name} is a sample that no test reads"),
        }
    }
}

#[test]
fn the_samples_mean_what_they_are_called() {
    let minimal = load(&sample("minimal.toml"));
    let [work] = &minimal.accounts[..] else { panic!("minimal is one account") };
    assert_eq!((work.access.port, work.access.tls, work.delete), (995, Tls::Implicit, DeletePolicy::Never));
    assert!(matches!(work.access.secret, SecretSource::Command(_)));

    let several = load(&sample("several-accounts.toml"));
    let names: Vec<&str> = several.accounts.iter().map(|account| account.name.as_str()).collect();
    assert_eq!(names, ["work", "private", "company", "contoso", "local"]);
    assert!(several.accounts.iter().all(|account| account.archive.ends_with(&account.name)));

    let deleting = load(&sample("delete-after-30-days.toml"));
    assert!(matches!(deleting.accounts[0].delete, DeletePolicy::After(age) if age.as_secs() == 30 * 86_400));

    let mbox = load(&sample("mbox.toml"));
    assert_eq!(mbox.accounts[0].format, Format::Mbox);
}

#[test]
fn the_crontab_has_a_line_that_cron_and_popkeep_understand() {
    let text = fs::read_to_string(sample("crontab")).unwrap();
    let mut jobs = text.lines().filter(|line| {
        let setting =
            line.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase()));
        !line.is_empty() && !line.starts_with('#') && !setting
    });
    for job in ["fetch", "verify", "report"].map(|command| jobs.next().expect(command)) {
        assert_is_a_job(job);
    }
    assert_eq!(jobs.next(), None, "three jobs");
}

/// Five fields of time, and a command that popkeep takes.
fn assert_is_a_job(job: &str) {
    let fields: Vec<&str> = job.split_whitespace().collect();
    assert!(fields.len() > 5, "five fields of time and a command: {job}");
    for (field, most) in fields.iter().zip([59, 23, 31, 12, 7]) {
        for part in field.split(',').filter(|part| *part != "*") {
            assert!(part.parse::<u32>().is_ok_and(|number| number <= most), "{field} in {job}");
        }
    }
    assert!(!job.replace("\\%", "").contains('%'), "cron makes a line end of it");
    assert_runs(&fields[5..].join(" ").replace("\\%", "%"));
}

/// Promise: the Debian package has what the project has to give: no page, sample or unit is forgotten.
#[test]
fn the_package_has_every_page_sample_and_unit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table =
        fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().expect("Cargo.toml is TOML");
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let packaged: Vec<&str> = assets.iter().map(|asset| asset[0].as_str().unwrap()).collect();
    let script = fs::read_to_string(root.join(".ci/package")).unwrap();
    for asset in &packaged {
        if let Some(made) = asset.strip_prefix("target/distribution/") {
            assert!(script.contains(made), "{made} is made by nobody");
        } else if let Some((folder, extension)) = asset.split_once('*') {
            let found = fs::read_dir(root.join(folder)).unwrap();
            let fits = |name: String| name.ends_with(extension);
            assert!(
                found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).any(fits),
                "{asset}"
            );
        } else if !asset.starts_with("target/release/") {
            assert!(root.join(asset).is_file(), "{asset} is not there");
        }
    }
    for sample in samples() {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let extension = sample.extension().map_or("", |extension| extension.to_str().unwrap());
        let taken = packaged.iter().any(|asset| {
            asset.ends_with(&format!("/{name}")) || *asset == format!("sample-config/*.{extension}")
        });
        assert!(taken, "{name} is not in the package");
    }
}

/// The lines of a YAML file that are no comments, each with a key that is indented as YAML wants it.
fn yaml(name: &str) -> Vec<String> {
    let text = fs::read_to_string(sample(name)).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let mut above = 0;
    for line in &lines {
        let indent = line.len() - line.trim_start().len();
        assert!(!line.contains('\t') && indent % 2 == 0 && indent <= above + 4, "{line}");
        let content = line.trim_start();
        let key = content.trim_start_matches("- ").split_once(':').map(|(key, _)| key);
        let named = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let quoted = content.starts_with("- \"") && content.ends_with('"');
        assert!(quoted || key.is_some_and(named), "{line}");
        above = indent;
    }
    lines.into_iter().map(str::to_owned).collect()
}

/// The value of the first such key.
fn value(lines: &[String], key: &str) -> String {
    let line = lines.iter().find_map(|line| line.trim_start().strip_prefix(&format!("{key}: ")));
    line.unwrap_or_else(|| panic!("no {key}")).to_owned()
}

/// What a pod of the sample runs, with this number for its own.
#[test]
fn the_cron_job_gives_each_pod_a_shard_and_a_ledger_of_its_own() {
    let lines = yaml("cronjob.yaml");
    let value = |key: &str| value(&lines, key);
    let count = value("completions");
    assert_eq!(value("parallelism"), count);
    assert_eq!(value("completionMode"), "Indexed");
    assert_eq!(value("concurrencyPolicy"), "Forbid");
    let args = value("args");
    let (state, command) = args.split_once("; exec ").unwrap();
    assert!(state.contains("POPKEEP_STATE_DIR=/state/shard-$JOB_COMPLETION_INDEX"), "{args}");
    let command = command.trim_end_matches("\"]").replace("$JOB_COMPLETION_INDEX", "2");
    assert!(command.ends_with(&format!("--shard 2/{count}")), "{command}");
    assert_runs(&format!("/usr/bin/{command}"));
}

/// The instructions of the sample, continued lines joined: each a word and what it is about.
fn containerfile() -> Vec<(String, String)> {
    let text = fs::read_to_string(sample("Containerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    let joined = lines.replace("\\\n", " ");
    let instructions = joined.lines().filter(|line| !line.is_empty());
    instructions
        .map(|line| line.split_once(' ').unwrap_or_else(|| panic!("no instruction: {line}")))
        .map(|(word, rest)| (word.to_owned(), rest.to_owned()))
        .collect()
}

/// Promise: the container runs popkeep, not as root, and keeps everything in volumes that the configuration's paths fit.
#[test]
fn the_container_fetches_until_it_is_stopped_and_is_no_root() {
    let instructions = containerfile();
    for (word, _) in &instructions {
        let known =
            ["FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"];
        assert!(known.contains(&word.as_str()), "{word}");
    }
    let json = |text: &str| {
        serde_json::from_str::<Vec<String>>(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let last = |word: &str| {
        let found = instructions.iter().rfind(|(name, _)| name == word);
        found.unwrap_or_else(|| panic!("no {word}")).1.as_str()
    };
    assert_eq!(
        instructions.iter().filter(|(word, _)| word == "FROM").count(),
        2,
        "what builds it is left behind"
    );
    assert_eq!(last("USER"), "1000:1000");
    let entry = json(last("ENTRYPOINT"));
    assert_eq!(entry, ["popkeep"]);
    assert_runs(&format!("/usr/bin/popkeep {}", json(last("CMD")).join(" ")));
    let (_, check) = last("HEALTHCHECK").split_once("CMD ").unwrap();
    assert_runs(&format!("/usr/bin/{}", json(check).join(" ")));
    let volumes = json(last("VOLUME"));
    for setting in last("ENV").split(' ') {
        let path = setting.split_once('=').unwrap().1;
        assert!(
            volumes.iter().any(|volume| Path::new(path).starts_with(volume)),
            "{setting} is not in a volume"
        );
    }
    // What is copied from the clone is there.
    for (_, files) in
        instructions.iter().filter(|(word, files)| word == "COPY" && !files.starts_with("--from"))
    {
        for file in files.split(' ').rev().skip(1) {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(), "{file}");
        }
    }

    let compose = yaml("compose.yaml");
    assert_eq!(value(&compose, "dockerfile"), "sample-config/Containerfile");
    let mounted: Vec<&str> = compose
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix("- \""))
        .map(|mount| mount.trim_end_matches('"').split(':').nth(1).unwrap())
        .collect();
    assert_eq!(mounted, volumes);
    assert_eq!(value(&compose, "cap_drop"), "[\"ALL\"]");
}

/// Promise: the service of a whole machine has no rights but to its own folder and the network, and reads and writes there.
#[test]
fn the_system_service_is_confined() {
    let service = unit(&sample("popkeep-system.service"));
    let service = &service["Service"];
    assert_runs(&service["ExecStart"]);
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("StateDirectory", "popkeep"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("UMask", "0077"),
    ] {
        assert_eq!(service[key], value, "{key}");
    }
    for name in ["HOME=%S/popkeep", "POPKEEP_CONFIG=%E/popkeep/", "POPKEEP_STATE_DIR=%S/popkeep/"] {
        assert!(service["Environment"].split(' ').any(|setting| setting.starts_with(name)), "{name}");
    }
}

#[test]
fn the_units_of_a_shard_fit_together() {
    let service = unit(&sample("popkeep-shard@.service"));
    let shards = service["Service"]["Environment"].strip_prefix("SHARDS=").unwrap();
    let command = service["Service"]["ExecStart"].replace("%i", "0").replace("${SHARDS}", shards);
    assert_runs(&command);
    let timer = unit(&sample("popkeep-shard@.timer"));
    assert_eq!(timer["Install"]["WantedBy"], "timers.target");
}

#[test]
fn the_systemd_units_fit_together() {
    for name in ["popkeep", "popkeep-verify", "popkeep-system"] {
        let service = unit(&sample(&format!("{name}.service")));
        assert_eq!(service["Service"]["Type"], "oneshot");
        assert_runs(&service["Service"]["ExecStart"].replace("%%", "%"));
        let timer = unit(&sample(&format!("{name}.timer")));
        assert!(timer["Timer"].contains_key("OnCalendar"));
        assert_eq!(timer["Install"]["WantedBy"], "timers.target");
    }
}
