//! The programs that the demo and the bench start.

use crate::exit::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// The file of this process, also when a build has put another in its place: all processes of a run are of one build.
const OWN_FILE: &str = "/proc/self/exe";

/// This binary again. The variables of whoever runs the demo are not for the demo's own sidecar.
pub(crate) fn sidecommit() -> Command {
    let mut command = Command::new(OWN_FILE);
    command.arg0("sidecommit");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("SIDECOMMIT_")) {
            command.env_remove(name);
        }
    }
    prepared(command)
}

/// Starts brokers, and reads with Kafka's tools.
pub(super) fn kafka_fixture() -> Result<Command, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::Internal(format!("finding this program: {error}")))?;
    let path = own.with_file_name("kafka-fixture");
    if !path.is_file() {
        let path = path.display();
        return Err(Failure::Unavailable(format!(
            "{path} is missing: build it with `cargo build --workspace`"
        )));
    }
    Ok(prepared(Command::new(path)))
}

/// Sends a signal to one of them, unless it has ended.
pub(crate) fn signal(child: &Child, signal: Signal) -> Result<(), Failure> {
    match child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        Some(pid) => kill_process(pid, signal).map_err(Failure::internal),
        None => Ok(()),
    }
}

/// Ctrl-C is for whoever starts it, who then ends it; so is its own end, however it comes.
pub(crate) fn prepared(mut command: Command) -> Command {
    command.process_group(0).kill_on_drop(true).stdin(Stdio::null());
    command
}
