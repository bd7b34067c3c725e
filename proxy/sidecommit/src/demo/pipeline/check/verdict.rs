//! Whether the output is f of the input, of each record once, and in each partition in the input's order.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// At most so many findings are described.
const FINDINGS_MAX: usize = 20;

/// A topic's partitions, each with its records in order.
pub(super) type Topic = BTreeMap<i32, Vec<Row>>;

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: String,
    pub(super) value: String,
}

/// How input and output agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Verdict {
    /// Records to be transformed.
    pub(in super::super) input: u64,
    /// Visible ones.
    pub(in super::super) output: u64,
    /// Records of the input of which f is not in the same partition of the output.
    pub(in super::super) missing: u64,
    /// Records of the output that are f of the same record as an earlier one.
    pub(in super::super) duplicated: u64,
    /// Records of the output that are f of an earlier record of the input than one before them.
    pub(in super::super) out_of_order: u64,
    /// Records of the output that are f of no record of the same partition of the input.
    pub(in super::super) foreign: u64,
    /// The first of what is wrong, for people.
    pub(in super::super) findings: Vec<String>,
}

/// What an output has to say: key, id, total.
type Bill = (String, String, u64);

/// Compares. Each id is in the input once.
pub(super) fn judge(input: &Topic, output: &Topic) -> Verdict {
    let count = |topic: &Topic| topic.values().map(|rows| rows.len() as u64).sum();
    let mut verdict = Verdict { input: count(input), output: count(output), ..Verdict::default() };
    let nothing = Vec::new();
    let mut partitions: Vec<i32> = input.keys().chain(output.keys()).copied().collect();
    partitions.sort_unstable();
    partitions.dedup();
    for partition in partitions {
        let [orders, bills] = [input, output].map(|topic| topic.get(&partition).unwrap_or(&nothing));
        verdict.partition(partition, orders, bills);
    }
    verdict
}

// === impl Verdict ===

impl Verdict {
    /// Whether everything is as promised.
    pub(in super::super) fn is_clean(&self) -> bool {
        self.missing + self.duplicated + self.out_of_order + self.foreign == 0 && self.input == self.output
    }

    fn partition(&mut self, partition: i32, orders: &[Row], bills: &[Row]) {
        let wanted: HashMap<Bill, usize> =
            orders.iter().enumerate().filter_map(|(nth, order)| Some((due(order)?, nth))).collect();
        let mut seen = vec![false; orders.len()];
        let mut latest = 0;
        for row in bills {
            let Some(&nth) = made(row).and_then(|bill| wanted.get(&bill)) else {
                self.foreign += 1;
                self.find(format!("partition {partition}: {row:?} is f of nothing in the input"));
                continue;
            };
            if seen[nth] {
                self.duplicated += 1;
                self.find(format!("partition {partition}: {row:?} is there before"));
                continue;
            }
            seen[nth] = true;
            if nth < latest {
                self.out_of_order += 1;
                self.find(format!("partition {partition}: {row:?} is behind what came after it"));
            }
            latest = latest.max(nth);
        }
        for (order, _) in orders.iter().zip(&seen).filter(|(_, seen)| !**seen) {
            self.missing += 1;
            self.find(format!("partition {partition}: f of {order:?} is not there"));
        }
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// f of an order. None: it is no order.
fn due(order: &Row) -> Option<Bill> {
    let value: Value = serde_json::from_str(&order.value).ok()?;
    let number = |name: &str| value.get(name)?.as_u64();
    let id = value.get("id")?.as_str()?.to_owned();
    Some((order.key.clone(), id, number("quantity")?.checked_mul(number("price")?)?))
}

/// What a bill says. None: it is none.
fn made(bill: &Row) -> Option<Bill> {
    let value: Value = serde_json::from_str(&bill.value).ok()?;
    let id = value.get("id")?.as_str()?.to_owned();
    Some((bill.key.clone(), id, value.get("total")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An order of 2 for so much each.
    fn order(id: &str, price: u64) -> Row {
        row(format!(r#"{{"id":"{id}","quantity":2,"price":{price}}}"#))
    }

    fn bill(id: &str, total: u64) -> Row {
        row(format!(r#"{{"id":"{id}","total":{total}}}"#))
    }

    fn row(value: String) -> Row {
        Row { key: "k".to_owned(), value }
    }

    fn input() -> Topic {
        Topic::from([(0, vec![order("a", 1), order("b", 2), order("c", 3)]), (1, vec![order("d", 4)])])
    }

    fn output() -> Topic {
        Topic::from([(0, vec![bill("a", 2), bill("b", 4), bill("c", 6)]), (1, vec![bill("d", 8)])])
    }

    /// The verdict on an output that was changed, without its findings, of which there has to be one.
    fn judged(change: impl FnOnce(&mut Topic)) -> Verdict {
        let mut output = output();
        change(&mut output);
        let verdict = judge(&input(), &output);
        assert!(!verdict.is_clean() && !verdict.findings.is_empty(), "{verdict:?}");
        Verdict { findings: Vec::new(), ..verdict }
    }

    #[test]
    fn f_of_everything_once_and_in_order_is_clean() {
        let verdict = judge(&input(), &output());
        assert_eq!(verdict, Verdict { input: 4, output: 4, ..Verdict::default() });
        assert!(verdict.is_clean());
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let one = judged(|output| _ = output.get_mut(&0).unwrap().remove(1));
        assert_eq!(one, Verdict { input: 4, output: 3, missing: 1, ..Verdict::default() });
        let partition = judged(|output| _ = output.remove(&0));
        assert_eq!(partition, Verdict { input: 4, output: 1, missing: 3, ..Verdict::default() });
    }

    #[test]
    fn what_is_there_twice_is_duplicated_wherever_the_second_is() {
        let at_the_end = judged(|output| output.get_mut(&0).unwrap().push(bill("a", 2)));
        assert_eq!(at_the_end, Verdict { input: 4, output: 5, duplicated: 1, ..Verdict::default() });
        let next_to_it = judged(|output| output.get_mut(&0).unwrap().insert(0, bill("a", 2)));
        assert_eq!(next_to_it, at_the_end);
    }

    #[test]
    fn one_for_another_is_duplicated_and_missing_though_the_numbers_agree() {
        let verdict = judged(|output| output.get_mut(&0).unwrap()[1] = bill("a", 2));
        let expected = Verdict { input: 4, output: 4, missing: 1, duplicated: 1, ..Verdict::default() };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn what_changed_places_is_out_of_order() {
        let verdict = judged(|output| output.get_mut(&0).unwrap().swap(0, 2));
        assert_eq!(verdict, Verdict { input: 4, output: 4, out_of_order: 2, ..Verdict::default() });
    }

    #[test]
    fn what_is_f_of_nothing_is_foreign() {
        let foreign = Verdict { input: 4, output: 4, missing: 1, foreign: 1, ..Verdict::default() };
        assert_eq!(judged(|output| output.get_mut(&1).unwrap()[0] = bill("d", 9)), foreign, "a wrong value");
        assert_eq!(judged(|output| output.get_mut(&1).unwrap()[0].key.clear()), foreign, "a wrong key");
        assert_eq!(judged(|output| output.get_mut(&1).unwrap()[0] = row("?".to_owned())), foreign);
        let elsewhere = judged(|output| {
            let bill = output.get_mut(&0).unwrap().pop().unwrap();
            output.get_mut(&1).unwrap().push(bill);
        });
        assert_eq!(elsewhere, foreign, "in another partition");
    }
}
