package example;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.postgresql.PGConnection;

/** The table: which rows are to be tried, and what became of them. */
final class Outbox implements AutoCloseable {
    /** So many keys are sent at a time. */
    static final int AT_A_TIME = 16;

    // Of each key the oldest unsent row, unless a person has to look at it: what follows it has to wait.
    private static final String HEADS =
            "(SELECT DISTINCT ON (key) * FROM outbox WHERE sent_at IS NULL ORDER BY key, id) AS head";
    private static final String TRIED =
            "SELECT * FROM " + HEADS + " WHERE slot = ? AND refused IS NULL ORDER BY id LIMIT " + AT_A_TIME;
    // Another relay may want the same rows: of two updates the second finds `slot` set.
    private static final String CLAIM = "UPDATE outbox SET slot = ?, first_attempt_time = clock_timestamp()"
            + " WHERE slot IS NULL AND id IN (SELECT id FROM " + HEADS + " WHERE slot IS NULL ORDER BY id LIMIT "
            + AT_A_TIME + ") RETURNING *";
    private static final String SENT = "UPDATE outbox SET sent_at = clock_timestamp() WHERE id = ANY (?)";
    private static final String REFUSED = "UPDATE outbox SET refused = ? WHERE id = ?";
    private static final String ELSEWHERE =
            "SELECT slot, count(*) FROM " + HEADS + " WHERE slot <> ? GROUP BY slot ORDER BY slot";

    private final Connection database;

    Outbox(String url) throws SQLException {
        database = DriverManager.getConnection(url);
        try (Statement statement = database.createStatement()) {
            statement.execute("LISTEN outbox");
        }
    }

    /**
     * A row of the outbox.
     *
     * @param firstAttempt when it was first tried, by an earlier life or in a call without an answer; empty: this is the
     *     first attempt
     */
    record Row(long id, String topic, String key, String value, Optional<Instant> firstAttempt) {}

    /** Rows that were tried with this slot and have no answer. */
    List<Row> tried(String slot) throws SQLException {
        return rows(TRIED, slot, true);
    }

    /** Rows that were never tried; from now on they are tried with this slot and no other. */
    List<Row> claim(String slot) throws SQLException {
        return rows(CLAIM, slot, false);
    }

    /** They are in Kafka. */
    void sent(List<Long> ids) throws SQLException {
        try (PreparedStatement update = database.prepareStatement(SENT)) {
            update.setArray(1, database.createArrayOf("bigint", ids.toArray()));
            update.executeUpdate();
        }
    }

    /** A person has to look at it; until then rows with its key wait. */
    void refused(long id, String why) throws SQLException {
        try (PreparedStatement update = database.prepareStatement(REFUSED)) {
            update.setString(1, why);
            update.setLong(2, id);
            update.executeUpdate();
        }
    }

    /** How many keys wait for another slot's relay, such as {@code shop/orders/1: 3}. */
    List<String> elsewhere(String slot) throws SQLException {
        List<String> waiting = new ArrayList<>();
        try (PreparedStatement select = database.prepareStatement(ELSEWHERE)) {
            select.setString(1, slot);
            ResultSet found = select.executeQuery();
            while (found.next()) {
                waiting.add(found.getString(1) + ": " + found.getLong(2));
            }
        }
        return waiting;
    }

    /** Waits until the application says {@code NOTIFY outbox}, a second at most: it may have said it before. */
    void await() throws SQLException {
        database.unwrap(PGConnection.class).getNotifications(1000);
    }

    @Override
    public void close() throws SQLException {
        database.close();
    }

    private List<Row> rows(String sql, String slot, boolean tried) throws SQLException {
        List<Row> rows = new ArrayList<>();
        try (PreparedStatement statement = database.prepareStatement(sql)) {
            statement.setString(1, slot);
            ResultSet found = statement.executeQuery();
            while (found.next()) {
                Optional<Instant> first = tried
                        ? Optional.of(found.getObject("first_attempt_time", OffsetDateTime.class).toInstant())
                        : Optional.empty();
                rows.add(new Row(
                        found.getLong("id"),
                        found.getString("topic"),
                        found.getString("key"),
                        found.getString("value"),
                        first));
            }
        }
        return rows;
    }
}
