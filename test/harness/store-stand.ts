// A running program with a store, changed by its commands or, where a command each time would take too long, by
// its control socket.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { ChangeOutcome, ItemChange } from "../../src/admin/configuration.ts";
import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import { type Ended, runCommand, tidegate } from "./command.ts";
import { startTidegate, type Tidegate, type TidegateOptions } from "./tidegate.ts";

export interface StoreStand extends AsyncDisposable {
  readonly program: Tidegate;
  command(...words: readonly string[]): Promise<Ended>;
}

/** The file routes `a.test` to the word `file`. */
export async function storeStand(options: Partial<TidegateOptions> = {}): Promise<StoreStand> {
  const program = await startTidegate({ config: storeConfig(), ...options });
  return {
    program,
    command: (...words) => commandOf(program, words),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

export function storeConfig(routes: Readonly<Record<string, unknown>> = {}) {
  return {
    listeners: { web: "127.0.0.1:0" },
    routes: { "a.test": { respond: { body: "file" } }, ...routes },
  };
}

export function commandOf(
  program: Tidegate,
  words: readonly string[],
  input?: string,
): Promise<Ended> {
  return runCommand(tidegate, [...words, "--control", program.control], {
    timeoutMs: 30_000,
    ...(input === undefined ? {} : { input }),
  });
}

/** Asks a new connection each time, so that any worker may answer. */
export async function answerOf(program: Tidegate, name: string, path = "/"): Promise<string> {
  const { status, body } = await ask(program.port(), { name, path });
  return `${status} ${body}`;
}

/** As often as leaves hardly a worker out. */
export async function answersOf(program: Tidegate, name: string): Promise<readonly string[]> {
  const all = await Promise.all(Array.from({ length: 30 }, () => answerOf(program, name)));
  return [...new Set(all)];
}

export interface Asked {
  readonly status: number;
  readonly body: ChangeOutcome & { readonly detail?: string };
}

export async function post(program: Tidegate, route: string, body: unknown): Promise<Asked> {
  const text = JSON.stringify(body);
  const outgoing = request({
    socketPath: program.control,
    path: `/v1/store/${route}`,
    method: "POST",
    agent: false,
    timeout: 30_000,
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
  });
  outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 30 s")));
  outgoing.end(text);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let answer = "";
  for await (const chunk of response) answer += String(chunk);
  return { status: response.statusCode ?? 0, body: JSON.parse(answer) as Asked["body"] };
}

export type PlainChange = Pick<ItemChange, "section" | "name"> &
  Partial<Pick<ItemChange, "value" | "expected">>;

export function change(
  program: Tidegate,
  changes: readonly PlainChange[],
  options: { readonly dryRun?: boolean } = {},
): Promise<Asked> {
  return post(program, "change", { changes, by: "test", ...options });
}

export function untilAnswers(program: Tidegate, name: string, wanted: string): Promise<true> {
  return eventually(`${name} to answer ${wanted}`, async () => {
    try {
      return (await answerOf(program, name)) === wanted || undefined;
    } catch {
      return undefined; // nobody listens just now
    }
  });
}
