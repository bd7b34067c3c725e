//! The caller's trace: what tracing libraries put into a call's metadata (W3C Trace Context) goes into the headers of the records
//! that the call brings, so that whoever reads them goes on with the same trace.

use bytes::Bytes;
use std::sync::Arc;
use tonic::metadata::MetadataMap;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// What a tracestate may have at least, and what others cut it to (W3C Trace Context, 3.3.1.5).
const STATE_BYTES_MAX: usize = 512;

/// The trace context of a call; of a stream: the one that it was opened with.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    headers: Vec<(Arc<str>, Option<Bytes>)>,
}

// === impl Trace ===

impl Trace {
    /// What the metadata says. A traceparent that is none is left out: tracing fails no call.
    pub(crate) fn of(metadata: &MetadataMap) -> Self {
        let text = |name| metadata.get(name).map(|value| value.as_bytes());
        let Some(parent) = text(PARENT).filter(|parent| is_parent(parent)) else { return Self::default() };
        let state = text(STATE).filter(|state| (1..=STATE_BYTES_MAX).contains(&state.len()));
        let header = |name: &str, value| (name.into(), Some(Bytes::copy_from_slice(value)));
        let headers = std::iter::once(header(PARENT, parent)).chain(state.map(|state| header(STATE, state)));
        Self { headers: headers.collect() }
    }

    /// Adds it to a record's headers, unless the application has put a trace there itself.
    pub(super) fn follow(&self, headers: &mut Vec<(Arc<str>, Option<Bytes>)>) {
        if !self.headers.is_empty() && headers.iter().all(|(name, _)| &**name != PARENT) {
            headers.extend_from_slice(&self.headers);
        }
    }
}

/// Version, trace id, parent id and flags in lower-case hexadecimal digits; an id of zeros is none. Later versions may add more.
fn is_parent(text: &[u8]) -> bool {
    let hex = |part: &[u8], digits| {
        part.len() == digits && part.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    let id = |part: &[u8], digits| hex(part, digits) && part.iter().any(|digit| *digit != b'0');
    let mut parts = text.split(|byte| *byte == b'-');
    let mut part = || parts.next().unwrap_or_default();
    let version = part();
    hex(version, 2)
        && version != b"ff"
        && id(part(), 32)
        && id(part(), 16)
        && hex(part(), 2)
        && (version != b"00" || parts.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(metadata: &[(&'static str, &str)], own: &[&str]) -> Vec<String> {
        let mut map = MetadataMap::new();
        for (name, value) in metadata {
            map.insert(*name, value.parse().expect("ASCII"));
        }
        let mut headers: Vec<_> = own.iter().map(|name| (Arc::from(*name), None)).collect();
        Trace::of(&map).follow(&mut headers);
        headers
            .into_iter()
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(&value.unwrap_or_default())))
            .collect()
    }

    #[test]
    fn a_calls_trace_follows_the_applications_headers() {
        let state = "vendor=1";
        let told = headers(&[(PARENT, GIVEN), (STATE, state)], &["own"]);
        assert_eq!(told, ["own=".to_owned(), format!("traceparent={GIVEN}"), format!("tracestate={state}")]);
        assert_eq!(headers(&[(PARENT, GIVEN)], &[]), [format!("traceparent={GIVEN}")]);
    }

    #[test]
    fn a_record_with_a_trace_of_its_own_keeps_it() {
        assert_eq!(headers(&[(PARENT, GIVEN), (STATE, "vendor=1")], &[PARENT]), ["traceparent="]);
    }

    #[test]
    fn what_is_no_trace_is_left_out() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let upper = GIVEN.to_ascii_uppercase();
        let longer = format!("{GIVEN}-more");
        let forbidden = format!("ff{}", &GIVEN[2..]);
        for parent in ["", "00", zeros, &upper, &longer, &forbidden, &GIVEN[..54]] {
            assert!(headers(&[(PARENT, parent), (STATE, "vendor=1")], &[]).is_empty(), "{parent}");
        }
        assert!(headers(&[(STATE, "vendor=1")], &[]).is_empty());
        assert_eq!(headers(&[(PARENT, GIVEN), (STATE, &"x".repeat(513))], &[]).len(), 1);
        let later = format!("01{}-more", &GIVEN[2..]);
        assert_eq!(headers(&[(PARENT, &later)], &[]), [format!("traceparent={later}")]);
    }
}
