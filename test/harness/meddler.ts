// Somebody between a client and a real certificate authority who changes what it says: so that an authority that
// lies, hangs, moves or knows more than pebble does is a real one in everything else. It speaks TLS with a
// certificate of its own, and pebble makes all addresses lead through it, since they follow the Host field.

import { once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http";
import { createServer, request } from "node:https";
import { certificates } from "./certificates.ts";
import type { Pebble } from "./pebble.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  /** What was signed: undefined for plain questions, "" for POST-as-GET. */
  readonly payload: unknown;
}

export interface Said {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string;
}

export interface Meddling {
  /** Answers in the authority's place; "cut" breaks the connection off, "hang" never answers. */
  before?(asked: Asked): Said | "cut" | "hang" | undefined;
  /** Where the authority has what is asked for here. */
  whither?(asked: Asked): string;
  /** Changes what the authority said. "cut": the authority has heard it, and its answer gets lost. */
  after?(asked: Asked, said: Said): "cut" | void;
}

export interface Meddler extends AsyncDisposable {
  readonly directory: string;
  readonly ca: string;
  /** Everything that was asked, in order. */
  readonly asked: Asked[];
  /** Until it is called again. */
  meddle(meddling: Meddling): void;
}

export async function startMeddler(pebble: Pebble): Promise<Meddler> {
  const { ca, cert, key } = await certificates("localhost", "127.0.0.1");
  const asked: Asked[] = [];
  let meddling: Meddling = {};
  const server = createServer({ cert, key }, (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("error", () => {}).on("data", (bytes: Buffer) => chunks.push(bytes));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      const { method = "", url: path = "", headers } = incoming;
      const question = { method, path, payload: payloadOf(body) };
      asked.push(question);
      const send = (said: Said | "cut" | "hang") => {
        if (said === "cut") incoming.socket.destroy();
        else if (said !== "hang") response.writeHead(said.status, said.headers).end(said.body);
      };
      const own = meddling.before?.(question);
      if (own !== undefined) return send(own);
      const asking = { method, headers, ca: pebble.ca, agent: false, servername: "localhost" };
      const whither = meddling.whither?.(question) ?? path;
      const onward = request(new URL(whither, pebble.directory), asking, (answer) => {
        const parts: Buffer[] = [];
        answer.on("error", () => response.destroy());
        answer.on("data", (bytes: Buffer) => parts.push(bytes));
        answer.on("end", () => {
          const { "content-length": _, ...fields } = answer.headers;
          const text = Buffer.concat(parts).toString("latin1");
          const said = { status: answer.statusCode ?? 0, headers: fields, body: text };
          send(meddling.after?.(question, said) ?? said);
        });
      });
      onward.on("error", () => response.destroy()).end(body);
    });
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    ca,
    asked,
    meddle: (next) => (meddling = next),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function payloadOf(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const { payload } = JSON.parse(body.toString()) as { payload: string };
  const text = Buffer.from(payload, "base64url").toString();
  return text === "" ? "" : JSON.parse(text);
}
