// Settings of `bandwidth`.

import * as z from "zod";
import { parseSize } from "../../lib/size.ts";
import { type Context, report } from "../context.ts";
import { bandwidthLimits as limits } from "../limit-limits.ts";
import type { Path } from "../problem.ts";
import { key, mapping, mustBe, networks, parsed, sizeKey } from "../scalar.ts";
import { define, places } from "./definition.ts";
import { type ByInput, byKeys, partsOf } from "./limit-by.ts";
import type { BandwidthUse } from "./uses/limit.ts";

const remedy = "write a size with /s, such as 1MiB/s";

const speed = parsed({ what: "a size in a second", remedy }, (value, refuse) => {
  const [, written = ""] = /^(.*\S)\s*\/\s*s$/.exec(value) ?? [];
  if (written === "") return refuse(`${JSON.stringify(value)} has no /s at its end`, remedy);
  const size = parseSize(written);
  if (size.kind === "bad") return refuse(size.why, remedy);
  if (size.bytes < limits.least) return refuse("is slower than 1KiB/s", remedy);
  return size.bytes > limits.most ? refuse("is no limit", "leave it out") : size.bytes;
});

const settings = z.union(
  [
    speed.transform((down): Written => ({ down })),
    mapping({
      down: key(speed, "Towards the client: `1MiB/s`. Without it: as fast as it can."),
      up: key(speed, "From the client. Without it: as fast as it can."),
      ...byKeys("each request by itself"),
      after: sizeKey("So much of each body, either way, does not count.", 0),
      exempt: key(networks(), "Networks that are not limited."),
    }),
  ],
  { error: mustBe({ what: "a speed or a mapping", remedy }) },
);

export interface Written extends ByInput {
  readonly down?: number | undefined;
  readonly up?: number | undefined;
  readonly after?: number | undefined;
  readonly exempt?: readonly string[] | undefined;
}

export const bandwidth = define({
  kind: "bandwidth",
  summary: "So many bytes in a second.",
  settings,
  // Nearer to the client than what packs: what goes over the line is what counts.
  place: places.answer - 10,
  resolve(input: Written, context: Context, path: Path): BandwidthUse | undefined {
    const { down = 0, up = 0, by, after = 0, exempt = [] } = input;
    if (down === 0 && up === 0) {
      const message = "says no limit";
      report(context, path, { message, remedy: "write down: 1MiB/s", at: "key" });
      return undefined;
    }
    const parts = by === undefined ? undefined : partsOf(input, "all");
    return { kind: "bandwidth", down, up, by: parts, after, exempt };
  },
});
