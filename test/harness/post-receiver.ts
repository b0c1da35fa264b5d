// A real HTTP server on a free port that keeps what is posted to it, and answers as it is told.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "./barrier.ts";

export interface Posted {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface PostReceiver extends AsyncDisposable {
  readonly origin: string;
  readonly posts: readonly Posted[];
  /** Until so many are here; fails after 10 s. */
  arrived(count: number): Promise<readonly Posted[]>;
  /** What it answers from now on. */
  answer: (response: ServerResponse, post: Posted) => void;
}

export async function postReceiver(): Promise<PostReceiver> {
  const posts: Posted[] = [];
  const server = createServer((request, response) => {
    void take(request, response);
  });
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(Buffer.from(part));
    const { method = "", url: target = "", headers } = request;
    const post = { method, target, headers, body: Buffer.concat(parts).toString("utf8") };
    posts.push(post);
    receiver.answer(response, post);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const receiver: PostReceiver = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    posts,
    arrived: (count) =>
      eventually(`${count} posts`, () => (posts.length >= count ? posts : undefined), 10_000),
    answer: (response) => void response.end(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}
