// What is asked about services and their backends. A path names the action and the body names what it is
// for: a name may be any text and a backend is a URL, and in a path both would have to be escaped, which
// every client does a little differently.

import type { Context } from "hono";
import type * as z from "zod";
import type { App } from "./app.ts";
import type { Operations, Outcome } from "./operations.ts";
import { answer, badRequest, refuse } from "./problem-answer.ts";
import { body } from "./request-body.ts";
import {
  backendTarget,
  purgeTarget,
  readTarget,
  releaseTarget,
  serviceTarget,
  switchTarget,
} from "./service-target.ts";

const service = "shop";
const backend = "http://10.0.0.1:80";

export function addServices(app: App, operations: Operations): void {
  app.get("/v1/services", async (c) => c.json(await operations.services()));
  app.post(
    "/v1/services/pause",
    order(serviceTarget, { service }, (target) => operations.pause(target.service)),
  );
  app.post(
    "/v1/services/resume",
    order(releaseTarget, { service, backend }, (target) =>
      operations.release(target.service, target.backend),
    ),
  );
  app.post(
    "/v1/services/drain",
    order(backendTarget, { service, backend }, (target) =>
      operations.drainBackend(target.service, target.backend),
    ),
  );
  app.post(
    "/v1/services/maintenance",
    order(switchTarget, { service, on: true }, (target) =>
      operations.setMaintenance(target.service, target.on),
    ),
  );
  app.post(
    "/v1/cache/purge",
    order(purgeTarget, { kind: "url", value: "https://a.example/" }, (target) =>
      operations.purgeCache(target),
    ),
  );
  app.post("/v1/alert/test", async (c) => {
    const outcome = await operations.testAlert();
    const { ok, message, channels } = outcome;
    if (ok || channels.length === 0) return answer(c, outcome);
    // The fault is somebody else's, and which one's is what the caller wants to know.
    return refuse(c, { status: 502, title: "Not delivered", detail: message, channels });
  });
}

function order<T>(
  schema: z.ZodType<T>,
  example: Readonly<Record<string, unknown>>,
  perform: (target: T) => Promise<Outcome>,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const reading = readTarget(await body(c), schema, example);
    if (reading.kind === "bad") return badRequest(c, reading.why);
    return answer(c, await perform(reading.target));
  };
}
