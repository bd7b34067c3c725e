use std::sync::Arc;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Whether a slot is ours, shared by the task that renews it and those who rely on it.
#[derive(Clone, Debug)]
pub(crate) struct Standing(Arc<watch::Sender<Now>>);

#[derive(Clone, Debug)]
enum Now {
    /// Ours until then, whatever happens. `trouble` is what the latest renewal failed with.
    Held { until: Instant, trouble: Option<String> },
    /// Not ours, for good: a slot that was lost is claimed anew.
    Lost { why: String },
}

/// Says at any moment whether the slot is still ours: for those who must know before they act, as a process that was
/// stopped for a minute may run anything first when it goes on.
#[derive(Clone, Debug)]
pub struct Guard(Standing);

// === impl Standing ===

impl Standing {
    pub(crate) fn new(until: Instant) -> Self {
        Self(Arc::new(watch::Sender::new(Now::Held { until, trouble: None })))
    }

    pub(crate) fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    /// Until when it is ours; in the past once it is lost.
    pub(crate) fn until(&self) -> Option<Instant> {
        match &*self.0.borrow() {
            Now::Held { until, .. } => Some(*until),
            Now::Lost { .. } => None,
        }
    }

    /// A renewal succeeded. False if it came too late: others may have been told already that the slot is lost.
    pub(crate) fn extend(&self, to: Instant) -> bool {
        let mut in_time = false;
        self.0.send_if_modified(|now| match now {
            Now::Held { until, trouble } if Instant::now() < *until => {
                *until = to;
                *trouble = None;
                in_time = true;
                true
            }
            _ => false,
        });
        in_time
    }

    /// A renewal failed, which is nothing yet.
    pub(crate) fn trouble(&self, text: String) {
        self.0.send_if_modified(|now| match now {
            Now::Held { trouble, .. } => {
                *trouble = Some(text);
                false
            }
            Now::Lost { .. } => false,
        });
    }

    /// The slot is not ours any more, at once. The first reason stays.
    pub(crate) fn lose(&self, reason: &str) {
        self.0.send_if_modified(|now| match now {
            Now::Held { .. } => {
                *now = Now::Lost { why: reason.to_owned() };
                true
            }
            Now::Lost { .. } => false,
        });
    }

    /// Resolves when it is lost, with the reason.
    pub(crate) async fn lost(&self) -> String {
        let mut changes = self.0.subscribe();
        loop {
            let until = match &*changes.borrow_and_update() {
                Now::Lost { why } => return why.clone(),
                Now::Held { until, .. } => *until,
            };
            tokio::select! {
                biased;
                changed = changes.changed() => debug_assert!(changed.is_ok(), "we own a sender"),
                () = sleep_until(until) => self.expire(),
            }
        }
    }

    /// Makes a passed deadline final, so that a late renewal cannot revive what somebody was told is lost.
    fn expire(&self) {
        self.0.send_if_modified(|now| match now {
            Now::Held { until, trouble } if *until <= Instant::now() => {
                let last = trouble.as_deref().unwrap_or("this process was stopped or starved");
                *now = Now::Lost { why: format!("not renewed in time: {last}") };
                true
            }
            _ => false,
        });
    }
}

// === impl Guard ===

impl Guard {
    /// True while nobody else can have taken the slot over.
    pub fn holds(&self) -> bool {
        self.0.until().is_some_and(|until| Instant::now() < until)
    }
}
