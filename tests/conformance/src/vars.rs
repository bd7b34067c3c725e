//! Placeholders: `${name}` and, of what was kept, `${name.field.0}`.

use crate::Wrong;
use serde_json::{Map, Value};

/// What placeholders stand for.
#[derive(Debug, Default)]
pub(crate) struct Vars(Map<String, Value>);

// === impl Vars ===

impl Vars {
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Replaces all placeholders. A text that is nothing but a placeholder becomes its value, whatever that is.
    pub(crate) fn fill(&self, value: &Value) -> Result<Value, Wrong> {
        Ok(match value {
            Value::String(text) => self.text(text)?,
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?,
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| {
                    let name = match self.text(name)? {
                        Value::String(name) => name,
                        other => {
                            return Err(Wrong::new(format!("{name} is {other}, and no name of a field")));
                        }
                    };
                    Ok((name, self.fill(value)?))
                });
                Value::Object(filled.collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<Value, Wrong> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (path, after) = after
                .split_once('}')
                .ok_or_else(|| Wrong::new(format!("{text}: a placeholder without its end")))?;
            let value = self.get(path)?;
            if before.is_empty() && after.is_empty() && filled.is_empty() {
                return Ok(value.clone());
            }
            filled += before;
            match value {
                Value::String(value) => filled += value,
                value => filled += &value.to_string(),
            }
            rest = after;
        }
        Ok(Value::String(filled + rest))
    }

    fn get(&self, path: &str) -> Result<&Value, Wrong> {
        let unknown = || Wrong::new(format!("there is no ${{{path}}}"));
        let mut parts = path.split('.');
        let first = parts.next().and_then(|name| self.0.get(name)).ok_or_else(unknown)?;
        parts.try_fold(first, |value, part| {
            match value {
                Value::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                value => value.get(part),
            }
            .ok_or_else(unknown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vars() -> Vars {
        let mut vars = Vars::default();
        vars.set("topic", json!("t-1"));
        vars.set("first", json!({"ok": {"ranges": [{"count": 3}]}}));
        vars
    }

    #[test]
    fn a_placeholder_becomes_its_value_and_within_a_text_its_text() {
        let filled = vars().fill(&json!({"a": "${topic}", "${topic}": ["x ${topic}/${first.ok.ranges.0.count}."], "b": "${first.ok.ranges}"}));
        let expected = json!({"a": "t-1", "t-1": ["x t-1/3."], "b": [{"count": 3}]});
        assert_eq!(filled.expect("all are known"), expected);
    }

    #[test]
    fn unknown_and_unfinished_ones_are_errors() {
        for bad in ["${nothing}", "${first.error}", "${first.ok.ranges.1}", "${topic.x}", "a ${topic"] {
            assert!(vars().fill(&json!([bad])).is_err(), "{bad}");
        }
    }
}
