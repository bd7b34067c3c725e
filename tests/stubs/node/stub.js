// Begin, Produce and Commit, and Consume, with what protoc-gen-ts generates for @grpc/grpc-js, over the socket and over TCP.
"use strict";

const { randomUUID } = require("node:crypto");
const grpc = require("@grpc/grpc-js");
const { ErrorInfo } = require("./gen/google/rpc/error_details");
const { Status } = require("./gen/google/rpc/status");
const { Subscribe } = require("./gen/sidecommit/v1/consume");
const { ConsumeServiceClient } = require("./gen/sidecommit/v1/consume.grpc-client");
const { ErrorDetail, NextAction } = require("./gen/sidecommit/v1/error");
const { CommitResponse } = require("./gen/sidecommit/v1/transaction");
const { TransactionServiceClient } = require("./gen/sidecommit/v1/transaction.grpc-client");
const { TransactionState } = require("./gen/sidecommit/v1/types");

const CALL_MS_MAX = 30_000;
const topic = process.env.SIDECOMMIT_TOPIC;
// The topic that it reads, and the group that it reads as.
const input = `${topic}-node`;
const socket = `unix:${process.env.SIDECOMMIT_SOCKET}`;
const bytes = (text) => Buffer.from(text);

const records = (topic, tag) => [
  { topic, key: bytes(`${tag}/tombstone`), headers: [] },
  {
    topic,
    key: bytes(`${tag}/headers`),
    value: bytes("value"),
    headers: [{ name: "tag", value: bytes(tag) }, { name: "empty", value: bytes("") }, { name: "null" }],
  },
  { topic, key: bytes(""), value: bytes(`${tag}/empty-key`), headers: [] },
];

function refusal(error) {
  const refused = { code: grpc.status[error.code] };
  const [status] = error.metadata.get("grpc-status-details-bin");
  for (const { typeUrl, value } of Status.fromBinary(status).details) {
    if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
      const { domain, reason } = ErrorInfo.fromBinary(value);
      Object.assign(refused, { domain, reason });
    } else if (typeUrl.endsWith("/sidecommit.v1.ErrorDetail")) {
      const { nextAction, nextSequence } = ErrorDetail.fromBinary(value);
      refused.next_action = `NEXT_ACTION_${NextAction[nextAction]}`;
      refused.next_sequence = Number(nextSequence);
    }
  }
  return refused;
}

const caller = (stub) => (method, request) =>
  new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + CALL_MS_MAX };
    stub[method](request, new grpc.Metadata(), options, (error, reply) => (error ? reject(error) : resolve(reply)));
  });

async function transact(transport, target) {
  const stub = new TransactionServiceClient(target, grpc.credentials.createInsecure());
  const call = caller(stub);
  const info = await call("getServerInfo", {});
  const begin = { requestId: randomUUID(), label: "", orderingKey: "" };
  const { transactionId } = await call("begin", begin);
  const batch = { transactionId, sequence: 0n, records: records(topic, `node/${transport}`) };
  const { nextSequence: recordCount } = await call("produce", batch);

  const commit = { transactionId, recordCount, offsetsCount: 0n, deliveryIds: [], groupOffsets: [] };
  const refused = await call("commit", { ...commit, recordCount: recordCount + 1n }).then(() => null, refusal);
  const reply = await call("commit", commit);
  const line = {
    language: "node",
    transport,
    identity: info.identity,
    transaction_id: reply.transactionId,
    committed: reply.state === TransactionState.COMMITTED,
    ranges: reply.ranges.map((r) => ({
      partition: r.partition,
      first_offset: Number(r.firstOffset),
      last_offset: Number(r.lastOffset),
      count: Number(r.count),
    })),
    refused,
    repeat_equal: CommitResponse.equals(await call("commit", commit), reply),
  };
  console.log(JSON.stringify(line));
  stub.close();
}

// Settles what is delivered; hangs up when there is nothing more and it was enough. Returns what was delivered.
async function read(enough, settle) {
  const stub = new ConsumeServiceClient(socket, grpc.credentials.createInsecure());
  const stream = stub.consume(new grpc.Metadata(), { deadline: Date.now() + CALL_MS_MAX });
  const subscribe = Subscribe.create({ groupId: input, topics: [input] });
  stream.write({ kind: { oneofKind: "subscribe", subscribe } });
  stream.write({ kind: { oneofKind: "credit", credit: { deliveries: 10 } } });
  const delivered = [];
  for await (const { kind } of stream) {
    if (kind.oneofKind === "delivery") {
      await settle(kind.delivery);
      delivered.push(...kind.delivery.records);
    } else if (kind.oneofKind === "idle" && delivered.length >= enough) {
      stream.end();
    }
  }
  stub.close();
  return delivered;
}

// Copies a delivery in the transaction that settles it.
async function settle(call, { deliveryId, records }) {
  const { transactionId } = await call("begin", { requestId: deliveryId, label: "", orderingKey: "" });
  const { offsetsCount } = await call("sendOffsets", { transactionId, deliveryIds: [deliveryId] });
  const copies = records.map(({ key, value, headers }) => ({ topic, key, value, headers }));
  const { nextSequence: recordCount } = await call("produce", { transactionId, sequence: 0n, records: copies });
  await call("commit", { transactionId, recordCount, offsetsCount, deliveryIds: [], groupOffsets: [] });
}

async function copy() {
  const stub = new TransactionServiceClient(socket, grpc.credentials.createInsecure());
  const call = caller(stub);
  const batch = records(input, "node/copy");
  const key = { idempotencyKey: randomUUID(), orderingKey: "" };
  await call("transact", { ...key, records: batch, deliveryIds: [], groupOffsets: [] });
  const first = await read(batch.length, (delivery) => settle(call, delivery));
  const second = await read(0, () => {});
  const line = {
    language: "node",
    transport: "copy",
    offsets: first.map((record) => Number(record.offset)),
    attempts: first.map((record) => record.attempt),
    keys: first.map((record) => record.idempotencyKey),
    again: second.map((record) => Number(record.offset)),
  };
  console.log(JSON.stringify(line));
  stub.close();
}

async function main() {
  await transact("unix", socket);
  await transact("tcp", process.env.SIDECOMMIT_TCP);
  await copy();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
