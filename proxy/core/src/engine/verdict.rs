//! R3 of recovery: what Kafka says about a PREPARED group (engine.md 5).

use crate::{JournalId, Marker, Millis, OutcomesKey, OutcomesView, PreparedGroup};

/// The decision about a group in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its marker is there.
    Committed,
    /// Its marker is not there, and what would have been lost with it is.
    Aborted,
    /// The evidence is gone.
    Unknown,
}

/// Decides about a group that `journal` prepared.
///
/// Sound only if the group's lane was inited (or found fenced) before the view was read, and the view reaches a
/// high watermark taken after that.
pub fn verdict(view: &OutcomesView, journal: JournalId, group: &PreparedGroup) -> Verdict {
    let key = OutcomesKey::marker(group.lane, journal, group.seq);
    let OutcomesKey::Marker(lane, _, ring) = key else { return Verdict::Unknown };
    match view.markers.get(&(lane, journal, ring)) {
        Some(marker) if marker.group == group.group => return Verdict::Committed,
        // Overwritten by a later turn of the ring: what stood here before cannot be told.
        Some(marker) if marker.seq > group.seq => return Verdict::Unknown,
        // A number is used again only by a life that found it unused, after init had decided the former use (a restored
        // copy of the journal): no marker of this group, then.
        _ => {}
    }
    let removed = view.truncated || view.tombstoned.contains(&key);
    // What was written after the group (a birth put back, the markers of later groups, all that a restored copy of the
    // journal wrote) stands for nothing before it.
    let prepared = group.members.iter().map(|member| member.ended).max().unwrap_or(Millis::MAX);
    let born = view.births.get(&(lane, journal)).is_some_and(|birth| birth.time <= prepared);
    let older = |marker: &Marker| marker.seq < group.seq && marker.time <= prepared;
    let anchored = born || view.markers_of(lane, journal).any(older);
    if anchored && !removed { Verdict::Aborted } else { Verdict::Unknown }
}

/// Decides about a group by reading only, without the right to init its lane (we stepped down, or the journal was
/// another slot's). None: not decided as far as can be seen.
///
/// Absence counts only once a newer owner is known to have inited the lane: lane 0 by its owner record, others by a
/// birth or marker of its own there, not older than that record (both by that owner's clock).
pub fn verdict_by_reading(view: &OutcomesView, journal: JournalId, group: &PreparedGroup) -> Option<Verdict> {
    let said = verdict(view, journal, group);
    if said == Verdict::Committed {
        return Some(said);
    }
    let owner = view.owner.as_ref()?;
    let issued = group.members.iter().map(|member| member.txn.incarnation()).max()?;
    if owner.incarnation <= issued {
        return None;
    }
    let born = view.births.get(&(group.lane, owner.journal)).map(|birth| birth.time);
    let latest = view.markers_of(group.lane, owner.journal).map(|marker| marker.time).max();
    let inited = group.lane.0 == 0 || born.max(latest).is_some_and(|time| time >= owner.time);
    inited.then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Birth, Fingerprint, GroupUuid, Incarnation, LaneIndex, OwnerRecord, TxnId, TxnOutcome, TxnSummary,
    };

    const JOURNAL: JournalId = JournalId([1; 16]);
    const LANE: LaneIndex = LaneIndex(2);

    fn group(seq: u64, uuid: u8) -> PreparedGroup {
        let member = TxnSummary {
            txn: TxnId::new(1, Incarnation(1), 1),
            request_id: String::new(),
            key: None,
            fingerprint: Fingerprint::default(),
            label: String::new(),
            outcome: TxnOutcome::Committed(Vec::new()),
            ended: 100,
            record_count: 1,
            offsets_count: 0,
        };
        let group = GroupUuid([uuid; 16]);
        PreparedGroup { lane: LANE, seq, group, marker: None, members: vec![member] }
    }

    fn put(view: &mut OutcomesView, seq: u64, uuid: u8) {
        let marker = Marker { seq, group: GroupUuid([uuid; 16]), time: 0, members: Vec::new() };
        view.apply(OutcomesKey::marker(LANE, JOURNAL, seq), Some(&marker.encode())).expect("valid");
    }

    fn born() -> OutcomesView {
        let mut view = OutcomesView::default();
        view.apply(OutcomesKey::Birth(LANE, JOURNAL), Some(&Birth { time: 0, horizon: 0 }.encode()))
            .expect("valid");
        view
    }

    #[test]
    fn the_marker_with_its_uuid_proves_the_commit() {
        let mut view = OutcomesView::default();
        put(&mut view, 7, 9);
        assert_eq!(verdict(&view, JOURNAL, &group(7, 9)), Verdict::Committed);
    }

    #[test]
    fn an_absent_marker_proves_the_abort_only_while_something_of_ours_stands() {
        assert_eq!(verdict(&born(), JOURNAL, &group(7, 9)), Verdict::Aborted);
        assert_eq!(verdict(&OutcomesView::default(), JOURNAL, &group(7, 9)), Verdict::Unknown);
        let mut older = OutcomesView::default();
        put(&mut older, 6, 8);
        assert_eq!(verdict(&older, JOURNAL, &group(7, 9)), Verdict::Aborted);
        assert_eq!(verdict(&older, JournalId([2; 16]), &group(7, 9)), Verdict::Unknown);
        let mut reborn = OutcomesView::default();
        let birth = Birth { time: 101, horizon: 101 };
        reborn.apply(OutcomesKey::Birth(LANE, JOURNAL), Some(&birth.encode())).expect("valid");
        put(&mut reborn, 8, 8);
        assert_eq!(verdict(&reborn, JOURNAL, &group(7, 9)), Verdict::Unknown);
    }

    #[test]
    fn removed_evidence_is_no_evidence() {
        let mut tombstoned = born();
        tombstoned.apply(OutcomesKey::marker(LANE, JOURNAL, 7), None).expect("valid");
        assert_eq!(verdict(&tombstoned, JOURNAL, &group(7, 9)), Verdict::Unknown);
        let truncated = OutcomesView { truncated: true, ..born() };
        assert_eq!(verdict(&truncated, JOURNAL, &group(7, 9)), Verdict::Unknown);
    }

    #[test]
    fn a_reader_without_init_believes_absence_only_after_a_newer_owner_used_the_lane() {
        let group = group(7, 9);
        let mut view = born();
        let owner = |incarnation| OwnerRecord {
            incarnation: Incarnation(incarnation),
            journal: JournalId([5; 16]),
            pod_uid: "b".into(),
            lanes_max: 8,
            time: 100,
        };
        view.owner = Some(owner(1));
        assert_eq!(verdict_by_reading(&view, JOURNAL, &group), None);
        view.owner = Some(owner(2));
        assert_eq!(verdict_by_reading(&view, JOURNAL, &group), None);
        view.births.insert((LANE, JournalId([5; 16])), Birth { time: 99, horizon: 0 });
        assert_eq!(verdict_by_reading(&view, JOURNAL, &group), None, "the birth is of an earlier ownership");
        view.births.insert((LANE, JournalId([5; 16])), Birth { time: 100, horizon: 0 });
        assert_eq!(verdict_by_reading(&view, JOURNAL, &group), Some(Verdict::Aborted));
        put(&mut view, 7, 9);
        assert_eq!(verdict_by_reading(&view, JOURNAL, &group), Some(Verdict::Committed));
    }

    #[test]
    fn a_later_turn_of_the_ring_hides_the_outcome_and_a_reused_number_shows_it() {
        let mut view = born();
        put(&mut view, 7 + 64, 3);
        assert_eq!(verdict(&view, JOURNAL, &group(7, 9)), Verdict::Unknown);
        put(&mut view, 7, 3);
        assert_eq!(verdict(&view, JOURNAL, &group(7, 9)), Verdict::Aborted);
    }
}
