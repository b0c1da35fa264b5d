import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { mailPassword, mailServer, mailUser } from "../../test/harness/mail-server.ts";
import { needs } from "../../test/harness/needs.ts";
import type { AlertChannel } from "../config/alert-settings.ts";
import { sendAs } from "./delivery.ts";
import type { Message } from "./message.ts";

type EmailChannel = Extract<AlertChannel, { kind: "email" }>;

const skip = needs("openssl");
const send = sendAs({ hostName: "front-1", version: "1.2.3" });
const never = new AbortController().signal;

const message: Message = {
  id: "4f3c0c86-5bd1-4d7c-a5e5-6d1a3d0c7f10",
  at: Date.UTC(2026, 10, 21, 10, 0, 3),
  kind: "alerts",
  title: "db: 10.0.3.11:3306 is down",
  text: "db: 10.0.3.11:3306 is down\n  since 10:00:03\n  refused the connection — ends.",
  items: [],
};

function channelTo(port: number, more: Partial<EmailChannel> = {}): EmailChannel {
  return {
    kind: "email",
    name: "email",
    host: "127.0.0.1",
    port,
    security: "starttls",
    ca: undefined,
    user: mailUser,
    password: mailPassword,
    from: "tidegate@example.com",
    to: ["ops@example.com", "boss@example.com"],
    ...more,
  };
}

test("a mail goes out over STARTTLS, with user and password", { skip }, async () => {
  await using server = await mailServer();
  const delivery = await send(channelTo(server.port, { ca: server.ca }), message, never);
  assert.deepEqual(delivery, { kind: "taken", text: "127.0.0.1 took it" });
  const [mail] = server.mails;
  assert.ok(mail);
  assert.equal(mail.isSecure, true);
  assert.equal(mail.user, mailUser);
  assert.equal(mail.from, "tidegate@example.com");
  assert.deepEqual(mail.to, ["ops@example.com", "boss@example.com"]);
  assert.match(mail.raw, /^Subject: \[tidegate front-1\] db: 10\.0\.3\.11:3306 is down\r$/m);
  assert.match(mail.raw, /^Message-ID: <4f3c0c86-5bd1-4d7c-a5e5-6d1a3d0c7f10@front-1>\r$/m);
  assert.match(mail.raw, /^Auto-Submitted: auto-generated\r$/m);
  assert.match(mail.raw, /^Date: Sat, 21 Nov 2026 10:00:03 \+0000\r$/m);
  assert.match(mail.raw, /^Content-Type: text\/plain; charset=utf-8\r$/m);
  assert.match(mail.raw, /Tidegate 1\.2\.3 on front-1/);
});

test(
  "a host name is found as the system finds it, and TLS verifies that name",
  { skip },
  async () => {
    await using server = await mailServer({ tls: "tls" });
    const right = channelTo(server.port, { host: "localhost", security: "tls", ca: server.ca });
    assert.equal((await send(right, message, never)).kind, "taken");
    await using other = await mailServer({ tls: "tls", names: ["elsewhere.example"] });
    const wrong = channelTo(other.port, { host: "localhost", security: "tls", ca: other.ca });
    const delivery = await send(wrong, message, never);
    assert.equal(delivery.kind, "failed");
    assert.match(delivery.text, /localhost.*altnames/);
    assert.equal(other.mails.length, 0);
  },
);

test("a server that nobody trusts gets neither password nor mail", { skip }, async () => {
  await using server = await mailServer();
  const delivery = await send(channelTo(server.port), message, never);
  assert.equal(delivery.kind, "failed");
  assert.match(delivery.text, /certificate/);
  assert.equal(server.mails.length, 0);
});

test("STARTTLS is required: a server without it gets no mail", { skip }, async () => {
  await using server = await mailServer({ tls: "none", isOpen: true });
  const strict = channelTo(server.port, { ca: server.ca, user: undefined, password: undefined });
  const delivery = await send(strict, message, never);
  assert.equal(delivery.kind, "failed");
  assert.match(delivery.text, /STARTTLS/);
  assert.equal(server.mails.length, 0);
  const plain = { ...strict, security: "none" } as const;
  assert.equal((await send(plain, message, never)).kind, "taken");
  assert.equal(server.mails[0]?.isSecure, false);
});

test(
  "a wrong password is said, and not shown, even when the server repeats it",
  { skip },
  async () => {
    await using server = await mailServer();
    const wrong = channelTo(server.port, { ca: server.ca, password: "hunter+2" });
    const delivery = await send(wrong, message, never);
    assert.equal(delivery.kind, "failed");
    assert.match(delivery.text, /does not accept user and password/);
    assert.match(delivery.text, /tidegate \(secret\)/);
    assert.ok(!delivery.text.includes("hunter"), delivery.text);
  },
);

test("a user is never left out, also when the server asks for none", { skip }, async () => {
  await using server = await mailServer({ isOpen: true, hasNoAuth: true });
  const delivery = await send(channelTo(server.port, { ca: server.ca }), message, never);
  assert.equal(delivery.kind, "failed");
  assert.equal(server.mails.length, 0);
  const nobody = { ca: server.ca, user: undefined, password: undefined };
  assert.equal((await send(channelTo(server.port, nobody), message, never)).kind, "taken");
});

test(
  "a mail that the server refuses for good is refused, and for now is failed",
  { skip },
  async () => {
    let code = 550;
    await using server = await mailServer({ refuse: () => code });
    const channel = channelTo(server.port, { ca: server.ca });
    const refused = await send(channel, message, never);
    assert.equal(refused.kind, "refused");
    assert.match(refused.text, /550/);
    code = 451;
    assert.equal((await send(channel, message, never)).kind, "failed");
  },
);

test("line ends in names and titles do not become header fields", { skip }, async () => {
  await using server = await mailServer();
  const sender = sendAs({ hostName: "h\r\nBcc: x@evil.example\r\n", version: "1" });
  const title = "a\r\nBcc: y@evil.example\r\n\r\nbody\u2028";
  await sender(channelTo(server.port, { ca: server.ca }), { ...message, title }, never);
  const [mail] = server.mails;
  assert.ok(mail);
  const [head = ""] = mail.raw.split("\r\n\r\n");
  assert.doesNotMatch(head, /^bcc:/im);
  assert.equal(mail.to.length, 2);
  const folded = head.replace(/\r\n[ \t]+/g, " ");
  assert.match(folded, /^Subject: \[tidegate h Bcc: x@evil\.example\] a Bcc: y@evil/m);
});

/** Accepts, and does with each connection what it is told. */
async function strange(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("a server that says nothing is given up when the signal says so, and let go", async () => {
  await using server = await strange(() => undefined);
  const stop = new AbortController();
  const sending = send(channelTo(server.port), message, stop.signal);
  while (server.sockets.size === 0) await new Promise((resolve) => setImmediate(resolve));
  const [socket] = server.sockets;
  assert.ok(socket);
  const closed = once(socket, "close");
  socket.resume();
  stop.abort();
  const delivery = await sending;
  assert.equal(delivery.kind, "failed");
  await closed;
});

test("garbage, endless greetings and hang-ups are failures with a text", async () => {
  const behaviours: Record<string, (socket: Socket) => void> = {
    garbage: (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    hangUp: (socket) => void socket.destroy(),
    reset: (socket) => void socket.resetAndDestroy(),
    endless: (socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write("220-".padEnd(16_384, "x") + "\r\n"));
      };
      socket.on("drain", more);
      more();
    },
  };
  assert.ok(Object.keys(behaviours).length > 3);
  for (const [name, behaviour] of Object.entries(behaviours)) {
    await using server = await strange(behaviour);
    const delivery = await send(channelTo(server.port), message, AbortSignal.timeout(10_000));
    assert.equal(delivery.kind, "failed", name);
    assert.ok(delivery.text.length > 10 && delivery.text.length <= 300, delivery.text);
  }
  const nobody = await send(channelTo(1), message, never);
  assert.equal(nobody.kind, "failed");
  assert.match(nobody.text, /ECONNREFUSED/);
});
