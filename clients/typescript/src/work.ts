import { pairs } from "./core/wire.js";
import { thrown, type Blame } from "./core/blame.js";
import type { ConsumedRecord, Delivery } from "./delivery.js";
import type { ProducerRecord } from "./records.js";
import type { Carrier, Tracing } from "./tracing.js";

/** What a handler returns: the records to write. */
export type Output = ProducerRecord | Iterable<ProducerRecord> | null | undefined | void;

/** What a handler is told beside its input. */
export interface HandlerContext {
  /** The delivery that the input came with. */
  readonly delivery: Delivery;
  /** Aborted when the work is in vain, for the record's partition went. */
  readonly signal: AbortSignal;
}

/** Makes records of one record. */
export type Handler = (record: ConsumedRecord, context: HandlerContext) => Output | Promise<Output>;

/** Makes records of all records of a delivery. */
export type BatchHandler = (records: readonly ConsumedRecord[], context: HandlerContext) => Output | Promise<Output>;

/** Which handler there is. */
export type HandlerOptions =
  { readonly batch?: false | undefined; readonly handler: Handler } | { readonly batch: true; readonly handler: BatchHandler };

/** What became of a delivery's records. */
export interface Results {
  /** What is to be written. */
  readonly outputs: readonly ProducerRecord[];
  /** For each of these the record that it was made of; undefined: all of the delivery. */
  readonly origins: readonly (ConsumedRecord | undefined)[];
}

/** Calls the handler for a delivery, record by record in their order or once for all. Resolves with a blame if it threw. */
export async function work(
  delivery: Delivery,
  options: HandlerOptions,
  tracing: Tracing,
): Promise<Results | { readonly blame: Blame }> {
  const context = { delivery, signal: delivery.signal };
  const outputs: ProducerRecord[] = [];
  const origins: (ConsumedRecord | undefined)[] = [];
  const add = (made: Output, origin: ConsumedRecord | undefined, trace: Carrier): void => {
    for (const output of list(made)) {
      outputs.push(traced(output, trace));
      origins.push(origin);
    }
  };
  if (options.batch) {
    try {
      const [only, ...others] = delivery.records;
      add(await options.handler(delivery.records, context), others.length === 0 ? only : undefined, {});
    } catch (error) {
      return { blame: thrown(error, undefined) };
    }
    return { outputs, origins };
  }
  const { handler } = options;
  for (const record of delivery.records) {
    if (delivery.signal.aborted) {
      break;
    }
    try {
      await tracing.within(carrier(record), async () => {
        add(await handler(record, context), record, tracing.current());
      });
    } catch (error) {
      return { blame: thrown(error, record) };
    }
  }
  return { outputs, origins };
}

function list(output: Output): Iterable<ProducerRecord> {
  if (output === null || output === undefined) {
    return [];
  }
  return Symbol.iterator in output ? output : [output];
}

/** A record's headers as a tracing API wants them. */
function carrier(record: ConsumedRecord): Carrier {
  const texts = record.headers.filter((header): header is [string, Buffer] => header[1] !== null);
  return Object.fromEntries(texts.map(([name, value]) => [name, value.toString("utf8")]));
}

/** A delivery has many traces and its transaction one call: so each record has the headers of its own, unless it has some. */
function traced(output: ProducerRecord, trace: Carrier): ProducerRecord {
  const names = Object.keys(trace);
  if (names.length === 0) {
    return output;
  }
  const headers = pairs(output.headers ?? []);
  return headers.some(([name]) => names.includes(name)) ? output : { ...output, headers: [...headers, ...Object.entries(trace)] };
}
