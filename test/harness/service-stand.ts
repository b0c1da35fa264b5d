// A program with one service under test and several live origins behind it: what the tests of balancing,
// health, holding and the like have in common. It has a state folder of its own.

import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { BackendRow, Outcome, ServiceRow } from "../../src/admin/operations.ts";
import { ask, type AskOptions, field, requestText } from "./ask.ts";
import { eventually } from "./barrier.ts";
import { type Client, connect, type Response } from "./client.ts";
import type { Ended } from "./command.ts";
import { type Control, controlOf } from "./control.ts";
import { LiveOrigin } from "./live-origin.ts";
import { tempFolder } from "./temp-folder.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";

type Settings = Readonly<Record<string, unknown>>;

export interface StandOptions {
  /** The service `shop`, to which `app.test` goes. */
  readonly service: unknown;
  /** Others beside it. */
  readonly services?: Settings;
  readonly routes?: Settings;
  /** Further settings of the program. */
  readonly settings?: Settings;
  readonly workers?: number;
  /** Of another stand, whose program has ended; without it a new one. */
  readonly stateFolder?: string;
}

export interface Stand extends AsyncDisposable {
  readonly program: Tidegate;
  readonly control: Control;
  readonly port: number;
  readonly stateFolder: string;
  /** One request on a connection of its own. */
  ask(options?: AskOptions): Promise<Response>;
  /** Names of the origins that answered so many requests, one after the other on one connection. */
  askInARow(count: number, options?: AskOptions): Promise<string[]>;
  /** Answers to requests on so many connections, opened one after the other. */
  askApart(count: number, options?: AskOptions): Promise<Response[]>;
  service(name?: string): Promise<ServiceRow>;
  backend(origin: { readonly url: string }, service?: string): Promise<BackendRow>;
  until(what: string, fits: (row: ServiceRow) => boolean, ms?: number): Promise<ServiceRow>;
  /** Until the backend is in this state. */
  untilBackend(
    origin: { readonly url: string },
    state: BackendRow["state"],
    ms?: number,
  ): Promise<BackendRow>;
  /** What `tidegate pause` and the like do, without the time a command takes; throws when it is refused. */
  order(
    what: "pause" | "resume" | "drain" | "maintenance",
    body?: Readonly<Record<string, unknown>>,
  ): Promise<Outcome>;
  command(...words: readonly string[]): Promise<Ended>;
  /** Goes over to this service, in all workers. */
  reload(service: unknown, more?: Pick<StandOptions, "services" | "routes">): Promise<void>;
  /** Nothing is in flight, waits or is held, in any service. */
  assertQuiet(): Promise<void>;
}

export async function startStand(options: StandOptions): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const stateFolder = options.stateFolder ?? stack.use(await tempFolder("tidegate-state-")).path;
  const configOf = ({ service, services, routes }: StandOptions) => ({
    listeners: { web: "127.0.0.1:0" },
    stateFolder,
    routes: { "app.test": { service: "shop" }, ...routes },
    services: { shop: service, ...services },
    ...options.settings,
  });
  const program = stack.use(
    await startTidegate({
      config: configOf(options),
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    }),
  );
  const control = controlOf(program.control);
  const port = program.port();
  // The ports are known a moment earlier.
  await control.until("the control socket to answer", () => true);
  if ((options.workers ?? 0) > 0) await control.settled(options.workers ?? 0);
  const held = stack.move();
  return {
    program,
    control,
    port,
    stateFolder,
    ...asking(port),
    ...watching(program.control),
    order: (what, body = {}) =>
      call<Outcome>(program.control, `/v1/services/${what}`, { service: "shop", ...body }),
    command: control.command,
    async reload(service, more = {}) {
      const { snapshot } = await control.status();
      await program.writeConfig(configOf({ ...options, ...more, service }));
      await eventually("the configuration to be live everywhere", async () => {
        const { version } = (await control.status()).snapshot;
        const rows = await control.workers();
        const isLive = rows.every((row) => row.state !== "live" || row.snapshot >= version);
        return (version > snapshot.version && isLive) || undefined;
      });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

type Asking = Pick<Stand, "ask" | "askInARow" | "askApart">;

function asking(port: number): Asking {
  return {
    ask: (options) => ask(port, options),
    async askInARow(count, options) {
      await using client = await connect(port, options);
      const names: string[] = [];
      for (let n = 0; n < count; n += 1) names.push(originOf(await askOn(client, options)));
      return names;
    },
    async askApart(count, options) {
      const responses: Response[] = [];
      for (let n = 0; n < count; n += 1) responses.push(await ask(port, options));
      return responses;
    },
  };
}

type Watching = Pick<Stand, "service" | "backend" | "until" | "untilBackend" | "assertQuiet">;

function watching(path: string): Watching {
  const rows = () => call<readonly ServiceRow[]>(path, "/v1/services");
  const service: Watching["service"] = async (name = "shop") => {
    const all = await rows();
    const found = all.find((row) => row.name === name);
    if (found === undefined) throw new Error(`no service ${name} in ${JSON.stringify(all)}`);
    return found;
  };
  const until: Watching["until"] = async (what, fits, ms = 5000) => {
    let last: ServiceRow | undefined;
    try {
      return await eventually(
        what,
        async () => {
          last = await service();
          return fits(last) ? last : undefined;
        },
        ms,
      );
    } catch (error) {
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(last)}`, { cause: error });
    }
  };
  const backendIn = (row: ServiceRow, { url }: { readonly url: string }): BackendRow => {
    const found = row.backends.find((each) => each.url === url);
    if (found === undefined) throw new Error(`no backend ${url} in ${JSON.stringify(row)}`);
    return found;
  };
  return {
    service,
    until,
    backend: async (origin, name) => backendIn(await service(name), origin),
    untilBackend: async (origin, state, ms) => {
      const fits = (row: ServiceRow) => backendIn(row, origin).state === state;
      return backendIn(await until(`backend ${origin.url} to be ${state}`, fits, ms), origin);
    },
    async assertQuiet() {
      let last = "";
      const isQuiet = async () => {
        const all = await rows();
        last = JSON.stringify(all);
        return all.every(isIdle) || undefined;
      };
      await eventually("nothing to be in flight", isQuiet).catch((error: unknown) => {
        throw new Error(`${String(error)}; last seen: ${last}`, { cause: error });
      });
    },
  };
}

function isIdle({ held, backends }: ServiceRow): boolean {
  return held === 0 && backends.every(({ inFlight, waiting }) => inFlight === 0 && waiting === 0);
}

export async function askOn(client: Client, options: AskOptions = {}): Promise<Response> {
  await client.send(requestText(options));
  const { method } = options;
  return await client.readResponse(method === undefined ? {} : { method });
}

/** A connection on which a request was sent that nobody has answered yet. */
export async function begin(port: number, options: AskOptions = {}): Promise<Client> {
  const client = await connect(port, options);
  await client.send(requestText(options));
  return client;
}

/** Which origin answered; the status when none did. */
export function originOf(response: Response): string {
  return field(response, "x-origin") || String(response.status);
}

export function statusesOf(responses: readonly Response[]): readonly number[] {
  return [...new Set(responses.map(({ status }) => status))];
}

/** How often each occurs. */
export function countsOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Asks for an answer that names its failure in the body. */
export const asJson = { headers: { Accept: "application/json" } } as const;

/** Live origins of these names, in a stack that ends them. */
export async function origins<const Names extends readonly string[]>(
  stack: AsyncDisposableStack,
  ...names: Names
): Promise<{ [K in keyof Names]: LiveOrigin }> {
  const started: LiveOrigin[] = [];
  for (const name of names) started.push(stack.use(await LiveOrigin.start(name)));
  return started as { [K in keyof Names]: LiveOrigin };
}

/** GET without a body, POST with one. */
async function call<T>(socketPath: string, path: string, body?: unknown): Promise<T> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const asked = request({
    socketPath,
    path,
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
    agent: false,
    timeout: 10_000,
  });
  asked.on("timeout", () => asked.destroy(new Error(`${path}: no answer within 10 s`)));
  asked.end(text);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let received = "";
  for await (const chunk of response) received += String(chunk);
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${received}`);
  return JSON.parse(received) as T;
}
