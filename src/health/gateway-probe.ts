// One request to a program behind FastCGI, SCGI or uwsgi on a connection of its own: the status has to be one of those
// wanted, and the body has to contain the text wanted, as for HTTP.

import type { Socket } from "node:net";
import type { GatewayProtocol, GatewaySettings } from "../config/gateway.ts";
import { defaultLimits } from "../config/limits.ts";
import type { ProbeSettings } from "../config/service.ts";
import { encodeParams, paramsFault } from "../gateway/params.ts";
import { scriptOf } from "../gateway/script-path.ts";
import { Wheel } from "../lib/wheel.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";
import { CgiConnection } from "../upstream/cgi-connection.ts";
import { FastcgiConnection } from "../upstream/fastcgi-connection.ts";
import { type Attempt, maxAnswerBytes, type ProbeTarget } from "./attempt.ts";
import { checkAgent } from "./check-agent.ts";
import { CheckedAnswer } from "./checked-answer.ts";
import { authorityOf, openSocket } from "./open-socket.ts";

type HttpSettings = Extract<ProbeSettings, { kind: "http" }>;

/** The attempt has a time limit of its own: nothing is ever armed. */
const wheel = new Wheel(1000);
const limits = { ...defaultLimits, headBytes: maxAnswerBytes };
const nobody = { onReusable() {}, onClosed() {} };

export function probeGateway(
  attempt: Attempt,
  speaks: GatewayProtocol,
  settings: HttpSettings,
): void {
  const params = checkParams(attempt.target, settings);
  if (paramsFault(speaks, params) !== undefined) {
    return attempt.bad("cannot be checked: the request is longer than this protocol has room for");
  }
  openSocket(attempt, [], (socket) => {
    attempt.waitsFor = "answer";
    const connection = connectionOn(socket, speaks);
    attempt.onEnd(() => connection.destroy());
    const sink = new CheckedAnswer(attempt, settings);
    connection.begin(sink, encodeParams(speaks, params), settings.method, false, 0, 0);
    connection.endRequest("", false);
    connection.flush();
  });
}

function connectionOn(socket: Socket, speaks: GatewayProtocol): BackendConnection {
  const connection =
    speaks === "fastcgi"
      ? new FastcgiConnection(socket, "", nobody, wheel, limits, false)
      : new CgiConnection(socket, "", nobody, wheel, limits);
  socket.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
  socket.on("end", () => connection.onEnd());
  socket.on("close", () => connection.onClosed());
  socket.on("drain", () => connection.onDrain());
  return connection;
}

/**
 * As for a request from nowhere. A path that is no script's is told as one all the same: PHP's manager answers its own
 * `ping.path` by the name of the script.
 */
function checkParams(target: ProbeTarget, settings: HttpSettings): string[] {
  const { method, headers, host } = settings;
  const authority = host ?? authorityOf(target);
  const question = settings.path.indexOf("?");
  const path = question < 0 ? settings.path : settings.path.slice(0, question);
  const params: Record<string, string> = {
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_PROTOCOL: "HTTP/1.1",
    REQUEST_METHOD: method,
    REQUEST_URI: settings.path,
    QUERY_STRING: question < 0 ? "" : settings.path.slice(question + 1),
    CONTENT_LENGTH: method === "POST" ? "0" : "",
    REQUEST_SCHEME: "http",
    SERVER_NAME: authority.replace(/:\d+$/, ""),
    SERVER_PORT: "80",
    REMOTE_ADDR: "127.0.0.1",
    REDIRECT_STATUS: "200",
    HTTP_HOST: authority,
    HTTP_USER_AGENT: checkAgent,
    ...scriptParams(decoded(path), target.gateway),
  };
  for (const [name, value] of Object.entries(headers)) {
    params[`HTTP_${name.toUpperCase().replaceAll("-", "_")}`] = value;
  }
  for (const [name, value] of Object.entries(target.gateway?.params ?? {})) {
    if (value === "") delete params[name];
    else params[name] = value;
  }
  return Object.entries(params).flat().map(bytesOf);
}

function scriptParams(
  path: string,
  gateway: GatewaySettings | undefined,
): Readonly<Record<string, string>> {
  const { root = "", index = "", extensions = [], script } = gateway ?? {};
  if (script === undefined && extensions.length === 0) return { SCRIPT_NAME: "", PATH_INFO: path };
  const asked = path.endsWith("/") ? path + index : path;
  const found = scriptOf(asked, extensions) ?? { script: asked, pathInfo: "" };
  const name = script ?? found.script;
  return {
    SCRIPT_NAME: name,
    PATH_INFO: script === undefined ? found.pathInfo : path,
    DOCUMENT_ROOT: root,
    DOCUMENT_URI: name,
    SCRIPT_FILENAME: `${root}/${name.replace(/^\/+/, "")}`,
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** UTF-8, one character for each byte. */
function bytesOf(text: string): string {
  return Buffer.from(text).latin1Slice();
}
