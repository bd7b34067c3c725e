package example;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/** The application: each order is a row, and what Kafka has to know of it is another one, in the same transaction. It needs no Kafka. */
public final class PlaceOrders {
    private static final String ORDER =
            "INSERT INTO orders (id, customer, cents) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";
    private static final String OUTBOX = "INSERT INTO outbox (topic, key, value) VALUES (?, ?, ?)";

    private PlaceOrders() {}

    /** Places the orders 1 to {@code args[0]}; those that are placed already are left as they are. */
    public static void main(String[] args) throws SQLException {
        String topic = System.getenv("TOPIC");
        try (Connection database = DriverManager.getConnection(System.getenv("DATABASE_URL"))) {
            database.setAutoCommit(false);
            for (long id = 1; id <= Long.parseLong(args[0]); id++) {
                place(database, topic, id, "customer-" + id % 100, 100 * id);
            }
        }
    }

    /** One order; a repeat of it does nothing. */
    static void place(Connection database, String topic, long id, String customer, long cents) throws SQLException {
        try (PreparedStatement order = database.prepareStatement(ORDER);
                PreparedStatement outbox = database.prepareStatement(OUTBOX)) {
            order.setLong(1, id);
            order.setString(2, customer);
            order.setLong(3, cents);
            if (order.executeUpdate() == 1) {
                outbox.setString(1, topic);
                outbox.setString(2, customer);
                outbox.setString(3, "{\"order\":%d,\"customer\":\"%s\",\"cents\":%d}".formatted(id, customer, cents));
                outbox.executeUpdate();
            }
            database.commit();
        }
    }
}
