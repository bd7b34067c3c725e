import type { Buffers } from "./core/buffers.js";
import type { RecordWriter } from "./core/wire.js";
import type { Channel } from "./rpc/channel.js";
import type { KeepAlive } from "./rpc/keepalive.js";
import { repeat, type CallOptions, type Repeated } from "./rpc/repeat.js";
import type { Tracing } from "./tracing.js";

/** What a client's parts share. */
export interface Link {
  readonly channel: Channel;
  readonly writer: RecordWriter;
  readonly buffers: Buffers;
  readonly keepAlive: KeepAlive;
  readonly tracing: Tracing;
  /** The client's default deadline. */
  readonly deadlineMs: number;
}

// Beyond it Node's timers go off at once.
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The deadline of a call, in milliseconds. */
export function deadlineOf(link: Link, { deadlineMs = link.deadlineMs }: CallOptions): number {
  return deadlineMs > TIMER_MS_MAX ? Infinity : deadlineMs;
}

/** Makes a call of this client until there is an outcome, in the caller's trace unless another is given. */
export function call<Q, R>(
  link: Link,
  options: CallOptions,
  what: Omit<Repeated<Q, R>, "deadlineMs" | "signal" | "trace"> & Partial<Pick<Repeated<Q, R>, "trace">>,
): Promise<R> {
  const trace = what.trace ?? link.tracing.current();
  return repeat(link.channel, { ...what, trace, deadlineMs: deadlineOf(link, options), signal: options.signal });
}
