//! The end of the process, as SIGTERM or /shutdown ask for it.

use crate::exit::Failure;
use std::sync::Arc;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether the process is to end; cheap to clone.
#[derive(Clone)]
pub(super) struct Stop(Arc<watch::Sender<bool>>);

// === impl Stop ===

impl Stop {
    /// Asked for by SIGTERM from now on.
    pub(super) fn on_sigterm() -> Result<Self, Failure> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::internal)?;
        let stop = Self(Arc::new(watch::Sender::new(false)));
        let asked = stop.clone();
        tokio::spawn(async move {
            while terminate.recv().await.is_some() {
                asked.ask();
            }
        });
        Ok(stop)
    }

    /// Asks for it.
    pub(super) fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Resolves once it was asked for.
    pub(super) async fn asked(&self) {
        // An error: nobody can ask any more, which cannot be, as this is one that can.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}
