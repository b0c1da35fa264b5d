import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { readConfig } from "../config/read.ts";
import { families } from "./families.ts";
import { metricsReference } from "./reference.ts";

const file = (path: string) => new URL(`../../${path}`, import.meta.url);

test("docs/reference/metrics.md says what the table says (UPDATE=1 writes it anew)", () => {
  const page = file("docs/reference/metrics.md");
  if (process.env["UPDATE"] === "1") writeFileSync(page, metricsReference());
  assert.equal(readFileSync(page, "utf8"), metricsReference());
});

/** Names that the text has and no metric has; `_bucket` and its like are of histograms. */
function strangers(text: string): string[] {
  const known = new Set(
    families.flatMap(({ name, type }) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  const named = [...text.matchAll(/\btidegate_[a-z0-9_]+/g)].map(([name]) => name);
  assert.ok(named.length > 10, "the text names metrics");
  return [...new Set(named)].filter((name) => !known.has(name));
}

test("the dashboard, the alert rules and the guide name metrics that there are", () => {
  for (const path of [
    "packaging/grafana/tidegate.json",
    "packaging/prometheus/tidegate.rules.yml",
  ]) {
    assert.deepEqual(strangers(readFileSync(file(path), "utf8")), [], path);
  }
  const planted = `${families.map(({ name }) => name).join(" ")} tidegate_gone_total`;
  assert.ok(strangers(planted).includes("tidegate_gone_total"));
});

test("metrics have one name each, say what they are, and keep to the conventions", () => {
  assert.equal(new Set(families.map(({ name }) => name)).size, families.length);
  for (const { name, type, help, labels } of families) {
    assert.match(name, /^tidegate_[a-z0-9_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    assert.match(help, /[.]$/, name);
    assert.equal(new Set(labels).size, labels.length, name);
    assert.ok(!labels.includes("le"), name);
  }
});

/** The one example of the guide that has this. */
function example(text: string): string {
  const guide = readFileSync(file("docs/guide/monitoring.md"), "utf8");
  const all = [...guide.matchAll(/^```yaml\n([^`]+)^```/gm)].map(([, body = ""]) => body);
  const [found, ...more] = all.filter((each) => each.includes(text));
  assert.ok(found !== undefined && more.length === 0);
  return found;
}

test("the configuration in the guide can be read", () => {
  const text = example("routes:");
  const { problems, snapshot } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.deepEqual(problems, []);
  assert.equal(snapshot?.metrics.address?.port, 9091);
});

const parts = { skip: needs("promtool") };

test("promtool takes the alert rules, and what the guide has for Prometheus", parts, async () => {
  const promtool = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
    assert.equal(status, 0, `${stdout}${stderr}`);
  };
  const rules = fileURLToPath(file("packaging/prometheus/tidegate.rules.yml"));
  promtool("check", "rules", rules);
  await using folder = await tempFolder();
  writeFileSync(folder.file("prometheus.yml"), example("scrape_configs:"));
  promtool("check", "config", "--syntax-only", folder.file("prometheus.yml"));
});

test("alerts fire for what they are about, and not for what operators did", parts, async () => {
  const labels = 'job="tidegate",instance="i"';
  const route = `${labels},route="r"`;
  const series = (name: string, all: string, values: string) => ({
    series: `tidegate_${name}{${all}}`,
    values,
  });
  const bucket = (le: string, values: string) =>
    series("request_duration_seconds_bucket", `${route},le="${le}"`, values);
  const input = [
    series("service_up", `${labels},service="gone"`, "0x20"),
    series("service_up", `${labels},service="held"`, "0x20"),
    series("service_on_hold", `${labels},service="held",state="maintenance"`, "1x20"),
    series("backend_up", `${labels},service="s",backend="broken"`, "0x20"),
    series("backend_up", `${labels},service="s",backend="off"`, "0x20"),
    series("backend_stopped", `${labels},service="s",backend="off"`, "1x20"),
    // Of eleven answers one is 5xx, and of ten requests one takes longer than 5 s.
    series("requests_total", `${route},code="2xx"`, "0+600x20"),
    series("requests_total", `${route},code="5xx"`, "0+60x20"),
    series("requests_total", `${labels},route="good",code="2xx"`, "0+600x20"),
    ...[bucket("5", "0+600x20"), bucket("10", "0+660x20"), bucket("+Inf", "0+660x20")],
    series("request_duration_seconds_count", route, "0+660x20"),
    series("worker_replacements_total", `${labels},worker="0"`, "0 0 0 0 1 2 3 4 5x20"),
    series("worker_replacements_total", `${labels},worker="1"`, "0 0 0 0 1x20"),
    // Seven a minute; and one in all, as a client with a bug may have.
    series("http2_floods_total", `${labels},listener="web",flood="rapid-reset"`, "0+7x20"),
    series("http2_floods_total", `${labels},listener="web",flood="ping"`, "0 0 0 0 1x20"),
    series("workers", `${labels},state="live"`, "1x20"),
    series("workers", `${labels},state="wanted"`, "2x20"),
  ];
  const fired = [
    "BackendDown",
    "Errors",
    "Http2Floods",
    "ServiceDown",
    "Slow",
    "WorkersMissing",
    "WorkersReplaced",
  ];
  const check = {
    expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
    eval_time: "17m",
    exp_samples: fired.map((name) => ({ labels: `{alertname="Tidegate${name}"}`, value: 1 })),
  };
  await using folder = await tempFolder();
  const cases = {
    rule_files: [fileURLToPath(file("packaging/prometheus/tidegate.rules.yml"))],
    evaluation_interval: "1m",
    tests: [{ interval: "1m", input_series: input, promql_expr_test: [check] }],
  };
  writeFileSync(folder.file("cases.yml"), JSON.stringify(cases));
  const options = { encoding: "utf8" } as const;
  const ran = spawnSync("promtool", ["test", "rules", folder.file("cases.yml")], options);
  assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
});
