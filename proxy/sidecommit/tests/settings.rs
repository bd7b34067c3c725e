//! The built binary refuses bad settings with exit code 64 and opens nothing.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::{
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

/// A sidecar with settings that are all good, whose places are in a folder of its own.
struct Sandbox {
    folder: TempDir,
    /// Holds the TCP address that `serve` is given, so that no other process can take it: a sidecar that tried to bind it would say so.
    tcp: TcpListener,
}

// === impl Sandbox ===

impl Sandbox {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), tcp: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// `serve` with good settings as variables, so that flags can replace each.
    fn serve(&self) -> Command {
        let mut command = sidecommit();
        command
            .arg("serve")
            // Nobody listens on the discard port: were the settings accepted, the test would not disturb a Kafka.
            .env("SIDECOMMIT_BOOTSTRAP_SERVERS", "127.0.0.1:9")
            .env("SIDECOMMIT_SLOT", "test/default/settings/0")
            .env("SIDECOMMIT_JOURNAL_DIR", self.path("journal"))
            .env("SIDECOMMIT_SOCKET", self.path("api.sock"))
            .env("SIDECOMMIT_ADMIN_SOCKET", self.path("admin.sock"))
            .env("SIDECOMMIT_TCP_ADDRESS", self.tcp.local_addr().unwrap().to_string());
        command
    }

    /// Nothing was opened: no file, no socket, no port.
    fn assert_untouched(&self, case: &str) {
        let found: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(found.is_empty(), "{case}: {found:?}");
    }
}

/// The binary, without the variables of whoever runs the tests.
fn sidecommit() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidecommit"));
    command.env_clear();
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn bad_settings_exit_64_naming_setting_value_and_form_and_open_nothing() {
    for (arguments, said) in [
        (&["--tcp-address", "0.0.0.0:9910"][..], &["tcp_address", "0.0.0.0:9910", "loopback"][..]),
        (&["--bootstrap-servers", "kafka"], &["bootstrap_servers", "\"kafka\"", "host:port"]),
        (&["--grace", "1s"], &["grace", "\"1s\"", "from 2s to 1h"]),
        (&["--limits-idle-timeout", "10"], &["limits.idle_timeout", "\"10\"", "10s"]),
        (&["--limits-idle-timeout", "45s"], &["limits.idle_timeout", "45s", "less than limits.lane_timeout"]),
        (&["--limits-lanes-max", "0"], &["limits.lanes_max", "\"0\"", "from 1 to 256"]),
        (
            &["--limits-lanes-reserved", "8"],
            &["limits.lanes_reserved", "\"8\"", "less than limits.lanes_max (8)"],
        ),
        (&["--max-message-size", "16MB"], &["max_message_size", "16MB", "16MiB"]),
        (&["--socket-mode", "rw"], &["socket_mode", "\"rw\"", "octal"]),
        (&["--outcomes-mode", "files"], &["outcomes.mode", "files", "topic or private-groups"]),
        (&["--log-level", "loud"], &["log.level", "loud", "debug"]),
        (&["--metrics-address", "9911"], &["metrics_address", "9911", "0.0.0.0:9911"]),
        (&["--slot", "a/b/c"], &["slot", "a/b/c", "<prefix>/<namespace>/<workload>/<ordinal>"]),
        (&["--slot", "a/b/10.1.2.3/0"], &["slot", "10.1.2.3", "zombie", "StatefulSet"]),
        (&["--slot", "a/b/app-7c9d8b6f5d-x2k4z/0"], &["slot", "app-7c9d8b6f5d-x2k4z", "pod-template-hash"]),
        (&["--kafka", "transactional.id=x"], &["kafka.transactional.id", "cannot be set", "--kafka"]),
        (&["--kafka", "enable.idempotence=false"], &["kafka.enable.idempotence", "cannot be set"]),
        (&["--kafka", "no.such.property=1"], &["kafka.no.such.property", "unknown property"]),
        (&["--kafka", "socket.timeout.ms=5"], &["kafka.socket.timeout.ms", "\"5\"", "10..300000"]),
        (&["--kafka", "linger.ms"], &["kafka", "linger.ms", "key=value"]),
        (&["--failpoint", "nowhere"], &["failpoint", "nowhere", "before-prepared"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
    ] {
        let sandbox = Sandbox::new();
        let output = sandbox.serve().args(arguments).output().unwrap();
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {message}");
        for part in said {
            assert!(message.contains(part), "{arguments:?}: {part} in {message}");
        }
        sandbox.assert_untouched(&format!("{arguments:?}"));
    }
}

#[test]
fn bad_variables_and_files_exit_64_too() {
    let sandbox = Sandbox::new();
    let output = sandbox.serve().env("SIDECOMMIT_LIMITS_QEUE", "5").output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{message}");
    assert!(
        message.contains("SIDECOMMIT_LIMITS_QEUE")
            && message.contains("did you mean SIDECOMMIT_LIMITS_QUEUE")
    );

    let output =
        sandbox.serve().env_remove("SIDECOMMIT_BOOTSTRAP_SERVERS").env_remove("SIDECOMMIT_SLOT").output();
    let output = output.unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{message}");
    assert!(message.contains("bootstrap_servers: not set") && message.contains("slot: not set"), "{message}");
    sandbox.assert_untouched("missing settings");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[limits]\nlanes_max = \"many\"\nlanes = 3").unwrap();
    let output = sandbox.serve().arg("--config").arg(file.path()).output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{message}");
    for part in
        ["limits.lanes_max: \"many\"", "from 1 to 256", "limits.lanes ", "did you mean limits.lanes_max"]
    {
        assert!(message.contains(part), "{part} in {message}");
    }
    sandbox.assert_untouched("a bad file");
}

#[test]
fn a_secret_is_in_no_message() {
    let sandbox = Sandbox::new();
    let secret = "correct-horse-battery";
    let output = sandbox
        .serve()
        .env("SIDECOMMIT_KAFKA_SASL_PASSWORD", secret)
        .args(["--grace", "1s", "--kafka", "sasl.mechanism=NONSENSE"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(!stderr(&output).contains(secret));
    let output = sidecommit()
        .args(["config", "print", "--json"])
        .env("SIDECOMMIT_KAFKA_SASL_PASSWORD", secret)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !printed.contains(secret), "{printed}");
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["kafka.sasl.password"]["value"], "***");
    assert_eq!(printed["kafka.sasl.password"]["source"], "SIDECOMMIT_KAFKA_SASL_PASSWORD");
}

#[test]
fn commands_without_a_sidecar_say_where_they_looked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    for arguments in [
        &["healthcheck"][..],
        &["healthcheck", "--live"],
        &["resume"],
        &["transactions", "list"],
        &["transactions", "abort", "tx-00000000000000000000000000000000"],
    ] {
        let output = sidecommit().args(arguments).arg("--admin-socket").arg(&socket).output().unwrap();
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(69), "{arguments:?}: {message}");
        assert!(message.contains("admin_socket") && message.contains("admin.sock"), "{message}");
    }
    let output = sidecommit().args(["transactions", "show", "tx-12"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn journal_commands_say_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("journal");
    let journal = |arguments: &[&str]| {
        sidecommit().arg("journal").args(arguments).arg("--journal-dir").arg(&absent).output().unwrap()
    };
    let output = journal(&["inspect"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("there is no journal in"));
    let output = journal(&["discard"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("--yes"));
    assert_eq!(journal(&["discard", "--yes"]).status.code(), Some(64));
    assert!(!absent.exists());
}

#[test]
fn what_is_printed_is_complete() {
    let print = |arguments: &[&str]| {
        let output = sidecommit().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let proto = print(&["proto"]);
    assert!(proto.contains("service TransactionService") && proto.contains("service AdminService"));
    assert!(print(&["proto", "sidecommit/v1/error.proto"]).contains("enum Reason"));
    let folder = tempfile::tempdir().unwrap();
    print(&["proto", "--out", folder.path().to_str().unwrap()]);
    let written = std::fs::read_to_string(folder.path().join("sidecommit/v1/types.proto")).unwrap();
    assert!(written.contains("message Record"));
    assert!(print(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
    assert!(print(&["serve", "--help"]).contains("--limits-open-transactions"));
    assert!(!print(&["serve", "--help"]).contains("--failpoint"));
    assert!(print(&["config", "print"]).contains("[limits]\nlanes_max = 8  # default"));
}

#[test]
fn an_unreadable_file_exits_64() {
    let folder = tempfile::tempdir().unwrap();
    // A folder stands in for a file without permissions, which root can read.
    for path in [folder.path(), Path::new("/nonexistent/sidecommit.toml")] {
        let output = sidecommit().args(["config", "print", "--config"]).arg(path).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(stderr(&output).contains("expected a readable TOML file"));
    }
}
