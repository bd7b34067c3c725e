//! A scenario that is played in a cell, step by step.

use crate::{
    Wrong,
    cell::Cell,
    pattern::mismatch,
    scenario::Scenario,
    seen,
    sidecar::{Sidecar, eventually},
    step::{Act, Answer, Event, Hit, Same, Signal, Step, Until, Visible},
    text,
    vars::Vars,
};
use rustix::process;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The driver that is meant where none is named.
const MAIN: &str = "main";
/// Of an answer that is shown.
const SHOWN: usize = 700;

pub(crate) struct Scene<'c, 'a> {
    cell: &'c mut Cell<'a>,
    scenario: &'c Scenario,
    vars: Vars,
    rival: Option<Sidecar>,
    /// When each driver was called last.
    called: BTreeMap<String, Instant>,
    evidence: String,
}

// === impl Scene ===

impl<'c, 'a> Scene<'c, 'a> {
    pub(crate) fn new(cell: &'c mut Cell<'a>, scenario: &'c Scenario) -> Self {
        let mut vars = Vars::default();
        vars.set("records", json!(cell.shared.records));
        scenario.topics(&cell.tag).for_each(|(name, topic, _)| vars.set(name, json!(topic)));
        scenario.names(&cell.tag).for_each(|(name, unique)| vars.set(name, json!(unique)));
        let (called, evidence) = (BTreeMap::new(), String::new());
        Self { cell, scenario, vars, rival: None, called, evidence }
    }

    /// Plays it; what it is evidenced by.
    pub(crate) fn play(mut self) -> Result<String, Wrong> {
        for (number, step) in (1..).zip(&self.scenario.steps) {
            let step = self.vars.fill(step)?;
            let begun = Instant::now();
            let played = Scenario::step(&step).and_then(|parsed| self.step(parsed));
            if self.cell.shared.steps {
                let (seconds, line) = (begun.elapsed().as_secs_f64(), step.to_string());
                let line: String = line.chars().take(100).collect();
                eprintln!("{:6.2} s  {} {} {number}: {line}", seconds, self.cell.tag, self.scenario.name);
            }
            played.map_err(|wrong| {
                let step: String = step.to_string().chars().take(SHOWN).collect();
                Wrong::new(format!("step {number}, {step}\n{}", wrong.0))
            })?;
        }
        let unanswered = self.cell.drivers.iter().find(|(_, driver)| !driver.is_idle());
        match unanswered {
            None => Ok(self.evidence),
            Some((name, _)) => Err(Wrong::new(format!("{name} has calls whose answers no step waits for"))),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), Wrong> {
        match step {
            Step::Call(command) => self.call(command),
            Step::Answer(answer) => self.answer(answer),
            Step::Event(Event { is, on, kept }) => {
                let event = self.cell.driver(on.as_deref().unwrap_or(MAIN))?.event(&is)?;
                if let Some(name) = kept {
                    self.vars.set(&name, event);
                }
                Ok(())
            }
            Step::Continue(target) => {
                self.cell.driver(target.on.as_deref().unwrap_or(MAIN))?.tell(json!({"op": "continue"}))
            }
            Step::Sidecar(act) => self.sidecar(act),
            Step::Rival(act) => self.rival(act),
            Step::Fence(lanes) => self.cell.broker.fence(self.cell.pod.slot(), lanes),
            Step::Driver(Hit { on, signal }) => self.cell.driver(&on)?.signal(match signal {
                Signal::Kill => process::Signal::KILL,
                Signal::Term => process::Signal::TERM,
            }),
            Step::Fill(fill) => self.cell.broker.fill(&fill),
            Step::Until(until) => self.until(until),
            Step::Visible(visible) => self.visible(&visible),
            Step::Committed(committed) => self.cell.broker.check_committed(&committed),
            Step::Same(Same { value, pattern }) => same(&pattern, &value),
        }
    }

    fn call(&mut self, mut command: Map<String, Value>) -> Result<(), Wrong> {
        let on = command.remove("on");
        let on = on.as_ref().and_then(Value::as_str).unwrap_or(MAIN);
        let command = text::command(Value::Object(command))?;
        let driver = self.cell.driver(on)?;
        self.called.insert(on.to_owned(), Instant::now());
        driver.call(command)
    }

    fn answer(&mut self, expected: Answer) -> Result<(), Wrong> {
        let on = expected.on.as_deref().unwrap_or(MAIN);
        let answer = self.cell.driver(on)?.answer()?;
        same(&Value::Object(expected.pattern), &answer)?;
        if let (Some(records), Some(called)) = (expected.timed, self.called.get(on)) {
            let seconds = called.elapsed().as_secs_f64();
            let records = records.get()?;
            self.evidence =
                format!("; {records} records in {seconds:.2} s, {:.0}/s", records as f64 / seconds);
        }
        if let Some(name) = expected.kept {
            self.vars.set(&name, answer);
        }
        Ok(())
    }

    fn sidecar(&mut self, act: Act) -> Result<(), Wrong> {
        match act {
            Act::Start => self.cell.start(&self.scenario.settings, None),
            Act::Serves => self.cell.serves(),
            Act::Kill => self.cell.sidecar.take().map(Sidecar::kill).transpose().map(drop),
            Act::Pause => self.cell.sidecar()?.signal(process::Signal::STOP),
            Act::Continue => self.cell.sidecar()?.signal(process::Signal::CONT),
            Act::Died => self.cell.sidecar()?.died(),
            Act::Forget => self.cell.pod.forget(),
            Act::Resume => self.cell.sidecar()?.resume(),
        }
    }

    fn rival(&mut self, act: Act) -> Result<(), Wrong> {
        let runtime = self.cell.shared.runtime;
        match (act, &mut self.rival) {
            (Act::Start, None) => self.rival = Some(self.cell.rival()?),
            (Act::Serves, Some(rival)) => rival.reach("READY", runtime)?,
            (Act::Kill, rival @ Some(_)) => drop(rival.take()),
            (act, rival) => {
                let there = if rival.is_some() { "a" } else { "no" };
                return Err(Wrong::new(format!("{act:?}: there is {there} rival")));
            }
        }
        Ok(())
    }

    fn until(&mut self, until: Until) -> Result<(), Wrong> {
        match until {
            Until::Visible { topic, count, by, feed } => {
                self.cell.broker.seen(&topic, count, by.as_deref(), feed.as_ref())
            }
            Until::Copied { topic, of, but } => self.cell.broker.copied(&topic, &of, but),
            Until::Ended(name) => {
                let driver = self.cell.drivers.get_mut(&name);
                let driver = driver.ok_or_else(|| Wrong::new(format!("there is no driver {name}")))?;
                let ended = eventually(|| Ok(driver.has_ended()))?;
                ended.then_some(()).ok_or_else(|| Wrong::new(format!("the driver {name} goes on")))
            }
            Until::State(state) => {
                let runtime = self.cell.shared.runtime;
                self.cell.sidecar()?.reach(&state, runtime)
            }
            Until::Refused(reason) => self.cell.sidecar()?.has_refused(&reason),
            Until::Passed(seconds) => {
                let until = Instant::now() + Duration::from_secs(seconds);
                eventually(|| Ok(Instant::now() >= until)).map(drop)
            }
        }
    }

    fn visible(&self, expected: &Visible) -> Result<(), Wrong> {
        let seen = self.cell.broker.visible(&expected.topic)?;
        let input = expected.copies.as_deref().map(|input| self.cell.broker.visible(input)).transpose()?;
        seen::check(expected, &seen, input.as_deref())
    }
}

fn same(pattern: &Value, value: &Value) -> Result<(), Wrong> {
    let Some(why) = mismatch(pattern, Some(value)) else { return Ok(()) };
    let shown: String = value.to_string().chars().take(SHOWN).collect();
    Err(Wrong::new(format!("{why}\nit is: {shown}")))
}
