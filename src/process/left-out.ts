// A file whose certificate was replaced by one that is not for all of its names: for those that routes still have, what was there
// before is shown on, and that is said. It is forgotten when another certificate is for them, when it ends, and with its file.

import type { HeldCertificate } from "../certificates/certificate-file.ts";
import type { Certificate } from "../config/certificate.ts";
import type { NeededNames } from "./needed-names.ts";

export class LeftOut {
  #before: readonly HeldCertificate[] = [];
  #kept: readonly HeldCertificate[] = [];

  /**
   * @param held what is in files now
   * @param others certificates from elsewhere
   * @returns those that are shown on
   */
  of(
    held: readonly HeldCertificate[],
    others: readonly Certificate[],
    needed: NeededNames,
  ): readonly HeldCertificate[] {
    if (held !== this.#before) {
      const now = new Set(held.map(({ certificate }) => certificate.id));
      const paths = new Set(held.map(({ certificate }) => certificate.origin.place));
      this.#kept = [...this.#before, ...this.#kept].filter(
        ({ certificate: { id, origin } }) => !now.has(id) && paths.has(origin.place),
      );
      this.#before = held;
    }
    if (this.#kept.length === 0) return this.#kept;
    const time = Date.now();
    const all = [...held.map(({ certificate }) => certificate), ...others];
    const covered = new Set(
      all.filter(({ notAfter }) => time < notAfter).flatMap(({ names }) => names),
    );
    this.#kept = this.#kept.flatMap((each): HeldCertificate[] => {
      const { names, notAfter } = each.certificate;
      const lost = needed
        .amongst(names)
        .filter((name) => !covered.has(name) && !covered.has(starOver(name)));
      if (lost.length === 0 || time >= notAfter) return [];
      for (const name of names) covered.add(name);
      return [{ ...each, refused: sentence(lost) }];
    });
    return this.#kept;
  }
}

function starOver(name: string): string {
  return `*${name.slice(name.indexOf("."))}`;
}

function sentence([first = "", ...others]: readonly string[]): string {
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `what is in the file now is not for ${first}${more}, which a route needs: what was there before is shown on for that; put one there that is for it, or take the route away`;
}
