// Nothing in the bench may wait for ever: every wait for another process goes through here.

import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { connect } from "node:tls";
import { setTimeout as delay } from "node:timers/promises";

/** The promise's outcome, or an error naming `what` when it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const id = setTimeout(
    () => timer.reject(new Error(`${what} took longer than ${limitMs / 1000} s`)),
    limitMs,
  );
  try {
    return await Promise.race([promise, timer.promise]);
  } finally {
    clearTimeout(id);
  }
}

/** A loopback port nobody listens on now. Another process may take it before we use it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/**
 * Waits until a GET on the port is answered with 200. Foreign programs do not tell when they are ready,
 * so this asks again and again; `isAlive` ends the wait when the program has died.
 */
export async function untilAnswers(
  port: number,
  limitMs: number,
  isAlive: () => boolean,
  isSecure = false,
): Promise<void> {
  const end = performance.now() + limitMs;
  let last = "no answer";
  while (performance.now() < end) {
    if (!isAlive()) throw new Error("it ended before it answered");
    last = await statusLine(port, isSecure);
    if (last.startsWith("HTTP/1.1 200")) return;
    await delay(50);
  }
  throw new Error(`it did not answer with 200 within ${limitMs / 1000} s (last: ${last})`);
}

async function statusLine(port: number, isSecure: boolean): Promise<string> {
  const place = { host: "127.0.0.1", port };
  // Nobody has signed the bench's certificate.
  const socket = isSecure
    ? connect({ ...place, rejectUnauthorized: false })
    : createConnection(place);
  const text = Promise.withResolvers<string>();
  let received = "";
  socket.setEncoding("latin1");
  socket.setTimeout(2000, () => socket.destroy());
  socket.on(isSecure ? "secureConnect" : "connect", () =>
    socket.write("GET /small HTTP/1.1\r\nHost: h00000.bench.test\r\n\r\n"),
  );
  socket.on("data", (chunk: string) => {
    received += chunk;
    if (received.includes("\r\n")) socket.destroy();
  });
  socket.on("error", (error) => text.resolve(error.message));
  socket.on("close", () => text.resolve(received.split("\r\n", 1)[0] ?? ""));
  return text.promise;
}
