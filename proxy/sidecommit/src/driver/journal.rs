//! The journal's thread: writes in order, and makes durable what was asked for, many at a time.

use super::{Failpoint, Failpoints, Handle};
use sidecommit_core::{Input, JournalEntry, JournalOp, SyncToken};
use sidecommit_journal::{Error, Journal};
use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

/// What the journal's thread is asked.
pub(super) enum Work {
    Op(JournalOp),
    /// A call arrived after the last reply: its caller has that reply (for the failpoint after-reply).
    CallSeen,
    /// Make everything durable, then tell; nothing follows.
    Close(Sender<()>),
}

/// Starts the thread.
pub(super) fn start(
    journal: Journal,
    engine: Handle,
    failpoints: Failpoints,
) -> Result<Sender<Work>, std::io::Error> {
    let (sender, work) = mpsc::channel();
    let writer = Writer { journal, engine, failpoints, prepared: false };
    thread::Builder::new().name("journal".into()).spawn(move || writer.run(&work))?;
    Ok(sender)
}

struct Writer {
    journal: Journal,
    engine: Handle,
    failpoints: Failpoints,
    /// A PREPARED was put since the last sync.
    prepared: bool,
}

// === impl Writer ===

impl Writer {
    fn run(mut self, work: &Receiver<Work>) {
        match self.serve(work) {
            Ok(done) => {
                // Told only when the journal can be opened again. Nobody waits if the engine's thread is gone.
                drop(self);
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }
            Err(error) => {
                tracing::error!(%error, "the journal failed; the sidecar needs a restart");
                self.engine.tell(Input::JournalFailed(error.to_string()));
                // Nothing is written any more; what is still asked is dropped, and a close has nothing left to save.
                while let Ok(asked) = work.recv() {
                    if let Work::Close(done) = asked {
                        let _ = done.send(());
                    }
                }
            }
        }
    }

    /// Until it is closed: whom to tell.
    fn serve(&mut self, work: &Receiver<Work>) -> Result<Option<Sender<()>>, Error> {
        let mut tokens: Vec<SyncToken> = Vec::new();
        while let Ok(first) = work.recv() {
            let mut next = Some(first);
            while let Some(asked) = next {
                match asked {
                    Work::Op(JournalOp::Put(entry)) => self.put(&entry, work)?,
                    Work::Op(JournalOp::Sync(token)) => tokens.push(token),
                    Work::CallSeen => {}
                    Work::Close(done) => {
                        self.journal.sync()?;
                        return Ok(Some(done));
                    }
                }
                next = work.try_recv().ok();
            }
            if !tokens.is_empty() {
                self.sync()?;
                tokens.drain(..).for_each(|token| self.engine.synced(token));
            }
        }
        Ok(None)
    }

    fn put(&mut self, entry: &JournalEntry, work: &Receiver<Work>) -> Result<(), Error> {
        match entry {
            JournalEntry::Prepared(_) => {
                self.failpoints.pass(Failpoint::BeforePrepared);
                self.prepared = true;
            }
            JournalEntry::Settled { .. } if self.failpoints.hit(Failpoint::AfterReply) => {
                await_call(work);
                self.failpoints.strike(Failpoint::AfterReply);
            }
            _ => {}
        }
        self.journal.put(entry)
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.journal.sync()?;
        if std::mem::take(&mut self.prepared) {
            self.failpoints.pass(Failpoint::AfterPrepared);
        }
        Ok(())
    }
}

/// A caller is known to have its reply when it calls again; if it never does, a second is enough.
fn await_call(work: &Receiver<Work>) {
    let end = Instant::now() + Duration::from_secs(1);
    while let Ok(asked) = work.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if matches!(asked, Work::CallSeen) {
            return;
        }
    }
}
