use std::{
    sync::{Arc, mpsc},
    thread,
};

use crate::{error::Error, window::Window};

/// Threads that work until the window is over.
#[derive(Debug)]
pub(crate) struct Work {
    window: Arc<Window>,
    ended: mpsc::Receiver<Result<(), Error>>,
    end: mpsc::Sender<Result<(), Error>>,
    threads: usize,
}

// === impl Work ===

impl Work {
    pub(crate) fn new(window: &Arc<Window>) -> Self {
        let (end, ended) = mpsc::channel();
        Self { window: window.clone(), ended, end, threads: 0 }
    }

    pub(crate) fn spawn(&mut self, work: impl FnOnce() -> Result<(), Error> + Send + 'static) {
        let end = self.end.clone();
        self.threads += 1;
        thread::spawn(move || {
            // Nobody listens any more if another thread failed.
            let _unheard = end.send(work());
        });
    }

    /// Says when the warm-up is over; then what was measured. Ends with the first failure.
    pub(crate) fn measured(self) -> Result<String, Error> {
        let Self { window, ended, end, mut threads } = self;
        // So that a thread that panics is noticed.
        drop(end);
        match ended.recv_timeout(window.until_start()) {
            Err(mpsc::RecvTimeoutError::Timeout) => println!("measuring"),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Error::Panicked),
            Ok(early) => return early.and(Err(Error::EndedEarly)),
        }
        while threads > 0 {
            ended.recv().map_err(|_| Error::Panicked)??;
            threads -= 1;
        }
        window.json()
    }
}
