//! Size limits and payloads.

use crate::server::{Server, begin, record};
use prost::Message;
use sidecommit_rpc::{Options, proto::v1};
use tonic::Code;

fn of_size(id: &str, bytes: usize) -> v1::ProduceRequest {
    let value = vec![7; 100_000];
    let mut request = v1::ProduceRequest { transaction_id: id.into(), ..Default::default() };
    while request.encoded_len() < bytes {
        let mut record = record("");
        record.value = Some(value[..value.len().min(bytes - request.encoded_len())].to_vec().into());
        request.records.push(record);
    }
    let over = request.encoded_len() - bytes;
    let last = request.records.last_mut().unwrap().value.as_mut().unwrap();
    last.truncate(last.len() - over);
    request
}

#[tokio::test]
async fn sixteen_mebibytes_are_taken_and_a_byte_more_is_not() {
    let server = Server::start().await;
    for (i, mut client) in server.both().await.into_iter().enumerate() {
        let id = begin(&mut client, &i.to_string()).await;
        let fits = of_size(&id, 16 << 20);
        assert_eq!(fits.encoded_len(), 16 << 20);
        let count = fits.records.len() as i64;
        assert_eq!(client.produce(fits).await.unwrap().into_inner().next_sequence, count);
        let mut over = of_size(&id, (16 << 20) + 1);
        over.sequence = count;
        let status = client.produce(over).await.expect_err("too large");
        assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
        server.fake.with(&id, |txn| assert_eq!(txn.records.len() as i64, count));
    }
}

#[tokio::test]
async fn the_message_limit_is_a_setting_and_is_advertised() {
    let options = Options { message_bytes_max: 1000, ..Options::default() };
    let server = Server::with(options).await;
    let mut client = server.uds().await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.limits.unwrap().message_bytes, 1000);
    let id = begin(&mut client, "r").await;
    assert!(client.produce(of_size(&id, 1000)).await.is_ok());
    assert_eq!(client.produce(of_size(&id, 1001)).await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn ten_thousand_records_of_a_kilobyte_stream_through() {
    let server = Server::start().await;
    for (i, mut client) in server.both().await.into_iter().enumerate() {
        let id = begin(&mut client, &i.to_string()).await;
        let value = bytes::Bytes::from(vec![7; 1024]);
        let messages: Vec<_> = (0..100)
            .map(|i| v1::ProduceStreamRequest {
                transaction_id: id.clone(),
                sequence: i * 100,
                records: vec![v1::Record { value: Some(value.clone()), ..record("") }; 100],
            })
            .collect();
        let started = std::time::Instant::now();
        let mut acks = client.produce_stream(tokio_stream::iter(messages)).await.unwrap().into_inner();
        let mut last = 0;
        let mut count = 0;
        while let Some(ack) = acks.message().await.unwrap() {
            (last, count) = (ack.next_sequence, count + 1);
        }
        println!("10,000 x 1 KB in {:?}, {count} acks", started.elapsed());
        assert_eq!(last, 10_000);
        server.fake.with(&id, |txn| assert!(txn.records.iter().all(|r| r.value.as_ref() == Some(&value))));
    }
}
