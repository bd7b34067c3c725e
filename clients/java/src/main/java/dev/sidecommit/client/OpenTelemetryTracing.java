package dev.sidecommit.client;

import com.google.protobuf.ByteString;

import dev.sidecommit.v1.Header;
import dev.sidecommit.v1.Record;

import io.grpc.Metadata;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;

import java.util.List;

/** The only class that knows OpenTelemetry, so that it may be absent. */
final class OpenTelemetryTracing implements Tracing {
    private static final W3CTraceContextPropagator W3C = W3CTraceContextPropagator.getInstance();

    @Override
    public Metadata current() {
        Context context = Context.current();
        if (!Span.fromContext(context).getSpanContext().isValid()) {
            return null;
        }
        Metadata metadata = new Metadata();
        W3C.inject(context, metadata, OpenTelemetryTracing::put);
        return metadata;
    }

    @Override
    public Scope enter(List<Header> headers) {
        Context context = W3C.extract(Context.current(), headers, HeaderGetter.INSTANCE);
        return context.makeCurrent()::close;
    }

    @Override
    public Record follow(Record made, List<Header> headers) {
        if (hasTrace(made.getHeadersList()) || !hasTrace(headers)) {
            return made;
        }
        var following = made.toBuilder();
        Context context = W3C.extract(Context.root(), headers, HeaderGetter.INSTANCE);
        W3C.inject(context, following, OpenTelemetryTracing::add);
        return following.build();
    }

    private static boolean hasTrace(List<Header> headers) {
        return headers.stream().anyMatch(h -> h.getName().equalsIgnoreCase("traceparent"));
    }

    private static void add(Record.Builder record, String name, String value) {
        record.addHeadersBuilder().setName(name).setValue(ByteString.copyFromUtf8(value));
    }

    private static void put(Metadata metadata, String name, String value) {
        metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
    }

    private enum HeaderGetter implements TextMapGetter<List<Header>> {
        INSTANCE;

        // Older versions of the API do not do without it.
        @Override
        @SuppressWarnings("deprecation")
        public Iterable<String> keys(List<Header> headers) {
            return headers.stream().map(Header::getName).toList();
        }

        @Override
        public String get(List<Header> headers, String name) {
            return headers.stream()
                    .filter(header -> header.getName().equalsIgnoreCase(name) && header.hasValue())
                    .findFirst()
                    .map(header -> header.getValue().toStringUtf8())
                    .orElse(null);
        }
    }
}
