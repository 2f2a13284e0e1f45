// Builds an Allure report: `node reports/build.mjs [FOLDER]`. The folder is a run (the latest by default), or holds
// the results of several environments, which become one report. `make report` calls it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chosen, environmentsOf, gather, requireResults } from "./results.mjs";

const reports = dirname(fileURLToPath(import.meta.url));
const run = chosen(process.argv[2]);
const gathered = join(run, "allure-gathered");
const own = join(run, "allure-results");

requireResults(run);
if (!existsSync(own)) {
  gather(realpathSync(run), gathered);
}

const results = realpathSync(existsSync(own) ? own : gathered);
const environments = environmentsOf(results);
const histories = join(reports, "allure-history");
mkdirSync(histories, { recursive: true });
const output = join(realpathSync(run), "allure-report");
const made = spawnSync(
  process.execPath,
  [
    join(reports, "node_modules", "allure", "cli.js"),
    "generate",
    "--config",
    join(reports, "allurerc.mjs"),
    "--output",
    output,
    results,
  ],
  {
    cwd: reports,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      POSTFLIGHT_ENVIRONMENTS: JSON.stringify(environments),
      // Trends are one environment's own, or those of all together.
      POSTFLIGHT_HISTORY: join(histories, `${environments.length === 1 ? environments[0] : "several"}.jsonl`),
    },
  },
);
if (made.status !== 0) {
  process.exit(made.status ?? 1);
}

// The names of an environment's hosts and accounts are nobody else's business: no analytics in the report.
const page = join(output, "index.html");
const analytics = /<script async src="https:\/\/www\.googletagmanager\.com[^]*?<\/script>\s*<script>[^]*?<\/script>/;
writeFileSync(page, readFileSync(page, "utf8").replace(analytics, ""));
console.log(`${environments.join(", ")}: serve it with`);
console.log(`  node ${join("reports", "node_modules", "allure", "cli.js")} open '${output}'`);
