/**
 * The engines that a suite runs on: all that this machine has, or those named in
 * `REVQ_TEST_ENGINES`.
 */
import { RevqError } from "@revq/core";
import { createEngine, describeEngines, engineIds, type Engine, type EngineId } from "@revq/engine";
import { afterAll, beforeAll, describe, it } from "vitest";

interface EngineState {
  readonly id: EngineId;
  /** Why it is not used; undefined when it is. */
  readonly refused: string | undefined;
}

let states: Promise<readonly EngineState[]> | undefined;

/**
 * Tries every engine once per test file. A GPU in software counts as a GPU only when it was named:
 * it is a hundred times slower than the CPU engines.
 */
function findEngines(): Promise<readonly EngineState[]> {
  states ??= (async () => {
    const named = namedEngines();
    if (named) return named.map((id) => ({ id, refused: undefined }));
    const reports = await describeEngines();
    return reports.map(({ id, ok, reason, adapter }) => {
      const software = "a GPU in software; name it in REVQ_TEST_ENGINES to test on it";
      return { id, refused: !ok ? reason : adapter?.software ? software : undefined };
    });
  })();
  return states;
}

function namedEngines(): readonly EngineId[] | undefined {
  const value = process.env["REVQ_TEST_ENGINES"];
  if (!value) return undefined;
  return value.split(",").map((name) => {
    const id = engineIds.find((known) => known === name.trim());
    if (id) return id;
    throw new RevqError(
      "engine-unknown",
      `REVQ_TEST_ENGINES names "${name.trim()}", but the engines are ${engineIds.join(", ")}.`,
    );
  });
}

/**
 * A `describe` block per engine, with the engine up while its tests run. A missing engine is a
 * skipped test.
 */
export async function describeOnEngines(define: (engine: () => Engine, id: EngineId) => void): Promise<void> {
  for (const { id, refused } of await findEngines()) {
    describe(`on ${id}`, () => {
      if (refused !== undefined) return void it("runs", (context) => context.skip(refused));
      let engine: Engine | undefined;
      beforeAll(async () => {
        engine = await createEngine({ engine: id });
      });
      afterAll(() => engine?.dispose());
      define(() => engine!, id);
    });
  }
}
