// What a client that says hello is shown: the certificate for the name it asks for, under the options of that name, and the
// protocol; or the alert it is refused with. One for each listener and snapshot.

import type { SecureContext } from "node:tls";

import { alpnProofProtocol, type Credentials } from "../config/certificate.ts";
import { HostOptions } from "../config/host-options.ts";
import type { TlsOptions, TlsSettings } from "../config/tls-settings.ts";
import { choiceOf, isFor } from "./certificate-index.ts";
import type { CertificateIndex, Choice } from "./certificate-index.ts";
import type { ClientHello } from "./client-hello.ts";
import type { Contexts } from "./contexts.ts";

/** RFC 8446 section 6. */
export const Alert = {
  HANDSHAKE_FAILURE: 40,
  DECODE_ERROR: 50,
  INTERNAL_ERROR: 80,
  UNRECOGNIZED_NAME: 112,
  NO_APPLICATION_PROTOCOL: 120,
} as const;

export type AlertCode = (typeof Alert)[keyof typeof Alert];

export interface Shown {
  readonly context: SecureContext;
  readonly options: TlsOptions;
  /** What is agreed on; empty = the client named none. */
  readonly protocols: readonly string[];
  /** What the certificate's authority says of it, for who asks (OCSP, DER); undefined = nothing. */
  readonly staple: Buffer | undefined;
  /** It is an authority that looks whether the name leads here (RFC 8737): nothing follows the handshake. */
  readonly isChallenge: boolean;
  /** Clients may ask for this host, too, on a connection that began so (RFC 9110 section 7.4); left out = for any. */
  covers?(host: string): boolean;
}

export interface Refused {
  readonly alert: AlertCode;
  readonly why: string;
}

/** In our order. */
const spoken = ["h2", "http/1.1", "http/1.0"];
const spokenAsOne = spoken.slice(1);

export interface ChooserOptions {
  readonly settings: TlsSettings;
  readonly credentials: Credentials;
  readonly index: CertificateIndex;
  readonly contexts: Contexts;
  /** Of the listener. */
  readonly options: TlsOptions;
  /** Of the listener: HTTP/2 may be agreed on. */
  readonly isHttp2: boolean;
  /** A client asks for it. @param isKnown there is a certificate for it */
  onAsked(name: string, isKnown: boolean): void;
}

export class Chooser {
  readonly #options: ChooserOptions;
  readonly #hosts: HostOptions;
  readonly #default: Choice | undefined;

  constructor(options: ChooserOptions) {
    this.#options = options;
    const { settings, credentials, index } = options;
    this.#hosts = new HostOptions(settings.hosts, options.options);
    const { fallback } = credentials;
    const named = settings.defaultName === undefined ? undefined : index.find(settings.defaultName);
    this.#default = named ?? (fallback === undefined ? undefined : choiceOf([fallback], 0));
  }

  /** Throws what OpenSSL says when a certificate cannot be used. */
  choose(hello: ClientHello): Shown | Refused {
    const { serverName, protocols } = hello;
    if (protocols.includes(alpnProofProtocol)) return this.#prove(serverName);
    const options = this.optionsFor(serverName);
    const choice = this.#choiceFor(serverName, options);
    if ("alert" in choice) return choice;
    const all = this.#options.isHttp2 ? spoken : spokenAsOne;
    const agreed = all.filter((each) => protocols.includes(each));
    if (protocols.length > 0 && agreed.length === 0) {
      const why = `it speaks only ${protocols.join(", ")}`;
      return { alert: Alert.NO_APPLICATION_PROTOCOL, why };
    }
    const context = this.#options.contexts.of(choice, options);
    const staple = stapleOf(choice, hello);
    const covers = (host: string) =>
      host === serverName || choice.certificates.some(({ names = [] }) => isFor(host, names));
    return { context, options, protocols: agreed, staple, isChallenge: false, covers };
  }

  /**
   * For what is carried as it is: which protocol is spoken is between the client and whom it comes to.
   * @param own shown whatever name is asked for; undefined = what requests are shown
   */
  chooseForStream(hello: ClientHello, own: Choice | undefined): Shown | Refused {
    const { serverName, protocols } = hello;
    if (own === undefined && protocols.includes(alpnProofProtocol)) return this.#prove(serverName);
    const options = this.optionsFor(serverName);
    const choice = own ?? this.#choiceFor(serverName, options);
    if ("alert" in choice) return choice;
    const context = this.#options.contexts.of(choice, options);
    const staple = stapleOf(choice, hello);
    return { context, options, protocols: [], staple, isChallenge: false };
  }

  #choiceFor(name: string, { strict }: TlsOptions): Choice | Refused {
    const found = this.#options.index.find(name);
    this.#options.onAsked(name, found !== undefined);
    if (found === undefined && strict) {
      const why = name === "" ? "it names no server" : `no certificate is for ${name}`;
      return { alert: Alert.UNRECOGNIZED_NAME, why };
    }
    const choice = found ?? this.#default;
    return choice ?? { alert: Alert.INTERNAL_ERROR, why: "there is no certificate" };
  }

  /** @param name as `normaliseHost` writes it; "" = none is asked for */
  optionsFor(name: string): TlsOptions {
    return this.#hosts.of(name);
  }

  #prove(name: string): Shown | Refused {
    const { credentials, contexts } = this.#options;
    const { alpn } = credentials.challenges;
    const proof = Object.hasOwn(alpn, name) ? alpn[name] : undefined;
    if (proof === undefined) {
      return { alert: Alert.UNRECOGNIZED_NAME, why: `nothing is to be proven for ${name}` };
    }
    const context = contexts.ofProof(proof);
    const protocols = [alpnProofProtocol];
    // An authority has no certificate of a client, and gets to see nothing that would need one.
    const options = { ...this.#options.options, clientAuth: undefined };
    return { context, options, protocols, staple: undefined, isChallenge: true };
  }
}

/** OpenSSL takes the certificate of ECDSA, where there is one, for every client that knows it. */
function stapleOf({ certificates }: Choice, { knowsEcdsa }: ClientHello): Buffer | undefined {
  const kind = knowsEcdsa === true ? "ec" : "rsa";
  const shown = certificates.find((each) => each.kind === kind) ?? certificates[0];
  return shown?.staple === undefined ? undefined : Buffer.from(shown.staple, "base64");
}
