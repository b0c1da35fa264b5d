// One HTTP request over what a backend is spoken to: HTTP/2 where the address says so or ALPN chose it, else HTTP/1.1. What a good
// answer is, is the same for both.

import { TLSSocket } from "node:tls";
import type { ProbeSettings } from "../config/service.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";
import type { Attempt } from "./attempt.ts";
import { CheckedAnswer } from "./checked-answer.ts";
import { openHttp2, useHttp2 } from "./http2-check.ts";
import { askHttp1, headersOf, pathOf } from "./http-probe.ts";
import { openSocket } from "./open-socket.ts";

type HttpSettings = Extract<ProbeSettings, { kind: "http" }>;

export function probeHttp(attempt: Attempt, settings: HttpSettings): void {
  const { backend, tls } = attempt.target;
  const ask = (connection: BackendConnection) => askHttp2(attempt, settings, connection);
  if (backend.http2 === true) return openHttp2(attempt, ask);
  openSocket(attempt, tls.http2 ? ["h2", "http/1.1"] : ["http/1.1"], (socket) => {
    const isHttp2 = socket instanceof TLSSocket && socket.alpnProtocol === "h2";
    if (isHttp2) useHttp2(attempt, socket, ask);
    else askHttp1(attempt, settings, socket);
  });
}

function askHttp2(attempt: Attempt, settings: HttpSettings, connection: BackendConnection): void {
  const { method } = settings;
  const lines = Object.entries(headersOf(attempt.target, settings)).map(
    ([name, value]) => `${name}: ${Buffer.from(value).latin1Slice()}\r\n`,
  );
  const path = pathOf(attempt.target, settings);
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  connection.begin(new CheckedAnswer(attempt, settings), head, method, false, 0, 0);
  connection.endRequest("", false);
  connection.flush();
}
