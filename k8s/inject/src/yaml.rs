//! Manifests as text. What is read means what it means to kubectl (YAML 1.1: `0755` is octal, `yes` is true), and texts that
//! look like something else are quoted when they are written.

use serde_json::Value;

/// Text that is no YAML, or a value that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read as YAML.
    #[error("no YAML: {0}")]
    Read(String),
    /// It cannot be read as JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It cannot be written.
    #[error("cannot be written as YAML: {0}")]
    Write(String),
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Documents separated by `---`.
    Yaml,
    /// JSON values one after the other.
    Json,
}

/// How a text is written: JSON begins with a brace or bracket.
pub fn format(text: &str) -> Format {
    if text.trim_start().starts_with(['{', '[']) { Format::Json } else { Format::Yaml }
}

/// The documents of a text; empty ones are left out.
///
/// # Errors
/// The text is neither YAML nor JSON.
pub fn parse(text: &str) -> Result<Vec<Value>, Error> {
    let documents: Vec<Value> = match format(text) {
        Format::Json => serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>()?,
        Format::Yaml => {
            let options = serde_saphyr::options! { legacy_octal_numbers: true };
            let read = serde_saphyr::from_multiple_with_options(text, options);
            read.map_err(|error| Error::Read(error.to_string()))?
        }
    };
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Writes documents.
///
/// # Errors
/// A value has no form in YAML.
pub fn write(documents: &[Value], format: Format) -> Result<String, Error> {
    let mut text = String::new();
    for (index, document) in documents.iter().enumerate() {
        match format {
            Format::Json => text += &format!("{document:#}\n"),
            Format::Yaml => {
                if index > 0 {
                    text += "---\n";
                }
                // Folded lines would be right and hard to read in a diff.
                let options = serde_saphyr::ser_options! { folded_wrap_chars: 100_000 };
                let written = serde_saphyr::to_string_with_options(document, options);
                text += &written.map_err(|error| Error::Write(error.to_string()))?;
                if !text.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_as_kubectl_does() {
        let text = "a: 0755\nb: yes\nc: '0755'\nd: \"yes\"\ne: ~\nf: 1e3\ng: |\n  one\n  two\n";
        let read =
            json!({"a": 493, "b": true, "c": "0755", "d": "yes", "e": null, "f": 1000.0, "g": "one\ntwo\n"});
        assert_eq!(parse(text).unwrap(), [read]);
    }

    #[test]
    fn texts_that_look_like_something_else_are_quoted() {
        for text in [
            "true",
            "yes",
            "No",
            "on",
            "y",
            "null",
            "~",
            "",
            "0755",
            "0o14",
            "0x1F",
            "1e3",
            "1_000",
            ".5",
            "-1",
            "+1",
            "1:30",
            "2026-01-01",
            ".inf",
            ".nan",
            "=",
            "<<",
            "*a",
            "&a",
            "!a",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "%a",
            "@a",
            "`a",
            "'",
            "\"",
            " a",
            "a ",
            "a\n",
            "a\nb",
            "\na",
            "  a\n b\n\n",
            "a\tb",
            "\u{7f}",
            "\u{85}",
            "\u{feff}",
            "é",
            "---",
            "...",
            "? a",
            "{a}",
            "[a]",
            "a\\b",
            "a\r\nb",
        ] {
            let document = json!({"key": text, "list": [text], text: "value"});
            let written = write(std::slice::from_ref(&document), Format::Yaml).unwrap();
            assert_eq!(parse(&written).unwrap(), [document], "{text:?} as {written}");
        }
    }

    #[test]
    fn json_stays_json() {
        let text = "{\"a\": 1}\n{\"b\":\t[2]}\n";
        let read = parse(text).unwrap();
        assert_eq!((format(text), &read[..]), (Format::Json, &[json!({"a": 1}), json!({"b": [2]})][..]));
        assert_eq!(parse(&write(&read, Format::Json).unwrap()).unwrap(), read);
    }

    #[test]
    fn what_is_neither_is_told() {
        assert!(parse("a: [1").unwrap_err().to_string().starts_with("no YAML"));
        assert!(parse("{\"a\": ").unwrap_err().to_string().starts_with("no JSON"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in any::<String>(), other in "[ \\t\\n:#'\"|>0-9a-z-]{0,60}") {
            let document = json!({"key": text, "nested": {"list": [other, {"x": text}]}});
            let written = write(std::slice::from_ref(&document), Format::Yaml).unwrap();
            prop_assert_eq!(parse(&written).unwrap(), vec![document], "{}", written);
        }
    }
}
