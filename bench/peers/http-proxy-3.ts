// http-proxy-3, the maintained fork of node-http-proxy: what most Node programs would use instead of us.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export const httpProxy3: Peer = {
  name: "http-proxy-3",
  version() {
    try {
      const file = join(projectFolder, "node_modules", "http-proxy-3", "package.json");
      return /"version": "([^"]+)"/.exec(readFileSync(file, "utf8"))?.[1];
    } catch {
      return undefined; // Not installed: dependencies for development were left out.
    }
  },
  launch(stage, origin, port) {
    return stage.launch({
      name: "http-proxy-3",
      command: process.execPath,
      args: [
        join(import.meta.dirname, "http-proxy-3-server.ts"),
        String(port),
        String(origin.port),
        stage.path("http-proxy-3-access.log"),
      ],
      core: "proxy",
      env: { NODE_ENV: "production" },
    });
  },
};
