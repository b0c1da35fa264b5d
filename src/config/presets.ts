// What `preset: NAME` stands for, in the words of the file. Whatever is said beside it wins, key by key. `fastcgi` is also
// what a program is told that is asked by `scgi` or `uwsgi` instead.

import { hiddenBesideProgram } from "./files.ts";

export const presetNames = ["php", "wordpress", "ttrss", "seafile", "django"] as const;

export type PresetName = (typeof presetNames)[number];

type Words = Readonly<Record<string, unknown>>;

export interface Preset {
  /** Counts where `files` is said, or has a root here. */
  readonly files: Words;
  /** Counts where a program is said, or has `backends` here. */
  readonly fastcgi: Words;
  readonly timeouts?: Words;
}

/** Where Debian and its relatives have it; the name leads to the one version that is installed. */
const phpSocket = "unix:/run/php/php-fpm.sock";

/** What lies about in folders of applications, and is read by nobody but them and whoever looks for it. */
const leftovers = ["*.bak", "*.old", "*.orig", "*.sql", "*.swp", "*~"];

export const presets: Readonly<Record<PresetName, Preset>> = {
  php: {
    files: {
      root: "/var/www/html",
      index: ["index.php", "index.html"],
      hidden: [".*", ...leftovers],
    },
    fastcgi: { backends: phpSocket, extensions: [".php"] },
  },
  // https://developer.wordpress.org/advanced-administration/server/web-server/nginx/
  wordpress: {
    files: {
      root: "/usr/share/wordpress",
      index: ["index.php"],
      try: ["$path", "$path/", "/index.php?$query"],
      hidden: [".*", ...leftovers, "debug.log", "error_log"],
    },
    fastcgi: {
      backends: phpSocket,
      extensions: [".php"],
      neverIn: ["/wp-content/uploads", "/wp-content/files"],
      // It offers addresses without index.php only where it thinks that it knows who rewrites them.
      params: { SERVER_SOFTWARE: "tidegate, as nginx" },
    },
  },
  ttrss: {
    files: {
      root: "/usr/share/tt-rss/www",
      index: ["index.php"],
      // What it keeps, and what only it reads.
      hidden: [".*", ...leftovers, "cache", "lock", "backups", "schema", "utils", "templates"],
    },
    fastcgi: { backends: phpSocket, extensions: [".php"] },
  },
  // Seahub is a Django application; a library is copied within one request.
  seafile: {
    files: { hidden: [...hiddenBesideProgram, ...leftovers] },
    fastcgi: { extensions: [] },
    timeouts: { response: "1200s" },
  },
  django: {
    files: { hidden: [...hiddenBesideProgram, ...leftovers] },
    fastcgi: { extensions: [] },
  },
};
