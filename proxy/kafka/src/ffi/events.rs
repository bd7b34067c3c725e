//! Waiting for a producer's events without a deadline: rust-rdkafka's poll spins through the last millisecond of each
//! timeout, which would cost an idle lane one per cent of a core.

use parking_lot::{Condvar, Mutex};
use rdkafka::{
    ClientContext,
    bindings::{self as sys, rd_kafka_t},
    client::Client,
};
use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::Arc,
    time::Duration,
};

/// Tells when a client's main queue has something to be polled. To be dropped before the client.
pub(crate) struct Events {
    queue: NonNull<sys::rd_kafka_queue_t>,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

// SAFETY: librdkafka's queues are thread-safe, and so is the signal.
unsafe impl Send for Events {}
// SAFETY: as above.
unsafe impl Sync for Events {}

// === impl Events ===

impl Events {
    pub(crate) fn of<C: ClientContext>(client: &Client<C>) -> Self {
        let signal = Arc::<Signal>::default();
        // SAFETY: the client is live; the queue reference is ours and destroyed by Drop. The signal outlives the
        // registration, which Drop removes first; librdkafka calls back under the queue's lock only, so no call is
        // under way after that.
        let queue = unsafe {
            let queue = sys::rd_kafka_queue_get_main(client.native_ptr());
            let opaque = Arc::as_ptr(&signal).cast_mut().cast::<c_void>();
            sys::rd_kafka_queue_cb_event_enable(queue, Some(raise), opaque);
            NonNull::new(queue).expect("every client has a main queue")
        };
        Self { queue, signal }
    }

    /// Waits until something is there to be polled, `wake` is called, or the time is over.
    pub(crate) fn wait(&self, timeout: Duration) {
        let mut raised = self.signal.raised.lock();
        if !*raised {
            self.signal.changed.wait_for(&mut raised, timeout);
        }
        *raised = false;
    }

    /// Ends a wait.
    pub(crate) fn wake(&self) {
        self.signal.raise();
    }

    /// Whether something is there to be polled.
    pub(crate) fn are_there(&self) -> bool {
        // SAFETY: the queue reference is live until Drop.
        unsafe { sys::rd_kafka_queue_length(self.queue.as_ptr()) > 0 }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; the callback is removed before the signal can go.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

// === impl Signal ===

impl Signal {
    fn raise(&self) {
        *self.raised.lock() = true;
        self.changed.notify_one();
    }
}

/// Called by librdkafka when the queue is not empty any more, with the queue's lock held.
unsafe extern "C" fn raise(_client: *mut rd_kafka_t, signal: *mut c_void) {
    // SAFETY: registered with a pointer to a Signal that is live as long as the registration (see `Events::of`).
    unsafe { &*signal.cast::<Signal>() }.raise();
}
