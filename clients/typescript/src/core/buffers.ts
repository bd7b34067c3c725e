/**
 * Buffers that are used again. A new one costs more than what is copied into it: the system gives its memory page by page, and some
 * megabytes of them outside of its heap make Node.js collect all of the heap.
 */
export class Buffers {
  readonly #size: number;
  readonly #most: number;
  readonly #idle: Buffer[] = [];

  /** Keeps so many buffers of one size; others are made and forgotten. */
  constructor(size: number, most: number) {
    this.#size = size;
    this.#most = most;
  }

  /** A buffer with whatever is in it. */
  take(size: number): Buffer {
    return (size === this.#size ? this.#idle.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes back what nobody reads any more. */
  give(buffer: Buffer): void {
    if (buffer.length === this.#size && this.#idle.length < this.#most) {
      this.#idle.push(buffer);
    }
  }
}
