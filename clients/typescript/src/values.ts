/** Bytes as applications give them: a string is its UTF-8. */
export type Bytes = Uint8Array | string;

/** A function that makes bytes of a value, as {@link json} or the `toBinary` of a generated class. */
export type Encoder<T> = (value: T) => Uint8Array;

/** A function that reads a value from bytes. */
export type Decoder<T> = (bytes: Uint8Array) => T;

/** A text's UTF-8. */
export function text(value: string): Buffer {
  return Buffer.from(value, "utf8");
}

/**
 * A value as JSON.
 *
 * @throws TypeError of a value that JSON does not have, such as `undefined`, a function or a bigint.
 */
export function json(value: unknown): Buffer {
  const written = JSON.stringify(value) as string | undefined;
  if (written === undefined) {
    throw new TypeError(`JSON has no ${typeof value}`);
  }
  return Buffer.from(written, "utf8");
}
