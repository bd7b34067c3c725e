// Values are Protobuf messages: any generated class will do. This one is of the package itself, so that nothing else is needed.
import { connect } from "sidecommit";
import { TopicPartitionOffset } from "sidecommit/v1";

const client = await connect();

const message = TopicPartitionOffset.fromPartial({ topic: "orders", partition: 3, offset: 4711 });
const { ranges } = await client.run(async (transaction) => {
  await transaction.produce({ topic: "payments", key: "protobuf", value: TopicPartitionOffset.encode(message).finish() });
});
const [range] = ranges;
console.log(`written to partition ${range?.partition ?? "?"} at offset ${range?.firstOffset ?? "?"}`);

for await (const delivery of client.deliveries({ groupId: "example-protobuf", topics: ["payments"] })) {
  for (const record of delivery.records.filter(({ key }) => key?.toString() === "protobuf")) {
    const read = record.decode((bytes) => TopicPartitionOffset.decode(bytes));
    console.log(`read ${read?.topic ?? "a tombstone"} ${read?.partition ?? ""} ${read?.offset ?? ""}`);
  }
  // Nothing to write: what was read is settled all the same.
  await client.transact([], delivery.deliveryId, { deliveries: [delivery] });
  break;
}
client.close();
