//! Manifests and what becomes of them: `tests/golden/<name>/{input.yaml,output.yaml,report.txt}`.
//! `BLESS=1 cargo test -p sidecommit-inject` writes what is expected anew; look at the difference before it is committed.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use serde_json::Value;
use sidecommit_inject::{
    Defaults, OptIn,
    manifests::{Done, inject_all, uninject_all},
    yaml::{self, Format},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One folder.
struct Golden {
    folder: PathBuf,
    input: Vec<Value>,
    opt_in: OptIn,
    defaults: Defaults,
}

// === impl Golden ===

impl Golden {
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut folders: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.retain(|path| path.is_dir());
        folders.sort();
        assert!(folders.len() >= 30, "{} goldens", folders.len());
        folders.into_iter().map(|folder| Self::read(&root, folder)).collect()
    }

    fn read(root: &Path, folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("input.yaml")).unwrap();
        let own = folder.join("defaults.yaml");
        let defaults = if own.exists() { own } else { root.join("defaults.yaml") };
        Self {
            input: yaml::parse(&text).unwrap(),
            opt_in: if text.starts_with("# --all\n") { OptIn::All } else { OptIn::Label },
            defaults: Defaults::from_yaml(&fs::read_to_string(defaults).unwrap()).unwrap(),
            folder,
        }
    }

    fn name(&self) -> &str {
        self.folder.file_name().unwrap().to_str().unwrap()
    }

    fn inject(&self, documents: &[Value]) -> Done {
        inject_all(documents, self.opt_in, &self.defaults)
    }

    /// Compares, or writes.
    fn expect(&self, file: &str, actual: &str) -> Result<(), String> {
        let path = self.folder.join(file);
        if std::env::var_os("BLESS").is_some() {
            fs::write(path, actual).unwrap();
            return Ok(());
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected == actual { Ok(()) } else { Err(format!("{}/{file} is now\n{actual}", self.name())) }
    }
}

#[test]
fn outputs_and_reports_are_as_recorded() {
    let mut failures = Vec::new();
    for golden in Golden::all() {
        let done = golden.inject(&golden.input);
        // Of a denial nothing is printed: half a manifest would be applied.
        let output =
            if done.denied { String::new() } else { yaml::write(&done.documents, Format::Yaml).unwrap() };
        failures.extend(golden.expect("output.yaml", &output).err());
        failures.extend(golden.expect("report.txt", &(done.report.join("\n") + "\n")).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn denials_are_in_the_folders_that_say_so() {
    for golden in Golden::all() {
        let denied = golden.inject(&golden.input).denied;
        assert_eq!(denied, golden.name().contains("denied"), "{}", golden.name());
    }
}

#[test]
fn a_second_injection_changes_nothing() {
    for golden in Golden::all() {
        let once = golden.inject(&golden.input);
        let twice = golden.inject(&once.documents);
        assert_eq!(twice.documents, once.documents, "{}", golden.name());
        assert!(!twice.changed, "{}: {:?}", golden.name(), twice.report);
    }
}

#[test]
fn uninject_gives_the_input_back() {
    for golden in Golden::all().into_iter().filter(|golden| golden.name() != "denied-status") {
        let injected = golden.inject(&golden.input);
        let back = uninject_all(&injected.documents);
        assert_eq!(back.documents, golden.input, "{}", golden.name());
        assert_eq!(back.changed, injected.changed, "{}", golden.name());
    }
}

#[test]
fn another_injector_upgrades_in_place() {
    let other = "bootstrapServers: other:9092\ntransactionalIdPrefix: other\nimage: example.com/sidecommit:9\nenv: {SIDECOMMIT_LIMITS_QUEUE: 7}\n";
    let other = Defaults::from_yaml(other).unwrap();
    for golden in Golden::all() {
        let direct = inject_all(&golden.input, golden.opt_in, &other);
        let upgraded = inject_all(&golden.inject(&golden.input).documents, golden.opt_in, &other);
        if !direct.denied {
            assert_eq!(upgraded.documents, direct.documents, "{}", golden.name());
        }
    }
}

#[test]
fn what_is_written_is_what_was_meant() {
    for golden in Golden::all() {
        let done = golden.inject(&golden.input);
        let text = yaml::write(&done.documents, Format::Yaml).unwrap();
        assert_eq!(yaml::parse(&text).unwrap(), done.documents, "{}", golden.name());
    }
}
