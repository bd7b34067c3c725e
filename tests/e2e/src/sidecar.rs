//! The sidecar as a process of its own.

use crate::{
    App,
    log::{self, Expected},
    unique,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How to start a sidecar; every start from one spec is the same pod's container again.
#[derive(Clone, Debug)]
pub struct Spec {
    folder: Arc<TempDir>,
    slot: String,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    expected: Vec<Expected>,
}

/// A running sidecar; killed when dropped. Its log is scanned then: a WARN or ERROR that no expectation explains fails
/// the test.
#[derive(Debug)]
pub struct Sidecar {
    child: Child,
    folder: Arc<TempDir>,
    log: PathBuf,
    expected: Vec<Expected>,
}

// === impl Spec ===

impl Spec {
    /// A slot of its own on the brokers.
    pub fn new(bootstrap: &str) -> Self {
        // Not with the number last: five digits after nine look like the name of a Deployment's pod, which is refused.
        Self::of_slot(bootstrap, &format!("e2e/test/{}-slot/0", unique("app")))
    }

    /// This slot, in a folder (journal, sockets) of its own: another pod.
    pub fn of_slot(bootstrap: &str, slot: &str) -> Self {
        let folder = Arc::new(TempDir::new().expect("a temporary folder"));
        let spec = Self {
            folder,
            slot: slot.to_owned(),
            settings: Vec::new(),
            variables: Vec::new(),
            expected: Expected::common(),
        };
        spec.set("bootstrap_servers", bootstrap)
            .set("slot", slot)
            .set("pod_uid", &unique("pod"))
            .set("outcomes.replication_factor", "1")
            .set("outcomes.min_insync_replicas", "1")
    }

    /// With a setting, by its name in the file.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The test brings about that its sidecar warns: `line` has parts of the line in their order, with ` .. ` between
    /// them, and is as narrow as it can be. `why` says what the test does to bring it about.
    pub fn expects(mut self, line: &str, why: &str) -> Self {
        self.expected.push(Expected::new(line, why));
        self
    }

    /// With an environment variable that is no setting.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The test has a producer of this sidecar fenced: `why` says by whom.
    pub fn expects_fence(mut self, why: &str) -> Self {
        self.expected.push(Expected::fence(why));
        self
    }

    /// Any of its requests to Kafka, and of the replies, may meet any fault on the wire.
    pub fn expects_wire_faults(mut self) -> Self {
        self.expected.extend(Expected::wire_faults());
        self
    }

    /// The slot.
    pub fn slot(&self) -> &str {
        &self.slot
    }

    /// The journal's folder.
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Starts it; it may not serve yet.
    pub fn start(&self) -> Sidecar {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = self.folder.path().join(unique("log"));
        let mut command = Command::new(binary());
        command.arg("serve").env_clear().stderr(File::create(&log).expect("a log file"));
        let own = [("journal_dir", "journal"), ("socket", "api.sock"), ("admin_socket", "admin.sock")];
        for (name, value) in
            own.map(|(name, file)| (name.to_owned(), path(file))).iter().chain(&self.settings)
        {
            command.env(format!("SIDECOMMIT_{}", name.replace('.', "_").to_ascii_uppercase()), value);
        }
        command.envs(self.variables.iter().cloned());
        let child = command.spawn().expect("target/debug/sidecommit starts (cargo build --workspace first)");
        Sidecar { child, folder: self.folder.clone(), log, expected: self.expected.clone() }
    }

    /// Starts it and waits until it serves.
    pub async fn serve(&self) -> Sidecar {
        let sidecar = self.start();
        sidecar.serving().await;
        sidecar
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// The Unix socket for applications.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    /// The Unix socket for operators.
    pub fn admin_socket(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    /// An application that is connected; connects anew whenever the sidecar was away.
    pub fn app(&self) -> App {
        App::connect(&self.socket())
    }

    /// Waits until it serves.
    pub async fn serving(&self) {
        let mut app = self.app();
        crate::eventually("the sidecar serves", 60, async || app.state().await.as_deref() == Some("READY"))
            .await;
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(done.expect("kill runs").success(), "kill -{name}");
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Runs a command of the binary against this sidecar's admin socket.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().env("SIDECOMMIT_ADMIN_SOCKET", self.admin_socket());
        let output = command.output().expect("the binary runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it does not end in the patience.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(
                Instant::now() < end,
                "the sidecar did not end within {patience:?}; its log:\n{}",
                self.log()
            );
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Whether it stands still, by SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // After the name, which is in brackets and may have any character.
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    }

    /// Whether it ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// The most memory that it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("the kernel tells its peak") << 10
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The address it says it listens on: "tcp" or "metrics".
    ///
    /// # Panics
    /// If it did not say so yet, or has no such address.
    pub fn bound(&self, which: &str) -> String {
        let (log, key) = (self.log(), format!(" {which}="));
        let line = log.lines().find(|line| line.contains("listening")).expect("it listens");
        let (_, value) = line.split_once(&key).expect("it listens there");
        value.split(' ').next().unwrap_or(value).to_owned()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Already ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of a sidecar\n{}", self.log());
        } else if let Some(complaint) = log::complaint(&self.log(), &self.expected) {
            panic!("{complaint}");
        }
    }
}

/// Any command of the binary, without the variables of whoever runs the tests.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    // The system's programs are found by PATH.
    command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// The binary.
pub(crate) fn binary() -> PathBuf {
    built("sidecommit")
}

/// What the workspace's build put beside the test's own folder, in target/debug.
pub(crate) fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let target = test.parent().and_then(Path::parent).expect("target/debug/deps/test");
    target.join(name)
}
