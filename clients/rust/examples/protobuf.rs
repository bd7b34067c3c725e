//! Protobuf values: whatever turns a message into bytes, and back. Needs a topic `payments`.

use prost::Message;
use sidecommit_client::{Error, Record, Reject, Sidecommit, Subscription};

/// As prost generates it from a proto file.
#[derive(Clone, PartialEq, Message)]
struct Payment {
    #[prost(string, tag = "1")]
    account: String,
    #[prost(int64, tag = "2")]
    amount: i64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = Sidecommit::connect().await?;
    let payment = Payment { account: "alice".to_owned(), amount: 5 };
    let record = Record::new("payments").key(&payment.account).value(payment.encode_to_vec());
    client.transact([record]).await?;

    let processor = client.processor(Subscription::new("protobuf-example", ["payments"]));
    let stopper = processor.stopper();
    processor
        .run(async |record| {
            let payment = Payment::decode(record.value.unwrap_or_default()).map_err(Reject::new)?;
            println!("{} pays {}", payment.account, payment.amount);
            // One is enough for an example.
            stopper.stop();
            Ok(())
        })
        .await?;
    Ok(())
}
