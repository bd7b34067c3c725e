//! Named points at which a crash test has the process kill itself, as SIGKILL does: nothing is flushed or closed. Or stop
//! itself, so that a test of Kafka's failures can have them happen at that point.

use parking_lot::Mutex;
use rustix::process::{Signal, getpid, kill_process};
use std::{fmt, io, str::FromStr, sync::Arc};
use tokio::{runtime, signal::unix};

/// Where a commit or a recovery can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A group is delivered, its PREPARED is not in the journal.
    BeforePrepared,
    /// A group is aborted, for a member's record or offsets or by chance; who is to try again does not know yet.
    AfterGroupAbort,
    /// PREPARED is durable, EndTxn is not sent.
    AfterPrepared,
    /// EndTxn was answered Ok, the caller was not.
    AfterEnd,
    /// The caller was answered, the journal does not have COMMITTED.
    AfterReply,
    /// The slot is being claimed or a lane's past settled.
    DuringRecovery,
}

/// The point that was asked for, and how often it is still to be passed.
#[derive(Clone, Default)]
pub struct Failpoints {
    armed: Option<Arc<Armed>>,
}

struct Armed {
    point: Failpoint,
    left: Mutex<u32>,
    /// It stops the process instead of killing it.
    stops: bool,
}

impl Failpoint {
    /// All points with their names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("before-prepared", Self::BeforePrepared),
        ("after-group-abort", Self::AfterGroupAbort),
        ("after-prepared", Self::AfterPrepared),
        ("after-end", Self::AfterEnd),
        ("after-reply", Self::AfterReply),
        ("during-recovery", Self::DuringRecovery),
    ];
}

// === impl Failpoints ===

impl Failpoints {
    /// The form that is parsed.
    pub fn accepted() -> String {
        format!("point[:nth][:stop] with a point of {}", Failpoint::ALL.map(|(name, _)| name).join(", "))
    }

    /// Whether this is the time to [`Self::strike`]. Counts.
    pub fn hit(&self, point: Failpoint) -> bool {
        let Some(armed) = self.armed.as_ref().filter(|armed| armed.point == point) else { return false };
        let mut left = armed.left.lock();
        let last = *left == 1;
        *left = left.saturating_sub(1);
        last
    }

    /// Whether any point is armed.
    pub fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Passes a point.
    pub fn pass(&self, point: Failpoint) {
        if self.hit(point) {
            self.strike(point);
        }
    }

    /// Dies as by SIGKILL, or stops until SIGCONT.
    pub fn strike(&self, point: Failpoint) {
        if self.armed.as_ref().is_some_and(|armed| armed.stops) {
            tracing::info!(?point, "failpoint: stopping this process");
            stop().expect("a crash test's process can be stopped");
        } else {
            tracing::info!(?point, "failpoint: killing this process");
            let killed = kill_process(getpid(), Signal::KILL);
            panic!("SIGKILL to ourselves did not end the process: {killed:?}");
        }
    }
}

/// Threads run on for the moment that a stop takes, but this one, which waits for SIGCONT.
fn stop() -> io::Result<()> {
    runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
        let mut continued = unix::signal(unix::SignalKind::from_raw(Signal::CONT.as_raw()))?;
        kill_process(getpid(), Signal::STOP)?;
        continued.recv().await;
        Ok(())
    })
}

impl FromStr for Failpoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let accepted = || format!("{text:?}: expected {}", Self::accepted());
        let (text, stops) = text.strip_suffix(":stop").map_or((text, false), |rest| (rest, true));
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = Failpoint::ALL.iter().find(|(known, _)| *known == name).ok_or_else(accepted)?.1;
        let left: u32 = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(accepted)?;
        Ok(Self { armed: Some(Arc::new(Armed { point, left: Mutex::new(left), stops })) })
    }
}

impl fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failpoints").field(&self.armed.as_ref().map(|armed| armed.point)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_fatal_the_nth_time_and_others_never() {
        let points: Failpoints = "after-end:2".parse().expect("valid");
        assert!(!points.hit(Failpoint::AfterPrepared));
        assert!(!points.hit(Failpoint::AfterEnd));
        assert!(points.hit(Failpoint::AfterEnd));
        assert!(!points.hit(Failpoint::AfterEnd), "a process that was continued is not stopped again");
        for bad in ["", "after-end:0", "nowhere", "after-end:x", ":stop", "after-end:1:kill"] {
            assert!(bad.parse::<Failpoints>().is_err(), "{bad}");
        }
    }
}
