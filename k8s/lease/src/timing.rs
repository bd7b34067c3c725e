use std::time::Duration;

/// The times that follow from a lease's duration.
///
/// A holder counts from when it *sent* its last successful renewal; everyone else counts from when they *saw* it, which
/// is later. So the holder gives up, by the margin, before anyone may take over, whatever the wall clocks say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) duration: Duration,
}

// === impl Timing ===

impl Timing {
    /// Two renewals may fail before the third would come too late.
    pub(crate) fn renew_every(self) -> Duration {
        self.duration / 3
    }

    /// How long a call may stay without an answer.
    pub(crate) fn call_at_most(self) -> Duration {
        self.duration / 3
    }

    /// How soon a failed renewal is tried again.
    pub(crate) fn retry_every(self) -> Duration {
        self.duration / 15
    }

    /// From the sending of the last successful renewal until the holder must believe the slot lost. The fifth that is
    /// missing is for clocks that run at different rates, and for what the holder does between looking and acting.
    pub(crate) fn held_for(self) -> Duration {
        self.duration - self.duration / 5
    }

    /// How often one that waits for a slot looks: often enough that an expiry is seen soon after it happens.
    pub(crate) fn look_every(self) -> Duration {
        self.duration / 15
    }

    /// `leaseDurationSeconds`: rounded up, so that others never wait for less than the holder counts on.
    pub(crate) fn whole_seconds(self) -> i32 {
        i32::try_from(self.duration.as_millis().div_ceil(1000).max(1)).unwrap_or(i32::MAX)
    }
}
