//! What processes take of the machine, from /proc.

use crate::exit::Failure;
use std::time::Duration;

/// USER_HZ, the same on all architectures that the sidecar ships for.
const TICKS_PER_SECOND: f64 = 100.0;
const KIB_PER_MIB: f64 = 1024.0;

/// Until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// User and system, all threads.
    pub(super) cpu_s: f64,
    /// Resident now.
    pub(super) rss_mib: f64,
    /// The most that was resident since the start.
    pub(super) rss_peak_mib: f64,
}

/// Whose.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Process(u32),
    /// All processes of a group, which is named by its first.
    Group(u32),
}

// === impl Whose ===

impl Whose {
    pub(super) fn usage(self) -> Result<Usage, Failure> {
        match self {
            Self::Process(pid) => of(pid)
                .map(|(_, usage)| usage)
                .ok_or_else(|| Failure::Unavailable(format!("process {pid} has ended"))),
            Self::Group(group) => of_group(group),
        }
    }
}

/// This process's.
pub(super) fn own() -> Result<Usage, Failure> {
    Whose::Process(std::process::id()).usage()
}

fn of_group(group: u32) -> Result<Usage, Failure> {
    let all = std::fs::read_dir("/proc").map_err(Failure::internal)?;
    let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ended while it was looked at is not there any more.
    let members = pids.filter_map(of).filter(|(of, _)| *of == group);
    let add = |sum: Option<Usage>, (_, one): (u32, Usage)| {
        let sum = sum.unwrap_or_default();
        Some(Usage {
            cpu_s: sum.cpu_s + one.cpu_s,
            rss_mib: sum.rss_mib + one.rss_mib,
            rss_peak_mib: sum.rss_peak_mib + one.rss_peak_mib,
        })
    };
    members.fold(None, add).ok_or_else(|| Failure::Unavailable(format!("process group {group} has ended")))
}

/// Its group and what it takes. None: there is no such process any more.
fn of(pid: u32) -> Option<(u32, Usage)> {
    let (group, cpu_s) = stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss_mib = memory(&status, "VmRSS:")?;
    Some((group, Usage { cpu_s, rss_mib, rss_peak_mib: memory(&status, "VmHWM:")? }))
}

/// Process group and CPU time in `/proc/<pid>/stat`. The name may contain anything, brackets too.
fn stat(text: &str) -> Option<(u32, f64)> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |nth: usize| fields.get(nth)?.parse::<u64>().ok();
    // Fields 5, 14 and 15 of proc(5), which counts from 1 and has two before these.
    Some((number(2)?.try_into().ok()?, (number(11)? + number(12)?) as f64 / TICKS_PER_SECOND))
}

/// A line of `/proc/<pid>/status`.
fn memory(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / KIB_PER_MIB)
}

// === impl Usage ===

impl Usage {
    /// CPU time since then, and memory as it is now.
    pub(super) fn since(self, before: Self) -> Self {
        Self { cpu_s: self.cpu_s - before.cpu_s, ..self }
    }

    /// Of a core, over some time.
    pub(super) fn cores(self, time: Duration) -> f64 {
        self.cpu_s / time.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_whatever_the_process_is_called() {
        let text = "42 (a) b 7) S 1 40 40 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1000000 500";
        assert_eq!(stat(text), Some((40, 3.0)));
        assert_eq!(memory("Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1536 kB\n", "VmRSS:"), Some(1.5));
        assert_eq!((stat("42 (x) S 1"), memory("", "VmRSS:")), (None, None));
    }

    #[test]
    fn this_process_takes_something() {
        let usage = own().unwrap();
        assert!(usage.rss_mib > 0.5 && usage.rss_peak_mib >= usage.rss_mib, "{usage:?}");
        let (group, _) = of(std::process::id()).unwrap();
        assert!(Whose::Group(group).usage().unwrap().rss_mib > 0.5);
        assert!(Whose::Process(u32::MAX).usage().is_err());
    }
}
