import type * as OpenTelemetry from "@opentelemetry/api";

/** Headers by which a trace goes on in another process: `traceparent`, `tracestate`. */
export type Carrier = Record<string, string>;

/** What the layer needs of a tracing API. */
export interface Tracing {
  /** The headers for the context that is current; none without one. */
  current(): Carrier;
  /** Calls a function with the context that a record's headers name. */
  within<T>(headers: Carrier, call: () => T): T;
}

/** No tracing. */
export const untraced: Tracing = {
  current: () => ({}),
  within: (_headers, call) => call(),
};

/** OpenTelemetry's API, if the application has it. */
export async function loadTracing(): Promise<Tracing> {
  let api: typeof OpenTelemetry;
  try {
    api = await import("@opentelemetry/api");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
      return untraced;
    }
    throw error;
  }
  const { context, propagation, ROOT_CONTEXT } = api;
  return {
    current() {
      const carrier: Carrier = {};
      propagation.inject(context.active(), carrier);
      return carrier;
    },
    within: (headers, call) => context.with(propagation.extract(ROOT_CONTEXT, headers), call),
  };
}
