import { GroupProtocol, IsolationLevel, ResetPolicy, type Subscribe } from "./generated/sidecommit/v1/consume.js";
import type { Duration } from "./generated/google/protobuf/duration.js";

/** What to read, and what happens to records that fail. Numbers that are absent have the sidecar's defaults. */
export interface SubscriptionOptions {
  /** `group.id`. */
  readonly groupId: string;
  /** Existing topics; or `topicPattern`. */
  readonly topics?: readonly string[] | undefined;
  /** A regular expression that topics match as a whole. */
  readonly topicPattern?: string | undefined;
  /** `group.instance.id`: a static member, e.g. the pod's name. */
  readonly groupInstanceId?: string | undefined;
  /** Records of a delivery. Default 500. */
  readonly maxRecords?: number | undefined;
  /** Bytes of a delivery. Default 1 MiB. */
  readonly maxDeliveryBytes?: number | undefined;
  /** The largest message, and so the largest record. Default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Where to begin in a partition for which the group has no offset. Default `earliest`. */
  readonly resetPolicy?: "earliest" | "latest" | "none" | undefined;
  /** How the group shares out partitions. Default `classic_cooperative`. */
  readonly groupProtocol?: "classic_cooperative" | "classic_eager" | "consumer" | undefined;
  /** How long a delivery may be held, in milliseconds. */
  readonly deliveryTimeoutMs?: number | undefined;
  /** How often a record may fail before it is moved on. Default 3. */
  readonly maxAttempts?: number | undefined;
  /** The pause before the second attempt, which doubles, in milliseconds. Default 100. */
  readonly backoffMs?: number | undefined;
  /** The longest pause, in milliseconds. Default 10 s. */
  readonly backoffMaxMs?: number | undefined;
  /** Where a record that failed `maxAttempts` times is attempted later, in order. */
  readonly retryTopics?: readonly { readonly topic: string; readonly delayMs: number }[] | undefined;
  /** Where records end that failed everywhere or cannot succeed. Absent: they are attempted again for ever. */
  readonly deadLetterTopic?: string | undefined;
}

const RESET_POLICIES = { earliest: ResetPolicy.EARLIEST, latest: ResetPolicy.LATEST, none: ResetPolicy.NONE };
const GROUP_PROTOCOLS = {
  classic_cooperative: GroupProtocol.CLASSIC_COOPERATIVE,
  classic_eager: GroupProtocol.CLASSIC_EAGER,
  consumer: GroupProtocol.CONSUMER,
};

/** The first message of a Consume stream. */
export function subscribe(options: SubscriptionOptions, sessionId: string): Subscribe {
  const { retryTopics = [], maxAttempts = 0, backoffMs, backoffMaxMs, deadLetterTopic = "" } = options;
  return {
    groupId: options.groupId,
    topics: [...(options.topics ?? [])],
    topicPattern: options.topicPattern ?? "",
    groupInstanceId: options.groupInstanceId ?? "",
    limits: {
      maxRecords: options.maxRecords ?? 0,
      maxDeliveryBytes: options.maxDeliveryBytes ?? 0,
      maxMessageBytes: options.maxMessageBytes ?? 0,
    },
    resetPolicy: options.resetPolicy === undefined ? ResetPolicy.UNSPECIFIED : RESET_POLICIES[options.resetPolicy],
    groupProtocol: options.groupProtocol === undefined ? GroupProtocol.UNSPECIFIED : GROUP_PROTOCOLS[options.groupProtocol],
    isolationLevel: IsolationLevel.UNSPECIFIED,
    retryPolicy: {
      maxAttempts,
      backoff: duration(backoffMs),
      backoffMax: duration(backoffMaxMs),
      retryTopics: retryTopics.map(({ topic, delayMs }) => ({ topic, delay: duration(delayMs) })),
      deadLetterTopic,
    },
    deliveryTimeout: duration(options.deliveryTimeoutMs),
    sessionId,
  };
}

/** Milliseconds as Protobuf has them. */
export function duration(ms: number): Duration;
export function duration(ms: number | undefined): Duration | undefined;
export function duration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) {
    return undefined;
  }
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** Protobuf's duration in milliseconds; 0 if it is absent. */
export function milliseconds(duration: Duration | undefined): number {
  return duration === undefined ? 0 : duration.seconds * 1000 + duration.nanos / 1e6;
}
