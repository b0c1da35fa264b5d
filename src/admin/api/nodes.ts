// The other programs of a fleet, as this one knows them.

import * as z from "zod";
import { type Endpoint, endpoint, noBody, noQuery } from "./endpoint.ts";
import { done } from "./reply.ts";

export const nodeEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/nodes",
    tag: "state",
    ...{ id: "nodes", role: "read", query: noQuery, body: noBody },
    summary: "The programs of the fleet, this one first",
    answer: {
      description: "As `tidegate nodes --json` prints it; null = this program is in no fleet.",
      schema: z.object({ fleet: z.record(z.string(), z.unknown()).nullable() }),
    },
    run: ({ operations }) => done({ fleet: operations.nodes() ?? null }),
  }),
];
