//! Runs the scenarios with every client, over both transports, against a real sidecar and a real broker.
#![forbid(unsafe_code)]

mod broker;
mod cell;
mod driver;
mod interrupt;
mod language;
mod look;
mod pattern;
mod report;
mod scenario;
mod scene;
mod seen;
mod sidecar;
mod step;
mod text;
mod vars;

use crate::{
    cell::Shared,
    language::Language,
    report::{Progress, Row},
    scenario::Scenario,
};
use clap::{Parser, builder::PossibleValuesParser};
use sidecommit_fixture::Kafka;
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

const TRANSPORTS: [&str; 2] = ["unix", "tcp"];

/// Runs the scenarios of tests/conformance/scenarios.yaml with the drivers of clients/*/conformance. The broker is the one at
/// SIDECOMMIT_TEST_BOOTSTRAP, else one of its own. SIDECOMMIT_RECORDS: records of the large transaction (10000).
#[derive(Parser)]
#[command(name = "sidecommit-conformance")]
struct Arguments {
    /// Of which clients.
    #[arg(long, value_delimiter = ',', default_values = language::NAMES,
        value_parser = PossibleValuesParser::new(language::NAMES))]
    languages: Vec<String>,
    /// Over which transports.
    #[arg(long, value_delimiter = ',', default_values = TRANSPORTS,
        value_parser = PossibleValuesParser::new(TRANSPORTS))]
    transports: Vec<String>,
    /// Which of the list; all by default.
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// How many cells, of a language and a transport, run side by side.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Tells of each step how long it took.
    #[arg(long)]
    steps: bool,
}

/// What is not as it has to be.
#[derive(Clone, Debug)]
struct Wrong(String);

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sidecommit-conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True if all passed.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let root = root()?;
    let scenarios = chosen(scenario::all()?, &arguments.scenarios)?;
    let records = std::env::var("SIDECOMMIT_RECORDS").ok().map_or(Ok(10_000), |text| text.parse())?;
    let chosen = |known: &'static str, names: &[String]| names.iter().any(|name| name == known);
    let languages: Vec<_> =
        language::NAMES.into_iter().filter(|name| chosen(name, &arguments.languages)).collect();
    let languages: Vec<_> = languages.iter().map(|name| Language::new(name, &root)).collect();
    let transports: Vec<_> =
        TRANSPORTS.into_iter().filter(|name| chosen(name, &arguments.transports)).collect();
    let cells: Vec<_> = transports
        .iter()
        .flat_map(|transport| languages.iter().map(|language| (language, *transport)))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    interrupt::listen(&runtime)?;
    // Of this run alone: another one may go on beside it.
    let logs = tempfile::Builder::new().prefix("conformance-").tempdir_in(root.join("target"))?;
    let kafka = Kafka::shared()?;
    let steps = arguments.steps;
    let shared =
        Shared { kafka, runtime: &runtime, scenarios: &scenarios, records, logs: logs.path(), steps };
    let rows = in_cells(shared, &cells, arguments.jobs.max(1));
    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let columns: Vec<_> = languages.iter().map(|language| language.name).collect();
    fs::write(root.join("target/conformance.json"), serde_json::to_string_pretty(&rows)?)?;
    let kept = root.join("target/conformance");
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    fs::rename(logs.keep(), kept)?;
    println!("{}\n\n{}", report::table(&rows, &names, &columns), report::failures(&rows));
    let failed = rows.iter().filter(|row| !row.passed).count();
    println!("{} passed, {failed} failed", rows.len() - failed);
    Ok(failed == 0 && !rows.is_empty())
}

/// Runs the cells, so many side by side, and tells how it goes.
fn in_cells(shared: Shared<'_>, cells: &[(&Language, &'static str)], jobs: usize) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let work = |rows: Sender<Row>| {
        while let Some((language, transport)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            cell::run(shared, language, transport, &rows);
        }
    };
    thread::scope(|scope| {
        let (say, told) = channel();
        for _ in 0..jobs {
            let say = say.clone();
            scope.spawn(|| work(say));
        }
        drop(say);
        let mut progress = Progress::new(cells.len(), shared.scenarios.len());
        let rows = told.iter().inspect(|row| progress.done(row)).collect();
        progress.finish();
        rows
    })
}

fn chosen(all: Vec<Scenario>, names: &[String]) -> Result<Vec<Scenario>, Wrong> {
    let known = |name: &&String| all.iter().any(|scenario| scenario.name == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(Wrong::new(format!("there is no scenario {unknown}")));
    }
    Ok(all.into_iter().filter(|scenario| names.is_empty() || names.contains(&scenario.name)).collect())
}

/// The project's folder: the runner is built into its target.
fn root() -> Result<PathBuf, Box<dyn Error>> {
    let runner = std::env::current_exe()?;
    let root = runner.ancestors().find(|folder| folder.join("clients/README.md").is_file());
    Ok(root.map(Path::to_owned).ok_or("the runner is not in the project's target folder")?)
}

// === impl Wrong ===

impl Wrong {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// With all causes.
    fn of(what: &str, error: &dyn Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| (*error).source());
        let causes: Vec<_> = causes.map(ToString::to_string).collect();
        Self(format!("{what}: {}", causes.join(": ")))
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Wrong {}
