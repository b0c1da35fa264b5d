// Users of a middleware: those of the settings, and those of a file that is kept fresh.

import { hashCost } from "../config/auth-limits.ts";
import type { DocumentWish, LiveDocument } from "../config/documents.ts";
import type { UserHash } from "../config/middlewares/uses/auth.ts";
import { readUserList, type UserList, type UserListForm } from "../lib/user-list.ts";
import type { MiddlewareApi } from "./middleware.ts";

interface Written {
  readonly users: readonly UserHash[];
  readonly documents: readonly DocumentWish[];
}

export class Users {
  readonly #written: readonly UserHash[];
  readonly #file: string | undefined;
  readonly #form: UserListForm;
  readonly #api: Pick<MiddlewareApi, "document">;
  #list: UserList;
  /** What the list was made of. */
  #made: LiveDocument | undefined;

  constructor(
    { users, documents }: Written,
    form: UserListForm,
    api: Pick<MiddlewareApi, "document">,
  ) {
    this.#written = users;
    this.#file = documents[0]?.name;
    this.#form = form;
    this.#api = api;
    this.#list = new Map(users);
  }

  /** The same as long as nothing changed; undefined = the file could not be had yet. */
  get list(): UserList | undefined {
    if (this.#file === undefined) return this.#list;
    const document = this.#api.document(this.#file);
    if (document === undefined) return undefined;
    if (document !== this.#made) {
      const read = readUserList(document.text, this.#form, hashCost);
      this.#list = new Map([...read, ...this.#written]);
      this.#made = document;
    }
    return this.#list;
  }
}
