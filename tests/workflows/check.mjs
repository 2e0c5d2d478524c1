// Print what GitHub's own language service finds in every workflow and action below a project:
//   node check.mjs PROJECT ACTIONS
// ACTIONS holds the action.yml of each third-party action, in folders named owner/repository.
import { readdirSync, readFileSync } from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The package imports JSON without saying so, which plain Node refuses.
register("data:text/javascript," + encodeURIComponent(
  "export const load = (url, context, next) => url.endsWith('.json') ? next(url, {...context, importAttributes: {type: 'json'}}) : next(url, context)",
));
const { TextDocument } = await import("vscode-languageserver-textdocument");
const { parse } = await import("yaml");
const { validate } = await import("@actions/languageservice/validate");

const [project, actions] = process.argv.slice(2).map((folder) => path.resolve(folder));
const SEVERITIES = ["", "error", "warning", "information", "hint"];

const config = {
  fileProvider: {
    getFileContent: async (reference) => ({ name: reference.path, content: readFileSync(path.join(project, reference.path), "utf8") }),
  },
  actionsMetadataProvider: {
    fetchActionMetadata: async ({ owner, name }) => parse(readFileSync(path.join(actions, owner, name, "action.yml"), "utf8")),
  },
};

for (const name of readdirSync(path.join(project, ".github"), { recursive: true })) {
  if (!/^workflows\/[^/]+\.ya?ml$|^actions\/.*action\.ya?ml$/.test(name)) continue;
  const file = path.join(project, ".github", name);
  const document = TextDocument.create(pathToFileURL(file).href, "yaml", 1, readFileSync(file, "utf8"));
  for (const finding of await validate(document, config)) {
    console.log(`${name}:${finding.range.start.line + 1}: ${SEVERITIES[finding.severity ?? 1]}: ${finding.message}`);
  }
}
