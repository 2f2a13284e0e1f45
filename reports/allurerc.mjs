// How Allure 3 shows a run: `make report` reads this. The results are completed by postflight/report/allure.py.
import { fileURLToPath } from "node:url";

// One report may hold many environments: each can be chosen at the top. reports/build.mjs tells which there are.
const names = JSON.parse(process.env.POSTFLIGHT_ENVIRONMENTS ?? "[]");
const environments = Object.fromEntries(
  names.map((name) => [
    name.replace(/[^\w-]/g, "_"),
    { name, matcher: ({ labels }) => labels.some((label) => label.name === "env" && label.value === name) },
  ]),
);
const history = process.env.POSTFLIGHT_HISTORY ?? fileURLToPath(new URL("allure-history/several.jsonl", import.meta.url));

const category = (name, value, more = {}) => ({
  name,
  matchers: { labels: { category: `^${value}$` } },
  ...more,
});

export default {
  name: names.length === 1 ? `Postflight: ${names[0]}` : "Postflight",
  historyPath: history,
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
        reportName: names.length === 1 ? `Postflight: ${names[0]}` : "Postflight",
        reportLanguage: "en",
        singleFile: false,
        groupBy: ["parentSuite", "suite"],
      },
    },
  },
};
