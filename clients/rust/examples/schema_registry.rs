//! A schema registry's wire format: a zero byte, the schema's id in four bytes, and the value. Which id a schema has is the
//! registry's business; a client for it is not needed for writing with a known one. Needs a topic `readings`.

use serde::{Deserialize, Serialize};
use sidecommit_client::{BoxError, Error, IntoBytes, Record, Sidecommit, Subscription};

/// What the registry gave the schema.
const SCHEMA: u32 = 42;
const MAGIC: u8 = 0;

#[derive(Debug, Deserialize, Serialize)]
struct Reading {
    sensor: String,
    celsius: f64,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = Sidecommit::connect().await?;
    client
        .run(async |txn| {
            let reading = Reading { sensor: "cellar".to_owned(), celsius: 12.5 };
            let value = framed(SCHEMA, serde_json::to_vec(&reading)?);
            txn.produce(Record::new("readings").key(&reading.sensor).value(value)).await?;
            Ok(())
        })
        .await?;

    let processor = client.processor(Subscription::new("registry-example", ["readings"]));
    let stopper = processor.stopper();
    processor
        .run(async |record| {
            let value = record.value.unwrap_or_default();
            let (schema, json) = unframed(&value)?;
            let reading: Reading = serde_json::from_slice(json)?;
            println!("schema {schema}: {reading:?}");
            // One is enough for an example.
            stopper.stop();
            Ok(())
        })
        .await?;
    Ok(())
}

fn framed(schema: u32, value: impl IntoBytes) -> Vec<u8> {
    [&[MAGIC][..], &schema.to_be_bytes(), &value.into_bytes()].concat()
}

fn unframed(framed: &[u8]) -> Result<(u32, &[u8]), BoxError> {
    match framed {
        [MAGIC, a, b, c, d, value @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), value)),
        _ => Err("the value is not in the registry's format".into()),
    }
}
