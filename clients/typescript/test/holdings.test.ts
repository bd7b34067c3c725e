import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdings } from "../src/core/holdings.js";

test("as many deliveries are asked for as may be held", () => {
  const holdings = new Holdings(3);
  holdings.opened();
  assert.equal(holdings.ask(), 3);
  assert.equal(holdings.ask(), 0);
  assert.ok(holdings.delivered("a"));
  assert.ok(holdings.delivered("b"));
  assert.equal(holdings.ask(), 0);
  holdings.finished("a");
  assert.equal(holdings.ask(), 1);
});

test("a resumed session goes on: what is held is not taken twice, and credit begins anew", () => {
  const holdings = new Holdings(3);
  holdings.opened();
  holdings.started("session", false);
  holdings.ask();
  holdings.delivered("a");
  holdings.opened();
  assert.equal(holdings.sessionId, "session");
  assert.deepEqual(holdings.started("session", true), []);
  assert.equal(holdings.delivered("a"), false);
  assert.equal(holdings.ask(), 2);
});

test("a new session makes void what is held, which keeps its place until it is finished", () => {
  const holdings = new Holdings(2);
  holdings.opened();
  holdings.started("old", false);
  holdings.ask();
  holdings.delivered("a");
  holdings.opened();
  assert.deepEqual(holdings.started("new", false), ["a"]);
  assert.equal(holdings.ask(), 1);
  holdings.finished("a");
  assert.equal(holdings.ask(), 1);
});

test("a session that is over is not resumed", () => {
  const holdings = new Holdings(2);
  holdings.opened();
  holdings.started("old", false);
  holdings.delivered("a");
  assert.deepEqual(holdings.over(), ["a"]);
  assert.equal(holdings.sessionId, "");
});

test("once it closes nothing is asked for", () => {
  const holdings = new Holdings(2);
  holdings.opened();
  holdings.close();
  assert.equal(holdings.ask(), 0);
});
