//! f: what an order comes to.

use serde::{Deserialize, Serialize};
use sidecommit_rpc::proto::v1::{ConsumedRecord, Record};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Order {
    id: String,
    quantity: u64,
    price: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Bill {
    id: String,
    total: u64,
}

/// The bill of an order: under the same key, in the same partition, of the same time.
pub(super) fn of(order: &ConsumedRecord, partition: i32, topic: &str) -> Result<Record, serde_json::Error> {
    let Order { id, quantity, price } = serde_json::from_slice(order.value.as_deref().unwrap_or_default())?;
    let bill = serde_json::to_vec(&Bill { id, total: quantity * price })?;
    Ok(Record {
        topic: topic.to_owned(),
        partition: Some(partition),
        key: order.key.clone(),
        value: Some(bill.into()),
        headers: Vec::new(),
        timestamp_ms: Some(order.timestamp_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_the_price_of_all() {
        let order = ConsumedRecord {
            timestamp_ms: 7,
            key: Some("customer-1".into()),
            value: Some(r#"{"id":"2-14","quantity":3,"price":250}"#.into()),
            ..ConsumedRecord::default()
        };
        let bill = of(&order, 2, "bills").unwrap();
        assert_eq!(bill.value.as_deref(), Some(br#"{"id":"2-14","total":750}"#.as_slice()));
        assert_eq!((bill.key, bill.partition, bill.timestamp_ms), (order.key, Some(2), Some(7)));
    }
}
