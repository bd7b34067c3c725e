//! How far the demo is: a bar on a terminal, a line now and then elsewhere. On standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, stderr};

/// Lines elsewhere: so many over the run.
const LINES: u64 = 10;

/// Shows progress.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    done: u64,
}

// === impl Progress ===

impl Progress {
    /// Of so many things to be done, and what they are.
    pub(crate) fn new(total: u64, what: &'static str) -> Self {
        let style = format!("{{elapsed_precise}} [{{bar:40}}] {{pos}}/{{len}} {what}, {{msg}}");
        let style = ProgressStyle::with_template(&style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = stderr().is_terminal().then(|| ProgressBar::new(total).with_style(style));
        Self { bar, what, total, done: 0 }
    }

    /// Tells something.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// What is going on besides.
    pub(crate) fn now(&self, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(state.to_owned());
        }
    }

    /// So many are done now.
    pub(crate) fn done(&mut self, done: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if done * LINES / self.total > self.done * LINES / self.total => {
                eprintln!("{done} of {} {}", self.total, self.what);
            }
            None => {}
        }
        self.done = done;
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
