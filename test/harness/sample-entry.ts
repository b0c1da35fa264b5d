// One request and what became of it, as tests of what is made of such vary it.

import type { TrafficEntry } from "../../src/traffic/entry.ts";

export const sampleEntry: TrafficEntry = {
  ...{ time: 0, id: "", listener: "web", client: "127.0.0.1", method: "GET", scheme: "http" },
  ...{ protocol: "HTTP/1.1", host: "a.test", target: "/", route: "a", service: "", backend: "" },
  ...{ status: 200, failure: "", requestBytes: 0, bytes: 0, duration: 1, backendTime: 1 },
  ...{ attempts: 1, userAgent: "" },
};
