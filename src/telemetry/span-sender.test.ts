import assert from "node:assert/strict";
import { test } from "node:test";
import { type PostReceiver, postReceiver } from "../../test/harness/post-receiver.ts";
import { tracingLimits as limits } from "../config/tracing-limits.ts";
import type { Span } from "./span.ts";
import { SpanSender } from "./span-sender.ts";

const spans = (count: number): Span[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ trace: "1".repeat(32), id: String(at).padStart(16, "0"), parent: "", state: "" },
    ...{ name: "GET a", kind: "server", begin: 1, end: 2, attributes: [], failure: undefined },
  }));

function senderTo(url: string): { sender: SpanSender; told: string[] } {
  const told: string[] = [];
  const settings = {
    headers: {},
    ca: undefined,
    sample: 1,
    trust: "nobody",
    service: "t",
  } as const;
  const sender = new SpanSender({ ...settings, url }, (message, { spans: dropped = "" }) => {
    told.push(`${message} ${dropped}`);
  });
  return { sender, told };
}

/** Each once, however often it was sent. */
const idsAt = ({ posts }: PostReceiver) =>
  new Set(posts.flatMap(({ body }) => body.match(/"spanId":"\d+"/g) ?? []));

test("all that waits is sent at the end, however many batches that are", async () => {
  await using collector = await postReceiver();
  const { sender } = senderTo(collector.origin);
  sender.add(spans(limits.waiting));
  await sender.close();
  assert.equal(idsAt(collector).size, limits.waiting);
});

test("a collector that refuses is not asked to take the rest at the end, and one that hangs is not waited for", async () => {
  await using collector = await postReceiver();
  collector.answer = (response) => void response.writeHead(503).end();
  const refused = senderTo(collector.origin);
  refused.sender.add(spans(limits.batch - 1));
  refused.sender.add(spans(limits.batch - 1));
  await refused.sender.close();
  const asked = collector.posts.length;
  assert.ok(asked >= 1 && asked <= 2, String(asked));
  collector.answer = () => {};
  const hanging = senderTo(collector.origin);
  hanging.sender.add(spans(limits.waiting));
  await hanging.sender.close();
  assert.equal(collector.posts.length, asked + 1);
});

test("what there is no room for is dropped and told, and an answer without end is given up", async () => {
  await using collector = await postReceiver();
  collector.answer = (response) => void response.writeHead(200).end("x".repeat(limits.answer + 1));
  const { sender, told } = senderTo(collector.origin);
  // Of the first ones a batch is on its way.
  sender.add(spans(limits.waiting));
  sender.add(spans(limits.batch));
  sender.add(spans(7));
  assert.deepEqual(told, ["traces cannot be sent 7"]);
  await sender.close();
  assert.ok(collector.posts.length >= 1);
});
