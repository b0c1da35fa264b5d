import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { AlertSettings } from "./alert-settings.ts";
import { alerts } from "./alerts-schema.ts";
import type { Context } from "./context.ts";
import { problemsOf } from "./issue.ts";
import { formatProblem } from "./problem.ts";
import { resolveAlerts } from "./resolve-alerts.ts";
import { parseSource } from "./source.ts";

interface Reading {
  readonly settings: AlertSettings | undefined;
  /** As they are printed. */
  readonly told: readonly string[];
}

function readAlerts(text: string, baseFolder = "/base"): Reading {
  const source = parseSource(text, "t.yaml");
  assert.deepEqual(source.problems, []);
  const value = (source.value as { alerts: unknown }).alerts;
  const result = alerts.safeParse(value);
  if (!result.success) {
    const problems = problemsOf(source, ["alerts"], result.error.issues);
    return { settings: undefined, told: problems.map(formatProblem) };
  }
  const context = { source, baseFolder, problems: [] } as unknown as Context;
  const settings = resolveAlerts(context, result.data);
  return { settings, told: context.problems.map(formatProblem) };
}

function settingsOf(text: string, baseFolder?: string): AlertSettings {
  const { settings, told } = readAlerts(text, baseFolder);
  assert.deepEqual(told, []);
  assert.ok(settings);
  return settings;
}

const mail = "email: { server: 'smtp://u:p@m.example', from: a@b, to: c@d }";

test("one channel is enough, and everything else has a default", () => {
  assert.deepEqual(settingsOf(`alerts: { ${mail} }`), {
    channels: [
      {
        kind: "email",
        name: "email",
        host: "m.example",
        port: 587,
        security: "starttls",
        ca: undefined,
        user: "u",
        password: "p",
        from: "a@b",
        to: ["c@d"],
      },
    ],
    topics: ["backend", "service", "certificate", "configuration", "worker", "errors"],
    group: 30_000,
    repeat: 14_400_000,
    maxPerHour: 20,
    quiet: undefined,
    errors: { ratio: 0.05, window: 300_000, minRequests: 100 },
  });
  assert.equal(resolveAlerts({} as Context, undefined), undefined);
});

test("everything can be said otherwise", () => {
  const { channels, ...rest } = settingsOf(`alerts:
  webhook: { url: "https://h.example/x", secret: s, headers: { X-Key: k } }
  ntfy:
    - { url: "https://ntfy.sh/one" }
    - { url: "http://127.0.0.1:8/two", token: tk }
  topics: [service, errors]
  group: 0
  repeat: 0
  maxPerHour: 0
  quiet: { from: 22:30, to: 7:00, except: [service] }
  errors: { ratio: 2.5%, window: 1m, minRequests: 7 }
`);
  assert.deepEqual(channels, [
    {
      kind: "webhook",
      name: "webhook",
      url: "https://h.example/x",
      secret: "s",
      headers: { "X-Key": "k" },
    },
    { kind: "ntfy", name: "ntfy-1", url: "https://ntfy.sh/one", token: undefined },
    { kind: "ntfy", name: "ntfy-2", url: "http://127.0.0.1:8/two", token: "tk" },
  ]);
  assert.deepEqual(rest, {
    topics: ["service", "errors"],
    group: 0,
    repeat: 0,
    maxPerHour: 0,
    quiet: { from: 1350, to: 420, except: ["service"] },
    errors: { ratio: 0.025, window: 60_000, minRequests: 7 },
  });
});

test("a mail server's URL says how it is reached", () => {
  const serverOf = (server: string) => {
    const text = `alerts: { email: { server: "${server}", from: a@b, to: [c@d, e@f] } }`;
    const [channel] = settingsOf(text).channels;
    assert.equal(channel?.kind, "email");
    const { host, port, security, user, password } = channel;
    return [host, port, security, user, password];
  };
  const none = undefined;
  assert.deepEqual(serverOf("smtp://mail"), ["mail", 587, "starttls", none, none]);
  assert.deepEqual(serverOf("smtps://m:26/"), ["m", 26, "tls", none, none]);
  assert.deepEqual(serverOf("smtps://a%40b:p%2Fq@m"), ["m", 465, "tls", "a@b", "p/q"]);
  assert.deepEqual(serverOf("smtp+plain://[::1]"), ["::1", 25, "none", none, none]);
  assert.deepEqual(serverOf("smtp+plain://u:p@127.0.0.1:2525"), [
    "127.0.0.1",
    2525,
    "none",
    "u",
    "p",
  ]);
});

test("secrets and authorities come from files beside the configuration", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("password"), "open sesame\n");
  const [authority = ""] = rootCertificates;
  await writeFile(folder.file("ca.pem"), authority);
  const text = `alerts:
  email: { server: smtp://u@m, passwordFile: password, ca: ca.pem, from: a@b, to: c@d }
  webhook: { url: "http://h", secretFile: password }
  ntfy: { url: "http://h/t", tokenFile: password }
`;
  const [email, webhook, ntfy] = settingsOf(text, folder.path).channels;
  assert.ok(email?.kind === "email" && webhook?.kind === "webhook" && ntfy?.kind === "ntfy");
  assert.equal(email.password, "open sesame");
  assert.equal(email.ca, authority);
  assert.equal(webhook.secret, "open sesame");
  assert.equal(ntfy.token, "open sesame");
});

const forms =
  "write smtp://USER:PASSWORD@HOST:587 for STARTTLS, smtps://… for TLS from the start, or smtp+plain://… for neither";

const cases: readonly (readonly [string, ...string[]])[] = [
  ["alerts: { group: 1s }", "t.yaml:1:1: alerts: names nobody to tell; add email, webhook or ntfy"],
  ["alerts: { emails: {} }", 't.yaml:1:11: alerts.emails: unknown key "emails"; write email'],
  [
    "alerts: { email: { from: a@b, to: c@d } }",
    "t.yaml:1:11: alerts.email.server: server is missing; add server",
  ],
  [
    "alerts: { email: { server: 'https://m', from: a@b, to: c@d } }",
    `t.yaml:1:28: alerts.email.server: is no URL of a mail server; ${forms}`,
  ],
  [
    "alerts: { email: { server: 'smtp://', from: a@b, to: c@d } }",
    `t.yaml:1:28: alerts.email.server: names no host; ${forms}`,
  ],
  [
    "alerts: { email: { server: 'smtp://m/x?y', from: a@b, to: c@d } }",
    `t.yaml:1:28: alerts.email.server: has more than user, password, host and port; ${forms}`,
  ],
  [
    "alerts: { email: { server: 'smtp://u@m', from: a@b, to: c@d } }",
    "t.yaml:1:28: alerts.email.server: has a user and no password; write smtp://USER:PASSWORD@…, or add passwordFile",
  ],
  [
    "alerts: { email: { server: 'smtp+plain://u:p@mail.example', from: a@b, to: c@d } }",
    "t.yaml:1:28: warning: alerts.email.server: sends the password unencrypted to another machine; write smtp:// or smtps://",
  ],
  [
    "alerts: { email: { server: 'smtp://m', from: 'a@b, x@y', to: c@d } }",
    't.yaml:1:46: alerts.email.from: "a@b, x@y" is not an e-mail address; write name@example.com',
  ],
  [
    "alerts: { email: { server: 'smtp://m', from: a@b, to: [\"c@d\\r\\nBcc: x@y\"] } }",
    't.yaml:1:56: alerts.email.to[0]: "c@d\\r\\nBcc: x@y" is not an e-mail address; write name@example.com',
  ],
  [
    "alerts: { email: { server: 'smtp://u:p@m', passwordFile: x, ca: y, from: a@b, to: c@d } }",
    "t.yaml:1:44: alerts.email.passwordFile: says a second time what stands there already; leave out one of them",
    "t.yaml:1:58: alerts.email.passwordFile: cannot be read: ENOENT: no such file or directory, stat '/base/x'",
    "t.yaml:1:65: alerts.email.ca: cannot be read: ENOENT: no such file or directory, stat '/base/y'",
  ],
  [
    "alerts: { webhook: { url: 'ftp://h' } }",
    "t.yaml:1:27: alerts.webhook.url: is no http or https URL; write https://HOST/PATH",
  ],
  [
    'alerts: { webhook: { url: "http://h", headers: { Host: x, "a b": y } } }',
    't.yaml:1:56: alerts.webhook.headers.Host: "Host" is set by Tidegate itself',
    't.yaml:1:66: alerts.webhook.headers["a b"]: "a b" is not the name of a field',
  ],
  [
    "alerts: { ntfy: [{ url: 'https://ntfy.sh' }] }",
    "t.yaml:1:25: alerts.ntfy[0].url: names no topic; write https://ntfy.sh/TOPIC",
  ],
  [
    `alerts: { ${mail}, topics: [backends], repeat: 5s, maxPerHour: -1 }`,
    't.yaml:1:83: alerts.topics[0]: must be backend or service or certificate or configuration or worker or errors, not the text "backends"; write backend',
    "t.yaml:1:118: alerts.maxPerHour: must be a whole number from 0 to 1000, not the number -1",
  ],
  [
    `alerts: { ${mail}, repeat: 5s }`,
    "t.yaml:1:82: alerts.repeat: is too short; write at least 1m, or 0 for never",
  ],
  [
    `alerts: { ${mail}, quiet: { from: "22:00", to: "22:00" } }`,
    "t.yaml:1:102: alerts.quiet.to: is the same as from; leave out quiet to be told at all times",
  ],
  [
    `alerts: { ${mail}, quiet: { from: "24:00", to: 7 } }`,
    't.yaml:1:89: alerts.quiet.from: "24:00" is not a time of the day; write "22:00"',
    't.yaml:1:102: alerts.quiet.to: must be a time of the day, not the number 7; write "22:00"',
  ],
];

test("each mistake is told with its place, its cause and its remedy", () => {
  assert.ok(cases.length >= 15);
  for (const [text, ...expected] of cases) assert.deepEqual(readAlerts(text).told, expected, text);
});

test("no message repeats a secret, wherever it was written", () => {
  const secret = "hunter2";
  const misplaced = [
    `alerts: ${secret}`,
    `alerts: { email: "smtp://u:${secret}@m" }`,
    `alerts: { email: ["smtp://u:${secret}@m"] }`,
    `alerts: { email: { server: "u:${secret}@m", from: a@b, to: c@d } }`,
    `alerts: { email: { server: "smtp://:${secret}@m", from: a@b, to: c@d } }`,
    `alerts: { email: { server: "smtp://u:${secret}%@m", from: a@b, to: c@d } }`,
    `alerts: { email: { server: ["${secret}"], from: a@b, to: c@d } }`,
    `alerts: { webhook: "https://h/${secret}" }`,
    `alerts: { webhook: ["https://h/${secret}"] }`,
    `alerts: { webhook: { url: "h/${secret}" } }`,
    `alerts: { webhook: { url: "http://h", secret: "${secret}\\n" } }`,
    `alerts: { webhook: { url: "http://h", headers: "${secret}" } }`,
    `alerts: { webhook: { url: "http://h", headers: { X: "${secret}\\n" } } }`,
    `alerts: { ntfy: { url: "http://h/t", token: [${secret}] } }`,
    `alerts: { ntfy: { url: "http://h/${secret}/more" } }`,
  ];
  for (const text of misplaced) {
    const { told } = readAlerts(text);
    assert.ok(told.length > 0, text);
    for (const line of told) assert.ok(!line.includes(secret), line);
  }
  const { told } = readAlerts("alerts: { ntfy: { url: 'http://h/t', token: 424242 } }");
  assert.deepEqual(told, ["t.yaml:1:45: alerts.ntfy.token: must be a text; put it in quotes"]);
});
