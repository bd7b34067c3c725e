// Values as Confluent's serializers write them: a zero byte, the schema's id, and for Protobuf which message of the schema it is. Ids
// come from the registry, once per schema; here they are constants, so that none is needed.
import { connect, json, type Decoder, type Encoder } from "sidecommit";

const MAGIC = 0;

/** An encoder whose bytes begin with the id of their schema. */
function framed<T>(schemaId: number, encode: Encoder<T>, messageIndexes?: readonly number[]): Encoder<T> {
  const head = Buffer.alloc(5);
  head.writeUInt8(MAGIC, 0);
  head.writeUInt32BE(schemaId, 1);
  const indexes = messageIndexes === undefined ? Buffer.alloc(0) : messagePath(messageIndexes);
  return (value) => Buffer.concat([head, indexes, encode(value)]);
}

/** The decoder of what a schema with JSON or Avro has; it is told the schema's id. */
function unframed<T>(decode: (payload: Uint8Array, schemaId: number) => T): Decoder<T> {
  return (bytes) => {
    const framed = Buffer.from(bytes);
    if (framed.length < 5 || framed.readUInt8(0) !== MAGIC) {
      throw new TypeError("not of the schema registry's wire format");
    }
    return decode(framed.subarray(5), framed.readUInt32BE(1));
  };
}

/** Which message of a Protobuf schema: zigzag varints, the count first; the first message alone is a single 0. */
function messagePath(indexes: readonly number[]): Buffer {
  if (indexes.length === 1 && indexes[0] === 0) {
    return Buffer.from([0]);
  }
  return Buffer.from([indexes.length, ...indexes].flatMap((value) => varint(value * 2)));
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}

interface Payment {
  readonly from: string;
  readonly amount: number;
}
const encodePayment = framed<Payment>(42, json);
const decodePayment = unframed((payload, schemaId) => ({
  schemaId,
  payment: JSON.parse(Buffer.from(payload).toString()) as Payment,
}));

const client = await connect();
const value = encodePayment({ from: "alice", amount: 5 });
const { recordCount } = await client.run((transaction) => transaction.produce({ topic: "payments", key: "registry", value }));
const { schemaId, payment } = decodePayment(value);
console.log(`committed ${recordCount} records of schema ${schemaId}, from ${payment.from}`);
// The same for Protobuf: the third message within the second one of the schema's file.
console.log(Buffer.from(framed<Payment>(43, json, [1, 2])(payment)).toString("hex", 0, 8));
client.close();
