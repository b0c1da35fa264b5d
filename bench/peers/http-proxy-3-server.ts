// The smallest server around http-proxy-3 that does the same work as the other peers: keep-alive to the
// origin, X-Forwarded-*, and a combined log line per request, gathered and written in blocks.
// Arguments: own port, the origin's port, the log's path.

import { createWriteStream } from "node:fs";
import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

const [port = "", originPort = "", logPath = ""] = process.argv.slice(2);
const logBlockLength = 65_536;

const log = createWriteStream(logPath, { flags: "a" });
let lines = "";

const proxy = createProxyServer({
  target: `http://127.0.0.1:${originPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
  xfwd: true,
});
proxy.on("error", (_error, _request, response) => {
  if ("writeHead" in response && !response.headersSent) response.writeHead(502);
  response.end();
});

const server = createServer((request, response) => {
  const address = request.socket.remoteAddress ?? "-";
  request.headers["x-real-ip"] = address;
  response.on("finish", () => {
    const length = String(response.getHeader("content-length") ?? "-");
    lines +=
      `${address} - - [${new Date().toISOString()}] "${request.method} ${request.url} HTTP/1.1" ` +
      `${response.statusCode} ${length} "${request.headers.referer ?? "-"}" ` +
      `"${request.headers["user-agent"] ?? "-"}"\n`;
    if (lines.length >= logBlockLength) flush();
  });
  proxy.web(request, response);
});

function flush(): void {
  if (lines !== "") log.write(lines);
  lines = "";
}

setInterval(flush, 1000);
server.keepAliveTimeout = 600_000;
server.listen(Number(port), "127.0.0.1", 4096);
process.on("SIGTERM", () => process.exit(0));
