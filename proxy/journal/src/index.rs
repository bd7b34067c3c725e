use crate::stored::{Entry, Stored};
use sidecommit_core::{GroupUuid, Incarnation, LaneIndex, Millis};
use std::collections::{BTreeMap, VecDeque};

/// Which entry of the stream is what: enough to supersede and to drop entries without reading them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The number of the first item; the numbers have no gap.
    first: u64,
    items: VecDeque<Item>,
    /// What the outcomes count, see [`Item::weight`].
    weight: usize,
    prepared: BTreeMap<(LaneIndex, u64), u64>,
    foreign: BTreeMap<GroupUuid, u64>,
    adopted: Option<u64>,
}

/// An entry in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Superseded.
    Gone,
    /// An undecided group, another slot's undecided group, or what was adopted: kept however old it is.
    Kept,
    /// A claim.
    Claim(Incarnation, String),
    /// Outcomes.
    Outcomes {
        /// How many.
        count: usize,
        /// When the last of them ended.
        ended: Millis,
    },
}

/// The oldest entries, taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trimmed {
    /// Entries that must be written again.
    pub(crate) kept: Vec<u64>,
    /// Claims.
    pub(crate) claims: Vec<(Incarnation, String)>,
    /// How many outcomes were dropped.
    pub(crate) outcomes: usize,
    /// When the last of them ended.
    pub(crate) ended: Millis,
}

// === impl Item ===

impl Item {
    /// What it counts against outcomes_remembered. A group without members counts as well: it takes room too.
    fn weight(&self) -> usize {
        match self {
            Self::Outcomes { count, .. } => (*count).max(1),
            Self::Gone | Self::Kept | Self::Claim(..) => 0,
        }
    }

    fn is_needed(&self) -> bool {
        matches!(self, Self::Kept | Self::Outcomes { .. })
    }
}

// === impl Index ===

impl Index {
    /// The stream after `through`.
    pub(crate) fn after(through: u64) -> Self {
        Self { first: through + 1, ..Self::default() }
    }

    /// The number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// The number of the last entry that is no longer in here.
    pub(crate) fn through(&self) -> u64 {
        self.first - 1
    }

    /// What the outcomes count.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// How many entries are needed, of how many. Claims are not: the header takes them.
    pub(crate) fn needed_of(&self) -> (usize, usize) {
        let needed = self.items.iter().filter(|item| item.is_needed()).count();
        (needed, self.items.len())
    }

    /// Whether the entry is needed.
    pub(crate) fn is_needed(&self, number: u64) -> bool {
        self.at(number).is_some_and(|at| self.items[at].is_needed())
    }

    /// Whether the entry is in here, needed or not.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.at(number).is_some()
    }

    /// The claims, oldest first.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (Incarnation, &str)> {
        self.items.iter().filter_map(|item| match item {
            Item::Claim(incarnation, pod_uid) => Some((*incarnation, pod_uid.as_str())),
            _ => None,
        })
    }

    /// Takes in the next entry. Returns the number of the one that it supersedes, now gone.
    pub(crate) fn push(&mut self, stored: &Stored) -> Option<u64> {
        let number = self.next();
        let (item, superseded) = match stored {
            Stored::Gone { .. } => (Item::Gone, None),
            Stored::Foreign(foreign) => (Item::Kept, self.foreign.insert(foreign.group.group, number)),
            Stored::Entry(entry) => self.item(entry, number),
        };
        self.weight += item.weight();
        self.items.push_back(item);
        superseded.filter(|number| self.retire(*number))
    }

    /// Forgets another slot's group. Returns its number, now gone.
    pub(crate) fn forget_foreign(&mut self, group: GroupUuid) -> Option<u64> {
        self.foreign.remove(&group).filter(|number| self.retire(*number))
    }

    /// Takes out the oldest entries until the outcomes count at most `weight`.
    pub(crate) fn trim(&mut self, weight: usize) -> Trimmed {
        let mut trimmed = Trimmed::default();
        while self.weight > weight {
            let Some(item) = self.items.pop_front() else { break };
            let number = self.first;
            self.first += 1;
            self.weight -= item.weight();
            match item {
                Item::Gone => {}
                Item::Kept => trimmed.kept.push(number),
                Item::Claim(incarnation, pod_uid) => trimmed.claims.push((incarnation, pod_uid)),
                Item::Outcomes { count, ended } => {
                    trimmed.outcomes += count;
                    trimmed.ended = trimmed.ended.max(ended);
                }
            }
        }
        trimmed
    }

    fn item(&mut self, entry: &Entry, number: u64) -> (Item, Option<u64>) {
        match entry {
            Entry::Claim { incarnation, pod_uid } => (Item::Claim(*incarnation, pod_uid.clone()), None),
            Entry::Prepared(group) => (Item::Kept, self.prepared.insert((group.lane, group.seq), number)),
            Entry::Settled { lane, seq, members } => {
                let ended = members.iter().map(|member| member.ended).max().unwrap_or(0);
                (Item::Outcomes { count: members.len(), ended }, self.prepared.remove(&(*lane, *seq)))
            }
            Entry::Finished(summary) => (Item::Outcomes { count: 1, ended: summary.ended }, None),
            Entry::Adopted { .. } => (Item::Kept, self.adopted.replace(number)),
        }
    }

    /// False if it is no longer in here.
    fn retire(&mut self, number: u64) -> bool {
        let Some(at) = self.at(number) else { return false };
        self.items[at] = Item::Gone;
        true
    }

    fn at(&self, number: u64) -> Option<usize> {
        let at = number.checked_sub(self.first)?;
        (at < self.items.len() as u64).then_some(at as usize)
    }
}
