import assert from "node:assert/strict";
import { test } from "node:test";
import { alertOf, plainAlert } from "./alert.ts";
import type { Alert } from "./alert.ts";
import { backendAlert, configurationAccepted, configurationRefused } from "./events.ts";
import { certificateAlert, isOfCertificate, overBy, serviceAlert, workerAlert } from "./events.ts";

const at = 1_795_000_000_000;

test("what is raised and what clears it have the same key, and a title that says it all", () => {
  const backend = { service: "db", backend: "tcp://10.0.3.11:3306", why: "refused", at };
  const service = { service: "db", why: "", at };
  const pairs: readonly (readonly [Alert, Alert, string, string])[] = [
    [
      backendAlert({ ...backend, isUp: false }),
      backendAlert({ ...backend, isUp: true }),
      "db: 10.0.3.11:3306 is down",
      "db: 10.0.3.11:3306 is up again",
    ],
    [
      serviceAlert({ ...service, isUp: false }),
      serviceAlert({ ...service, isUp: true }),
      "db is down: no backend is left",
      "db is up again",
    ],
    [
      configurationRefused(["t.yaml:1:1: no"], at),
      configurationAccepted(at),
      "the configuration has errors and was not put into force",
      "the configuration is in force again as it is written",
    ],
  ];
  for (const [raised, cleared, bad, good] of pairs) {
    assert.equal(raised.key, cleared.key);
    assert.equal(raised.topic, cleared.topic);
    assert.deepEqual([raised.state, cleared.state], ["raised", "cleared"]);
    assert.deepEqual([raised.title, cleared.title], [bad, good]);
  }
  const over = overBy(backendAlert({ ...backend, isUp: false }), "It is not configured.", at);
  assert.deepEqual([over.state, over.title], ["cleared", "over: db: 10.0.3.11:3306 is down"]);
  const worker = workerAlert({ slot: 1, pid: 7, what: "died: SIGSEGV", at });
  assert.deepEqual([worker.state, worker.title], ["note", "worker 1 died: SIGSEGV"]);
});

test("user and password of a URL are in no title and no text", () => {
  const alert = backendAlert({
    service: "x",
    backend: "http://u:p@ss@h:80",
    isUp: false,
    why: "GET http://u:p@ss@h:80/health failed",
    at,
  });
  assert.equal(alert.title, "x: h:80 is down");
  assert.equal(alert.text, "GET http://h:80/health failed");
});

test("of many problems the first are told, and how many more there are", () => {
  const problems = Array.from({ length: 25 }, (_, index) => `t.yaml:${index}:1: no`);
  const lines = configurationRefused(problems, at).text.split("\n");
  assert.equal(lines.length, 12);
  assert.equal(lines[10], "… and 15 more; `tidegate check` shows them all");
});

test("control characters and endless texts of others do not get through", () => {
  const base = configurationAccepted(at);
  const alert = plainAlert({
    ...base,
    title: `a\r\nBcc: x\u001b[31m\u202e${"😀".repeat(200)}`,
    text: `one\r\ntwo\u0000\u001b]0;x\u0007\n${"y".repeat(9000)}`,
  });
  assert.match(alert.title, /^a Bcc: x \[31m 😀+…$/u);
  assert.ok(alert.title.length <= 200);
  assert.match(alert.text, /^one\ntwo ]0;x \ny+…$/);
  assert.ok(alert.text.length <= 2000);
});

test("only what is an alert is read back as one", () => {
  const alert = configurationAccepted(at);
  assert.deepEqual(alertOf(JSON.parse(JSON.stringify(alert))), alert);
  const wrong: unknown[] = [
    null,
    [],
    "x",
    { ...alert, topic: "x" },
    { ...alert, state: "x" },
    { ...alert, at: 1e20 },
    { ...alert, title: 1 },
  ];
  for (const each of wrong) assert.equal(alertOf(each), undefined, JSON.stringify(each));
});

test("a certificate is a matter of its own in each of its states, and none when it is well", () => {
  const event = {
    ...{ names: ["a.test", "b.test", "c.test"], source: "/certs/a.pem", why: "so" },
    until: "2027-01-01T00:00:00.000Z",
  };
  const titles = ["expires soon", "expired", "unusable", "waiting"].map((state) => {
    const alert = certificateAlert({ ...event, state }, at);
    assert.ok(alert !== undefined && isOfCertificate(alert));
    assert.deepEqual(
      [alert.topic, alert.key],
      ["certificate", `certificate ${state} /certs/a.pem`],
    );
    assert.equal(alert.text, "/certs/a.pem: so.\nIt is good until 2027-01-01T00:00:00.000Z.");
    return alert.title;
  });
  assert.deepEqual(titles, [
    "the certificate for a.test and 2 more expires soon",
    "the certificate for a.test and 2 more has expired",
    "the certificate for a.test and 2 more cannot be used",
    "the certificate for a.test and 2 more could not be had",
  ]);
  for (const state of ["ok", "not yet valid", "ordering"]) {
    assert.equal(certificateAlert({ ...event, state }, at), undefined);
  }
  const nameless = certificateAlert(
    { ...event, names: [], until: undefined, state: "unusable" },
    at,
  );
  assert.equal(nameless?.title, "the certificate in /certs/a.pem cannot be used");
  assert.ok(!isOfCertificate(workerAlert({ slot: 1, pid: 2, what: "died", at })));
});
