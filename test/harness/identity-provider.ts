// A real provider of OpenID Connect (the package oidc-provider) with two people: `ann`, who is an admin, and `bob`. Its pages
// ask for a name and take any password.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import OidcProvider from "oidc-provider";

export interface IdentityProvider extends AsyncDisposable {
  /** As it calls itself. */
  readonly issuer: string;
  /** Exchanges of codes that came so far. */
  readonly redeemed: number;
  /** Nobody answers any more. */
  stop(): Promise<void>;
}

interface Options {
  readonly redirectUris: readonly string[];
  readonly afterLogout?: readonly string[];
  /** Address that it listens at, and browsers find it by. */
  readonly port: number;
  readonly host?: string;
}

export const client = { id: "tidegate", secret: "a-secret-of-the-test+with/odd=signs" };

const people: Readonly<Record<string, { name: string; groups: readonly string[] }>> = {
  ann: { name: "Ann Ähre", groups: ["admins", "staff"] },
  bob: { name: "Bob", groups: ["staff"] },
};

export async function identityProvider(options: Options): Promise<IdentityProvider> {
  const { port, host = "localhost", redirectUris, afterLogout = [] } = options;
  const issuer = `http://${host}:${port}`;
  const provider = new OidcProvider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [...redirectUris],
        post_logout_redirect_uris: [...afterLogout],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, ...people[id] }),
    }),
    claims: { openid: ["sub"], profile: ["name", "groups"] },
    // Claims of scopes are in the token, too.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["of the test"] },
    ttl: { Session: 3600, Grant: 3600, AccessToken: 300, IdToken: 300, Interaction: 600 },
  });
  let redeemed = 0;
  provider.on("grant.success", () => redeemed++);
  const server: Server = createServer(provider.callback());
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const stop = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  return {
    issuer,
    get redeemed() {
      return redeemed;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
