-- The last price of each product, and where it was read: `source` is cluster, topic and partition, `position` the offset there.
CREATE TABLE prices (
    product text PRIMARY KEY,
    cents bigint, -- NULL: deleted. The row stays, as what came before the deletion may come again.
    source text NOT NULL,
    position bigint NOT NULL
);
