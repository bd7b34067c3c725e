//! Single fields: ids, texts, numbers, times.

use crate::refusal::truncated;
use prost_types::{Duration, Timestamp};
use sidecommit_core::{Millis, Reason, Refusal};
use std::{fmt, ops::RangeInclusive};

/// Characters of an id or key.
const NAME_CHARS: RangeInclusive<usize> = 1..=128;
/// Characters of a group's or member's id.
const ID_CHARS_MAX: usize = 255;
/// 9999-12-31T23:59:59Z, the last second of google.protobuf.Timestamp.
const LAST_SECOND: i64 = 253_402_300_799;

/// A refused field: which, its value, what would be accepted.
pub(super) fn invalid(field: &str, value: impl fmt::Display, expected: impl fmt::Display) -> Refusal {
    Refusal::new(Reason::InvalidField, format!("{field} {value}: expected {expected}")).field(field)
}

/// A text as shown in a message.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", truncated(text, 100))
}

/// An id or key.
pub(super) fn name(field: &str, value: String) -> Result<String, Refusal> {
    let chars = value.chars().count();
    if NAME_CHARS.contains(&chars) {
        return Ok(value);
    }
    let (min, max) = NAME_CHARS.into_inner();
    Err(invalid(
        field,
        format_args!("{} with {chars} characters", quoted(&value)),
        format_args!("{min} to {max}"),
    ))
}

/// A text for people, or one that may be absent.
pub(super) fn text(field: &str, value: String, max: usize) -> Result<String, Refusal> {
    let chars = value.chars().count();
    if chars <= max {
        return Ok(value);
    }
    Err(invalid(
        field,
        format_args!("{} with {chars} characters", quoted(&value)),
        format_args!("at most {max}"),
    ))
}

/// A text that librdkafka takes as a C string.
pub(super) fn without_nul(field: &str, value: &str) -> Result<(), Refusal> {
    if value.contains('\0') {
        return Err(invalid(field, quoted(value), "a text without the character NUL"));
    }
    Ok(())
}

/// A group's or member's id of Kafka.
pub(super) fn id(field: &str, value: &str, min: usize) -> Result<(), Refusal> {
    without_nul(field, value)?;
    if (min..=ID_CHARS_MAX).contains(&value.chars().count()) {
        return Ok(());
    }
    Err(invalid(field, quoted(value), format_args!("{min} to {ID_CHARS_MAX} characters")))
}

/// A number of a range; 0 stands for the default.
pub(super) fn or_default(
    field: &str,
    value: i64,
    range: RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Refusal> {
    match u64::try_from(value) {
        Ok(0) => Ok(default),
        Ok(value) if range.contains(&value) => Ok(value),
        _ => {
            let (min, max) = range.into_inner();
            Err(invalid(field, value, format_args!("{min} to {max}, or 0 for {default}")))
        }
    }
}

/// A number that is never negative.
pub(super) fn count(field: &str, value: i64) -> Result<u64, Refusal> {
    u64::try_from(value).map_err(|_| invalid(field, value, "0 or more"))
}

/// A number that must be given, since its absence would look like 0.
pub(super) fn required_count(field: &str, value: Option<i64>) -> Result<u64, Refusal> {
    let value = value.ok_or_else(|| invalid(field, "absent", "the number, 0 if there are none"))?;
    count(field, value)
}

/// A point in time.
pub(super) fn instant(field: &str, value: Timestamp) -> Result<Millis, Refusal> {
    let fits = (0..=LAST_SECOND).contains(&value.seconds) && (0..1_000_000_000).contains(&value.nanos);
    if !fits {
        let shown = format!("{} s {} ns", value.seconds, value.nanos);
        return Err(invalid(field, shown, "seconds 0 to 253402300799 since 1970 and nanos 0 to 999999999"));
    }
    Ok(value.seconds as Millis * 1000 + value.nanos as Millis / 1_000_000)
}

/// A length of time, in milliseconds.
pub(crate) fn span(field: &str, value: Duration, range: RangeInclusive<Millis>) -> Result<Millis, Refusal> {
    let whole = u64::try_from(value.seconds).ok().zip(u64::try_from(value.nanos).ok());
    let millis = whole.and_then(|(s, ns)| s.checked_mul(1000)?.checked_add(ns / 1_000_000));
    millis.filter(|millis| range.contains(millis)).ok_or_else(|| {
        let shown = format!("{} s {} ns", value.seconds, value.nanos);
        invalid(field, shown, format_args!("{} ms to {} ms", range.start(), range.end()))
    })
}

/// A length of time on the wire.
pub(crate) fn duration(millis: Millis) -> Duration {
    Duration { seconds: int64(millis / 1000), nanos: (millis % 1000) as i32 * 1_000_000 }
}

/// A point in time on the wire.
pub(super) fn timestamp(millis: Millis) -> Timestamp {
    Timestamp { seconds: int64(millis / 1000), nanos: (millis % 1000) as i32 * 1_000_000 }
}

/// A number on the wire.
pub(crate) fn int64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_characters_not_bytes() {
        assert!(name("request_id", "ü".repeat(128)).is_ok());
        let refusal = name("request_id", "ü".repeat(129)).expect_err("too long");
        assert_eq!(refusal.field.as_deref(), Some("request_id"));
        assert!(refusal.message.ends_with("with 129 characters: expected 1 to 128"), "{}", refusal.message);
        assert!(name("request_id", String::new()).is_err());
    }

    #[test]
    fn times_outside_their_range_are_refused_and_others_survive() {
        let at = |seconds, nanos| instant("t", Timestamp { seconds, nanos });
        assert_eq!(at(1_763_000_000, 123_999_999), Ok(1_763_000_000_123));
        assert_eq!(timestamp(1_763_000_000_123).nanos, 123_000_000);
        for (seconds, nanos) in [(-1, 0), (0, -1), (0, 1_000_000_000), (LAST_SECOND + 1, 0)] {
            assert!(at(seconds, nanos).is_err(), "{seconds} {nanos}");
        }
        let span = |seconds, nanos| span("timeout", Duration { seconds, nanos }, 1..=60_000);
        assert_eq!(span(1, 500_000_000), Ok(1500));
        for (seconds, nanos) in [(0, 0), (0, 999_999), (-1, 0), (1, -1), (60, 1_000_000), (i64::MAX, 0)] {
            assert!(span(seconds, nanos).is_err(), "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_count_that_is_absent_is_not_zero() {
        assert_eq!(required_count("record_count", Some(0)), Ok(0));
        assert!(required_count("record_count", None).is_err());
        assert!(required_count("record_count", Some(-1)).is_err());
    }
}
