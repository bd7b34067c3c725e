//! A process that can be stopped, as SIGSTOP stops it: time and the network go on without it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

/// Stops and continues all futures of one process.
#[derive(Clone, Default)]
pub(crate) struct Freezer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    frozen: bool,
    waiting: Vec<Waker>,
}

/// A future that makes no step while its process is stopped, however often it is woken.
pub(crate) struct Freezable<F> {
    inner: Pin<Box<F>>,
    freezer: Freezer,
}

// === impl Freezer ===

impl Freezer {
    pub(crate) fn stop(&self) {
        self.0.lock().frozen = true;
    }

    pub(crate) fn go_on(&self) {
        let mut state = self.0.lock();
        state.frozen = false;
        state.waiting.drain(..).for_each(Waker::wake);
    }
}

// === impl Freezable ===

impl<F: Future> Freezable<F> {
    pub(crate) fn new(inner: F, freezer: Freezer) -> Self {
        Self { inner: Box::pin(inner), freezer }
    }
}

impl<F: Future> Future for Freezable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut state = self.freezer.0.lock();
        if state.frozen {
            state.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        self.inner.as_mut().poll(cx)
    }
}
