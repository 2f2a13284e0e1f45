// How Allure 3 shows a run: `make report` reads this. The results are completed by postflight/report/allure.py.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("../environments/", import.meta.url);

// One report may hold many environments: each has its own history and can be chosen at the top.
const environments = Object.fromEntries(
  readdirSync(folder)
    .filter((file) => file.endsWith(".yaml") && !file.endsWith(".base.yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .map((name) => [
      name,
      { matcher: ({ labels }) => labels.some((label) => label.name === "env" && label.value === name) },
    ]),
);

const category = (name, value, more = {}) => ({
  name,
  matchers: { labels: { category: `^${value}$` } },
  ...more,
});

export default {
  name: "Postflight",
  historyPath: fileURLToPath(new URL("allure-history.jsonl", import.meta.url)),
  appendHistory: true,
  environments,
  categories: [
    category("Failed: what broke first", "cause", { groupByMessage: false, expand: true }),
    category("Consequences of what broke first", "consequence", {
      groupBy: [{ label: "because of" }],
      groupByMessage: false,
    }),
    category("Not verified: we could not look", "unverified"),
    category("Waived", "waived", { groupByMessage: false }),
    category("Right only after a while", "settled", { groupByMessage: false }),
  ],
  plugins: {
    awesome: {
      options: {
        reportName: "Postflight",
        reportLanguage: "en",
        singleFile: false,
        groupBy: ["parentSuite", "suite"],
      },
    },
  },
};
