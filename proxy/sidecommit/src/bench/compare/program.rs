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
/// Parts of the window.
const LOOKS: [f64; 4] = [0.25, 0.5, 0.75, 0.95];

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    pub(super) figures: Figures,
    /// What is measured: the sidecar if there is one, else the program. In the window.
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
    let taken = taken(whose, sidecar, seconds).await.map_err(|error| program.failed(&error.to_string()))?;
    let figures = program.figures().await?;
    let Taken { own, sidecar, of_window } = taken;
    let scaled = |usage: Usage| Usage { cpu_s: usage.cpu_s / of_window, ..usage };
    Ok(Ran {
        figures,
        usage: scaled(sidecar.unwrap_or(own)),
        client_cpu_s: sidecar.map(|_| scaled(own).cpu_s),
    })
}

/// What was taken, from the window's beginning until it was last looked at.
struct Taken {
    own: Usage,
    sidecar: Option<Usage>,
    /// The part of the window.
    of_window: f64,
}

/// Looks a few times: a process may be gone a moment after its window, and this one is late on a busy machine.
async fn taken(whose: Whose, sidecar: Option<Whose>, seconds: Duration) -> Result<Taken, Failure> {
    let look = || Ok::<_, Failure>((whose.usage()?, sidecar.map(Whose::usage).transpose()?));
    let (begin, (own, beside)) = (tokio::time::Instant::now(), look()?);
    let mut taken = None;
    for part in LOOKS {
        tokio::time::sleep_until(begin + seconds.mul_f64(part)).await;
        match look() {
            Ok((own_now, beside_now)) => {
                let sidecar = beside_now.zip(beside).map(|(now, before)| now.since(before));
                let of_window = begin.elapsed().as_secs_f64() / seconds.as_secs_f64();
                taken = Some(Taken { own: own_now.since(own), sidecar, of_window });
            }
            // What was seen before it ended is told.
            Err(_) if taken.is_some() => break,
            Err(error) => return Err(error),
        }
    }
    taken.ok_or_else(|| Failure::Internal("it was not looked at".to_owned()))
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
