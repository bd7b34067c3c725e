//! What a value may look like. A form says the same three times: to the parser, in words, and as a JSON schema.

use super::{duration, env, quantity};
use serde_json::{Value, json};

/// What a value may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// host:port, comma separated.
    Servers,
    /// A part of a transactional.id.
    Part,
    /// The workload's part of an identity; it becomes a part of a Lease's name and a label.
    Workload,
    /// The name of an object; the text says of what.
    Name(&'static str),
    /// One of these.
    Choice(&'static [&'static str]),
    /// A whole number within these.
    Number(u64, u64),
    /// Milliseconds within these, written with a unit.
    Duration(u64, u64),
    /// Cores.
    Cpu,
    /// Cores or `none`.
    CpuLimit,
    /// Bytes.
    Memory,
    /// Bytes or `none`.
    MemoryLimit,
    /// Containers' names, comma separated.
    Names,
    /// An image's reference.
    Image,
    /// Settings, a line each.
    Env,
    /// emptyDir or `claim:<volume>`.
    Journal,
}

// === impl Form ===

impl Form {
    /// Whether the value is accepted.
    pub(crate) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Servers => !value.is_empty() && value.split(',').all(server),
            Self::Part => !value.is_empty() && value.len() <= 100 && value.bytes().all(part_byte),
            Self::Workload => value.len() <= 63 && subdomain(value),
            Self::Name(_) => value.len() <= 253 && subdomain(value),
            Self::Choice(words) => words.contains(&value),
            Self::Number(least, most) => number(value).is_some_and(|n| (least..=most).contains(&n)),
            Self::Duration(least, most) => {
                duration::parse(value).is_some_and(|ms| (least..=most).contains(&ms))
            }
            Self::Cpu => quantity::cpu(value).is_some(),
            Self::CpuLimit => value == "none" || quantity::cpu(value).is_some(),
            Self::Memory => quantity::memory(value).is_some(),
            Self::MemoryLimit => value == "none" || quantity::memory(value).is_some(),
            Self::Names => names(value).all(label) && !value.trim().is_empty(),
            Self::Image => {
                !value.is_empty() && value != "auto" && value.bytes().all(|b| b.is_ascii_graphic())
            }
            Self::Env => env::parse(value).is_ok(),
            Self::Journal => value == "emptyDir" || value.strip_prefix("claim:").is_some_and(label),
        }
    }

    /// The accepted form in words.
    pub(crate) fn accepted(self) -> String {
        match self {
            Self::Servers => "host:port, or several separated by commas".to_owned(),
            Self::Part => "1 to 100 characters of [A-Za-z0-9._-]".to_owned(),
            Self::Workload => {
                "1 to 63 characters of [a-z0-9.-] that begin and end with a letter or digit".to_owned()
            }
            Self::Name(what) => format!("{what}: characters of [a-z0-9.-]"),
            Self::Choice([one, other]) => format!("{one} or {other}"),
            Self::Choice(words) => words.join(" or "),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Duration(least, most) => format!(
                "a duration from {} to {}, such as 250ms, 10s, 5m or 1h",
                duration::shown(least),
                duration::shown(most)
            ),
            Self::Cpu => "a quantity of cores above 0, such as 50m or 0.5".to_owned(),
            Self::CpuLimit => "a quantity of cores above 0, such as 50m or 0.5, or none".to_owned(),
            Self::Memory => "a quantity of bytes above 0, such as 64Mi or 1Gi".to_owned(),
            Self::MemoryLimit => "a quantity of bytes above 0, such as 64Mi or 1Gi, or none".to_owned(),
            Self::Names => "names of containers, separated by commas".to_owned(),
            Self::Image => "an image's reference, such as registry/sidecommit:1.0".to_owned(),
            Self::Env => "a setting as NAME=value on each line, NAME beginning with SIDECOMMIT_".to_owned(),
            Self::Journal => "emptyDir, or claim: and the name of a volume of the pod".to_owned(),
        }
    }

    /// As a JSON schema, for the chart's values. It is wider than the parser where a schema cannot say more.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Choice(["true", "false"]) => json!({"enum": [true, false, "true", "false", "", null]}),
            // YAML reads `true` without quotes as a boolean.
            Self::Choice(["auto", "true", "false"]) => {
                json!({"enum": ["auto", "true", "false", true, false, "", null]})
            }
            Self::Choice(words) => {
                let words = words.iter().map(|word| json!(word));
                json!({"enum": words.chain([json!(""), Value::Null]).collect::<Vec<_>>()})
            }
            Self::Number(least, most) => {
                json!({"type": ["integer", "string", "null"], "minimum": least, "maximum": most, "pattern": "^[0-9]*$"})
            }
            Self::Cpu | Self::CpuLimit => json!({"type": ["string", "number", "null"]}),
            Self::Names => json!({"type": ["array", "string", "null"], "items": {"type": "string"}}),
            Self::Env => json!({
                "type": ["object", "string", "null"],
                "propertyNames": {"pattern": "^SIDECOMMIT_"},
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            }),
            Self::Journal => json!({"type": ["string", "null"], "pattern": "^(|emptyDir|claim:.+)$"}),
            Self::Duration(..) => json!({"type": ["string", "null"], "pattern": "^(|[0-9]+(ms|s|m|h))$"}),
            _ => json!({"type": ["string", "null"]}),
        }
    }
}

/// The names in a list.
pub(crate) fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// Plain digits: `+1`, ` 1` and `01` are someone's mistake.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

fn server(text: &str) -> bool {
    let (host, port) = text.trim().rsplit_once(':').unwrap_or_default();
    let port = number(port).is_some_and(|port| (1..=65_535).contains(&port));
    port && !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-[]:".contains(&b))
}

fn part_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"._-".contains(&b)
}

/// A DNS subdomain's characters.
fn subdomain(text: &str) -> bool {
    text.split('.').all(label)
}

/// A DNS label's characters: names of containers and volumes.
fn label(text: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().all(|b| lower(b) || b == b'-')
        && text.bytes().next().is_some_and(lower)
        && text.bytes().last().is_some_and(lower)
}
