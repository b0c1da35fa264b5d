// What `import … from "tidegate/http-proxy"` gives: http-proxy's API, for programs that were written for it.

import type { ServerOptions } from "./http-proxy/options.ts";
import { ProxyServer } from "./http-proxy/server.ts";

export { ProxyServer };
export type { ProxyTarget, ServerOptions, TargetDetails } from "./http-proxy/options.ts";
export type { ErrorCallback, ProxyEvents } from "./http-proxy/events.ts";
export type { ProxyRequest } from "./http-proxy/proxy-request.ts";
export type { ProxyResponse } from "./http-proxy/proxy-response.ts";
export { ProxyError } from "./http-proxy/error.ts";

/** @throws TypeError when an option cannot be done, or a target is none */
export function createProxyServer(options: ServerOptions = {}): ProxyServer {
  return new ProxyServer(options);
}

/** Other names of it. */
export { createProxyServer as createProxy, createProxyServer as createServer };
