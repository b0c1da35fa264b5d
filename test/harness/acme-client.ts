// The ACME client as tests of it use it: with an account of its own, and everything that it wants kept at hand.

import assert from "node:assert/strict";
import type { AccountOptions, AccountState } from "../../src/acme/account.ts";
import { AcmeClient } from "../../src/acme/acme-client.ts";
import { AcmeError } from "../../src/acme/acme-error.ts";
import type { Challenge, Order } from "../../src/acme/order.ts";
import { certificateRequest } from "../../src/x509/certificate-request.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";

export interface KeptClient {
  readonly client: AcmeClient;
  /** Everything that was given to be kept, in order. */
  readonly states: AccountState[];
}

export function clientOf(
  authority: { readonly directory: string; readonly ca: string },
  changes: Partial<AccountOptions> = {},
): KeptClient {
  const states: AccountState[] = [];
  const client = new AcmeClient({
    directory: authority.directory,
    who: "Pebble",
    place: "t.yaml:1",
    trust: { ca: authority.ca, certificate: undefined, key: undefined },
    account: {
      state: { keyPem: keyPem(newKey()) },
      contact: ["mailto:a@example.test"],
      termsAgreed: true,
      binding: undefined,
      keep: async (state) => void states.push(state),
      ...changes,
    },
  });
  return { client, states };
}

export interface Proving {
  readonly kind: Challenge["type"];
  /** Puts the answer for a name where the authority looks. */
  show(name: string, token: string): Promise<void> | void;
  readonly signal: AbortSignal;
}

/** All of it: order, proofs, certificate. */
export async function obtain({ orders }: AcmeClient, names: readonly string[], proving: Proving) {
  return finish(orders, await orders.place(names, {}, proving.signal), proving);
}

/** What comes after the order. */
export async function finish(
  orders: AcmeClient["orders"],
  order: Order,
  { kind, show, signal }: Proving,
) {
  const authorizations = await orders.authorizations(order, signal);
  for (const { name, status, challenges } of authorizations) {
    if (status === "valid") continue;
    const challenge = challenges.find(({ type }) => type === kind) ?? assert.fail(`no ${kind}`);
    await show(name, challenge.token);
    await orders.ready(challenge, signal);
  }
  await orders.proven(authorizations, signal);
  const key = newKey();
  const request = certificateRequest({ key, names: order.names });
  const done = await orders.finalize(order, request, signal);
  const { chain } = await orders.certificate(done, { key }, signal);
  return { chain, key, order: done, authorizations };
}

export async function refusalOf(promise: Promise<unknown>): Promise<AcmeError> {
  const error: unknown = await promise.then(
    () => assert.fail("nothing was refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AcmeError, error instanceof Error ? error.stack : String(error));
  return error;
}
