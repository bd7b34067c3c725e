//! A driver: a process behind the line protocol.

use crate::{Wrong, interrupt};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// A driver that says nothing for so long while something is due is taken for dead.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first answer also has the start of a runtime in it, on a machine that others use too.
const START_PATIENCE: Duration = Duration::from_secs(180);
const PACE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    inbox: Inbox,
}

/// What was asked and said.
#[derive(Debug, Default)]
struct Inbox {
    last: u64,
    /// Calls that were not answered yet, in their order.
    open: VecDeque<u64>,
    /// Those whose answer nobody waits for.
    ignored: BTreeSet<u64>,
    answers: VecDeque<(u64, Value)>,
    events: Vec<Value>,
    /// Events of calls up to this one are of no interest any more.
    stale: u64,
}

// === impl Driver ===

impl Driver {
    /// Starts it; its standard error goes to the file.
    pub(crate) fn start(program: &Path, address: &str, name: &str, stderr: &Path) -> Result<Self, Wrong> {
        let wrong = |error: std::io::Error| Wrong::new(format!("{}: {error}", program.display()));
        let ours = std::env::vars_os().filter(|(name, _)| {
            name.to_str().is_none_or(|name| !name.starts_with("SIDECOMMIT_") && name != "BOOTSTRAP_SERVERS")
        });
        let mut child = Command::new(program)
            .env_clear()
            .envs(ours)
            .env("SIDECOMMIT_ADDRESS", address)
            .env("SIDECOMMIT_DRIVER", name)
            // A script's child is killed with it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(stderr).map_err(wrong)?)
            .spawn()
            .map_err(wrong)?;
        let (say, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                // Lines that are no text are nonsense, and not silence.
                for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                    if say.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        break;
                    }
                }
            });
        }
        let stdin = child.stdin.take();
        let mut driver = Self { child, stdin, lines, inbox: Inbox::default() };
        driver.call(json!({"op": "connect", "deadline_ms": 60_000}))?;
        driver.wait(START_PATIENCE, "connect", Inbox::answer).and_then(|answer| match answer.get("ok") {
            Some(_) => Ok(()),
            None => Err(Wrong::new(format!("connect: {answer}"))),
        })?;
        Ok(driver)
    }

    /// Sends a command.
    pub(crate) fn call(&mut self, command: Value) -> Result<(), Wrong> {
        let id = self.send(command)?;
        self.inbox.open.push_back(id);
        Ok(())
    }

    /// Sends a command to what is running; nobody waits for an answer.
    pub(crate) fn tell(&mut self, command: Value) -> Result<(), Wrong> {
        let id = self.send(command)?;
        self.inbox.ignored.insert(id);
        Ok(())
    }

    /// The answer of the oldest call that has none.
    pub(crate) fn answer(&mut self) -> Result<Value, Wrong> {
        self.wait(PATIENCE, "an answer", Inbox::answer)
    }

    /// The next event of this name.
    pub(crate) fn event(&mut self, name: &str) -> Result<Value, Wrong> {
        self.wait(PATIENCE, name, |inbox| inbox.event(name))
    }

    /// What was called before is over.
    pub(crate) fn begin(&mut self) {
        self.inbox.stale = self.inbox.last;
        self.inbox.events.clear();
    }

    /// Whether all calls are answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.inbox.open.is_empty() && self.inbox.answers.is_empty()
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<(), Wrong> {
        let group = Pid::from_child(&self.child);
        kill_process_group(group, signal).map_err(|error| Wrong::new(format!("signal the driver: {error}")))
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn send(&mut self, mut command: Value) -> Result<u64, Wrong> {
        self.inbox.last += 1;
        command["id"] = json!(self.inbox.last);
        let line = format!("{command}\n");
        let stdin = self.stdin.as_mut().ok_or_else(|| Wrong::new("its standard input is closed"))?;
        stdin
            .write_all(line.as_bytes())
            .and_then(|()| stdin.flush())
            .map_err(|error| Wrong::new(format!("the driver takes no command any more ({error})")))?;
        Ok(self.inbox.last)
    }

    fn wait(
        &mut self,
        patience: Duration,
        what: &str,
        mut found: impl FnMut(&mut Inbox) -> Option<Value>,
    ) -> Result<Value, Wrong> {
        let until = Instant::now() + patience;
        loop {
            if let Some(found) = found(&mut self.inbox) {
                return Ok(found);
            }
            interrupt::check()?;
            match self.lines.recv_timeout(PACE) {
                Ok(line) => self.inbox.take(&line)?,
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Wrong::new(format!(
                        "the driver did not say {what} within {} s",
                        patience.as_secs()
                    )));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map(|status| status.to_string()).unwrap_or_default();
                    return Err(Wrong::new(format!("the driver ended ({status}) before it said {what}")));
                }
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stdin = None;
        // Already ended is fine.
        let _ = self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

// === impl Inbox ===

impl Inbox {
    fn take(&mut self, line: &str) -> Result<(), Wrong> {
        let nonsense = |why: &str| Wrong::new(format!("the driver said what is {why}: {line}"));
        let said: Value = serde_json::from_str(line).map_err(|_| nonsense("no JSON"))?;
        let id = said.get("id").and_then(Value::as_u64).filter(|id| (1..=self.last).contains(id));
        let id = id.ok_or_else(|| nonsense("the answer of no command"))?;
        if said.get("event").is_some() {
            if id > self.stale {
                self.events.push(said);
            }
        } else if said.get("ok").is_some_and(Value::is_object)
            != said.get("error").is_some_and(Value::is_object)
        {
            if !self.ignored.contains(&id) {
                if !self.open.contains(&id) || self.answers.iter().any(|(answered, _)| *answered == id) {
                    return Err(nonsense("a second answer"));
                }
                self.answers.push_back((id, said));
            }
        } else {
            return Err(nonsense("neither ok nor error nor event"));
        }
        Ok(())
    }

    fn answer(&mut self) -> Option<Value> {
        let oldest = *self.open.front()?;
        let place = self.answers.iter().position(|(id, _)| *id == oldest)?;
        self.open.pop_front();
        self.answers.remove(place).map(|(_, answer)| answer)
    }

    fn event(&mut self, name: &str) -> Option<Value> {
        let place =
            self.events.iter().position(|said| said.get("event").is_some_and(|event| event == name))?;
        Some(self.events.remove(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> Inbox {
        Inbox { last: 3, open: [1, 3].into(), ignored: [2].into(), ..Inbox::default() }
    }

    #[test]
    fn answers_come_in_the_order_of_their_calls() {
        let mut inbox = inbox();
        for line in [r#"{"id":3,"ok":{}}"#, r#"{"id":2,"ok":{}}"#, r#"{"id":1,"event":"paused"}"#] {
            inbox.take(line).expect("is sense");
        }
        assert_eq!(inbox.answer(), None);
        assert_eq!(inbox.event("stopped"), None);
        assert!(inbox.event("paused").is_some());
        assert_eq!(inbox.event("paused"), None);
        inbox.take(r#"{"id":1,"error":{"kind":"other"}}"#).expect("is sense");
        assert_eq!(inbox.answer(), Some(json!({"id": 1, "error": {"kind": "other"}})));
        assert_eq!(inbox.answer(), Some(json!({"id": 3, "ok": {}})));
        assert!(inbox.take(r#"{"id":3,"ok":{}}"#).is_err(), "it has been answered");
    }

    #[test]
    fn events_of_scenarios_before_are_none() {
        let mut inbox = Inbox { stale: 2, ..inbox() };
        inbox.take(r#"{"id":2,"event":"stopped","settled":1}"#).expect("is sense");
        inbox.take(r#"{"id":3,"event":"stopped","settled":2}"#).expect("is sense");
        assert_eq!(inbox.event("stopped").and_then(|event| event["settled"].as_u64()), Some(2));
        assert_eq!(inbox.event("stopped"), None);
    }

    #[test]
    fn nonsense_is_an_error() {
        for line in [
            "",
            "hello",
            "{}",
            r#"{"id":9,"ok":{}}"#,
            r#"{"id":"1","ok":{}}"#,
            r#"{"id":1}"#,
            r#"{"id":1,"ok":1}"#,
        ] {
            assert!(inbox().take(line).is_err(), "{line}");
        }
        let both = r#"{"id":1,"ok":{},"error":{}}"#;
        assert!(inbox().take(both).is_err());
    }
}
