// Guards: what a file costs in CPU, and what a script of PHP costs beside PHP itself, side by side with nginx and Caddy.

import { filePeers, programPeers } from "../peers/sites.ts";
import { short, throughput, unjudged } from "./throughput.ts";

export const files = throughput({
  name: "files",
  claim: "files of 1 kB, 64 keep-alive connections: at most 1.5 times nginx's CPU per request",
  path: "/1k.html",
  peers: filePeers,
  mostToNginx: 1.5,
});

export const filesMedium = throughput({
  name: "files-medium",
  claim: "files of 100 kB, 64 keep-alive connections: at most 1.5 times nginx's CPU per request",
  path: "/100k.html",
  peers: filePeers,
  mostToNginx: 1.5,
});

export const fastcgi = throughput({
  name: "fastcgi",
  claim:
    "128 bytes of a PHP script over FastCGI, 64 keep-alive connections: at most 1.3 times nginx's CPU per request",
  path: "/echo.php",
  peers: programPeers,
  hasProgram: true,
  mostToNginx: 1.3,
});

export const smokeFiles = throughput({
  name: "smoke-files",
  claim: unjudged,
  path: "/1k.html",
  peers: filePeers,
  fixed: { ...short, rounds: 1 },
});

export const smokeFastcgi = throughput({
  name: "smoke-fastcgi",
  claim: unjudged,
  path: "/echo.php",
  peers: programPeers,
  hasProgram: true,
  fixed: { ...short, rounds: 1 },
});
