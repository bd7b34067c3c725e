import { backoff } from "./core/backoff.js";
import { AbortedError } from "./errors.js";
import { pause } from "./rpc/repeat.js";

/** How work that was aborted is begun again. */
export interface AgainOptions {
  /** How often it is tried in all. Default 5. */
  readonly attempts?: number | undefined;
  /** Told the number of the attempt that was aborted, and why. If it returns `false` the error is raised. */
  readonly onRetry?: ((attempt: number, error: AbortedError) => unknown) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Does work until it is not aborted; any other error, and that of the last attempt, is raised. */
export async function again<T>(
  options: AgainOptions,
  work: (attempt: number) => Promise<T>,
  may: () => boolean = () => true,
): Promise<T> {
  const { attempts = 5, onRetry, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!(error instanceof AbortedError) || attempt >= attempts || !may() || (await onRetry?.(attempt, error)) === false) {
        throw error;
      }
    }
    await pause(backoff(attempt), signal);
  }
}
