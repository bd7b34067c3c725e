package dev.sidecommit.conformance;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.sidecommit.client.Sidecommit;

import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;

/** The client behind the line protocol of tests/conformance. */
public final class Driver {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Its end. */
    private static final String END = "end";

    private final BlockingQueue<String> commands = new LinkedBlockingQueue<>();
    private final Semaphore continued = new Semaphore(0);
    private final Transactions transactions = new Transactions(this);
    private final Processing processing = new Processing(this);
    private Sidecommit client;
    private Context context = Context.root();

    public static void main(String[] args) throws Exception {
        Driver driver = new Driver();
        Thread reader = new Thread(driver::read, "stdin");
        reader.setDaemon(true);
        reader.start();
        driver.work();
        // Not by falling off the end: what is processed would keep this alive.
        System.exit(0);
    }

    Sidecommit client() {
        return client;
    }

    /** No more commands are executed. */
    void end() {
        commands.add(END);
    }

    void event(int id, String event, ObjectNode fields) {
        fields.put("id", id);
        fields.put("event", event);
        say(fields);
    }

    /** After `continue`. */
    void awaitContinue() {
        continued.acquireUninterruptibly();
    }

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    private void read() {
        try (var lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode command = MAPPER.readTree(line);
                switch (command.path("op").asText()) {
                    case "continue" -> continued.release();
                    case "stop" -> processing.stop(command.path("id").asInt());
                    default -> commands.add(line);
                }
            }
        } catch (java.io.IOException e) {
            System.err.println("driver: " + e);
        }
        end();
    }

    @SuppressWarnings("try")
    private void work() throws Exception {
        for (String line = commands.take(); !line.equals(END); line = commands.take()) {
            JsonNode command = MAPPER.readTree(line);
            ObjectNode answer = object().put("id", command.path("id").asInt());
            try (Scope scope = context.makeCurrent()) {
                answer.set("ok", execute(command));
            } catch (Exception e) {
                answer.set("error", Answers.error(e));
            }
            say(answer);
        }
        if (client != null) {
            client.close();
        }
    }

    private ObjectNode execute(JsonNode command) throws Exception {
        return switch (command.path("op").asText()) {
            case "connect" -> connect(command);
            case "transaction" -> transactions.scope(command);
            case "transact" -> transactions.transact(command);
            case "outcome" -> transactions.outcome(command);
            case "process" -> processing.start(command);
            case "context" -> context(command);
            default -> throw new IllegalArgumentException("no such op: " + command);
        };
    }

    private ObjectNode connect(JsonNode command) {
        if (client != null) {
            client.close();
        }
        Duration deadline = Duration.ofMillis(command.path("deadline_ms").asLong(60_000));
        client = Sidecommit.builder().deadline(deadline).connect();
        client.waitReady(deadline);
        var info = client.serverInfo();
        return object().put("version", info.getVersion()).put("identity", info.getIdentity());
    }

    private ObjectNode context(JsonNode command) {
        context =
                W3CTraceContextPropagator.getInstance()
                        .extract(Context.root(), command, new Fields());
        return object();
    }

    synchronized void say(ObjectNode line) {
        System.out.println(line);
        System.out.flush();
    }
}
