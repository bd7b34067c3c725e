use super::{
    binding, copy, filled, keys,
    model::{model, prefix_of},
    open, raw, remembering, same,
};
use crate::{
    Error, Journal,
    stored::{Entry, FORMAT, Family, Key, PART, Stored, encode, parts},
};
use sidecommit_core::JournalEntry;
use std::{fs, path::Path};

fn reopen(dir: &Path) -> Result<sidecommit_core::JournalContents, Error> {
    Journal::open(dir, binding(), remembering(1_000)).map(|(_, contents)| contents)
}

#[test]
fn a_value_of_a_newer_format_is_refused_by_its_number() {
    for family in [Family::Header, Family::Entry, Family::Partition] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path(), 1, 60, 1_000);
        let db = raw(dir.path());
        let key = *keys(&db, family).iter().find(|key| key.part == 0).unwrap();
        let mut value = db.get(key.encode()).unwrap().unwrap().to_vec();
        value[0] = FORMAT + 1;
        db.insert(key.encode(), value).unwrap();
        drop(db);
        let error = reopen(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Newer { found, .. } if found == FORMAT + 1), "{error}");
        assert!(error.to_string().contains("sidecommit journal discard --yes"), "{error}");
    }
}

#[test]
fn a_malformed_value_or_key_is_an_error_that_names_the_way_out() {
    type Damage = fn(&sled::Db, Key);
    let malformed: [(&str, Damage); 5] = [
        ("garbage", |db, key| drop(db.insert(key.encode(), vec![FORMAT, 0xff, 0xff, 0xff]).unwrap())),
        ("empty", |db, key| drop(db.insert(key.encode(), vec![]).unwrap())),
        ("older than one back", |db, key| drop(db.insert(key.encode(), vec![0, 0]).unwrap())),
        ("missing", |db, key| drop(db.remove(key.encode()).unwrap())),
        ("stranger", |db, key| {
            drop(db.insert([&[key.family.prefix()][..], b"-what"].concat(), vec![1]).unwrap())
        }),
    ];
    for family in [Family::Header, Family::Entry, Family::Partition] {
        for (what, damage) in malformed {
            // A partition may go any time.
            if (family, what) == (Family::Partition, "missing") {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            filled(dir.path(), 1, 60, 1_000);
            let db = raw(dir.path());
            let key = *keys(&db, family).iter().find(|key| key.part == 0).unwrap();
            damage(&db, key);
            drop(db);
            let error = reopen(dir.path()).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{what}: {error}");
            assert!(error.to_string().contains("sidecommit journal discard --yes"), "{what}: {error}");
        }
    }
}

#[test]
fn a_hole_in_the_stream_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1, 30, 1_000);
    let db = raw(dir.path());
    let mut all = keys(&db, Family::Entry);
    let missing = all.remove(all.len() / 2);
    db.remove(missing.encode()).unwrap();
    drop(db);
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
}

#[test]
fn an_interrupted_put_at_the_end_was_never_there() {
    let (incarnation, pod_uid) = (sidecommit_core::Incarnation(9), "p".repeat(3 * PART));
    let large = JournalEntry::Claim { incarnation, pod_uid: pod_uid.clone() };
    let value = encode(&Stored::Entry(Entry::Claim { incarnation, pod_uid }));
    for written in 1..parts(&value).count() {
        let dir = tempfile::tempdir().unwrap();
        let mut entries = filled(dir.path(), 1, 30, 1_000);
        let db = raw(dir.path());
        let index = keys(&db, Family::Entry).last().unwrap().index + 1;
        for (part, bytes) in (0..).zip(parts(&value)).take(written) {
            db.insert(Key { family: Family::Entry, index, part }.encode(), bytes).unwrap();
        }
        drop(db);
        let (mut journal, contents) = open(dir.path(), 1_000);
        same(&contents, &model(journal.id(), &entries, 1_000), "");
        // The number is used again, with fewer parts.
        entries.push(JournalEntry::Claim {
            incarnation: sidecommit_core::Incarnation(10),
            pod_uid: String::new(),
        });
        entries.push(large.clone());
        for entry in &entries[30..] {
            journal.put(entry).unwrap();
        }
        drop(journal);
        same(&reopen(dir.path()).unwrap(), &model(contents.journal, &entries, 1_000), "");
    }
}

#[test]
fn a_snapshot_that_sled_did_not_finish_writing_does_not_keep_it_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    let entries = filled(dir.path(), 1, 30, 1_000);
    fs::write(dir.path().join("data.1/snap.FFFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    let contents = reopen(dir.path()).unwrap();
    same(&contents, &model(contents.journal, &entries, 1_000), "");
}

/// Never a panic, never something that was not put: an error, or a beginning of what was put (sled takes damage at the
/// end for an interrupted write; the comparison with Kafka finds what is missing then).
#[test]
fn a_damaged_file_is_an_error_or_an_earlier_state() {
    let (mut refused, mut earlier) = (0, 0);
    for keep in [1_000, 40] {
        let pristine = tempfile::tempdir().unwrap();
        let entries = filled(pristine.path(), 7, 400, keep);
        let is_of_stream = |entry: &&JournalEntry| !matches!(entry, JournalEntry::Consumption { .. });
        let stream: Vec<_> = entries.iter().filter(is_of_stream).cloned().collect();
        for seed in 0..30 {
            let dir = tempfile::tempdir().unwrap();
            copy(pristine.path(), dir.path());
            let what = damage(&dir.path().join("data.1"), &mut fastrand::Rng::with_seed(seed));
            match Journal::open(dir.path(), binding(), remembering(keep)) {
                Err(Error::Unreadable { .. } | Error::Newer { .. }) => refused += 1,
                Err(error) => panic!("seed {seed}, {what}: {error}"),
                Ok((_, mut contents)) => {
                    // Partitions are no stream: each may be an earlier state of its own.
                    for (group_id, topic, partition, memory) in std::mem::take(&mut contents.consumption) {
                        let memory = Some(memory);
                        let put = JournalEntry::Consumption { group_id, topic, partition, memory };
                        assert!(entries.contains(&put), "seed {seed}, {what}: {put:?} never was");
                    }
                    let prefix = prefix_of(&contents, &stream, keep);
                    assert!(prefix.is_some(), "seed {seed}, {what}: neither refused nor an earlier state");
                    earlier += usize::from(prefix < Some(stream.len()));
                }
            }
        }
    }
    assert!(refused > 0 && earlier > 0, "refused {refused}, earlier {earlier}");
}

fn damage(data: &Path, rng: &mut fastrand::Rng) -> String {
    let names: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    // Mostly the log.
    let path = if rng.u32(0..4) > 0 { data.join("db") } else { rng.choice(&names).unwrap().clone() };
    let mut bytes = fs::read(&path).unwrap();
    let at = rng.usize(0..bytes.len());
    let what = match rng.u32(0..4) {
        0 => {
            bytes.truncate(at);
            "truncated"
        }
        1 => {
            bytes[at] ^= 1 << rng.u32(0..8);
            "one bit"
        }
        2 => {
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
            "a page of zeros"
        }
        _ => {
            let end = bytes.len().min(at + rng.usize(1..600));
            bytes[at..end].iter_mut().for_each(|byte| *byte = rng.u8(..));
            "noise"
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{what} at {at} of {}", path.display())
}
