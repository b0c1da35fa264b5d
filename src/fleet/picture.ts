// All that a fleet shares, as it stands in etcd and as this node hears of it: who is there, what is dead and
// ordered, and the secret of cookies.

import type { FleetSettings } from "../config/fleet-settings.ts";
import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { Keyspace } from "../etcd/keyspace.ts";
import type { Change } from "../etcd/member.ts";
import type { Log } from "../lib/log.ts";
import { readFleetKey } from "./fleet-keys.ts";
import { MarkBook, type SharedMark, type ShownMark } from "./mark-book.ts";
import { type Obeying, OrderBook } from "./order-book.ts";
import { Roll } from "./roll.ts";

export interface PictureUser {
  readonly settings: FleetSettings;
  readonly log: Log;
  readonly obeying: Obeying;
  /** All that other nodes found dead, of those that are there. */
  onMarks(marks: readonly SharedMark[]): void;
  /** Somebody else found that a backend lives, before its mark was over. */
  onTakenBack(service: string, backend: string): void;
  /** What all make cookies with. */
  onSecret(secret: string): void;
}

export class Picture {
  readonly #user: PictureUser;
  readonly #settings: FleetSettings;
  readonly keys = new Keyspace(limits);
  readonly orders: OrderBook;
  readonly marks: MarkBook;
  readonly roll = new Roll();
  #secret = "";

  /** @param user with the id of this node */
  constructor(user: PictureUser & { readonly id: string }) {
    this.#user = user;
    this.#settings = user.settings;
    this.orders = new OrderBook(user.obeying);
    this.marks = new MarkBook(user.id);
  }

  get hasSecret(): boolean {
    return this.#secret !== "";
  }

  /** @returns whether there is anything to tell */
  shown(mark: ShownMark): boolean {
    const isNews = this.marks.shown(mark);
    if (isNews) this.#passOnMarks();
    return isNews;
  }

  /** @param changes undefined = all was listed */
  learn(changes: readonly Change[] | undefined): void {
    if (changes === undefined) this.#load();
    else for (const each of changes) this.#change(each);
    const { prefix } = this.#settings.server;
    const isAboutOrders = ({ key }: Change) => key.startsWith(`${prefix}orders/`);
    if (changes?.every(isAboutOrders) !== true) this.#passOnMarks();
  }

  /** A node that has left, or is not heard of, vouches for nothing. */
  #passOnMarks(): void {
    this.#user.onMarks(this.marks.others.filter(({ by }) => this.roll.has(by)));
  }

  #load(): void {
    const { prefix } = this.#settings.server;
    const { left, wentBack } = this.keys;
    if (left > 0)
      this.#user.log.warn("the fleet has too many keys: some are left alone", { prefix, left });
    if (wentBack !== undefined)
      this.#user.log.warn("etcd has lost data; orders in force here are written again", { prefix });
    const read = [...this.keys.entries()].flatMap(({ key, value: text, revision }) => {
      const found = readFleetKey(key.slice(prefix.length));
      return found === undefined ? [] : [{ ...found, text, revision }];
    });
    this.roll.load(read.filter((each) => each.kind === "node"));
    this.marks.load(read.filter((each) => each.kind === "dead"));
    this.orders.load(read.filter((each) => each.kind === "order"));
    const secret = read.find(({ kind }) => kind === "secret");
    this.#secret = "";
    if (secret !== undefined) this.#takeSecret(secret.text);
  }

  #change({ key, value: text, revision }: Change): void {
    const found = readFleetKey(key.slice(this.#settings.server.prefix.length));
    switch (found?.kind) {
      case undefined:
        break;
      case "node":
        this.roll.change(found.name, text);
        if (found.name === this.#settings.node && text === undefined) {
          throw new Error("somebody removed what says that this node is there");
        }
        break;
      case "dead":
        if (this.marks.change({ ...found, text, revision })) {
          this.#user.onTakenBack(found.service, found.backend);
        }
        break;
      case "order":
        this.orders.change(found.order, text, revision);
        break;
      case "secret":
        this.#takeSecret(text ?? "");
    }
  }

  #takeSecret(text: string): void {
    // What is removed, or is none, changes nothing: cookies stay as they are.
    if (!/^[0-9a-f]{64}$/.test(text)) return;
    this.#secret = text;
    this.#user.onSecret(text);
  }
}
