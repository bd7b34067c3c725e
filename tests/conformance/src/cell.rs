//! One language over one transport: its sidecar and its drivers, and the scenarios one after the other.

use crate::{
    Wrong,
    broker::Broker,
    driver::Driver,
    interrupt,
    language::Language,
    report::Row,
    scenario::Scenario,
    scene::Scene,
    sidecar::{Pod, Sidecar},
};
use sidecommit_fixture::Kafka;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::mpsc::Sender,
    time::Instant,
};
use tokio::runtime::Runtime;

/// What all cells share.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) kafka: &'a Kafka,
    pub(crate) runtime: &'a Runtime,
    pub(crate) scenarios: &'a [Scenario],
    /// What `generate` makes in the large transaction.
    pub(crate) records: u64,
    /// Where logs go.
    pub(crate) logs: &'a Path,
    /// Whether each step is told.
    pub(crate) steps: bool,
}

pub(crate) struct Cell<'a> {
    /// In all of its names.
    pub(crate) tag: String,
    pub(crate) broker: Broker,
    pub(crate) shared: Shared<'a>,
    language: &'a Language,
    transport: &'static str,
    logs: PathBuf,
    pub(crate) pod: Pod,
    pub(crate) sidecar: Option<Sidecar>,
    /// The settings that it runs with; None: it is not as a scenario would start it.
    running: Option<BTreeMap<String, String>>,
    pub(crate) drivers: BTreeMap<String, Driver>,
    /// Sidecars' logs, and how far they were looked at.
    watched: Vec<(PathBuf, usize)>,
    /// What the scenario before this one expected in them: it may come late.
    before: Vec<String>,
}

/// Runs all scenarios, and tells each one's row.
pub(crate) fn run(shared: Shared<'_>, language: &Language, transport: &'static str, rows: &Sender<Row>) {
    let tell = |scenario: &Scenario, result: Result<String, Wrong>| {
        let row = Row {
            language: language.name.to_owned(),
            transport,
            scenario: scenario.name.clone(),
            passed: result.is_ok(),
            evidence: result.unwrap_or_else(|wrong| wrong.0),
        };
        // Nobody listens any more: the run is being ended.
        let _ = rows.send(row);
    };
    let mut cell = match language.built().and_then(|()| Cell::new(shared, language, transport)) {
        Ok(cell) => cell,
        Err(wrong) => {
            return shared.scenarios.iter().for_each(|scenario| tell(scenario, Err(wrong.clone())));
        }
    };
    for scenario in shared.scenarios {
        tell(scenario, interrupt::check().and_then(|()| cell.scenario(scenario)));
    }
    if let Err(wrong) = cell.end() {
        eprintln!("{}/{transport}: {wrong}", language.name);
    }
}

// === impl Cell ===

impl<'a> Cell<'a> {
    fn new(shared: Shared<'a>, language: &'a Language, transport: &'static str) -> Result<Self, Wrong> {
        let name = format!("{}-{transport}", language.name);
        let logs = shared.logs.join(&name);
        fs::create_dir_all(&logs).map_err(|error| Wrong::new(format!("{}: {error}", logs.display())))?;
        // The number is not last: it could look like that of a Deployment's pod.
        let tag = sidecommit_e2e::unique(&name);
        let slot = format!("conformance/test/{tag}-slot/0");
        let pod = Pod::new(&shared.kafka.bootstrap(), &slot, "sidecar", &logs)?;
        let mut broker = Broker::new(shared.kafka)?;
        let topics = shared.scenarios.iter().flat_map(|scenario| scenario.topics(&tag));
        broker.create(topics.map(|(_, topic, partitions)| (topic, partitions)).collect(), shared.runtime)?;
        Ok(Self {
            tag,
            broker,
            shared,
            language,
            transport,
            logs,
            pod,
            sidecar: None,
            running: None,
            drivers: BTreeMap::new(),
            watched: Vec::new(),
            before: Vec::new(),
        })
    }

    /// What it is evidenced by, in either case.
    fn scenario(&mut self, scenario: &Scenario) -> Result<String, Wrong> {
        let begun = Instant::now();
        let played = self.begin(scenario).and_then(|()| Scene::new(self, scenario).play());
        let quiet = self.quiet(&scenario.logs);
        self.before.clone_from(&scenario.logs);
        self.broker.rest();
        let result = played.and_then(|evidence| quiet.map(|()| evidence));
        match result {
            Ok(evidence) => {
                self.drivers.retain(|_, driver| !driver.has_ended() && driver.is_idle());
                Ok(format!("{:.1} s{evidence}", begun.elapsed().as_secs_f64()))
            }
            Err(wrong) => {
                let evidence = wrong.0 + &self.last_words();
                // Whatever state they are in, the next scenario gets new ones.
                self.drivers.clear();
                self.sidecar = None;
                self.watched.clear();
                Err(Wrong(evidence))
            }
        }
    }

    /// Ends all that runs, and removes its topics: the broker may be somebody else's.
    fn end(mut self) -> Result<(), Wrong> {
        self.drivers.clear();
        self.sidecar = None;
        self.broker.remove(&self.pod.outcomes(), self.shared.runtime)
    }

    fn begin(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        self.drivers.values_mut().for_each(Driver::begin);
        let as_wanted = scenario.failpoint.is_none() && self.running.as_ref() == Some(&scenario.settings);
        if self.sidecar.is_none() || !as_wanted {
            self.sidecar.take().map(Sidecar::kill).transpose()?;
            self.start(&scenario.settings, scenario.failpoint.as_deref())?;
            self.serves()?;
        }
        Ok(())
    }

    /// Starts the cell's sidecar.
    pub(crate) fn start(
        &mut self,
        settings: &BTreeMap<String, String>,
        failpoint: Option<&str>,
    ) -> Result<(), Wrong> {
        let sidecar = self.pod.start(settings, failpoint)?;
        self.watch(sidecar.log());
        self.sidecar = Some(sidecar);
        self.running = failpoint.is_none().then(|| settings.clone());
        Ok(())
    }

    pub(crate) fn serves(&mut self) -> Result<(), Wrong> {
        let runtime = self.shared.runtime;
        self.sidecar()?.reach("READY", runtime)
    }

    pub(crate) fn sidecar(&mut self) -> Result<&mut Sidecar, Wrong> {
        self.sidecar.as_mut().ok_or_else(|| Wrong::new("no sidecar runs"))
    }

    /// Another one of the same slot.
    pub(crate) fn rival(&mut self) -> Result<Sidecar, Wrong> {
        let mut pod = Pod::new(&self.shared.kafka.bootstrap(), self.pod.slot(), "rival", &self.logs)?;
        let rival = pod.start(&BTreeMap::new(), None)?;
        self.watch(rival.log());
        Ok(rival)
    }

    /// A driver, which is started if it does not run.
    pub(crate) fn driver(&mut self, name: &str) -> Result<&mut Driver, Wrong> {
        if self.drivers.get_mut(name).is_none_or(Driver::has_ended) {
            self.drivers.remove(name);
            let stderr = self.logs.join(format!("{name}.stderr"));
            let driver =
                Driver::start(&self.language.driver(), &self.pod.address(self.transport), name, &stderr);
            let driver = driver.map_err(|wrong| Wrong(wrong.0 + &said_last(name, &stderr)))?;
            self.drivers.insert(name.to_owned(), driver);
        }
        self.drivers.get_mut(name).ok_or_else(|| Wrong::new(format!("no driver {name}")))
    }

    fn watch(&mut self, log: &Path) {
        self.watched.push((log.to_owned(), 0));
    }

    /// No line at WARN or ERROR since it was looked last that is not expected.
    fn quiet(&mut self, expected: &[String]) -> Result<(), Wrong> {
        let expected: Vec<_> = expected
            .iter()
            .chain(&self.before)
            .map(|line| (&**line, "the scenario brings it about"))
            .collect();
        let mut surprises = Vec::new();
        for (log, looked) in &mut self.watched {
            let text = fs::read_to_string(&*log)
                .map_err(|error| Wrong::new(format!("{}: {error}", log.display())))?;
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            let new = &text[(*looked).min(end)..end];
            *looked = end;
            surprises.extend(sidecommit_e2e::unexpected(new, &expected).into_iter().map(str::to_owned));
        }
        // Those of before are over; the last one goes on.
        self.watched.drain(..self.watched.len().saturating_sub(1));
        match surprises.first() {
            None => Ok(()),
            Some(_) => Err(Wrong::new(format!(
                "the sidecar's log says what is not expected:\n{}",
                surprises.join("\n")
            ))),
        }
    }

    fn last_words(&self) -> String {
        let drivers =
            self.drivers.keys().map(|name| said_last(name, &self.logs.join(format!("{name}.stderr"))));
        let sidecar = self
            .sidecar
            .as_ref()
            .map(|sidecar| format!("\nsidecar's log ends with:\n{}", sidecar.log_tail()));
        drivers.chain(sidecar).collect()
    }
}

/// The last lines of a driver's standard error.
fn said_last(name: &str, stderr: &Path) -> String {
    const LINES: usize = 12;
    let text = fs::read(stderr).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nstderr of {name} ends with:\n{}", lines[lines.len().saturating_sub(LINES)..].join("\n"))
}
