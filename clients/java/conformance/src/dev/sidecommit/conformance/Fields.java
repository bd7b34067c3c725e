package dev.sidecommit.conformance;

import com.fasterxml.jackson.databind.JsonNode;

import io.opentelemetry.context.propagation.TextMapGetter;

import java.util.List;

/** A command's fields, as where a trace context may be. */
final class Fields implements TextMapGetter<JsonNode> {
    @Override
    @SuppressWarnings("deprecation")
    public Iterable<String> keys(JsonNode command) {
        return List.of("traceparent", "tracestate");
    }

    @Override
    public String get(JsonNode command, String name) {
        return command.path(name).textValue();
    }
}
