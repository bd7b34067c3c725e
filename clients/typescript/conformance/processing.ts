import { context, propagation, trace } from "@opentelemetry/api";
import type { Client, ConsumedRecord, Processing, ProducerRecord } from "sidecommit";
import { ApplicationError } from "./describe.js";
import { isPoison, type ProcessCommand } from "./protocol.js";

/** Copies records to the output, but for poison. */
export function startProcessing(client: Client, command: ProcessCommand): Processing {
  const copy = (record: ConsumedRecord): ProducerRecord => {
    if (isPoison(record, command.poison)) {
      throw new ApplicationError("poison");
    }
    const seen = trace.getSpanContext(context.active())?.traceId;
    return {
      topic: command.output,
      key: record.key,
      value: record.value,
      headers: [
        ["driver", process.env["SIDECOMMIT_DRIVER"] ?? ""] as const,
        // The trace is the client's to pass on.
        ...record.headers.filter(([name]) => !propagation.fields().includes(name)),
        ...(seen === undefined ? [] : [["seen-traceparent", seen] as const]),
      ],
    };
  };
  const subscription = {
    groupId: command.group_id,
    topics: command.topics,
    maxRecords: command.max_records,
    maxAttempts: command.max_attempts,
    backoffMs: command.backoff_ms,
    deadLetterTopic: command.dead_letter_topic,
  };
  return command.batch === true
    ? client.process({ ...subscription, batch: true, handler: (records) => records.map(copy) })
    : client.process({ ...subscription, handler: copy });
}
