//! The play: the application works, the sidecar is killed and started again, and at the end the checker judges.

use super::{
    Args, app,
    check::Verdict,
    doubt::{Doubt, Killed},
    kafka::{Kafka, blocking},
    ledger::{self, Line, Told, now_ms},
    plan::{Kill, plan},
    point::Point,
    programs,
    progress::Progress,
    records::{CREDITS, DEBITS, PARTITIONS},
    report::Report,
    sidecar::{Sidecar, Spec},
    timeline::Timeline,
};
use crate::exit::Failure;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
};

/// A kill from outside comes so much after the acknowledgement that triggers it, at most: about what a transaction takes.
const STRIKE_DELAY_MS_MAX: u64 = 15;

/// Everything that a run needs to remember.
#[derive(Debug)]
struct Stage {
    spec: Spec,
    progress: Progress,
    rng: fastrand::Rng,
    kills: VecDeque<Kill>,
    killed: Vec<Killed>,
    acknowledged: u64,
}

/// The application as a process.
#[derive(Debug)]
struct Application {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    ledger: PathBuf,
}

/// How a life of the sidecar went on.
#[derive(Clone, Copy, Debug)]
enum Life {
    Killed(Point),
    /// The application has done its work.
    Done,
}

/// Plays on a Kafka, with everything else in a folder.
pub(super) async fn play(args: &Args, seed: u64, kafka: &Kafka, folder: &Path) -> Result<Report, Failure> {
    let started = Instant::now();
    let run = format!("{:08x}", fastrand::u32(..));
    for topic in [DEBITS, CREDITS] {
        kafka.create_topic(topic, PARTITIONS).await?;
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut stage = Stage {
        spec: Spec::new(folder, kafka, &format!("demo/{run}/transfers/0")),
        progress: Progress::new(args.transactions, "transactions acknowledged"),
        kills: plan(args.kills, args.transactions, &mut rng).into(),
        rng,
        killed: Vec::new(),
        acknowledged: 0,
    };
    let mut application = Application::start(&stage.spec, folder, &run, args.transactions, seed)?;
    stage.lives(&mut application).await?;
    stage.progress.now("checking");
    let verdict = check(&application.ledger, &run, kafka.servers()).await?;
    stage.progress.finish();
    let lines = ledger::read(&application.ledger)?;
    if let Some(path) = &args.timeline {
        Timeline::new(&stage.killed, &lines).write(path)?;
    }
    let doubts: Vec<Doubt> = stage.killed.iter().flat_map(|killed| killed.doubts(&lines)).collect();
    Ok(Report::new(seed, verdict, &stage.killed, &doubts, started.elapsed()))
}

async fn check(ledger: &Path, run: &str, servers: &str) -> Result<Verdict, Failure> {
    let mut command = programs::sidecommit();
    command.args(["demo", "check", "--run", run, "--bootstrap-servers", servers, "--ledger"]).arg(ledger);
    let output = command.stderr(Stdio::inherit()).output().await.map_err(Failure::internal)?;
    if !output.status.success() {
        return Err(Failure::Internal(format!("the checker failed: {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::internal)
}

// === impl Stage ===

impl Stage {
    /// Starts the sidecar again after each kill, until the application is done.
    async fn lives(&mut self, application: &mut Application) -> Result<(), Failure> {
        loop {
            let kill = self.kills.pop_front();
            let mut sidecar = self.start(kill)?;
            match self.life(&mut sidecar, kill, application).await? {
                Life::Killed(point) => self.bury(point).await?,
                Life::Done => return sidecar.stop().await,
            }
        }
    }

    fn start(&mut self, kill: Option<Kill>) -> Result<Sidecar, Failure> {
        if let Some(killed) = self.killed.last_mut() {
            killed.restarted_ms = now_ms();
        }
        // A transfer passes each point once: half of those that remain leaves room for the aborted ones.
        let room = kill.map_or(0, |kill| kill.latest.saturating_sub(self.acknowledged) / 2);
        let nth = self.rng.u64(1..=room.max(1));
        self.spec.start(kill.and_then(|kill| kill.point.failpoint(nth)).as_deref())
    }

    async fn life(
        &mut self,
        sidecar: &mut Sidecar,
        kill: Option<Kill>,
        application: &mut Application,
    ) -> Result<Life, Failure> {
        let mut strike_at = kill.map(|kill| match kill.point {
            Point::Random => self.rng.u64(self.acknowledged.min(kill.latest)..=kill.latest),
            _ => kill.latest,
        });
        let mut struck = false;
        loop {
            if strike_at.is_some_and(|moment| self.acknowledged >= moment) {
                strike_at = None;
                tokio::time::sleep(Duration::from_millis(self.rng.u64(..=STRIKE_DELAY_MS_MAX))).await;
                struck = sidecar.kill()?;
            }
            tokio::select! {
                dead = sidecar.killed() => {
                    let point = kill.filter(|_| !struck).map_or(Point::Random, |kill| kill.point);
                    return dead.map(|()| Life::Killed(point));
                }
                line = application.next() => match line? {
                    Some(line) => self.told(&line),
                    None => return Ok(Life::Done),
                },
            }
        }
    }

    fn told(&mut self, line: &Line) {
        if line.outcome == Told::Committed {
            self.acknowledged += 1;
            self.progress.done(self.acknowledged);
        }
    }

    /// Looks what the dead sidecar's journal holds, before the next one settles it.
    async fn bury(&mut self, point: Point) -> Result<(), Failure> {
        let (spec, died_ms) = (self.spec.clone(), now_ms());
        let prepared = blocking(move || spec.prepared()).await?;
        let (nth, of, held) =
            (self.killed.len() + 1, self.killed.len() + 1 + self.kills.len(), prepared.len());
        self.progress.now(&format!("kill {nth}/{of}, {point}"));
        self.progress.say(&format!("kill {nth}/{of} at {point}: the journal holds {held} PREPARED"));
        self.killed.push(Killed { point, prepared, died_ms, restarted_ms: u64::MAX });
        Ok(())
    }
}

// === impl Application ===

impl Application {
    fn start(spec: &Spec, folder: &Path, run: &str, transactions: u64, seed: u64) -> Result<Self, Failure> {
        let ledger = folder.join("ledger.jsonl");
        let arguments = app::arguments(&spec.socket(), &ledger, run, transactions, seed);
        let mut command = programs::sidecommit();
        let mut child = command
            .args(["demo", "app"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::Internal(format!("starting the application: {error}")))?;
        let out = child.stdout.take();
        let out =
            out.ok_or_else(|| Failure::Internal("the application has no standard output".to_owned()))?;
        Ok(Self { child, lines: BufReader::new(out).lines(), ledger })
    }

    /// What it was told next. None: it has done its work.
    async fn next(&mut self) -> Result<Option<Line>, Failure> {
        if let Some(line) = self.lines.next_line().await.map_err(Failure::internal)? {
            return serde_json::from_str(&line).map(Some).map_err(Failure::internal);
        }
        let status = self.child.wait().await.map_err(Failure::internal)?;
        if status.success() {
            Ok(None)
        } else {
            Err(Failure::Internal(format!("the application failed: {status}")))
        }
    }
}
