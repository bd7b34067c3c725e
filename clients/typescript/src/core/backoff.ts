const FIRST_MS = 50;
const LONGEST_MS = 2000;

/**
 * How long to wait before repeat number `repeat` (1 is the first), in milliseconds: 50 ms doubling to 2 s, of which a random
 * part of up to a half is left out, so that many clients do not come back at the same moment.
 */
export function backoff(repeat: number, random: () => number = Math.random): number {
  const whole = Math.min(FIRST_MS * 2 ** (repeat - 1), LONGEST_MS);
  return whole * (1 - random() / 2);
}
