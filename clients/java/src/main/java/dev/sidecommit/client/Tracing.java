package dev.sidecommit.client;

import dev.sidecommit.v1.Record;

import io.grpc.Metadata;

import java.util.List;

/** Trace contexts, where there is something that knows them. */
interface Tracing {
    /** Nobody traces. */
    Tracing NONE =
            new Tracing() {
                @Override
                public Metadata current() {
                    return null;
                }

                @Override
                public Scope enter(List<dev.sidecommit.v1.Header> headers) {
                    return () -> {};
                }

                @Override
                public Record follow(Record made, List<dev.sidecommit.v1.Header> headers) {
                    return made;
                }
            };

    /** A context that is current until it is closed. */
    interface Scope extends AutoCloseable {
        @Override
        void close();
    }

    /** The caller's context as metadata of a call; null: there is none. */
    Metadata current();

    /** Makes the context of a record's headers current. */
    Scope enter(List<dev.sidecommit.v1.Header> headers);

    /**
     * A record that goes on with the trace of the headers of the one that it was made of, unless it
     * has one of its own.
     */
    Record follow(Record made, List<dev.sidecommit.v1.Header> headers);

    /** OpenTelemetry's if its API is on the class path. */
    static Tracing detect() {
        try {
            Class.forName("io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator");
            return new OpenTelemetryTracing();
        } catch (ClassNotFoundException absent) {
            return NONE;
        }
    }
}
