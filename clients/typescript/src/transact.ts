import { again, type AgainOptions } from "./again.js";
import type { RecordWriter } from "./core/wire.js";
import type { Delivery } from "./delivery.js";
import { AbortedError } from "./errors.js";
import { TransactionServiceService as service, TransactRequest, TransactResponse } from "./generated/sidecommit/v1/transaction.js";
import { GroupOffsets as WireOffsets } from "./generated/sidecommit/v1/types.js";
import { call, type Link } from "./link.js";
import type { GroupOffsets, ProducerRecord } from "./records.js";
import type { CallOptions } from "./rpc/repeat.js";
import { duration } from "./subscription.js";
import type { Committed } from "./transaction.js";

/** What {@link Client.transact} takes beside records and key. */
export interface TransactOptions extends CallOptions, AgainOptions {
  readonly signal?: AbortSignal | undefined;
  /** When the key was first tried, by an application that repeats it after its own restart. Absent: now is the first time. */
  readonly firstAttemptTime?: Date | undefined;
  /** Deliveries to settle. With these it is not begun again: the work is what is delivered then. */
  readonly deliveries?: readonly Delivery[] | undefined;
  /** Offsets of the application's own consumers to commit. */
  readonly groupOffsets?: readonly GroupOffsets[] | undefined;
  /** How long the transaction may take, in milliseconds. Default: the sidecar's. */
  readonly timeoutMs?: number | undefined;
  /** As in {@link BeginOptions.orderingKey}. */
  readonly orderingKey?: string | undefined;
}

/** The request is put together from two parts that are Protobuf by themselves: what is rare, and the records. */
const TRANSACT = {
  path: service.transact.path,
  requestSerialize: (message: Buffer) => message,
  responseDeserialize: (bytes: Buffer) => TransactResponse.decode(bytes),
};

/** A whole transaction in one call. */
export async function transact(
  link: Link,
  records: Iterable<ProducerRecord>,
  idempotencyKey: string,
  options: TransactOptions,
): Promise<Committed> {
  const { deliveries = [] } = options;
  const encoded = encode(link.writer, records);
  let first = options.firstAttemptTime;
  const request = (): Buffer => {
    const head = TransactRequest.fromPartial({
      idempotencyKey,
      firstAttemptTime: first,
      deliveryIds: deliveries.map(({ deliveryId }) => deliveryId),
      groupOffsets: (options.groupOffsets ?? []).map((offsets) => WireOffsets.fromPartial(offsets as never)),
      timeout: duration(options.timeoutMs),
      orderingKey: options.orderingKey ?? "",
    });
    first ??= new Date();
    return Buffer.concat([encoded.bytes, TransactRequest.encode(head).finish()]);
  };
  try {
    const { transactionId, ranges } = await again(
      options,
      () => call(link, options, { name: "Transact", method: TRANSACT, decides: true, request }),
      () => deliveries.length === 0,
    );
    for (const delivery of deliveries) {
      delivery.finish();
    }
    return { transactionId, ranges, recordCount: encoded.count };
  } catch (error) {
    if (error instanceof AbortedError) {
      for (const delivery of deliveries) {
        delivery.release();
      }
    }
    throw error;
  }
}

/** Records as the field `records` of a request. */
export function encode(writer: RecordWriter, records: Iterable<ProducerRecord>): { bytes: Buffer; count: number } {
  const measured = Array.from(records, (record) => writer.measure(record));
  const bytes = Buffer.allocUnsafe(measured.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  for (const record of measured) {
    at = writer.write(record, bytes, at);
  }
  return { bytes, count: measured.length };
}
