//! The driver of tests/conformance for the Rust client: the layer behind a line protocol.
#![deny(rust_2018_idioms, clippy::disallowed_methods, clippy::disallowed_types)]
#![forbid(unsafe_code)]

mod answer;
mod command;
mod driver;
mod processing;
mod wire;

use crate::{
    answer::say,
    command::{Command, Line},
    driver::Driver,
};
use std::{error::Error, io};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{self, UnboundedReceiver},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (commands, waiting) = mpsc::unbounded_channel();
    let (go_on, paused) = mpsc::unbounded_channel();
    let driver = Driver::new(paused);
    let processing = driver.processing();
    let executor = tokio::spawn(driver.run(waiting));
    let mut lines = lines();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            // `process` listens to it as well.
            _ = terminate.recv() => {
                processing.ended().await;
                std::process::exit(0);
            }
        };
        let Some(line) = line.transpose()? else { break };
        let Line { id, command } = serde_json::from_str(&line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{line}: {error}")))?;
        match command {
            // For what is running.
            Command::Continue => go_on.send(())?,
            Command::Stop => {
                let processing = processing.clone();
                tokio::spawn(async move { say(id, processing.stop().await) });
            }
            command => commands.send((id, command))?,
        }
    }
    drop(commands);
    executor.await?;
    processing.stop().await.map_err(|error| error.to_string())?;
    Ok(())
}

/// What comes on stdin. Reading it blocks, so a thread does.
fn lines() -> UnboundedReceiver<io::Result<String>> {
    let (read, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().try_for_each(|line| read.send(line)));
    lines
}
