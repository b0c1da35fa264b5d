// Networks that have names: those that never reach the internet, and proxies that publish where they are.

import { urlWish, type DocumentForm } from "./documents.ts";
import type { TrustedList } from "./snapshot.ts";

const loopback = ["127.0.0.0/8", "::1"];

/** Words that stand for networks. 100.64.0.0/10 is not among them: strangers are there, too. */
const namedNetworks: Readonly<Record<string, readonly string[]>> = {
  loopback,
  // RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.4
  private: [
    ...loopback,
    ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
    ...["fc00::/7", "fe80::/10"],
  ],
};

/** What counts until they could be asked for, which is once a day. */
const cloudflare = [
  {
    url: "https://www.cloudflare.com/ips-v4",
    networks: [
      ...["173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22"],
      ...["141.101.64.0/18", "108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20"],
      ...["197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13"],
      ...["104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22"],
    ],
  },
  {
    url: "https://www.cloudflare.com/ips-v6",
    networks: [
      ...["2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32"],
      ...["2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32"],
    ],
  },
];

const published: Readonly<Record<string, typeof cloudflare>> = { cloudflare };

const day = 24 * 60 * 60_000;

/** Lists that are kept fresh under this name; undefined = there is no such name. */
export function publishedLists(word: string, form: DocumentForm): TrustedList[] | undefined {
  if (!Object.hasOwn(published, word)) return undefined;
  return published[word]?.map(({ url, networks }) => {
    return { wish: urlWish(form, url, day), builtIn: networks };
  });
}

/** Plain networks of this name; undefined = there is no such name. */
export function networksNamed(word: string): readonly string[] | undefined {
  return Object.hasOwn(namedNetworks, word) ? namedNetworks[word] : undefined;
}

export const networkWords: readonly string[] = [
  ...Object.keys(namedNetworks),
  ...Object.keys(published),
];
