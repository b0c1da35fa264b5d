import { writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { createPool } from "mysql2/promise";
import { startMariaDb } from "./test/harness/mariadb.ts";
import { startTidegate } from "./test/harness/tidegate.ts";
import { freePort } from "./test/harness/free-port.ts";
await using db = await startMariaDb();
await db.exec(`CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(100)); INSERT INTO app.t SELECT seq, CONCAT('value ', seq) FROM app.seq_1_to_10000`);
await using tg = await startTidegate({ config: { listeners: { mysql: { bind: "127.0.0.1:0", protocol: "tcp", service: "db" } }, services: { db: { backends: [`tcp://127.0.0.1:${db.port}`] } } }, workers: 1 });
const hp = await freePort();
writeFileSync("/tmp/jb/h.cfg", `global\n nbthread 1\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\nlisten a\n bind 127.0.0.1:${hp}\n server o 127.0.0.1:${db.port}\n`);
const h = spawn("/usr/sbin/haproxy", ["-db", "-f", "/tmp/jb/h.cfg"], { stdio: "ignore" });
const np = await freePort();
writeFileSync("/tmp/jb/p.mjs", `import {createServer,connect} from "node:net"; createServer({noDelay:true},(a)=>{const b=connect({port:${db.port},host:"127.0.0.1",noDelay:true}); a.pipe(b); b.pipe(a); a.on("error",()=>{});b.on("error",()=>{});}).listen(${np},"127.0.0.1")`);
const n = spawn(process.execPath, ["/tmp/jb/p.mjs"], { stdio: "ignore" });
await new Promise((r) => setTimeout(r, 1500));
const ways = { direct: db.port, tidegate: tg.port("mysql"), haproxy: hp, nodepipe: np };
const res: Record<string, number[]> = {};
for (const clients of [1, 10]) {
  const pools = Object.entries(ways).map(([k, port]) => [k, createPool({ host: "127.0.0.1", port, user: "app", password: "app", database: "app", connectionLimit: clients })] as const);
  for (let round = 0; round < 8; round++) for (const [k, pool] of pools) {
    const m: number[] = []; const end = performance.now() + 700;
    await Promise.all(Array.from({ length: clients }, async () => { for (let at = performance.now(); at < end; at = performance.now()) { await pool.execute("SELECT v FROM t WHERE id = ?", [1 + Math.floor(Math.random() * 10000)]); m.push(performance.now() - at); } }));
    m.sort((a, b) => a - b); if (round > 0) (res[`${clients} ${k}`] ??= []).push(m[m.length >> 1]! * 1000);
  }
  for (const [, p] of pools) await p.end();
}
for (const [k, v] of Object.entries(res)) console.log(k.padEnd(14), v.sort((a, b) => a - b).map((x) => x.toFixed(0)).join(" "));
h.kill(); n.kill();
