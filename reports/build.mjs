// Builds the Allure report of a run: `node reports/build.mjs [RUN]`, the latest by default. `make report` calls it.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const reports = dirname(fileURLToPath(import.meta.url));
const run = resolve(process.argv[2] ?? join(reports, "latest"));
const results = join(run, "allure-results");

if (!existsSync(results)) {
  console.error(`${results} is not there. Let a run keep Allure results first:`);
  console.error("  pytest --env NAME --alluredir reports/allure-results --clean-alluredir");
  process.exit(1);
}

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
    realpathSync(results),
  ],
  { cwd: reports, stdio: ["ignore", "inherit", "inherit"] },
);
if (made.status !== 0) {
  process.exit(made.status ?? 1);
}

// The names of an environment's hosts and accounts are nobody else's business: no analytics in the report.
const page = join(output, "index.html");
const analytics = /<script async src="https:\/\/www\.googletagmanager\.com[^]*?<\/script>\s*<script>[^]*?<\/script>/;
writeFileSync(page, readFileSync(page, "utf8").replace(analytics, ""));
console.log(`Serve it: node ${join("reports", "node_modules", "allure", "cli.js")} open ${output}`);
