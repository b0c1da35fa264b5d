// `tidegate logs` with a filter: requests as they end, or without --follow those that failed or were slow. Over an upgrade
// it goes on with the new primary, as the log does.

import { noAnswerTo, problemOf } from "./traffic-answer.ts";
import { askControl } from "../admin/control-client.ts";
import { readEntry } from "../traffic/read-entry.ts";
import type { TrafficEntry } from "../traffic/entry.ts";
import { type Colour, isColoured, paint } from "./paint.ts";
import { plain, plainJson } from "./plain.ts";
import { type CommandOptions, noAnswer, placeOf } from "./running.ts";
import { pidOf, successorOf } from "./successor.ts";
import { shortLatency, shortSize } from "./units.ts";

/** As the API takes them, by name. */
export type TrafficWish = Readonly<Record<string, string>>;

/** Returns the exit code. */
export async function trafficLog(
  wish: TrafficWish,
  options: CommandOptions & { readonly follow: boolean },
): Promise<number> {
  process.stdout.on("error", () => process.exit(0));
  const path = placeOf(options);
  const isJson = options.json || !process.stdout.isTTY;
  const query = new URLSearchParams({ ...wish, follow: String(options.follow) });
  for (;;) {
    const pid = await pidOf(path);
    const answer = await askControl(path, {
      route: `/api/v1/traffic?${query.toString()}`,
      onLine: (line) => print(line, isJson),
    });
    const isCut = answer.kind === "lost" && options.follow;
    if (answer.kind !== "answer" && !isCut) throw noAnswer(path, answer);
    if (answer.kind === "answer" && answer.status !== 200) throw noAnswerTo(problemOf(answer));
    if (!options.follow) return 0;
    const now = await successorOf(path, pid);
    if (now === undefined) {
      process.stderr.write("the program has ended\n");
      return 0;
    }
    if (now === pid && answer.kind !== "answer") throw noAnswer(path, answer);
  }
}

function print(line: string, isJson: boolean): void {
  if (line === "") return;
  if (isJson) {
    process.stdout.write(`${plainJson(line)}\n`);
    return;
  }
  const read = readEntry(line);
  if (read === undefined) return;
  if (read.kind === "entry") process.stdout.write(`${lineOf(read.entry)}\n`);
  else process.stderr.write(`${read.count} more were not shown\n`);
}

export function lineOf(entry: TrafficEntry): string {
  const out = process.stdout;
  const time = new Date(entry.time).toTimeString().slice(0, 8);
  const { status, failure, route, backend } = entry;
  const answered = `${String(status).padStart(3)} ${failure}`.trimEnd();
  const way = [route, backend].filter((each) => each !== "").join(" → ");
  const parts = [
    paint(out, "grey", time),
    paint(out, colourOf(entry), answered),
    plain(entry.method).padEnd(4),
    plain(`${entry.scheme}://${entry.host}${entry.target}`),
    shortLatency(entry.duration) || "0 ms",
    shortSize(entry.bytes),
    paint(out, "grey", plain(way)),
    paint(out, "grey", plain(entry.client)),
  ];
  const text = parts.filter((each) => each !== "").join("  ");
  return isColoured(out) ? text : text.trimEnd();
}

function colourOf({ status, failure }: TrafficEntry): Colour {
  if (failure !== "" || status >= 500) return "red";
  if (status >= 400) return "yellow";
  return status >= 300 ? "grey" : "green";
}
