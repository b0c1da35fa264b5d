// The access log: lines to the byte, lines that cannot be forged, and real files, FIFOs, pipes and full
// disks (/dev/full) to write them to.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createAccessLog, type LogEntry } from "./access-log.ts";
import { basicUser, formatterFor } from "./log-line.ts";

const folder = mkdtempSync(join(tmpdir(), "tidegate-log-"));
after(() => rmSync(folder, { recursive: true }));

const plain: LogEntry = {
  remoteAddress: "192.0.2.7",
  authorization: undefined,
  timeMs: Date.UTC(2026, 10, 21, 3, 41, 55, 42),
  requestLine: "GET /a?b=c HTTP/1.1",
  method: "GET",
  target: "/a?b=c",
  version: "HTTP/1.1",
  host: "www.example.com",
  referer: undefined,
  userAgent: "curl/8",
  requestBytes: 120,
  status: 200,
  bodyBytes: 612,
  durationMs: 1234.5678,
  backendMs: 3.25,
  attempts: 1,
  routeName: "www",
  site: "",
  serviceName: "web",
  backendUrl: "http://127.0.0.1:3000",
  failure: "",
};

function localTime(): string {
  const text = execFileSync("date", ["-d", "@1795232515", "+%d/%b/%Y:%H:%M:%S %z"], {
    env: { ...process.env, LC_ALL: "C" },
  });
  return text.toString().trim();
}

test("combined is nginx's format to the byte", () => {
  assert.equal(
    formatterFor("combined")({ ...plain, authorization: "Basic YWxpY2U6cHc=" }),
    `192.0.2.7 - alice [${localTime()}] "GET /a?b=c HTTP/1.1" 200 612 "-" "curl/8"\n`,
  );
});

test("hipache is Hipache's line, with times of UTC and whatever is absent empty", () => {
  const line = formatterFor("hipache");
  assert.equal(
    line({ ...plain, site: 'my"site\u2713', durationMs: 11, backendMs: 9.4 }),
    `::ffff:192.0.2.7 - - [21/Nov/2026:03:41:55 +0000] "GET /a?b=c HTTP/1.1" 200 612 "" "curl/8" "my\\x22site\\xE2\\x9C\\x93" 0.011 0.009\n`,
  );
  assert.equal(
    line({ ...plain, remoteAddress: "2001:db8::1", requestLine: "", backendMs: undefined }),
    `2001:db8::1 - - [21/Nov/2026:03:41:55 +0000] "" 200 612 "" "curl/8" "" 1.235 0\n`,
  );
  assert.equal(formatterFor("$site $status")({ ...plain, site: "" }), "- 200\n");
});

test("combined escapes as nginx does: quotes, backslashes, controls and 7F to FF", () => {
  const line = formatterFor("combined")({
    ...plain,
    requestLine: 'GET /"\\\t\x7f\xe9 HTTP/1.1',
    referer: "",
    userAgent: "a\r\nb\0",
  });
  assert.ok(
    line.endsWith(`"GET /\\x22\\x5C\\x09\\x7F\\xE9 HTTP/1.1" 200 612 "" "a\\x0D\\x0Ab\\x00"\n`),
  );
});

test("a request that never became one is a dash", () => {
  assert.match(formatterFor("combined")({ ...plain, requestLine: "", status: 408 }), / "-" 408 /);
});

test("json is one object with all fields in the documented order", () => {
  const odd = {
    userAgent: 'x"\\\n\xff',
    failure: "BODY_TIMEOUT",
    grpcStatus: 4,
    requestId: "7",
    traceId: "8",
  };
  const line = formatterFor("json")({ ...plain, ...odd });
  const record = JSON.parse(line);
  assert.deepEqual(record, {
    time: "2026-11-21T03:41:55.042Z",
    remoteAddress: "192.0.2.7",
    remoteUser: null,
    method: "GET",
    host: "www.example.com",
    target: "/a?b=c",
    version: "HTTP/1.1",
    request: "GET /a?b=c HTTP/1.1",
    status: 200,
    failure: "BODY_TIMEOUT",
    requestBytes: 120,
    bodyBytes: 612,
    durationMs: 1234.568,
    backendMs: 3.25,
    attempts: 1,
    route: "www",
    service: "web",
    backend: "http://127.0.0.1:3000",
    referer: null,
    userAgent: 'x"\\\n\xff',
    grpcStatus: 4,
    requestId: "7",
    traceId: "8",
  });
  const without = JSON.parse(formatterFor("json")(plain));
  assert.ok(!("requestId" in without || "traceId" in without || "grpcStatus" in without));
  const page = readFileSync(new URL("../../docs/reference/access-log.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/^\| `(\w+)` \| (?:text|number|time)/gm)].map(
    ([, name]) => name,
  );
  assert.deepEqual(Object.keys(record), documented);
});

test("a template prints its variables, in both spellings, and its own text", () => {
  const format = "é $remote_addr ${status}x $request_time $upstream_response_time $msec $failure";
  const line = formatterFor(format)({ ...plain, backendMs: undefined });
  assert.equal(
    Buffer.from(line, "latin1").toString(),
    "é 192.0.2.7 200x 1.234 - 1795232515.042 -\n",
  );
});

test("names from the configuration may be any Unicode", () => {
  const entry = { ...plain, routeName: "größe→" };
  assert.equal(formatterFor("$route")(entry), "gr\\xC3\\xB6\\xC3\\x9Fe\\xE2\\x86\\x92\n");
  assert.equal(JSON.parse(formatterFor("json")(entry)).route, "größe→");
});

test("the user is taken from Basic credentials only when they are well-formed", () => {
  const cases: readonly [string, string | undefined][] = [
    ["Basic YWxpY2U6cHc=", "alice"],
    ["basic   YWxpY2U6cHc=", "alice"],
    ["Basic YWxpY2U=", undefined],
    ["Basic OnB3", undefined],
    ["Basic !!!", undefined],
    ["Bearer YWxpY2U6cHc=", undefined],
    ["", undefined],
  ];
  for (const [header, user] of cases) assert.equal(basicUser(header), user, header);
});

test("no byte in any field makes a second line, ends a quoted field or leaves ASCII", () => {
  const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
  const evil = `${bytes}\r\n192.0.2.1 - - [x] "GET / HTTP/1.1" 200 0 "-" "-"\n`;
  const authorization = `Basic ${Buffer.from(`${evil.replaceAll(":", "")}:pw`, "latin1").toString("base64")}`;
  const text = { requestLine: evil, method: evil, target: evil, version: evil, host: evil };
  const entry = {
    ...plain,
    ...text,
    authorization,
    referer: evil,
    userAgent: evil,
    remoteAddress: evil,
  };
  const all =
    "$remote_addr $remote_user $request $request_method $request_uri $server_protocol $http_referer $http_user_agent $host";
  for (const format of ["combined", "json", all]) {
    const line = formatterFor(format)(entry);
    assert.match(line, /^[\x20-\x7e]+\n$/, format);
  }
  const quotes = formatterFor("combined")(entry).split('"').length - 1;
  assert.equal(quotes, 6);
  assert.equal(JSON.parse(formatterFor("json")(entry)).userAgent, evil);
});

function logTo(path: string, limits = {}) {
  const problems: string[] = [];
  const settings = { enabled: true, format: "$request_uri", path };
  const log = createAccessLog(settings, (message) => problems.push(message), limits);
  const write = (...targets: string[]) => {
    for (const target of targets) log.write({ ...plain, target });
  };
  return { log, write, problems };
}

test("a file is created with mode 0640 at most, appended to, and complete after close", async () => {
  const path = join(folder, "file.log");
  for (const target of ["/1", "/2"]) {
    const { log, write, problems } = logTo(path);
    write(target);
    await log.close();
    assert.deepEqual(problems, []);
  }
  assert.equal(readFileSync(path, "utf8"), "/1\n/2\n");
  assert.equal(statSync(path).mode & 0o137, 0);
});

test("lines around the size of a block, and far larger ones, come out whole and in order", async () => {
  const path = join(folder, "large.log");
  const { log, write } = logTo(path, { blockBytes: 1024 });
  const targets = [1, 1022, 1023, 1024, 5000, 3].map((size) => `/${"x".repeat(size)}`);
  write(...targets);
  await log.close();
  assert.deepEqual(readFileSync(path, "utf8").split("\n"), [...targets, ""]);
});

test("lines are written by themselves when they are old enough", { timeout: 10_000 }, async () => {
  const path = join(folder, "fifo");
  execFileSync("mkfifo", [path]);
  const reader = spawn("cat", [path], { stdio: ["ignore", "pipe", "ignore"] });
  const { log, write } = logTo(path, { maxAgeMs: 20, retryMs: 20 });
  write("/soon"); // opened again and again until cat has opened its end
  const hold = setInterval(() => {}, 1000); // the log's own timers keep no process alive
  const [chunk] = await once(reader.stdout, "data");
  clearInterval(hold);
  assert.equal(String(chunk), "/soon\n");
  await log.close();
  assert.deepEqual(await once(reader, "exit"), [0, null]);
});

test("reopen ends the renamed file and begins a new one, and no line is lost", async () => {
  const path = join(folder, "rotated.log");
  const { log, write } = logTo(path);
  write("/old");
  renameSync(path, `${path}.1`);
  log.reopen();
  write("/new");
  await log.close();
  assert.equal(readFileSync(`${path}.1`, "utf8") + readFileSync(path, "utf8"), "/old\n/new\n");
  assert.equal(readFileSync(path, "utf8").includes("/old"), false);
});

test("a closed log still takes the lines of exchanges that outlive it", async () => {
  const path = join(folder, "closed.log");
  const { log, write } = logTo(path);
  write("/before");
  await log.close();
  write("/after");
  await log.close();
  assert.equal(readFileSync(path, "utf8"), "/before\n/after\n");
});

test(
  "a full disk loses counted lines, says so once and does not throw",
  { timeout: 10_000 },
  async () => {
    const { log, write, problems } = logTo("/dev/full", {
      blockBytes: 64,
      queueBytes: 256,
      retryMs: 1,
    });
    write(...Array.from({ length: 200 }, () => "/0123456789"));
    await log.close();
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /access log \/dev\/full: ENOSPC/);
  },
);

test(
  "a path that cannot be opened is a problem, and is tried again",
  { timeout: 10_000 },
  async () => {
    const path = join(folder, "later", "x.log");
    const { log, write, problems } = logTo(path, { retryMs: 10 });
    assert.match(problems.join(), /ENOENT/);
    write("/kept");
    log.flush();
    execFileSync("mkdir", [join(folder, "later")]);
    await log.close();
    assert.equal(readFileSync(path, "utf8"), "/kept\n");
  },
);

const child = `
  const { createAccessLog } = await import(${JSON.stringify(new URL("./access-log.ts", import.meta.url).href)});
  const problems = [];
  const log = createAccessLog({ enabled: true, format: "$request_uri", path: "stdout" }, (x) => problems.push(x),
    { queueBytes: 8000000, closeMs: 200 });
  const entry = ${JSON.stringify(plain)};
  process.stdin.once("data", async () => {
    const target = "/".padEnd(999, "x");
    for (let i = 0; i < 20000; i++) log.write({ ...entry, target });
    await log.close();
    console.error(JSON.stringify(problems));
    process.exit(0);
  });
  console.error("ready");
`;

async function startChild() {
  const started = spawn(process.execPath, ["--input-type=module", "-e", child], { stdio: "pipe" });
  const exited = once(started, "exit");
  await once(started.stderr, "data");
  return { started, exited };
}

test(
  "a reader of stdout that stopped reading holds up neither the program nor its end",
  { timeout: 20_000 },
  async () => {
    const { started, exited } = await startChild();
    started.stdin.write("go\n");
    assert.deepEqual(await exited, [0, null]);
    let taken = 0;
    for await (const chunk of started.stdout) taken += String(chunk).length;
    assert.ok(taken > 0 && taken < 4_000_000, `${taken} bytes were taken`);
  },
);

test("a reader of stdout that went away is reported, not fatal", { timeout: 20_000 }, async () => {
  const { started, exited } = await startChild();
  started.stdout.destroy();
  await once(started.stdout, "close");
  started.stdin.write("go\n");
  const [said] = await once(started.stderr, "data");
  assert.match(String(said), /EPIPE/);
  assert.deepEqual(await exited, [0, null]);
});
