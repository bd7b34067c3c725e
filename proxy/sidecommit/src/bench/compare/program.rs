//! A contender's process, from its start to its figures: what tests/bench/README.md describes.

use crate::{
    bench::{
        contender::{Figures, MEASURING},
        usage::{Usage, Whose},
    },
    exit::Failure,
};
use std::{fs::File, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A JVM with 128 producers, on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(90);
/// For the last transactions and an orderly end.
const END_PATIENCE: Duration = Duration::from_secs(60);
const LOG_TAIL_LINES: usize = 20;

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    pub(super) figures: Figures,
    /// What is measured: the sidecar if there is one, else the program.
    pub(super) usage: Usage,
    /// Of the sidecar's client.
    pub(super) client_cpu_s: Option<f64>,
}

/// One that runs.
struct Program<'a> {
    name: &'a str,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: &'a Path,
}

/// Runs it to its end, and looks at what it takes in the window; at what the sidecar takes, if there is one.
pub(super) async fn run(
    name: &str,
    mut command: Command,
    sidecar: Option<Whose>,
    seconds: Duration,
    log: &Path,
) -> Result<Ran, Failure> {
    let failed = |error| Failure::Unavailable(format!("starting {name}: {error}"));
    let err = File::create(log).map_err(failed)?;
    let mut child = command.stdout(Stdio::piped()).stderr(err).spawn().map_err(failed)?;
    let out = child.stdout.take().ok_or_else(|| Failure::Internal("no standard output".to_owned()))?;
    let mut program = Program { name, child, lines: BufReader::new(out).lines(), log };
    program.expect(MEASURING).await?;
    // All its processes: a script may have become more than one.
    let whose = Whose::Group(program.child.id().ok_or_else(|| program.failed("it ended"))?);
    let look = || Ok::<_, Failure>((whose.usage()?, sidecar.map(Whose::usage).transpose()?));
    let (own, beside) = look()?;
    tokio::time::sleep(seconds).await;
    // The last transactions and the orderly end are not the window's any more.
    let (own_after, beside_after) = look().map_err(|error| program.failed(&error.to_string()))?;
    let figures = program.figures().await?;
    let own = own_after.since(own);
    let beside = beside_after.zip(beside).map(|(after, before)| after.since(before));
    Ok(Ran { figures, usage: beside.unwrap_or(own), client_cpu_s: beside.map(|_| own.cpu_s) })
}

// === impl Program ===

impl Program<'_> {
    async fn expect(&mut self, wanted: &str) -> Result<(), Failure> {
        match self.line(START_PATIENCE).await? {
            line if line == wanted => Ok(()),
            line => Err(self.failed(&format!("it said {line:?}, not {wanted:?}"))),
        }
    }

    async fn figures(mut self) -> Result<Figures, Failure> {
        let line = self.line(END_PATIENCE).await?;
        let figures: Figures =
            serde_json::from_str(&line).map_err(|error| self.failed(&format!("{line:?}: {error}")))?;
        let ended = timeout(END_PATIENCE, self.child.wait()).await;
        let status = ended.map_err(|_| self.failed("it did not end"))?.map_err(Failure::internal)?;
        if !status.success() {
            return Err(self.failed(&status.to_string()));
        }
        if figures.transactions == 0 || figures.seconds <= 0.0 {
            return Err(self.failed("it made no transaction in the window"));
        }
        Ok(figures)
    }

    async fn line(&mut self, patience: Duration) -> Result<String, Failure> {
        match timeout(patience, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => Err(self.failed("it ended too soon")),
            Ok(Err(error)) => Err(self.failed(&error.to_string())),
            Err(_) => Err(self.failed(&format!("it said nothing for {patience:?}"))),
        }
    }

    /// With the last that it said on standard error.
    fn failed(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(self.log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
        Failure::Unavailable(format!("{}: {what}; its standard error ends with:\n{tail}", self.name))
    }
}
