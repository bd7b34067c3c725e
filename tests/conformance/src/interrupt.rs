//! SIGINT and SIGTERM: whatever waits gives up, so that all that was started is ended.

use crate::Wrong;
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::signal::unix::{SignalKind, signal};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens, as long as the runtime lives.
pub(crate) fn listen(runtime: &tokio::runtime::Runtime) -> io::Result<()> {
    let _entered = runtime.enter();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    runtime.spawn(async move {
        tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
        ASKED.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// An error once the end was asked for.
pub(crate) fn check() -> Result<(), Wrong> {
    if ASKED.load(Ordering::Relaxed) { Err(Wrong::new("interrupted")) } else { Ok(()) }
}
