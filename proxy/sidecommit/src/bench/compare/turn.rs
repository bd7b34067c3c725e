//! One contender's turn: new processes and a new topic each time.

use super::{
    args::Args,
    case::Case,
    contender::Contender,
    input,
    program::{self, Ran},
};
use crate::{
    bench::target::{Own, PARTITIONS},
    demo::{kafka::Kafka, programs, progress::Progress},
    exit::Failure,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// For whoever did not build them.
const HINT: &str = "scripts/bench-rivals builds the native clients; --contenders names those who take part";

/// Who does what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) case: Case,
    pub(super) contender: Contender,
    pub(super) producers: u16,
    pub(super) callers: u16,
}

/// What all turns have in common.
pub(super) struct Turns<'a> {
    args: &'a Args,
    kafka: &'a Kafka,
    folder: &'a Path,
    /// Names topics and groups.
    run: u32,
    taken: u64,
    /// What is to be copied, if that is there.
    input: Option<String>,
}

// === impl Turns ===

impl<'a> Turns<'a> {
    pub(super) fn new(args: &'a Args, kafka: &'a Kafka, folder: &'a Path) -> Self {
        Self { args, kafka, folder, run: fastrand::u32(..), taken: 0, input: None }
    }

    /// What pipelines copy.
    pub(super) async fn prepare_input(&mut self) -> Result<(), Failure> {
        let topic = format!("bench-{:08x}-input", self.run);
        self.kafka.create_topic(&topic, PARTITIONS).await?;
        input::write(self.kafka.servers(), &topic, self.args.input_records).await?;
        self.input = Some(topic);
        Ok(())
    }

    pub(super) async fn remove_input(&mut self) -> Result<(), Failure> {
        match self.input.take() {
            Some(topic) => self.kafka.delete_topics(&[&topic]).await,
            None => Ok(()),
        }
    }

    /// Takes one, measured for so long.
    pub(super) async fn run(
        &mut self,
        turn: Turn,
        seconds: Duration,
        progress: &mut Progress,
    ) -> Result<Ran, Failure> {
        self.taken += 1;
        let name = format!("bench-{:08x}-{}", self.run, self.taken);
        let said = said(turn);
        progress.now(&said);
        self.kafka.create_topic(&name, PARTITIONS).await?;
        let options = self.options(turn, &name, seconds);
        let ran = match turn.contender {
            Contender::Sidecommit => self.sidecommit(turn, &name, options, seconds).await,
            _ => self.native(turn, &name, options, seconds).await,
        };
        // Whatever came of it.
        let deleted = self.kafka.delete_topics(&[&name]).await;
        let ran = ran?;
        deleted?;
        self.input_was_enough(turn, &ran, seconds)?;
        let (figures, usage) = (ran.figures, ran.usage);
        progress.say(&format!(
            "{said}: {:.0} transactions/s, {:.0} records/s, p50 {:.2} ms, p99 {:.2} ms, cpu {:.2} s, rss {:.0} MiB",
            figures.transactions_per_s(),
            figures.records_per_s(),
            figures.p50_ms,
            figures.p99_ms,
            usage.cpu_s,
            usage.rss_mib
        ));
        progress.done(self.taken);
        Ok(ran)
    }

    /// What all programs take alike.
    fn options(&self, turn: Turn, topic: &str, seconds: Duration) -> Vec<String> {
        let case = turn.case;
        let mut options = vec![
            ("--topic", topic.to_owned()),
            ("--callers", turn.callers.to_string()),
            ("--records", case.records().to_string()),
            ("--record-size", case.record_size().to_string()),
            ("--warmup", self.args.warmup.as_secs_f64().to_string()),
            ("--seconds", seconds.as_secs_f64().to_string()),
        ];
        if let (Case::Pipeline, Some(input)) = (case, &self.input) {
            options.extend([("--input", input.clone()), ("--group", topic.to_owned())]);
        }
        let flag = (case == Case::Pipeline).then(|| "--pipeline".to_owned());
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).chain(flag).collect()
    }

    async fn native(
        &self,
        turn: Turn,
        name: &str,
        options: Vec<String>,
        seconds: Duration,
    ) -> Result<Ran, Failure> {
        let contender = turn.contender;
        let mut command = programs::prepared(Command::new(&self.args.rivals));
        command.arg(contender.program()).args(["--bootstrap-servers", self.kafka.servers()]).args(options);
        command.args(["--kind", contender.kind(), "--producers", &turn.producers.to_string()]);
        let ran = program::run(contender.name(), command, None, seconds, &self.log(name)).await;
        ran.map_err(|failure| Failure::Unavailable(format!("{failure}\n{HINT}")))
    }

    /// A sidecar with its defaults, and an application.
    async fn sidecommit(
        &self,
        turn: Turn,
        name: &str,
        options: Vec<String>,
        seconds: Duration,
    ) -> Result<Ran, Failure> {
        let folder = self.folder.join(name);
        std::fs::create_dir(&folder).map_err(Failure::internal)?;
        let sidecar = Own::start(self.kafka, &folder, &[])?;
        let mut application = programs::sidecommit();
        let mode = if turn.case.is_bulk() { "stream" } else { "transact" };
        application.args(["bench", "contender", "--mode", mode, "--socket"]).arg(sidecar.spec.socket());
        application.args(options);
        let contender = turn.contender.name();
        let ran = program::run(contender, application, Some(sidecar.whose), seconds, &self.log(name)).await;
        let stopped = sidecar.stop().await;
        ran.and_then(|ran| stopped.map(|()| ran))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// Who has nothing to copy any more is not measured.
    fn input_was_enough(&self, turn: Turn, ran: &Ran, seconds: Duration) -> Result<(), Failure> {
        let copied = ran.figures.records_per_s() * (self.args.warmup + seconds).as_secs_f64();
        let (most, all) = (0.95 * self.args.input_records as f64, self.args.input_records);
        if turn.case != Case::Pipeline || copied < most {
            return Ok(());
        }
        let name = turn.contender.name();
        Err(Failure::Usage(format!(
            "--input-records: {all}: expected more than {name} copies in a turn, which is about {copied:.0}"
        )))
    }
}

fn said(turn: Turn) -> String {
    let Turn { case, contender, producers, .. } = turn;
    let producers = if contender.is_native() { format!(", {producers} producers") } else { String::new() };
    format!("{}, {}{producers}", case.name(), contender.name())
}
