//! What a sidecar counts, as Prometheus is told.

use crate::Sidecar;
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    ops::Sub,
};

/// One scrape, or the difference of two.
#[derive(Clone, Debug)]
pub struct Metrics(BTreeMap<String, f64>);

// === impl Metrics ===

impl Metrics {
    /// Asks the sidecar, whose Spec has a `metrics_address`.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn of(sidecar: &Sidecar) -> Self {
        let mut stream = TcpStream::connect(sidecar.bound("metrics")).expect("it listens there");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("takes the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let samples = answer.lines().filter(|line| line.starts_with("sidecommit_"));
        let parsed = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(parsed.collect())
    }

    /// The sum of a metric over all its labels, 0 if it has none yet. The name without `sidecommit_`.
    pub fn sum(&self, name: &str) -> f64 {
        self.by_label(name).map(|(_, value)| value).sum()
    }

    /// Each of its labels with its value.
    pub fn by_label(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        let name = format!("sidecommit_{name}");
        self.0.iter().filter_map(move |(sample, value)| {
            let labels = sample.strip_prefix(&name)?;
            (labels.is_empty() || labels.starts_with('{')).then_some((labels, *value))
        })
    }
}

impl Sub for &Metrics {
    type Output = Metrics;

    fn sub(self, before: Self) -> Metrics {
        let grown = |(name, value): (&String, &f64)| {
            (name.clone(), value - before.0.get(name).copied().unwrap_or_default())
        };
        Metrics(self.0.iter().map(grown).collect())
    }
}
