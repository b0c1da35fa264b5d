// What a client sees of an answer that tells where its request went, to compare two proxies: an echo origin says who it is
// and what it was asked.

import { ask, field } from "./ask.ts";
import type { Echo } from "./echo-origin.ts";

export interface Seen {
  readonly status: number;
  readonly location: string;
  /** Of an answer that is the proxy's own, with status 200. */
  readonly text: string;
  readonly origin: string;
  readonly target: string;
  readonly host: string;
}

export interface Asked {
  readonly name: string;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
}

export async function seenAt(port: number, asked: Asked): Promise<Seen> {
  const { name, path, method = "GET", body } = asked;
  const answer = await ask(port, { name, path, method, ...(body === undefined ? {} : { body }) });
  const isEcho = field(answer, "content-type") === "application/json";
  const echo = isEcho ? (JSON.parse(answer.body) as Echo) : undefined;
  const location = field(answer, "location");
  const url = location === "" ? undefined : new URL(location, `http://${name}`);
  return {
    status: answer.status,
    // Absolute or not is a matter of taste, and so is the port that somebody listens at.
    location: url?.href.replace(`:${port}`, "") ?? "",
    text: answer.status === 200 && echo === undefined ? answer.body : "",
    origin: echo?.origin ?? "",
    target: echo?.target ?? "",
    host: echo?.headers["host"] ?? "",
  };
}
