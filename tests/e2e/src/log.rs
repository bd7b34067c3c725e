//! A sidecar's log against what its test expects: any other WARN, ERROR, or line that is not the log's fails the test.

/// A line that is expected at WARN or ERROR, and why.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    line: String,
    why: String,
}

/// What every sidecar of these tests rightly says; a test's own expectations are in its [`crate::Spec`].
const COMMON: [(&str, &str); 2] = [
    (
        "WARN .. topic .. can lose committed records: replication factor 1",
        "topics of these tests have one replica",
    ),
    (
        "WARN .. another producer's open transaction holds back the outcomes partition",
        "tests share the outcomes topic, and some leave a transaction open on it",
    ),
];

/// What a producer's fence makes a sidecar say.
const FENCE: &str = "WARN .. lane failed .. kind=Fenced";

/// What faults make librdkafka give up, and the sidecar say: in any of these cases it replaces the producer.
const GIVEN_UP: [&str; 4] = [
    "WARN librdkafka: .. Failed to add offsets to transaction .. Local: ",
    "WARN .. lane failed .. kind=Unreachable send_offsets_to_transaction: .. Local: ",
    "WARN .. lane failed .. kind=Other .. sequence desynchronization",
    "WARN .. lane failed .. kind=Fenced",
];

// === impl Expected ===

impl Expected {
    /// Parts of a line in their order, with ` .. ` between them.
    pub(crate) fn new(line: &str, why: &str) -> Self {
        assert!(!line.trim().is_empty() && !why.trim().is_empty(), "an expectation has a line and a reason");
        Self { line: line.to_owned(), why: why.to_owned() }
    }

    pub(crate) fn common() -> Vec<Self> {
        COMMON.iter().map(|(line, why)| Self::new(line, why)).collect()
    }

    pub(crate) fn wire_faults() -> impl Iterator<Item = Self> {
        GIVEN_UP.into_iter().map(|line| Self::new(line, "faults on the wire"))
    }

    pub(crate) fn fence(why: &str) -> Self {
        Self::new(FENCE, why)
    }

    fn explains(&self, line: &str) -> bool {
        let mut rest = line;
        self.line.split(" .. ").all(|part| {
            let found = rest.split_once(part);
            rest = found.map_or("", |(_, after)| after);
            found.is_some()
        })
    }
}

/// The lines that nothing explains.
pub(crate) fn surprises<'a>(log: &'a str, expected: &[Expected]) -> Vec<&'a str> {
    let explained = |line: &&str| expected.iter().any(|expected| expected.explains(line));
    log.lines().filter(|line| is_loud(line)).filter(|line| !explained(line)).collect()
}

/// The lines of a sidecar's log that neither every test expects nor this one: parts of a line with ` .. ` between them, and
/// why.
pub fn unexpected<'a>(log: &'a str, expected: &[(&str, &str)]) -> Vec<&'a str> {
    let own = expected.iter().map(|(line, why)| Expected::new(line, why));
    surprises(log, &Expected::common().into_iter().chain(own).collect::<Vec<_>>())
}

/// What a test failed for, with what would have been taken.
pub(crate) fn complaint(log: &str, expected: &[Expected]) -> Option<String> {
    let surprises = surprises(log, expected);
    let explained: Vec<_> =
        expected.iter().map(|expected| format!("  {} ({})", expected.line, expected.why)).collect();
    (!surprises.is_empty()).then(|| {
        format!(
            "a sidecar said what its test does not expect (Spec::expects):\n{}\nexpected were:\n{}\nits log:\n{log}",
            surprises.join("\n"),
            explained.join("\n")
        )
    })
}

/// Neither `TIME LEVEL …` at a level that needs nobody, nor empty. A panic is a line of another form.
fn is_loud(line: &str) -> bool {
    let level = line.split_whitespace().nth(1);
    !line.is_empty() && !matches!(level, Some("INFO" | "DEBUG" | "TRACE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-01-01T00:00:00.0Z  INFO sidecommit::serve: listening tcp=1 ERROR WARN
2026-01-01T00:00:01.0Z  WARN sidecommit::driver::topics: topic t can lose committed records: replication factor 1, x
2026-01-01T00:00:02.0Z  WARN sidecommit::driver::run: lane failed lane=1 kind=Fenced message=m
2026-01-01T00:00:02.0Z ERROR sidecommit::driver::run: outcome unknown

thread 'engine' (7) panicked at proxy/core/src/x.rs:1:1:";

    fn of(expected: &[(&str, &str)]) -> Vec<Expected> {
        let own = expected.iter().map(|(line, why)| Expected::new(line, why));
        Expected::common().into_iter().chain(own).collect()
    }

    #[test]
    fn warnings_errors_and_panics_are_surprises() {
        let lines: Vec<_> = LOG.lines().collect();
        assert_eq!(surprises(LOG, &of(&[])), [lines[2], lines[3], lines[5]]);
        assert_eq!(complaint(lines[1], &of(&[])), None);
    }

    #[test]
    fn an_expectation_explains_its_line_only() {
        let lines: Vec<_> = LOG.lines().collect();
        let fence = ("WARN .. lane failed .. kind=Fenced", "fenced by the test");
        assert_eq!(surprises(LOG, &of(&[fence])), [lines[3], lines[5]]);
        let elsewhere = ("kind=Fenced .. lane failed", "in another order");
        assert_eq!(surprises(LOG, &of(&[elsewhere])).len(), 3);
        assert!(complaint(LOG, &of(&[fence])).is_some_and(|text| text.contains("fenced by the test")));
    }

    #[test]
    #[should_panic(expected = "a reason")]
    fn an_expectation_without_a_reason_is_none() {
        Expected::new("WARN", " ");
    }
}
