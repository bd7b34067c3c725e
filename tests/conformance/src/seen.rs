//! What is visible against what has to be.

use crate::{
    Wrong,
    step::{Generated, Visible},
    text::{bytes, shown},
};
use serde_json::{Value, json};
use sidecommit_fixture::Message;
use std::collections::BTreeMap;

type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record without the place where it lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Content {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
}

/// Compares; `input` is what `copies` names.
pub(crate) fn check(expected: &Visible, seen: &[Message], input: Option<&[Message]>) -> Result<(), Wrong> {
    if expected.when.as_ref().is_some_and(|when| when.value != when.is) {
        return nothing(seen);
    }
    if let Some(records) = &expected.records {
        exactly(records, seen)?;
    }
    if let Some(generated) = &expected.generated {
        all_generated(generated, seen)?;
    }
    if let Some(input) = input {
        let but = |message: &Message| {
            let value = message.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
            value.is_some_and(|value| expected.but.contains(value))
        };
        copied(&input.iter().filter(|message| !but(message)).collect::<Vec<_>>(), seen)?;
    }
    if let Some(ranges) = &expected.at {
        lie_at(ranges, seen)?;
    }
    seen.iter().try_for_each(|message| has_headers(&expected.headers, message))
}

fn nothing(seen: &[Message]) -> Result<(), Wrong> {
    match seen.first() {
        None => Ok(()),
        Some(first) => Err(Wrong::new(format!(
            "{} records are visible, and none was committed: {}",
            seen.len(),
            line(first)
        ))),
    }
}

/// Of the expectation what it names: `partition` and `timestamp_ms` if they are there; headers `$any` are not looked at.
fn exactly(records: &[Value], seen: &[Message]) -> Result<(), Wrong> {
    if records.len() != seen.len() {
        let lines: Vec<_> = seen.iter().take(5).map(line).collect();
        let (want, have) = (records.len(), seen.len());
        return Err(Wrong::new(format!("want {want} records, {have} are visible: {}", lines.join("; "))));
    }
    let several = seen.iter().any(|message| message.partition != 0);
    let in_order = !several || records.iter().all(|record| record.get("partition").is_some());
    let mut left: Vec<&Message> = seen.iter().collect();
    for (index, record) in records.iter().enumerate() {
        let fits = |message: &&Message| fits(record, message);
        let mut at = None;
        for (place, message) in left.iter().enumerate().take(if in_order { 1 } else { usize::MAX }) {
            if fits(message)? {
                at = Some(place);
                break;
            }
        }
        let missing = || {
            let have: Vec<_> = left.iter().take(5).map(|message| line(message)).collect();
            Wrong::new(format!("record {index}: want {record}, have {}", have.join("; ")))
        };
        left.remove(at.ok_or_else(missing)?);
    }
    Ok(())
}

fn fits(record: &Value, message: &Message) -> Result<bool, Wrong> {
    let part = |name: &str| bytes(record.get(name).unwrap_or(&Value::Null));
    let number =
        |name: &str, found: Option<i64>| record.get(name).is_none_or(|wanted| wanted.as_i64() == found);
    let headers = match record.get("headers") {
        Some(any) if any == "$any" => None,
        headers => Some(headers_of(headers)?),
    };
    Ok(part("key")? == message.key
        && part("value")? == message.value
        && headers.is_none_or(|headers| headers == message.headers)
        && number("partition", Some(message.partition.into()))
        && number("timestamp_ms", message.timestamp_ms))
}

fn headers_of(headers: Option<&Value>) -> Result<Headers, Wrong> {
    let pairs = headers.and_then(Value::as_array).into_iter().flatten();
    pairs
        .map(|pair| match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => Ok((name.clone(), bytes(value)?)),
            _ => Err(Wrong::new(format!("{pair} is no header"))),
        })
        .collect()
}

fn all_generated(generated: &Generated, seen: &[Message]) -> Result<(), Wrong> {
    let (count, size) = (generated.count.get()?, generated.size as usize);
    let mut last: BTreeMap<i32, u64> = BTreeMap::new();
    let mut found = vec![false; count as usize];
    for message in seen {
        let key = message.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        let number = key.and_then(|key| key.parse::<u64>().ok()).filter(|number| *number < count);
        let number = number.ok_or_else(|| Wrong::new(format!("nobody generated {}", line(message))))?;
        if message.value.as_deref() != Some(format!("{number:.<size$}").as_bytes())
            || !message.headers.is_empty()
        {
            return Err(Wrong::new(format!("record {number} is {}", line(message))));
        }
        if std::mem::replace(&mut found[number as usize], true) {
            return Err(Wrong::new(format!("record {number} is visible twice")));
        }
        if last.insert(message.partition, number).is_some_and(|last| last > number) {
            return Err(Wrong::new(format!(
                "record {number} is out of order in partition {}",
                message.partition
            )));
        }
    }
    match found.iter().position(|found| !found) {
        None => Ok(()),
        Some(missing) => {
            Err(Wrong::new(format!("record {missing} is not visible; {} of {count} are", seen.len())))
        }
    }
}

/// Each input once, each key's in the order in which it was written.
fn copied(input: &[&Message], seen: &[Message]) -> Result<(), Wrong> {
    let by_key = |messages: &mut dyn Iterator<Item = (Option<Vec<u8>>, Content)>| {
        let mut keys: BTreeMap<_, Vec<Content>> = BTreeMap::new();
        messages.for_each(|(key, content)| keys.entry(key).or_default().push(content));
        keys
    };
    let wanted = by_key(&mut input.iter().map(|message| (message.key.clone(), content(message))));
    let mut made = Vec::new();
    for message in seen {
        let mut content = content(message);
        if content.headers.first().is_none_or(|(name, _)| name != "driver") {
            return Err(Wrong::new(format!("the first header of {} is not driver", line(message))));
        }
        content.headers.remove(0);
        made.push((message.key.clone(), content));
    }
    let made = by_key(&mut made.into_iter());
    if wanted == made {
        return Ok(());
    }
    let (want, have) = (input.len(), seen.len());
    for (key, wanted) in &wanted {
        let made = made.get(key).map_or(&[][..], Vec::as_slice);
        let key = shown(key.as_deref());
        for content in wanted {
            let times = made.iter().filter(|made| *made == content).count();
            if times != 1 {
                let value = shown(content.value.as_deref());
                return Err(Wrong::new(format!(
                    "input {value} of key {key} is visible {times} times; {have} of {want} records"
                )));
            }
        }
        if made.len() == wanted.len() {
            let at = made.iter().zip(wanted).position(|(made, wanted)| made != wanted);
            if let Some(at) = at {
                return Err(Wrong::new(format!("of key {key} record {at} is out of order")));
            }
        }
    }
    Err(Wrong::new(format!("{have} records are visible, of {want}, and some are copies of nothing")))
}

/// The ranges say where the records are that are visible.
fn lie_at(ranges: &Value, seen: &[Message]) -> Result<(), Wrong> {
    let mut found: BTreeMap<(&str, i32), (i64, i64, u64)> = BTreeMap::new();
    for message in seen {
        let range =
            found.entry((&message.topic, message.partition)).or_insert((message.offset, message.offset, 0));
        *range = (range.0.min(message.offset), range.1.max(message.offset), range.2 + 1);
    }
    let found: Vec<_> = found
        .into_iter()
        .map(|((topic, partition), (first, last, count))| {
            json!({"topic": topic, "partition": partition, "first_offset": first, "last_offset": last, "count": count})
        })
        .collect();
    let told = ranges.as_array().map(|ranges| {
        let topics: Vec<_> = seen.iter().map(|message| json!(message.topic)).collect();
        let ours =
            ranges.iter().filter(|range| range.get("topic").is_some_and(|topic| topics.contains(topic)));
        ours.cloned().collect::<Vec<_>>()
    });
    if told.as_ref() == Some(&found) {
        return Ok(());
    }
    Err(Wrong::new(format!("ranges: told {ranges}, the records are at {}", Value::Array(found))))
}

fn has_headers(wanted: &BTreeMap<String, String>, message: &Message) -> Result<(), Wrong> {
    for (name, part) in wanted {
        let has = message.headers.iter().any(|(found, value)| {
            found == name
                && value.as_deref().is_some_and(|value| String::from_utf8_lossy(value).contains(&**part))
        });
        if !has {
            return Err(Wrong::new(format!("no header {name} with {part}: {}", line(message))));
        }
    }
    Ok(())
}

fn content(message: &Message) -> Content {
    Content { key: message.key.clone(), value: message.value.clone(), headers: message.headers.clone() }
}

fn line(message: &Message) -> String {
    let headers: Vec<_> =
        message.headers.iter().map(|(name, value)| format!("{name}={}", shown(value.as_deref()))).collect();
    format!(
        "{}/{}@{} key {} value {} headers [{}]",
        message.topic,
        message.partition,
        message.offset,
        shown(message.key.as_deref()),
        shown(message.value.as_deref()),
        headers.join(", ")
    )
}

#[cfg(test)]
mod tests;
