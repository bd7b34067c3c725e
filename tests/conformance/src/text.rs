//! Bytes in the scenarios: a text stands for its UTF-8, `{base64: ...}` for any bytes; the line protocol has base64 only.

use crate::Wrong;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The bytes that a scenario's value stands for; None is Kafka's null.
pub(crate) fn bytes(value: &Value) -> Result<Option<Vec<u8>>, Wrong> {
    let wrong = || Wrong::new(format!("{value} is neither a text, nor base64, nor null"));
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone().into_bytes())),
        Value::Object(fields) if fields.len() == 1 => {
            let text = fields.get("base64").and_then(Value::as_str).ok_or_else(wrong)?;
            STANDARD.decode(text).map(Some).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

/// A command as the line protocol has it: keys, values and headers of its records, and the poison, in base64.
pub(crate) fn command(mut command: Value) -> Result<Value, Wrong> {
    if let Some(poison) = command.get_mut("poison") {
        encode(poison)?;
    }
    for record in command.get_mut("records").and_then(Value::as_array_mut).into_iter().flatten() {
        for part in ["key", "value"] {
            record.get_mut(part).map(encode).transpose()?;
        }
        for header in record.get_mut("headers").and_then(Value::as_array_mut).into_iter().flatten() {
            header.get_mut(1).map(encode).transpose()?;
        }
    }
    Ok(command)
}

fn encode(value: &mut Value) -> Result<(), Wrong> {
    *value = bytes(value)?.map_or(Value::Null, |bytes| json!(STANDARD.encode(bytes)));
    Ok(())
}

/// Bytes for people: text if it is one.
pub(crate) fn shown(bytes: Option<&[u8]>) -> String {
    match bytes.map(std::str::from_utf8) {
        None => "null".to_owned(),
        Some(Ok(text)) if text.len() <= 60 => format!("{text:?}"),
        Some(Ok(text)) => {
            format!("{:?}... ({} bytes)", text.chars().take(40).collect::<String>(), text.len())
        }
        Some(Err(_)) => format!("base64:{}", bytes.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_its_bytes_in_base64() {
        let told = json!({"op": "transact", "key": "k", "poison": "p", "records": [
            {"topic": "t", "key": null, "value": "", "headers": [["h", "a"], ["h", null], ["b", {"base64": "AP8="}]]},
            {"topic": "t"},
        ]});
        let expected = json!({"op": "transact", "key": "k", "poison": "cA==", "records": [
            {"topic": "t", "key": null, "value": "", "headers": [["h", "YQ=="], ["h", null], ["b", "AP8="]]},
            {"topic": "t"},
        ]});
        assert_eq!(command(told).expect("is right"), expected);
    }

    #[test]
    fn what_stands_for_no_bytes_is_an_error() {
        for bad in [json!(1), json!({"base64": "?"}), json!({"text": "a"}), json!(["a"])] {
            assert!(bytes(&bad).is_err(), "{bad}");
        }
        assert_eq!(bytes(&json!(null)).expect("is right"), None);
        assert_eq!(bytes(&json!("")).expect("is right"), Some(vec![]));
    }
}
