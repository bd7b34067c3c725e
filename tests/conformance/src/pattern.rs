//! What an answer has to look like.
//!
//! A pattern is a value: of an object each field that is named has to match, of a list each item, all else has to be equal.
//! In place of a value: `$any` (anything, but there), `$absent`, `{$one_of: [patterns]}`, `{$at_least: n}`, `{$contains: text}`.

use serde_json::Value;

/// Why a value does not match; None if it does.
pub(crate) fn mismatch(pattern: &Value, found: Option<&Value>) -> Option<String> {
    differs("", pattern, found)
}

fn differs(at: &str, pattern: &Value, found: Option<&Value>) -> Option<String> {
    let shown = || found.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let unless = |holds: bool, wanted: &dyn std::fmt::Display| {
        (!holds).then(|| {
            format!("{}: want {wanted}, have {}", if at.is_empty() { "answer" } else { at }, shown())
        })
    };
    if pattern == "$any" {
        return unless(found.is_some_and(|found| !found.is_null()), &"something");
    }
    if pattern == "$absent" {
        return unless(found.is_none_or(Value::is_null), &"nothing");
    }
    if let Some((operator, operand)) = operator(pattern) {
        let holds = match operator {
            "$one_of" => operand
                .as_array()
                .is_some_and(|patterns| patterns.iter().any(|pattern| differs(at, pattern, found).is_none())),
            "$at_least" => match (operand.as_i64(), found.and_then(Value::as_i64)) {
                (Some(least), Some(found)) => found >= least,
                _ => false,
            },
            "$contains" => match (operand.as_str(), found.and_then(Value::as_str)) {
                (Some(part), Some(found)) => found.contains(part),
                _ => false,
            },
            _ => false,
        };
        return unless(holds, pattern);
    }
    match (pattern, found) {
        (Value::Object(fields), Some(Value::Object(found))) => fields.iter().find_map(|(name, pattern)| {
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            differs(&at, pattern, found.get(name))
        }),
        (Value::Array(patterns), Some(Value::Array(found))) if patterns.len() == found.len() => {
            patterns.iter().zip(found).enumerate().find_map(|(index, (pattern, found))| {
                differs(&format!("{at}[{index}]"), pattern, Some(found))
            })
        }
        _ => unless(Some(pattern) == found, pattern),
    }
}

fn operator(pattern: &Value) -> Option<(&str, &Value)> {
    let fields = pattern.as_object().filter(|fields| fields.len() == 1)?;
    fields
        .iter()
        .next()
        .map(|(name, operand)| (name.as_str(), operand))
        .filter(|(name, _)| name.starts_with('$'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_are_not_named_are_free_and_others_are_not() {
        let found = json!({"ok": {"attempts": 2, "ranges": [{"count": 3, "topic": "t"}]}});
        let said = |pattern: Value| mismatch(&pattern, Some(&found));
        assert_eq!(said(json!({"ok": {}})), None);
        assert_eq!(said(json!({"ok": {"attempts": 2, "ranges": [{"count": 3}]}})), None);
        assert_eq!(said(json!({"ok": {"attempts": 1}})).as_deref(), Some("ok.attempts: want 1, have 2"));
        assert_eq!(
            said(json!({"ok": {"ranges": [{"count": 4}]}})).as_deref(),
            Some("ok.ranges[0].count: want 4, have 3")
        );
        assert!(said(json!({"ok": {"ranges": []}})).is_some(), "a list has its length");
        assert!(said(json!({"error": {}})).is_some(), "an error was expected");
        assert!(mismatch(&json!({}), None).is_some());
    }

    #[test]
    fn operators_hold_and_do_not() {
        for (pattern, found, holds) in [
            (json!("$any"), json!(0), true),
            (json!("$any"), json!(null), false),
            (json!("$absent"), json!(null), true),
            (json!("$absent"), json!(0), false),
            (json!({"$one_of": ["A", {"x": 1}]}), json!("A"), true),
            (json!({"$one_of": ["A", {"x": 1}]}), json!({"x": 1, "y": 2}), true),
            (json!({"$one_of": ["A", {"x": 1}]}), json!("B"), false),
            (json!({"$at_least": 2}), json!(2), true),
            (json!({"$at_least": 2}), json!(1), false),
            (json!({"$at_least": 2}), json!("3"), false),
            (json!({"$contains": "own"}), json!("my own words"), true),
            (json!({"$contains": "own"}), json!("others"), false),
            (json!({"$unknown": 1}), json!(1), false),
        ] {
            assert_eq!(
                mismatch(&json!({"f": pattern}), Some(&json!({"f": found}))).is_none(),
                holds,
                "{pattern} {found}"
            );
        }
        assert_eq!(mismatch(&json!({"f": "$absent"}), Some(&json!({}))), None);
        assert!(mismatch(&json!({"f": "$any"}), Some(&json!({}))).is_some());
    }
}
