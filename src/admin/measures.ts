// Numbers of what runs, as those who look on get them: sums, rates of the last seconds, and a short history. The
// schemas are what the API document shows.

import * as z from "zod";

const ms = z.number().meta({ description: "Milliseconds; 0 = nothing was measured." });
const rate = z.number().meta({ description: "For each second of the window." });

const point = z.object({
  at: z.number().meta({ description: "Milliseconds since 1970." }),
  ...{ requests: rate, errors: rate, bytesIn: rate, bytesOut: rate, p50: ms, p90: ms, p99: ms },
  ...{ connections: z.number(), exchanges: z.number(), tunnels: z.number() },
});

const row = {
  ...{
    rate,
    errorRate: rate.meta({
      description:
        "Of answers with 5xx, for each second; of services and backends also of those that gave none.",
    }),
  },
  open: z.number().meta({ description: "What it carries now." }),
  total: z.number().meta({ description: "Since the primary began." }),
};

const routeRow = z.object({ name: z.string(), ...row, p50: ms, p99: ms });

const serviceRow = z.object({ ...routeRow.shape });

const backendRow = z.object({
  ...{ service: z.string(), url: z.string(), ...row },
  waiting: z.number().meta({ description: "Requests that wait for a connection." }),
});

const workerRow = z.object({
  slot: z.number(),
  pid: z.number(),
  state: z.enum(["starting", "live", "leaving"]),
  memory: z.number().meta({ description: "Resident bytes." }),
  ...{ connections: z.number(), exchanges: z.number(), tunnels: z.number(), rate },
  busy: z.number().meta({ description: "Part of its time that its event loop is busy, 0 to 1." }),
  lag: ms,
});

export const measured = z.object({
  at: z.string().meta({ description: "ISO 8601." }),
  seconds: z.number().meta({ description: "The window that rates of rows are of." }),
  uptime: z.number().meta({ description: "Milliseconds since this primary began." }),
  totals: z.object({
    requests: z.number().meta({ description: "That are over, since the primary began." }),
    errors: z.number().meta({ description: "Those of them answered 5xx." }),
    rates: z.object({ requests: rate, errors: rate, bytesIn: rate, bytesOut: rate }),
    status: z
      .record(z.string(), z.number())
      .meta({ description: "Rates by `1xx` … `5xx`, and `none` for no answer." }),
    ...{ connections: z.number(), exchanges: z.number(), tunnels: z.number() },
    ...{ p50: ms, p90: ms, p99: ms },
  }),
  history: z.array(point).meta({ description: "A point for each second, the oldest first." }),
  routes: z.array(routeRow).meta({ description: "The busiest first." }),
  services: z.array(serviceRow).meta({ description: "The busiest first." }),
  backends: z.array(backendRow).meta({ description: "The busiest first." }),
  workers: z.array(workerRow),
});

export type Measured = z.output<typeof measured>;
export type MeasuredPoint = z.output<typeof point>;
export type MeasuredRoute = z.output<typeof routeRow>;
export type MeasuredBackend = z.output<typeof backendRow>;
export type MeasuredWorker = z.output<typeof workerRow>;

export interface MeasuresWish {
  /** Routes, services and backends, of each at most. */
  readonly rows: number;
  /** Seconds of the history. */
  readonly history: number;
}

/** What is measured of the running program. */
export interface Measures {
  now(wish: MeasuresWish): Measured;
  /**
   * Tells it every second, as JSON, until the function that it returns is called. @param rows as of a wish
   * @returns undefined when too many follow already
   */
  follow(rows: number, listener: (text: string) => void): (() => void) | undefined;
  /** As Prometheus reads it. */
  exposition(): Promise<string>;
}

/** As another version may say it: undefined when it cannot be understood. */
export function readMeasured(body: unknown): Measured | undefined {
  return measured.safeParse(body).data;
}
