// A service as the file says it → as the Snapshot holds it: defaults filled in, the CA file read.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { given, originOf, report } from "./context.ts";
import type { Context } from "./context.ts";
import { defaultPool, defaultRetry } from "./limits.ts";
import type { Path } from "./problem.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { Service } from "./snapshot.ts";

export function resolveService(
  context: Context,
  name: string,
  input: ServiceInput,
  path: Path,
): Service {
  context.serviceTimeouts.set(name, given(input.timeouts));
  return {
    name,
    origin: originOf(context, path),
    backends: input.backends,
    balance: input.balance ?? "round-robin",
    host: input.host ?? "keep",
    pool: { ...defaultPool, ...given(input.pool) },
    tls: {
      verify: input.tls?.verify ?? true,
      ca: input.tls?.ca === undefined ? undefined : readCa(context, input.tls.ca, path),
      serverName: input.tls?.serverName,
    },
    retry: { ...defaultRetry, ...given(input.retry) },
  };
}

// Read here, once: workers get the text, and a file that vanishes later harms nobody.
function readCa(context: Context, file: string, path: Path): string | undefined {
  const place = resolve(context.baseFolder, file);
  try {
    const pem = readFileSync(place, "utf8");
    if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
    report(context, [...path, "tls", "ca"], { message: `${place} holds no PEM certificate` });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report(context, [...path, "tls", "ca"], { message: `cannot be read: ${why}` });
  }
  return undefined;
}
