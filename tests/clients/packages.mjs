// The npm packages lie in the folder that scripts/setup made, not beside these files.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const home = process.env.CUCKOO_NPM;

// Loads a package that is a CommonJS module.
export const require = createRequire(join(home, "package.json"));

// Loads a package that is an ECMAScript module only.
export const load = (name) => import(pathToFileURL(require.resolve(name)));

export const versionOf = (name) =>
  JSON.parse(readFileSync(join(home, "node_modules", name, "package.json"), "utf8")).version;
