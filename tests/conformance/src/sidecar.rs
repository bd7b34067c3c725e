//! The sidecar of a cell: one slot, one journal, the same two addresses in each of its lives.

use crate::{Wrong, interrupt};
use rustix::process::{Pid, Signal, kill_process};
use sidecommit_e2e::App;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Duration = Duration::from_millis(20);
const LOG_LINES: usize = 6;
const JOURNAL: &str = "journal";

/// What all scenarios have: soon noticed that a driver was killed; Kafka's topics are this broker's.
const SETTINGS: [(&str, &str); 5] = [
    ("limits.session_grace", "1s"),
    ("outcomes.replication_factor", "1"),
    ("outcomes.min_insync_replicas", "1"),
    ("outcomes.partitions", "1"),
    ("kafka.heartbeat.interval.ms", "300"),
];

/// How to start it.
#[derive(Debug)]
pub(crate) struct Pod {
    folder: TempDir,
    logs: PathBuf,
    slot: String,
    bootstrap: String,
    name: String,
    port: u16,
    metrics: u16,
    starts: u32,
}

/// A running one; killed when dropped.
#[derive(Debug)]
pub(crate) struct Sidecar {
    child: Child,
    socket: PathBuf,
    admin: PathBuf,
    metrics: u16,
    log: PathBuf,
}

// === impl Pod ===

impl Pod {
    /// Of this slot, with folder, port and pod uid of its own.
    pub(crate) fn new(bootstrap: &str, slot: &str, name: &str, logs: &Path) -> Result<Self, Wrong> {
        let folder = TempDir::new().map_err(|error| Wrong::new(format!("a temporary folder: {error}")))?;
        Ok(Self {
            folder,
            logs: logs.to_owned(),
            slot: slot.to_owned(),
            bootstrap: bootstrap.to_owned(),
            name: name.to_owned(),
            port: free_port()?,
            metrics: free_port()?,
            starts: 0,
        })
    }

    pub(crate) fn slot(&self) -> &str {
        &self.slot
    }

    /// What drivers are told, by transport.
    pub(crate) fn address(&self, transport: &str) -> String {
        match transport {
            "tcp" => format!("127.0.0.1:{}", self.port),
            _ => format!("unix://{}", self.folder.path().join("api.sock").display()),
        }
    }

    /// The outcomes topic. Of its own: no cell waits for what another one's killed sidecar left open.
    pub(crate) fn outcomes(&self) -> String {
        format!("{}-outcomes", self.slot.replace('/', "-"))
    }

    /// Loses the journal.
    pub(crate) fn forget(&self) -> Result<(), Wrong> {
        let journal = self.folder.path().join(JOURNAL);
        fs::remove_dir_all(&journal).map_err(|error| Wrong::new(format!("{}: {error}", journal.display())))
    }

    /// Starts it; it may not serve yet.
    pub(crate) fn start(
        &mut self,
        settings: &BTreeMap<String, String>,
        failpoint: Option<&str>,
    ) -> Result<Sidecar, Wrong> {
        let wrong = |what: &Path, error: std::io::Error| Wrong::new(format!("{}: {error}", what.display()));
        let path = |name: &str| self.folder.path().join(name);
        self.starts += 1;
        let log = self.logs.join(format!("{}-{}.log", self.name, self.starts));
        let file = File::create(&log).map_err(|error| wrong(&log, error))?;
        let binary = std::env::current_exe()
            .ok()
            .and_then(|runner| runner.parent().map(|folder| folder.join("sidecommit")))
            .ok_or_else(|| Wrong::new("the runner's own path is unknown"))?;
        let mut command = Command::new(&binary);
        command.arg("serve").env_clear().stderr(file);
        let mut set = |name: &str, value: &str| {
            command.env(format!("SIDECOMMIT_{}", name.replace('.', "_").to_ascii_uppercase()), value);
        };
        for (name, file) in [("journal_dir", JOURNAL), ("socket", "api.sock"), ("admin_socket", "admin.sock")]
        {
            set(name, &path(file).display().to_string());
        }
        set("bootstrap_servers", &self.bootstrap);
        set("slot", &self.slot);
        set("pod_uid", &format!("pod-{}-{}", self.name, self.port));
        set("tcp_address", &format!("127.0.0.1:{}", self.port));
        set("metrics_address", &format!("127.0.0.1:{}", self.metrics));
        set("outcomes.topic", &self.outcomes());
        SETTINGS.iter().for_each(|(name, value)| set(name, value));
        settings.iter().for_each(|(name, value)| set(name, value));
        failpoint.iter().for_each(|failpoint| set("failpoint", failpoint));
        let child = command.spawn().map_err(|error| wrong(&binary, error))?;
        Ok(Sidecar { child, socket: path("api.sock"), admin: path("admin.sock"), metrics: self.metrics, log })
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// Waits for a serving state.
    pub(crate) fn reach(&mut self, state: &str, runtime: &Runtime) -> Result<(), Wrong> {
        let mut app = {
            let _entered = runtime.enter();
            App::connect(&self.socket)
        };
        let mut last = None;
        eventually(|| {
            if self.has_ended() {
                return Err(Wrong::new(format!(
                    "the sidecar ended; its log ends with:\n{}",
                    self.log_tail()
                )));
            }
            let asked = async { tokio::time::timeout(Duration::from_secs(2), app.state()).await };
            last = runtime.block_on(asked).ok().flatten();
            Ok(last.as_deref() == Some(state))
        })?
        .then_some(())
        .ok_or_else(|| {
            Wrong::new(format!(
                "the sidecar is not {state} but {last:?}; its log ends with:\n{}",
                self.log_tail()
            ))
        })
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(mut self) -> Result<(), Wrong> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map(drop)
            .map_err(|error| Wrong::new(format!("kill: {error}")))
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Wrong> {
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(|error| Wrong::new(format!("signal the sidecar: {error}")))
    }

    /// Waits until it killed itself.
    pub(crate) fn died(&mut self) -> Result<(), Wrong> {
        let died = eventually(|| Ok(self.has_ended()))?;
        died.then_some(()).ok_or_else(|| Wrong::new("the sidecar did not come to its failpoint"))
    }

    /// Waits until it has refused a call for this reason.
    pub(crate) fn has_refused(&self, reason: &str) -> Result<(), Wrong> {
        let counted = format!("calls_refused_total{{reason=\"{reason}\"}}");
        let refused =
            eventually(|| Ok(scrape(self.metrics).is_ok_and(|metrics| metrics.contains(&counted))))?;
        refused.then_some(()).ok_or_else(|| Wrong::new(format!("the sidecar refused nothing for {reason}")))
    }

    /// `sidecommit resume`.
    pub(crate) fn resume(&self) -> Result<(), Wrong> {
        let binary =
            std::env::current_exe().ok().and_then(|runner| Some(runner.parent()?.join("sidecommit")));
        let output = Command::new(binary.unwrap_or_default())
            .arg("resume")
            .env_clear()
            .env("SIDECOMMIT_ADMIN_SOCKET", &self.admin)
            .output()
            .map_err(|error| Wrong::new(format!("sidecommit resume: {error}")))?;
        let said = String::from_utf8_lossy(&output.stderr);
        output.status.success().then_some(()).ok_or_else(|| Wrong::new(format!("sidecommit resume: {said}")))
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        // One replica is what this broker has.
        let lines: Vec<_> =
            text.lines().filter(|line| !line.contains(" can lose committed records: ")).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Already ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Below the ports that the system gives to connections, so that it is free after a restart too.
fn free_port() -> Result<u16, Wrong> {
    (0..200)
        .map(|_| fastrand::u16(20_000..32_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or_else(|| Wrong::new("no port is free"))
}

/// What Prometheus would read.
fn scrape(port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Looks until it holds; false if it does not in time.
pub(crate) fn eventually(mut holds: impl FnMut() -> Result<bool, Wrong>) -> Result<bool, Wrong> {
    let until = Instant::now() + PATIENCE;
    loop {
        if holds()? {
            return Ok(true);
        }
        interrupt::check()?;
        if Instant::now() >= until {
            return Ok(false);
        }
        thread::park_timeout(PACE);
    }
}
