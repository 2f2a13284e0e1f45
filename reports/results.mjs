// Finds the Allure results of a run, or of the newest run of each environment below a folder.
// `node reports/results.mjs [FOLDER]` fails where there are none: `make report` asks before it installs anything.
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const RESULTS = "allure-results";
// What Allure has one of for the whole report; several environments' own would overwrite each other.
const OF_ONE_RUN = ["environment.properties", "executor.json"];
const read = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Every folder of Allure results below a folder. Links are not followed: what they lead to is found itself. */
const folders = (root) =>
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (name === RESULTS ? [join(root, name)] : folders(join(root, name))));

/** When the newest run of a folder's neighbours began: `latest/results.json` says so. A folder keeps many runs. */
const began = (folder) => {
  const latest = join(dirname(folder), "latest", "results.json");
  return existsSync(latest) ? Date.parse(read(latest).run.started) : 0;
};

/** The results of the newest run in a folder, and all that is neither a result nor about one run alone. */
const newest = (folder) => {
  const since = began(folder);
  return readdirSync(folder).filter(
    (name) =>
      !OF_ONE_RUN.includes(name) &&
      !(/-(result|container)\.json$/.test(name) && (read(join(folder, name)).start ?? since) < since),
  );
};

/** The folder that is meant: the latest run, if none is named. */
export const chosen = (named) => resolve(named ?? join(dirname(fileURLToPath(import.meta.url)), "latest"));

/** End this process with a sentence where a folder neither is a run with results nor holds any. */
export const requireResults = (run) => {
  if (existsSync(join(run, RESULTS)) || (existsSync(run) && folders(run).length > 0)) {
    return;
  }
  console.error(`${join(run, RESULTS)} is not there. Keep the Allure results of a run first, by one of`);
  console.error("  make demo");
  console.error("  pytest --env NAME --alluredir reports/allure-results --clean-alluredir");
  process.exit(1);
};

/** Copy the newest results of each environment below a folder together. Returns how many folders there were. */
export const gather = (root, into) => {
  rmSync(into, { recursive: true, force: true });
  const found = folders(root);
  mkdirSync(into, { recursive: true });
  for (const folder of found) {
    for (const name of newest(folder)) {
      copyFileSync(join(folder, name), join(into, name));
    }
  }
  return found.length;
};

/** The environments that results are of, in the order of their names. */
export const environmentsOf = (folder) => {
  const labels = readdirSync(folder)
    .filter((name) => name.endsWith("-result.json"))
    .flatMap((name) => read(join(folder, name)).labels ?? []);
  return [...new Set(labels.filter(({ name }) => name === "env").map(({ value }) => value))].sort();
};

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  requireResults(chosen(process.argv[2]));
}
