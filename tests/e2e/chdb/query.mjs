// query.mjs FOLDER < SQL: runs the query in a session of ClickHouse whose user_scripts/ lie in FOLDER, prints what it gives.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const { Session } = createRequire(import.meta.url)("chdb");
process.stdout.write(String(new Session(process.argv[2]).query(readFileSync(0, "utf8"))));
