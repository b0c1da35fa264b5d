// The process of load-elsewhere.ts, inside the namespace: one order a line, one reply each.

import { createInterface } from "node:readline";
import type { Reply } from "./load-elsewhere.ts";
import { startLoad } from "./steady-load.ts";

const reply = (value: Reply) => void process.stdout.write(`${JSON.stringify(value)}\n`);

await using load = await startLoad();
reply({ url: load.url });
for await (const line of createInterface({ input: process.stdin })) {
  const [order, port] = line.split(" ");
  if (order === "begin") await load.begin(Number(port));
  if (order === "lap") await load.lap();
  if (order === "stop") reply({ report: await load.stop() });
  else reply(order === "report" ? { report: await load.report() } : {});
}
