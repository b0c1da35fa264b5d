// However many ask for the same at once, over all workers: one request reaches the backend, and everybody is answered as
// its answer comes.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mostAlonePerKey } from "../../src/config/fill-limits.ts";
import { eventually } from "../harness/barrier.ts";
import { gated, startPile, wholeOnes } from "../harness/dog-pile.ts";

const bounded = { timeout: 60_000 };
const kept = { "Cache-Control": "max-age=60", "Content-Type": "text/plain" };

function finish(answer: ServerResponse, body: string, headers: Record<string, string> = kept) {
  answer.writeHead(200, { "Content-Length": body.length, ...headers }).end(body);
}

test(
  "of 1,000 that ask for a cold key at once, one reaches the backend, over two workers",
  bounded,
  async () => {
    const gate = gated();
    const body = "x".repeat(20_000);
    await using stand = await startPile({
      answer: (_, answer) => void gate.opened.then(() => finish(answer, body)),
    });
    const all = Array.from({ length: 1000 }, () => stand.begin());
    await eventually("somebody to ask", () => stand.seen.count > 0);
    await sleep(300);
    gate.open();
    const answers = await Promise.all(all.map(({ answer }) => answer));
    assert.equal(stand.seen.count, 1);
    for (const each of answers) {
      assert.equal(each.status, 200);
      assert.equal(each.body, body);
    }
    // The same connections, which both workers serve from what they keep.
    const again = await stand.pile(100);
    assert.ok(again.every((each) => each.body === body));
    assert.equal(stand.seen.count, 1);
  },
);

test("everybody is given the answer as it comes, and not when it is whole", bounded, async () => {
  const gate = gated();
  await using stand = await startPile({
    answer: (_, answer) => {
      answer.writeHead(200, kept);
      answer.write("first ");
      void gate.opened.then(() => answer.end("last"));
    },
  });
  const all = Array.from({ length: 50 }, () => stand.begin());
  const first = await Promise.all(all.map(({ firstBytes }) => firstBytes));
  assert.ok(first.every((each) => each === "first "));
  const late = stand.begin();
  assert.equal(await late.firstBytes, "first ");
  gate.open();
  const answers = await Promise.all([...all, late].map(({ answer }) => answer));
  assert.ok(answers.every(({ body }) => body === "first last"));
  assert.equal(stand.seen.count, 1);
});

test("the client whose request it is may leave", bounded, async () => {
  const gate = gated();
  await using stand = await startPile({
    answer: (_, answer) => void gate.opened.then(() => finish(answer, "whole")),
  });
  const leader = stand.begin();
  await eventually("it to ask", () => stand.seen.count === 1);
  const others = Array.from({ length: 20 }, () => stand.begin());
  await sleep(100);
  leader.leave();
  await sleep(100);
  gate.open();
  const answers = await Promise.all(others.map(({ answer }) => answer));
  assert.ok(answers.every(({ body }) => body === "whole"));
  assert.equal(stand.seen.count, 1);
});

for (const phase of ["head", "body"] as const) {
  const name = `a worker is killed before the ${phase} ends: clients of the other are answered`;
  test(name, bounded, async () => {
    const gate = gated();
    await using stand = await startPile({
      answer: (_, answer) => {
        if (phase === "head") {
          void gate.opened.then(() => finish(answer, "first last"));
          return;
        }
        answer.writeHead(200, { ...kept, ETag: '"one"', "Content-Length": 10 });
        answer.write("first ");
        void gate.opened.then(() => answer.end("last"));
      },
    });
    // Some of these keys are looked after by the one that is killed, and some by the other one.
    const paths = Array.from({ length: 10 }, (_, number) => `/${number}`);
    const all = paths.flatMap((path) => Array.from({ length: 8 }, () => stand.begin({ path })));
    if (phase === "body") await Promise.all(all.map(({ firstBytes }) => firstBytes));
    await eventually("all to be asked for", () => stand.seen.count >= paths.length);
    const [killed, other] = await stand.carriers(all.length);
    assert.ok(killed !== undefined && other !== undefined);
    assert.equal(stand.seen.count, paths.length);
    process.kill(killed.pid, "SIGKILL");
    await sleep(300);
    gate.open();
    const whole = await wholeOnes(all);
    assert.equal(whole.length, other.counts.connections);
    assert.ok(whole.length > 0);
    assert.deepEqual([...new Set(whole.map(({ body }) => body))], ["first last"]);
    const { count } = stand.seen;
    assert.ok(count <= 2 * paths.length, `${count} requests reached the backend`);
    assert.equal((await stand.ask()).body, "first last");
  });
}

test("a backend that fails fails once for all who wait", bounded, async () => {
  const gate = gated();
  await using stand = await startPile({
    answer: (asked) => void gate.opened.then(() => asked.socket.destroy()),
    service: { retry: { attempts: 0 } },
  });
  const all = Array.from({ length: 200 }, () => stand.begin());
  await eventually("somebody to ask", () => stand.seen.count > 0);
  await sleep(200);
  gate.open();
  const answers = await Promise.all(all.map(({ answer }) => answer));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [502]);
  assert.equal(stand.seen.count, 1);
});

test(
  "what turns out to be for one client alone is given to that one, and the others go a few at a time",
  bounded,
  async () => {
    const gate = gated();
    let number = 0;
    await using stand = await startPile({
      answer: (_, answer) => {
        const own = `answer ${++number}`;
        void gate.opened
          .then(() => sleep(20))
          .then(() => finish(answer, own, { "Cache-Control": "private" }));
      },
    });
    const all = Array.from({ length: 100 }, () => stand.begin());
    await eventually("somebody to ask", () => stand.seen.count > 0);
    await sleep(300);
    gate.open();
    const answers = await Promise.all(all.map(({ answer }) => answer));
    // Nobody has what is somebody else's.
    assert.equal(new Set(answers.map(({ body }) => body)).size, 100);
    assert.equal(stand.seen.count, 100);
    // Of each worker, and the one that asked first.
    const most = 2 * (mostAlonePerKey + 1);
    assert.ok(stand.seen.most <= most, `${stand.seen.most} at once`);
    // Whoever comes now waits for nobody.
    const before = stand.seen.count;
    await stand.pile(10);
    assert.equal(stand.seen.count, before + 10);
  },
);

test("a leader that is slow is not waited for without end", bounded, async () => {
  const gate = gated();
  let number = 0;
  await using stand = await startPile({
    workers: 1,
    middlewares: { cache: { lockTimeout: "300ms" } },
    answer: (_, answer) => {
      const isFirst = ++number === 1;
      void (isFirst ? gate.opened : Promise.resolve()).then(() => finish(answer, "whole"));
    },
  });
  const leader = stand.begin();
  await eventually("it to ask", () => stand.seen.count === 1);
  const others = await stand.pile(30);
  assert.ok(others.every(({ body }) => body === "whole"));
  assert.equal(stand.seen.count, 2);
  gate.open();
  assert.equal((await leader.answer).body, "whole");
});

test("collapse: the same without keeping anything", bounded, async () => {
  let gate = gated();
  await using stand = await startPile({
    middlewares: { collapse: true },
    answer: (_, answer) => void gate.opened.then(() => finish(answer, "now", { Vary: "X-Form" })),
  });
  const all = Array.from({ length: 200 }, () => stand.begin());
  await eventually("somebody to ask", () => stand.seen.count > 0);
  await sleep(300);
  gate.open();
  const answers = await Promise.all(all.map(({ answer }) => answer));
  assert.ok(answers.every(({ body }) => body === "now"));
  assert.equal(stand.seen.count, 1);
  await stand.ask();
  assert.equal(stand.seen.count, 2);
  // With cookies or a password each asks for itself; so does who wants another form.
  gate = gated();
  const before = stand.seen.count;
  const others = [
    stand.begin(),
    stand.begin({ headers: { cookie: "a=b" } }),
    stand.begin({ headers: { authorization: "Basic eDp5" } }),
    stand.begin({ method: "POST" }),
  ];
  await eventually("all of them to ask", () => stand.seen.count === before + others.length);
  gate.open();
  await Promise.all(others.map(({ answer }) => answer));
});

test(
  "what one worker keeps, the others are given, with all that caches are told",
  bounded,
  async () => {
    let number = 0;
    const headers = { "CDN-Cache-Control": "max-age=60", "Cache-Tag": "news" };
    await using stand = await startPile({
      answer: (_, answer) => finish(answer, `answer ${++number}`, headers),
    });
    await stand.ask();
    // One after the other, each on a connection of its own: of both workers.
    for (let times = 0; times < 30; times++) {
      const [held, answer] = [stand.begin({ path: "/other" }), await stand.ask()];
      await held.answer;
      assert.equal(answer.body, "answer 1");
      assert.equal(answer.headers["cache-tag"], undefined);
      assert.equal(answer.headers["tidegate-peer"], undefined);
    }
    const many = await stand.pile(40);
    assert.ok(many.every(({ body }) => body === "answer 1"));
    assert.equal(stand.seen.count, 2);
  },
);

test("no request fails while workers are replaced", bounded, async () => {
  await using stand = await startPile({
    answer: (asked, answer) => void setTimeout(() => finish(answer, asked.url ?? ""), 30),
  });
  const over = new AbortController();
  let piles = 0;
  const load = (async () => {
    for (; !over.signal.aborted; piles++) {
      const path = `/${piles}`;
      const answers = await stand.pile(30, { path });
      assert.ok(answers.every(({ body }) => body === path));
    }
  })();
  await stand.restart();
  await stand.restart();
  over.abort();
  await load;
  // Two that think they look after the same key, for a moment each time.
  assert.ok(stand.seen.count <= piles + 8, `${stand.seen.count} requests for ${piles} keys`);
});

test("collapse: nobody gets the form that somebody else asked for", bounded, async () => {
  const gate = gated();
  await using stand = await startPile({
    middlewares: { collapse: true },
    answer: (asked, answer) => {
      const form = String(asked.headers["user-agent"]);
      void gate.opened.then(() => finish(answer, form, { Vary: "User-Agent" }));
    },
  });
  const forms = ["a", "b"].flatMap((form) => Array.from({ length: 5 }, () => form));
  const all = forms.map((form) => stand.begin({ headers: { "user-agent": form } }));
  await eventually("somebody to ask", () => stand.seen.count > 0);
  await sleep(300);
  assert.equal(stand.seen.count, 1);
  gate.open();
  const answers = await Promise.all(all.map(({ answer }) => answer));
  assert.deepEqual(
    answers.map(({ body }) => body),
    forms,
  );
  assert.equal(stand.seen.count, 6);
});

test("one reader that does not read holds up nobody for long", bounded, async () => {
  const piece = Buffer.alloc(256 * 1024, "x");
  await using stand = await startPile({
    workers: 1,
    middlewares: { collapse: true },
    answer: (_, answer) => {
      answer.writeHead(200, { "Content-Length": piece.length * 80 });
      let left = 80;
      const more = () => {
        while (left-- > 0) if (!answer.write(piece)) return void answer.once("drain", more);
        answer.end();
      };
      setTimeout(more, 200);
    },
  });
  const stuck = stand.begin();
  void stuck.head.then((message) => message.pause());
  const [quick] = await stand.pile(1);
  assert.equal(quick?.body.length, piece.length * 80);
  assert.equal(stand.seen.count, 1);
  stuck.leave();
});

test("collapse: nobody waits for who sends a field that may say who it is", bounded, async () => {
  const gate = gated();
  await using stand = await startPile({
    workers: 1,
    middlewares: { collapse: true },
    answer: (asked, answer) => {
      void gate.opened.then(() => finish(answer, String(asked.headers["x-api-key"]), {}));
    },
  });
  const keys = ["alice", "bob", "alice"];
  const all = keys.map((key) => stand.begin({ headers: { "x-api-key": key } }));
  await eventually("both to ask", () => stand.seen.count === 2 || undefined);
  gate.open();
  const answers = await Promise.all(all.map(({ answer }) => answer));
  assert.deepEqual(
    answers.map(({ body }) => body),
    keys,
  );
});
