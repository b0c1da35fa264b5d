// Who answers the challenges of a certificate authority in tests of the client alone: real servers for http-01 and
// tls-alpn-01 on the ports where the authority looks.

import { createServer } from "node:http";
import { once } from "node:events";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import { alpnProofProtocol, httpProofPath } from "../../src/config/certificate.ts";
import { alpnCertificate } from "../../src/x509/issue-certificate.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";

export interface HttpAnswers extends AsyncDisposable {
  /** Key authorisations by token. */
  readonly answers: Map<string, string>;
  /** Hosts that were asked for. */
  readonly asked: string[];
}

export async function answerHttp(port: number): Promise<HttpAnswers> {
  const answers = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.host ?? "");
    const { url = "" } = request;
    const answer = url.startsWith(httpProofPath)
      ? answers.get(url.slice(httpProofPath.length))
      : undefined;
    if (answer === undefined) response.writeHead(404).end();
    else response.end(answer);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    answers,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export interface TlsAnswers extends AsyncDisposable {
  /** The name and the digest by server name. */
  readonly answers: Map<string, readonly [name: string, digest: Buffer]>;
}

export async function answerTls(port: number): Promise<TlsAnswers> {
  const answers = new Map<string, readonly [string, Buffer]>();
  const key = newKey();
  const server = createTlsServer({
    ALPNProtocols: [alpnProofProtocol],
    SNICallback(serverName, done) {
      const answer = answers.get(serverName);
      if (answer === undefined) return done(new Error(`nothing to be shown for ${serverName}`));
      const [name, digest] = answer;
      const cert = alpnCertificate(name, digest, key);
      return done(null, createSecureContext({ cert, key: keyPem(key) }));
    },
  });
  server.on("secureConnection", (socket) => socket.on("error", () => {}).end());
  server.on("tlsClientError", () => {});
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    answers,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}
