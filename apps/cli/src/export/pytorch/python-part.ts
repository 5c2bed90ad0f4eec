/** A part of a tokenizer as its Python code sees it. Types only. */
import type { NamedArrays } from "@revq/core";

/** An object of config.json: a class of the Python code and the arguments of its constructor. */
export interface PythonPart {
  readonly class: string;
  readonly [argument: string]: unknown;
}

export interface DescribedPart {
  readonly part: PythonPart;
  /** Files of `apps/cli/python` that have the class, without ".py". */
  readonly files: readonly string[];
  /** In PyTorch's layout, by the names in the module's `state_dict`. */
  readonly tensors: NamedArrays;
}
