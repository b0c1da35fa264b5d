// One request on a connection of its own, for tests that care about the answer and not about bytes.

import { type ClientOptions, connect, type Response } from "./client.ts";
import { valuesOf } from "./message.ts";

export interface AskOptions extends ClientOptions {
  readonly method?: string;
  /** Value of the Host header. */
  readonly name?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its Content-Length. */
  readonly body?: string;
}

export async function ask(port: number, options: AskOptions = {}): Promise<Response> {
  await using client = await connect(port, options);
  await client.send(requestText(options));
  return await client.readResponse(options.method === undefined ? {} : { method: options.method });
}

/** The request's bytes; without a `Connection` header the connection stays open. */
export function requestText(options: AskOptions = {}): string {
  const { method = "GET", name = "app.test", path = "/", headers = {}, body } = options;
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${name}`];
  for (const [field, value] of Object.entries(headers)) lines.push(`${field}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

/** The values of a field, joined; "" when it is absent. */
export function field(message: Pick<Response, "headers">, name: string): string {
  return valuesOf(message.headers, name).join(", ");
}
