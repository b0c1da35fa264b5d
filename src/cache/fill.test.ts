import assert from "node:assert/strict";
import { test } from "node:test";

import { fillWindow, mostFillBytes, scarceFillWindow } from "../config/fill-limits.ts";
import { CHUNKED } from "../http/framing.ts";
import { Wheel } from "../lib/wheel.ts";
import type { DenialReason, FillReader, Sharing } from "./fill.ts";
import { Fills } from "./fills.ts";
import type { FilledHead, FillSource } from "./fill-source.ts";

const head: FilledHead = {
  ...{ status: 200, reason: "OK", lines: "", date: "", bodyLength: CHUNKED, at: 0 },
};

class Reader implements FillReader {
  status = 0;
  body = "";
  end = "";
  takes = Infinity;
  fits = true;
  isRelay = false;

  mayHave(): boolean {
    return this.fits;
  }

  onFillHead({ status }: FilledHead): void {
    this.status = status;
  }

  onFillData(buffer: Buffer, start: number, end: number): void {
    this.body += buffer.latin1Slice(start, end);
  }

  onFillText(text: string): void {
    this.body += text;
  }

  onFillFlush(): boolean {
    return this.body.length < this.takes;
  }

  onFillEnd(): void {
    this.end = "whole";
  }

  onFillFailed(code: string): void {
    this.end = code;
  }

  onFillTaken(): void {
    this.end = "taken";
  }

  onFillDenied(why: DenialReason): void {
    this.end = why;
  }
}

class Source implements FillSource {
  resumed = 0;
  isStopped = false;

  resume(): void {
    this.resumed++;
  }

  stop(): void {
    this.isStopped = true;
  }
}

function begin(sharing: Sharing, maxObject = 1000) {
  const fills = new Fills();
  const whole: string[] = [];
  const fill = fills.begin("key", {
    ...{ wheel: new Wheel(50), maxObject, lockTimeout: 0 },
    judge: () => sharing,
    onWhole: (_, pages) => void whole.push(Buffer.concat(pages).toString()),
  });
  const leader = new Reader();
  const source = new Source();
  fill.lead(leader);
  fill.feed(() => source);
  const give = (text: string) => {
    fill.onData(Buffer.from(text), 0, text.length);
    return fill.onFlush();
  };
  return { fills, fill, leader, source, whole, give };
}

test("all get head and bytes as they come, also who comes in the middle; then it is kept", () => {
  const { fill, fills, leader, give, whole } = begin("keep");
  const second = new Reader();
  assert.ok(fill.join(second));
  fill.onHead(head);
  give("one ");
  assert.equal(leader.body, "one ");
  const late = new Reader();
  assert.ok(fill.join(late));
  assert.equal(late.body, "one ");
  give("two");
  fill.onEnd("");
  for (const each of [leader, second, late])
    assert.deepEqual([each.body, each.end], ["one two", "whole"]);
  assert.deepEqual(whole, ["one two"]);
  assert.equal(fills.has("key"), false);
  assert.equal(fills.held, 0);
});

test("those behind whom others wait are served before the rest", () => {
  const { fill, give } = begin("share");
  const served: string[] = [];
  const joined = (name: string, isRelay: boolean) => {
    const reader = new Reader();
    reader.isRelay = isRelay;
    reader.onFillHead = () => void served.push(name);
    assert.ok(fill.join(reader));
    return reader;
  };
  const all = [joined("first", false), joined("relay", true), joined("last", false)];
  fill.onHead(head);
  give("text");
  fill.onEnd("");
  assert.deepEqual(served, ["relay", "first", "last"]);
  for (const { body, end } of all) assert.deepEqual([body, end], ["text", "whole"]);
});

test("what is for one alone is given to the one who caused it, and remembered", () => {
  const { fill, fills, leader, give } = begin("private");
  const other = new Reader();
  fill.join(other);
  fill.onHead(head);
  give("secret");
  fill.onEnd("");
  assert.deepEqual([leader.body, leader.end], ["secret", "whole"]);
  assert.deepEqual([other.body, other.end], ["", "private"]);
  assert.ok(fills.isUnshared("key"));
});

test("nobody gets what its leader left behind, if that is for one alone", () => {
  const { fill, leader, source } = begin("private");
  const other = new Reader();
  fill.join(other);
  fill.leave(leader);
  fill.onHead(head);
  assert.deepEqual([other.status, other.end], [0, "private"]);
  assert.ok(source.isStopped);
});

test("whom the answer does not fit looks elsewhere", () => {
  const { fill } = begin("keep");
  const other = new Reader();
  other.fits = false;
  fill.join(other);
  fill.onHead(head);
  assert.equal(other.end, "other");
  const late = new Reader();
  late.fits = false;
  assert.equal(fill.join(late), false);
});

test("what is kept is fetched on when everybody has left, and other answers are not", () => {
  for (const sharing of ["keep", "share"] as const) {
    const { fill, fills, leader, give, source, whole } = begin(sharing);
    fill.onHead(head);
    give("one");
    fill.leave(leader);
    assert.equal(source.isStopped, sharing === "share");
    give(" two");
    fill.onEnd("");
    assert.deepEqual(whole, sharing === "keep" ? ["one two"] : []);
    assert.equal(fills.held, 0);
  }
});

test("what becomes too large to be kept goes on to those who read it, as fast as the slowest", () => {
  const { fill, fills, leader, give, source, whole } = begin("keep", 10);
  const slow = new Reader();
  slow.takes = 1;
  fill.join(slow);
  fill.onHead(head);
  assert.ok(give("x".repeat(11)));
  assert.equal(fill.join(new Reader()), false);
  assert.equal(give("y".repeat(fillWindow + 1)), false);
  assert.equal(leader.body.length, fillWindow + 12);
  slow.takes = Infinity;
  fill.resume(slow);
  assert.equal(source.resumed, 1);
  fill.onEnd("");
  assert.equal(slow.body, leader.body);
  assert.equal(slow.end, "whole");
  assert.deepEqual(whole, []);
  assert.equal(fills.held, 0);
});

test("a failure is everybody's", () => {
  const { fill, fills, leader } = begin("keep");
  const other = new Reader();
  fill.join(other);
  fill.onFailed("CONNECT_FAILED", 502);
  assert.deepEqual([leader.end, other.end], ["CONNECT_FAILED", "CONNECT_FAILED"]);
  assert.equal(fills.has("key"), false);
});

test("what its head says may be enough", () => {
  const { fill, leader, source } = begin("taken");
  fill.onHead({ ...head, bodyLength: 0 });
  assert.equal(leader.end, "taken");
  // Its connection is good for another request.
  assert.equal(source.isStopped, false);
  const long = begin("taken");
  long.fill.onHead(head);
  assert.ok(long.source.isStopped);
});

test("of those that go alone, so many go at once, and the next when one is done", () => {
  const { alone } = new Fills();
  const gone: number[] = [];
  const leave = Array.from({ length: 20 }, (_, number) =>
    alone.enter("key", () => void gone.push(number)),
  );
  assert.equal(gone.length, 8);
  leave[8]?.();
  alone.end("key");
  assert.equal(gone.at(-1), 9);
  for (let ended = 0; ended < 18; ended++) alone.end("key");
  assert.equal(gone.length, 19);
});

test("an answer that comes byte by byte does not cost a page for each", () => {
  const fills = new Fills();
  const pages: Buffer[] = [];
  const fill = fills.begin("key", {
    ...{ wheel: new Wheel(50), maxObject: 100_000, lockTimeout: 0 },
    judge: () => "keep",
    onWhole: (_, all) => void pages.push(...all),
  });
  const [leader, late] = [new Reader(), new Reader()];
  fill.lead(leader);
  fill.feed(() => new Source());
  fill.onHead(head);
  for (let number = 0; number < 20_000; number++) {
    fill.onData(Buffer.from(String(number % 10)), 0, 1);
    fill.onFlush();
  }
  assert.ok(fill.join(late));
  fill.onEnd("");
  const expected = "0123456789".repeat(2000);
  assert.ok(leader.body === expected && late.body === expected);
  assert.equal(Buffer.concat(pages).toString(), expected);
  assert.ok(pages.length < 10, `${pages.length} pages`);
});

test("when all fills together hold too much, each holds little", () => {
  const { fill, fills, leader, give } = begin("keep", 10 * fillWindow);
  leader.takes = 0;
  fill.onHead(head);
  fills.onHeld(mostFillBytes);
  give("x");
  assert.equal(give("x".repeat(scarceFillWindow)), true);
  assert.equal(give("xx"), false, "the backend is paused");
});

test("nobody joins what may be older than it has to be", () => {
  const fills = new Fills();
  let isOutdated = false;
  const fill = fills.begin("key", {
    ...{ wheel: new Wheel(50), maxObject: 1000, lockTimeout: 0 },
    judge: () => "keep",
    onWhole: () => {},
    isOutdated: () => isOutdated,
  });
  fill.feed(() => new Source());
  assert.equal(fill.join(new Reader()), true);
  isOutdated = true;
  assert.equal(fill.join(new Reader()), false);
});
