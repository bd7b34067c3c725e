//! `sidecommit inject` and `uninject`: manifests in, manifests out, what became of each on standard error.

use super::output;
use crate::exit::Failure;
use sidecommit_inject::{
    Defaults, OptIn,
    manifests::{Done, inject_all, uninject_all},
    yaml::{self, Format},
};
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Where manifests come from.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// YAML or JSON, one or several documents, Lists too; - is standard input
    #[arg(short, long, value_name = "FILE")]
    filename: PathBuf,
}

/// What to inject, and how.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A pod template takes part if it has the label sidecommit.dev/inject: \"true\". What is denied is told with key, \
                        value and accepted form, exits with 1 and prints no manifests."
)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
    /// The chart's `injection` values, as YAML or JSON: what counts where a pod and its namespace say nothing
    #[arg(long, value_name = "FILE")]
    defaults: Option<PathBuf>,
    /// Pod templates without the label too; a label with "false" still keeps one out
    #[arg(long)]
    all: bool,
    /// Print no manifests; exit with 1 if one would be changed or is denied
    #[arg(long)]
    check: bool,
}

/// Manifests as they were read.
struct Manifests {
    documents: Vec<serde_json::Value>,
    format: Format,
}

/// Injects.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let defaults = match &args.defaults {
        Some(path) => Defaults::from_yaml(&read(path)?).map_err(|complaints| Failure::usage(&complaints))?,
        None => Defaults::default(),
    };
    let opt_in = if args.all { OptIn::All } else { OptIn::Label };
    let manifests = Manifests::read(&args.input.filename)?;
    let done = inject_all(&manifests.documents, opt_in, &defaults);
    tell(&done)?;
    match args.check {
        true if done.changed => {
            Err(Failure::Refused("the manifests are not injected as they would be".to_owned()))
        }
        true => Ok(()),
        false => manifests.print(&done),
    }
}

/// Takes out.
pub(super) fn undo(input: &Input) -> Result<(), Failure> {
    let manifests = Manifests::read(&input.filename)?;
    let done = uninject_all(&manifests.documents);
    tell(&done)?;
    manifests.print(&done)
}

/// A line for each object. Half of a manifest is not to be applied, so a denial is the end.
fn tell(done: &Done) -> Result<(), Failure> {
    for line in &done.report {
        eprintln!("{line}");
    }
    match done.denied {
        true => Err(Failure::Refused("denied; no manifests were printed".to_owned())),
        false => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = match path.to_str() {
        Some("-") => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text)
        }
        _ => fs::read_to_string(path),
    };
    text.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

// === impl Manifests ===

impl Manifests {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = read(path)?;
        let bad = |error| Failure::Usage(format!("{}: {error}", path.display()));
        Ok(Self { documents: yaml::parse(&text).map_err(bad)?, format: yaml::format(&text) })
    }

    fn print(&self, done: &Done) -> Result<(), Failure> {
        output::print(&yaml::write(&done.documents, self.format).map_err(Failure::internal)?)
    }
}
