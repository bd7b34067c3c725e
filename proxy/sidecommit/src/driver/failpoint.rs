//! Named points at which a crash test has the process kill itself, as SIGKILL does: nothing is flushed or closed.

use parking_lot::Mutex;
use std::{fmt, str::FromStr, sync::Arc};

/// Where a commit or a recovery can be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    /// A group is delivered, its PREPARED is not in the journal.
    BeforePrepared,
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
}

impl Failpoint {
    /// All points with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("before-prepared", Self::BeforePrepared),
        ("after-prepared", Self::AfterPrepared),
        ("after-end", Self::AfterEnd),
        ("after-reply", Self::AfterReply),
        ("during-recovery", Self::DuringRecovery),
    ];
}

// === impl Failpoints ===

impl Failpoints {
    /// Whether passing this point now is fatal. Counts.
    pub fn hit(&self, point: Failpoint) -> bool {
        let Some(armed) = self.armed.as_ref().filter(|armed| armed.point == point) else { return false };
        let mut left = armed.left.lock();
        *left = left.saturating_sub(1);
        *left == 0
    }

    /// Whether any point is armed.
    pub fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Passes a point.
    pub fn pass(&self, point: Failpoint) {
        if self.hit(point) {
            self.die(point);
        }
    }

    /// Dies as by SIGKILL.
    pub fn die(&self, point: Failpoint) -> ! {
        tracing::info!(?point, "failpoint: killing this process");
        let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        panic!("SIGKILL to ourselves did not end the process: {killed:?}");
    }
}

impl FromStr for Failpoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let accepted = || {
            let names: Vec<_> = Failpoint::ALL.iter().map(|(name, _)| *name).collect();
            format!("{text:?}: expected point[:nth] with a point of {}", names.join(", "))
        };
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = Failpoint::ALL.iter().find(|(known, _)| *known == name).ok_or_else(accepted)?.1;
        let left: u32 = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(accepted)?;
        Ok(Self { armed: Some(Arc::new(Armed { point, left: Mutex::new(left) })) })
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
        for bad in ["", "after-end:0", "nowhere", "after-end:x"] {
            assert!(bad.parse::<Failpoints>().is_err(), "{bad}");
        }
    }
}
