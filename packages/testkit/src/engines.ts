/** Which engines a conformance suite runs on: every one that this machine has, or those named in `REVQ_TEST_ENGINES`. */
import { RevqError } from "@revq/core";
import { createEngine, describeEngines, engineIds, type Engine, type EngineId } from "@revq/engine";
import { afterAll, beforeAll, describe, it } from "vitest";

interface Found {
  readonly id: EngineId;
  /** Why it is not used; undefined when it is. */
  readonly refused: string | undefined;
}

let found: Promise<readonly Found[]> | undefined;

/**
 * Tries every engine once a test file. A GPU in software passes for a GPU only when it was named: it is a hundred times slower
 * than the CPU engines.
 */
function findEngines(): Promise<readonly Found[]> {
  found ??= (async () => {
    const named = namedEngines();
    if (named) return named.map((id) => ({ id, refused: undefined }));
    const reports = await describeEngines();
    return reports.map(({ id, ok, reason, adapter }) => {
      const software = "a GPU in software; name it in REVQ_TEST_ENGINES to test on it";
      return { id, refused: !ok ? reason : adapter?.software ? software : undefined };
    });
  })();
  return found;
}

function namedEngines(): readonly EngineId[] | undefined {
  const value = process.env["REVQ_TEST_ENGINES"];
  if (!value) return undefined;
  return value.split(",").map((name) => {
    const id = engineIds.find((known) => known === name.trim());
    if (id) return id;
    throw new RevqError(
      "engine-unknown",
      `REVQ_TEST_ENGINES names "${name.trim()}"; engines are ${engineIds.join(", ")}.`,
    );
  });
}

/** A `describe` block per engine, with the engine up while its tests run. An engine that cannot be had is a skipped test. */
export async function describeOnEngines(define: (engine: () => Engine, id: EngineId) => void): Promise<void> {
  for (const { id, refused } of await findEngines()) {
    if (refused !== undefined) {
      it.skip(`on ${id}: ${refused}`, () => {});
      continue;
    }
    describe(`on ${id}`, () => {
      let engine: Engine | undefined;
      beforeAll(async () => {
        engine = await createEngine({ engine: id });
      });
      afterAll(() => engine?.dispose());
      define(() => engine!, id);
    });
  }
}
