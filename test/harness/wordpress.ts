// WordPress as Debian packages it, in a container that has PHP (php-fpm on a socket in its `/run`) and MariaDB and
// no web server. The code is in `/usr/share/wordpress`, what is its own in `/var/lib/wordpress`, with links from
// there to here. Not installed yet: that is what its first page is for.

import { chmod, cp } from "node:fs/promises";
import { runCommand } from "./command.ts";
import { giveTo, type LxcApp, lxcAppNeeds, makeLxcApp, textOf } from "./lxc-app.ts";
import type { LxcHost } from "./lxc-host.ts";
import { findCommand } from "./needs.ts";
import { phpNeeds, phpPlaces, phpProgram, phpSettings, phpSocket } from "./recipe-php.ts";

/** What a test that uses it needs, besides root. */
export const wordPressNeeds = [
  ...lxcAppNeeds,
  ...phpNeeds,
  ...["mariadbd", "mariadb-install-db", "mariadb"],
  "/usr/share/wordpress/wp-load.php",
  "/usr/share/wordpress/wp-content/themes/twentytwentythree/style.css",
] as const;

const password = "of no use to anybody";

const settings = `<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', '${password}');
define('DB_HOST', 'localhost');
define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTH_KEY', 'not-a-secret-1');
define('SECURE_AUTH_KEY', 'not-a-secret-2');
define('LOGGED_IN_KEY', 'not-a-secret-3');
define('NONCE_KEY', 'not-a-secret-4');
`;

const databaseWords = [
  "--no-defaults --user=mysql --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock",
  "--skip-networking --skip-log-bin --pid-file=/run/mysqld/pid --log-error=/var/log/mysql.log",
  // Small, and quick rather than safe: it is thrown away.
  "--innodb-buffer-pool-size=32M --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=2",
].join(" ");

export interface WordPress extends LxcApp {
  /** What its PHP and its database wrote to their logs. */
  logs(): Promise<string>;
}

/** @param hostName without a port. The container is started; returns when PHP and the database listen. */
export async function startWordPress(
  host: LxcHost,
  name: string,
  { last, hostName }: { readonly last: number; readonly hostName: string },
): Promise<WordPress> {
  const app = await makeLxcApp(host, name, {
    last,
    prepare: [
      ...phpPlaces,
      "mkdir -p /run/mysqld",
      "chown mysql:mysql /run/mysqld",
      "touch /var/log/mysql.log && chown mysql /var/log/mysql.log",
    ],
    programs: [`/usr/sbin/mariadbd ${databaseWords}`, phpProgram],
    files: { ...phpSettings(phpSocket), [`/etc/wordpress/config-${hostName}.php`]: settings },
  });
  await cp("/var/lib/wordpress", app.file("/var/lib/wordpress"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await giveTo("www-data:www-data", app.file("/var/lib/wordpress"), app.file("/etc/wordpress"));
  await chmod(app.file(`/etc/wordpress/config-${hostName}.php`), 0o640);
  await makeDatabase(app);
  await app.start();
  await app.listens(phpSocket);
  await app.listens("/run/mysqld/mysqld.sock");
  await app.run(
    ...["mariadb", "--no-defaults", "--socket=/run/mysqld/mysqld.sock", "--execute"],
    "CREATE DATABASE wordpress CHARACTER SET utf8mb4;" +
      `CREATE USER wordpress@localhost IDENTIFIED BY '${password}';` +
      "GRANT ALL ON wordpress.* TO wordpress@localhost",
  );
  const logs = async () =>
    `${await textOf(app, "/var/log/php-fpm.log")}\n${await textOf(app, "/var/log/mysql.log")}`;
  return { ...app, logs };
}

async function makeDatabase(app: LxcApp): Promise<void> {
  const program = findCommand("mariadb-install-db") ?? "mariadb-install-db";
  const words = ["--no-defaults", "--user=mysql", "--skip-test-db", "--skip-log-bin"];
  const data = `--datadir=${app.file("/var/lib/mysql")}`;
  const ended = await runCommand(program, [...words, data], { timeoutMs: 60_000 });
  if (ended.code !== 0) throw new Error(`${program}: ${ended.stdout}\n${ended.stderr}`);
}
