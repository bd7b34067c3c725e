//! `sidecommit inject` and `uninject`, the built binary.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s/inject/tests/golden")
}

fn golden(name: &str, file: &str) -> String {
    fs::read_to_string(goldens().join(name).join(file)).unwrap()
}

/// Runs with a text on standard input.
fn sidecommit(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidecommit"))
        .env_clear()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn inject(more: &[&str], input: &str) -> Output {
    let defaults = goldens().join("defaults.yaml").display().to_string();
    sidecommit(&[&["inject", "-f", "-", "--defaults", &defaults], more].concat(), input)
}

/// Exit code, standard output, standard error.
fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn manifests_go_to_standard_output_and_the_report_to_standard_error() {
    for (name, more) in [("list", &[][..]), ("multi-document", &[]), ("skipped", &[]), ("all", &["--all"])] {
        let expected = (0, golden(name, "output.yaml"), golden(name, "report.txt"));
        assert_eq!(ended(inject(more, &golden(name, "input.yaml"))), expected, "{name}");
    }
}

#[test]
fn a_denial_exits_with_1_and_prints_no_manifests() {
    let (code, out, err) = ended(inject(&[], &golden("denied", "input.yaml")));
    let report = golden("denied", "report.txt") + "sidecommit: denied; no manifests were printed\n";
    assert_eq!((code, out, err), (1, String::new(), report));
}

#[test]
fn check_asks_whether_anything_would_change() {
    let (input, output) = (golden("statefulset", "input.yaml"), golden("statefulset", "output.yaml"));
    let (code, out, err) = ended(inject(&["--check"], &input));
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("statefulset/orders: injected"), "{err}");
    let (code, out, err) = ended(inject(&["--check"], &output));
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "", "statefulset/orders: skipped: already-injected\n")
    );
    assert_eq!(ended(inject(&["--check"], &golden("denied", "input.yaml"))).0, 1);
}

#[test]
fn uninject_takes_out_what_inject_put_in() {
    let (code, out, err) = ended(sidecommit(&["uninject", "-f", "-"], &golden("overrides", "output.yaml")));
    assert_eq!((code, err.as_str()), (0, "deployment/tuned: uninjected\n"));
    let (code, again, _) = ended(inject(&[], &out));
    assert_eq!((code, again), (0, golden("overrides", "output.yaml")));
    let (code, same, err) = ended(sidecommit(&["uninject", "-f", "-"], &out));
    assert_eq!((code, same, err.as_str()), (0, out, "deployment/tuned: skipped: not-injected\n"));
}

#[test]
fn what_cannot_be_read_is_a_wrong_argument() {
    let (code, out, err) = ended(inject(&[], "a: [1"));
    assert_eq!((code, out.as_str()), (64, ""), "{err}");
    assert!(err.contains("-: no YAML"), "{err}");
    let (code, _, err) = ended(sidecommit(&["inject", "-f", "/nowhere/at/all.yaml"], ""));
    assert_eq!(code, 64, "{err}");
    assert!(err.contains("/nowhere/at/all.yaml"), "{err}");
    let defaults = goldens().join("denied/input.yaml").display().to_string();
    let (code, _, err) = ended(sidecommit(&["inject", "-f", "-", "--defaults", &defaults], ""));
    assert_eq!(code, 64);
    assert!(err.contains("apiVersion: \"apps/v1\" is not accepted: a known key"), "{err}");
}
