//! What callers were told, against what a reader sees.

use std::collections::BTreeMap;

/// What the caller of one transaction was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// COMMITTED.
    Committed,
    /// ABORTED, for any reason.
    Aborted,
}

/// Holds each transaction's values (two each: whole or torn) against what is visible: a line for each difference.
pub fn differences(told: &BTreeMap<String, Told>, visible: &BTreeMap<String, usize>) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, told) in told {
        let expected = usize::from(*told == Told::Committed);
        for half in ["debit", "credit"] {
            let seen = visible.get(&format!("{name}/{half}")).copied().unwrap_or(0);
            if seen != expected {
                differences.push(format!("{name}: told {told:?}, its {half} is visible {seen} times"));
            }
        }
    }
    let known = |value: &&String| told.keys().any(|name| value.starts_with(&format!("{name}/")));
    let strangers = visible.keys().filter(|value| !known(value));
    differences.extend(strangers.map(|value| format!("{value} is visible and nobody's")));
    differences
}

/// Likewise.
///
/// # Panics
/// With every difference.
pub fn check_ledger(told: &BTreeMap<String, Told>, visible: &BTreeMap<String, usize>) {
    let differences = differences(told, visible);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
