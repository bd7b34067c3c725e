// Begin, Produce and Commit with what protoc-gen-ts generates for @grpc/grpc-js, over the socket and over TCP.
"use strict";

const { randomUUID } = require("node:crypto");
const grpc = require("@grpc/grpc-js");
const { ErrorInfo } = require("./gen/google/rpc/error_details");
const { Status } = require("./gen/google/rpc/status");
const { ErrorDetail, NextAction } = require("./gen/sidecommit/v1/error");
const { CommitResponse } = require("./gen/sidecommit/v1/transaction");
const { TransactionServiceClient } = require("./gen/sidecommit/v1/transaction.grpc-client");
const { TransactionState } = require("./gen/sidecommit/v1/types");

const CALL_MS_MAX = 30_000;
const topic = process.env.SIDECOMMIT_TOPIC;
const bytes = (text) => Buffer.from(text);

const records = (tag) => [
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

async function transact(transport, target) {
  const stub = new TransactionServiceClient(target, grpc.credentials.createInsecure());
  const call = (method, request) =>
    new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + CALL_MS_MAX };
      stub[method](request, new grpc.Metadata(), options, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  const info = await call("getServerInfo", {});
  const begin = { requestId: randomUUID(), label: "", orderingKey: "" };
  const { transactionId } = await call("begin", begin);
  const batch = { transactionId, sequence: 0n, records: records(`node/${transport}`) };
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

async function main() {
  await transact("unix", `unix:${process.env.SIDECOMMIT_SOCKET}`);
  await transact("tcp", process.env.SIDECOMMIT_TCP);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
