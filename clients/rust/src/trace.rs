//! The caller's trace context (W3C Trace Context) goes into calls' metadata, and out of records' headers. Without the feature
//! `otel` there is none.

use crate::{record::Record, v1::Header};
use tonic::metadata::MetadataMap;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// A trace context as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    parent: Option<String>,
    state: Option<String>,
}

// === impl Trace ===

impl Trace {
    /// Puts it into a call's metadata.
    pub(crate) fn inject(&self, metadata: &mut MetadataMap) {
        for (name, text) in [(PARENT, &self.parent), (STATE, &self.state)] {
            // What is no header value is no trace context either; tracing fails no call.
            if let Some(value) = text.as_ref().and_then(|text| text.parse().ok()) {
                metadata.insert(name, value);
            }
        }
    }

    /// What a record's headers say; of several the last.
    pub(crate) fn of_headers(headers: &[Header]) -> Self {
        if cfg!(feature = "otel") { Self::read(headers) } else { Self::default() }
    }

    /// Adds it to a record, unless that has one.
    pub(crate) fn follow(&self, record: &mut Record) {
        if self.parent.is_none() || record.headers.iter().any(|header| header.name == PARENT) {
            return;
        }
        for (name, text) in [(PARENT, &self.parent), (STATE, &self.state)] {
            let header = |text: &String| Header { name: name.to_owned(), value: Some(text.clone().into()) };
            record.headers.extend(text.as_ref().map(header));
        }
    }

    fn read(headers: &[Header]) -> Self {
        let text = |name: &str| {
            let header = headers.iter().rev().find(|header| header.name == name)?;
            std::str::from_utf8(header.value.as_ref()?).ok().map(str::to_owned)
        };
        text(PARENT).map_or_else(Self::default, |parent| Self { parent: Some(parent), state: text(STATE) })
    }
}

#[cfg(feature = "otel")]
mod otel {
    use super::Trace;
    use opentelemetry::{
        Context,
        trace::{FutureExt as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    };

    impl Trace {
        /// The caller's.
        pub(crate) fn current() -> Self {
            let context = Context::current();
            let (span, flags) = (context.span(), |span: &SpanContext| span.trace_flags().to_u8() & 1);
            let span = span.span_context();
            if !span.is_valid() {
                return Self::default();
            }
            let parent = format!("00-{:032x}-{:016x}-{:02x}", span.trace_id(), span.span_id(), flags(span));
            let state = Some(span.trace_state().header()).filter(|state| !state.is_empty());
            Self { parent: Some(parent), state }
        }

        /// Makes it current while a future runs, if there is one.
        pub(crate) async fn around<F: Future>(&self, future: F) -> F::Output {
            match self.span() {
                Some(span) => future.with_context(Context::current().with_remote_span_context(span)).await,
                None => future.await,
            }
        }

        /// Of any version: what later ones add comes behind.
        fn span(&self) -> Option<SpanContext> {
            let mut parts = self.parent.as_ref()?.split('-');
            let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            if version.len() != 2 || version == "ff" {
                return None;
            }
            let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
            let state = self.state.as_ref().and_then(|state| state.parse::<TraceState>().ok());
            let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
            let span = SpanContext::new(trace, span, flags, true, state.unwrap_or_default());
            span.is_valid().then_some(span)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::v1::Header;
        use bytes::Bytes;

        const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        fn header(name: &str, value: &'static str) -> Header {
            Header { name: name.to_owned(), value: Some(Bytes::from_static(value.as_bytes())) }
        }

        #[tokio::test]
        async fn the_context_of_a_records_headers_is_current_while_it_is_worked_on() {
            let trace = Trace::of_headers(&[header("traceparent", PARENT), header("tracestate", "vendor=1")]);
            assert_eq!(trace.around(async { Trace::current() }).await, trace);
            assert_eq!(Trace::current(), Trace::default());
        }

        #[tokio::test]
        async fn what_is_no_context_changes_nothing() {
            for text in ["", "00-x-y-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
                let trace = Trace::of_headers(&[header("traceparent", text)]);
                assert_eq!(trace.around(async { Trace::current() }).await, Trace::default());
            }
        }
    }
}

#[cfg(not(feature = "otel"))]
impl Trace {
    pub(crate) fn current() -> Self {
        Self::default()
    }

    pub(crate) async fn around<F: Future>(&self, future: F) -> F::Output {
        future.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_from_headers_into_metadata() {
        let header = |name: &str, value: Option<&'static str>| Header {
            name: name.to_owned(),
            value: value.map(|value| value.as_bytes().into()),
        };
        let headers = [
            header("traceparent", Some("old")),
            header("traceparent", Some("new")),
            header("tracestate", None),
        ];
        let mut metadata = MetadataMap::new();
        Trace::read(&headers).inject(&mut metadata);
        assert_eq!(metadata.get(PARENT).map(|value| value.as_bytes()), Some(b"new".as_slice()));
        assert!(metadata.get(STATE).is_none());
    }

    #[test]
    fn it_goes_from_record_to_record_unless_that_has_its_own() {
        let trace = Trace { parent: Some("p".to_owned()), state: Some("s".to_owned()) };
        let mut record = Record::new("t");
        trace.follow(&mut record);
        assert_eq!(Trace::read(&record.headers), trace);
        let mut own = Record::new("t").header(PARENT, "own");
        trace.follow(&mut own);
        assert_eq!(own.headers.len(), 1);
    }
}
