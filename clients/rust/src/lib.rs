//! Kafka transactions through the Sidecommit sidecar.
