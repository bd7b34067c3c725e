package dev.sidecommit.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.io.UncheckedIOException;

/** Values as JSON, by Jackson ({@code jackson-databind}), which has to be on the class path. */
public final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder().findAndAddModules().build();

    private Json() {}

    /**
     * Encodes.
     *
     * @param value anything that Jackson takes
     * @return its JSON in UTF-8
     */
    public static byte[] bytes(Object value) {
        try {
            return MAPPER.writeValueAsBytes(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Decodes.
     *
     * @param bytes JSON
     * @param type what to make of it
     * @param <T> its type
     * @return the value
     */
    public static <T> T value(byte[] bytes, Class<T> type) {
        try {
            return MAPPER.readValue(bytes, type);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
