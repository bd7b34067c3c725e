package dev.sidecommit.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.google.protobuf.ByteString;

import dev.sidecommit.v1.Header;

import io.grpc.Metadata;
import io.opentelemetry.api.trace.Span;

import org.junit.jupiter.api.Test;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;

class TracingTest {
    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "00-" + TRACE + "-b7ad6b7169203331-01";
    private static final List<Header> HEADERS =
            List.of(
                    Header.newBuilder()
                            .setName("traceparent")
                            .setValue(ByteString.copyFromUtf8(PARENT))
                            .build());

    @Test
    @SuppressWarnings("try")
    void a_records_context_is_current_in_the_scope_and_goes_into_metadata() {
        Tracing tracing = Tracing.detect();
        try (var scope = tracing.enter(HEADERS)) {
            assertEquals(TRACE, Span.current().getSpanContext().getTraceId());
            Metadata metadata = tracing.current();
            assertEquals(
                    PARENT,
                    metadata.get(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER)));
        }
        assertNull(tracing.current());
    }

    /** The client in a world without OpenTelemetry and Jackson. */
    @Test
    void without_opentelemetry_nobody_traces() throws Exception {
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.contains("opentelemetry") && !entry.contains("jackson")) {
                classPath.add(new File(entry).toURI().toURL());
            }
        }
        try (var loader =
                new URLClassLoader(
                        classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Class<?> tracing = loader.loadClass(Tracing.class.getName());
            var detect = tracing.getDeclaredMethod("detect");
            detect.setAccessible(true);
            var none = tracing.getDeclaredField("NONE");
            none.setAccessible(true);
            assertEquals(none.get(null), detect.invoke(null));
            Object client =
                    loader.loadClass(Sidecommit.class.getName())
                            .getMethod("connect", String.class)
                            .invoke(null, "localhost:1");
            ((AutoCloseable) client).close();
        }
    }
}
