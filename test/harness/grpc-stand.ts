// The real program between clients and servers of grpc-js, in every pairing: with and without TLS on either side.

import { writeFile } from "node:fs/promises";
import { GrpcClient, type GrpcServer, grpcServer } from "./grpc.ts";
import { issued, issuer, trustedRoot } from "./issued.ts";
import { tempFolder } from "./temp-folder.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";

export interface Pairing {
  readonly what: string;
  /** Of the route. */
  readonly host: string;
  readonly isSecure: boolean;
}

export const pairings: readonly Pairing[] = [
  { what: "TLS, then HTTP/2 in the clear", host: "plain.test", isSecure: true },
  { what: "TLS, then TLS", host: "secure.test", isSecure: true },
  { what: "in the clear on both sides", host: "plain.test", isSecure: false },
  { what: "in the clear, then TLS", host: "secure.test", isSecure: false },
];

export interface GrpcStand extends AsyncDisposable {
  readonly program: Tidegate;
  /** Behind plain.test. */
  readonly plain: GrpcServer;
  /** Behind secure.test, over TLS. */
  readonly secure: GrpcServer;
  readonly config: Record<string, unknown>;
  client(pairing: Pairing, options?: Record<string, number>): GrpcClient;
  /** The server of a pairing. */
  server(pairing: Pairing): GrpcServer;
}

type Settings = Record<string, unknown>;

/** @param more of the configuration, by the URL of the backend of plain.test; routes come beside those for the pairings */
export async function grpcStand(
  more: (plainUrl: string) => {
    readonly routes?: Settings;
    readonly [key: string]: unknown;
  } = () => ({}),
): Promise<GrpcStand> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const { cert, key } = issued(["plain.test", "secure.test", "other.test", "127.0.0.1"]);
  const chain = `${cert}${issuer}`;
  const files = { "front.pem": chain, "front.key": key, "root.pem": trustedRoot };
  for (const [name, text] of Object.entries(files)) await writeFile(folder.file(name), text);
  const plain = stack.use(await grpcServer({ name: "plain" }));
  const secure = stack.use(await grpcServer({ name: "secure", tls: { key, cert: chain } }));
  const plainUrl = `h2c://127.0.0.1:${plain.port}`;
  const { routes = {}, ...settings } = more(plainUrl);
  const config = {
    listeners: {
      secure: { bind: "127.0.0.1:0", tls: true },
      inside: { bind: "127.0.0.1:0", h2c: true },
    },
    tls: { certificates: { cert: folder.file("front.pem"), key: folder.file("front.key") } },
    routes: {
      "plain.test": plainUrl,
      "secure.test": {
        service: {
          backends: [`https://127.0.0.1:${secure.port}`],
          tls: { ca: folder.file("root.pem") },
        },
      },
      ...routes,
    },
    ...settings,
  };
  const program = stack.use(await startTidegate({ config }));
  const held = stack.move();
  return {
    program,
    plain,
    secure,
    config,
    client: ({ host, isSecure }, options = {}) =>
      isSecure
        ? new GrpcClient(program.port("secure"), host, trustedRoot, options)
        : new GrpcClient(program.port("inside"), host, undefined, options),
    server: ({ host }) => (host === "plain.test" ? plain : secure),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
