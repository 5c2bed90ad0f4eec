/**
 * Layers of FID's Inception-v3 (of December 2015) as data. Szegedy et al., arXiv 1512.00567. It
 * differs from other Inception-v3: average pools ignore the padding, the last block has a maximum
 * pool, there are 1008 classes. Names are those of pytorch-fid (github.com/mseitzer/pytorch-fid)
 * and its weight file `pt_inception-2015-12-05-*.pth`.
 */

export type InceptionNode =
  /** Convolution without bias, batch norm, ReLU. Stride 1 keeps the size; stride 2 does not pad. */
  | {
      readonly kind: "conv";
      /** Key without `.conv.weight`, `.bn.*`. */
      readonly name: string;
      readonly input: number;
      readonly output: number;
      readonly kernel: readonly [height: number, width: number];
      readonly stride: 1 | 2;
      readonly same: boolean;
    }
  /** 3 x 3. Stride 1 keeps the size; an average ignores the padding. */
  | { readonly kind: "maximum" | "average"; readonly stride: 1 | 2 }
  | { readonly kind: "sequence"; readonly nodes: readonly InceptionNode[] }
  /** In parallel on the same input, concatenated along the channels. */
  | { readonly kind: "branches"; readonly nodes: readonly InceptionNode[] };

export const inceptionFeatures = 2048;
export const inceptionClasses = 1008;
/** Side of the network's input in pixels. */
export const inceptionSize = 299;

type Kernel = 1 | 3 | 5 | readonly [number, number];
type ConvOptions = { readonly stride?: 1 | 2; readonly valid?: boolean };

function conv(name: string, input: number, output: number, kernel: Kernel, options: ConvOptions = {}): InceptionNode {
  const { stride = 1, valid = stride === 2 } = options;
  const size = typeof kernel === "number" ? ([kernel, kernel] as const) : kernel;
  return { kind: "conv", name, input, output, kernel: size, stride, same: !valid };
}

const sequence = (...nodes: InceptionNode[]): InceptionNode => ({ kind: "sequence", nodes });
const branches = (...nodes: InceptionNode[]): InceptionNode => ({ kind: "branches", nodes });
const average: InceptionNode = { kind: "average", stride: 1 };
const maximum: InceptionNode = { kind: "maximum", stride: 1 };
const reduce: InceptionNode = { kind: "maximum", stride: 2 };
const stride2: ConvOptions = { stride: 2 };

const blockA = (name: string, input: number, pooled: number): InceptionNode =>
  branches(
    conv(`${name}.branch1x1`, input, 64, 1),
    sequence(conv(`${name}.branch5x5_1`, input, 48, 1), conv(`${name}.branch5x5_2`, 48, 64, 5)),
    sequence(
      conv(`${name}.branch3x3dbl_1`, input, 64, 1),
      conv(`${name}.branch3x3dbl_2`, 64, 96, 3),
      conv(`${name}.branch3x3dbl_3`, 96, 96, 3),
    ),
    sequence(average, conv(`${name}.branch_pool`, input, pooled, 1)),
  );

const blockB = (name: string, input: number): InceptionNode =>
  branches(
    conv(`${name}.branch3x3`, input, 384, 3, stride2),
    sequence(
      conv(`${name}.branch3x3dbl_1`, input, 64, 1),
      conv(`${name}.branch3x3dbl_2`, 64, 96, 3),
      conv(`${name}.branch3x3dbl_3`, 96, 96, 3, stride2),
    ),
    reduce,
  );

const blockC = (name: string, inner: number): InceptionNode =>
  branches(
    conv(`${name}.branch1x1`, 768, 192, 1),
    sequence(
      conv(`${name}.branch7x7_1`, 768, inner, 1),
      conv(`${name}.branch7x7_2`, inner, inner, [1, 7]),
      conv(`${name}.branch7x7_3`, inner, 192, [7, 1]),
    ),
    sequence(
      conv(`${name}.branch7x7dbl_1`, 768, inner, 1),
      conv(`${name}.branch7x7dbl_2`, inner, inner, [7, 1]),
      conv(`${name}.branch7x7dbl_3`, inner, inner, [1, 7]),
      conv(`${name}.branch7x7dbl_4`, inner, inner, [7, 1]),
      conv(`${name}.branch7x7dbl_5`, inner, 192, [1, 7]),
    ),
    sequence(average, conv(`${name}.branch_pool`, 768, 192, 1)),
  );

const blockD = (name: string, input: number): InceptionNode =>
  branches(
    sequence(conv(`${name}.branch3x3_1`, input, 192, 1), conv(`${name}.branch3x3_2`, 192, 320, 3, stride2)),
    sequence(
      conv(`${name}.branch7x7x3_1`, input, 192, 1),
      conv(`${name}.branch7x7x3_2`, 192, 192, [1, 7]),
      conv(`${name}.branch7x7x3_3`, 192, 192, [7, 1]),
      conv(`${name}.branch7x7x3_4`, 192, 192, 3, stride2),
    ),
    reduce,
  );

const blockE = (name: string, input: number, pool: InceptionNode): InceptionNode =>
  branches(
    conv(`${name}.branch1x1`, input, 320, 1),
    sequence(
      conv(`${name}.branch3x3_1`, input, 384, 1),
      branches(conv(`${name}.branch3x3_2a`, 384, 384, [1, 3]), conv(`${name}.branch3x3_2b`, 384, 384, [3, 1])),
    ),
    sequence(
      conv(`${name}.branch3x3dbl_1`, input, 448, 1),
      conv(`${name}.branch3x3dbl_2`, 448, 384, 3),
      branches(conv(`${name}.branch3x3dbl_3a`, 384, 384, [1, 3]), conv(`${name}.branch3x3dbl_3b`, 384, 384, [3, 1])),
    ),
    sequence(pool, conv(`${name}.branch_pool`, input, 192, 1)),
  );

export const inceptionLayers: readonly InceptionNode[] = [
  conv("Conv2d_1a_3x3", 3, 32, 3, stride2),
  conv("Conv2d_2a_3x3", 32, 32, 3, { valid: true }),
  conv("Conv2d_2b_3x3", 32, 64, 3),
  reduce,
  conv("Conv2d_3b_1x1", 64, 80, 1),
  conv("Conv2d_4a_3x3", 80, 192, 3, { valid: true }),
  reduce,
  blockA("Mixed_5b", 192, 32),
  blockA("Mixed_5c", 256, 64),
  blockA("Mixed_5d", 288, 64),
  blockB("Mixed_6a", 288),
  blockC("Mixed_6b", 128),
  blockC("Mixed_6c", 160),
  blockC("Mixed_6d", 160),
  blockC("Mixed_6e", 192),
  blockD("Mixed_7a", 768),
  blockE("Mixed_7b", 1280, average),
  blockE("Mixed_7c", 2048, maximum),
];

type ConvNode = Extract<InceptionNode, { kind: "conv" }>;

/** All convolutions of these nodes, in order. */
export function convolutions(nodes: readonly InceptionNode[] = inceptionLayers): ConvNode[] {
  return nodes.flatMap((node) => {
    if (node.kind === "conv") return [node];
    return node.kind === "sequence" || node.kind === "branches" ? convolutions(node.nodes) : [];
  });
}

/** Names and shapes of the network's tensors, in PyTorch's layout. */
export function inceptionTensors(): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, input, output, kernel } of convolutions()) {
    shapes.set(`${name}.conv.weight`, [output, input, ...kernel]);
    for (const part of ["weight", "bias", "running_mean", "running_var"]) shapes.set(`${name}.bn.${part}`, [output]);
  }
  shapes.set("fc.weight", [inceptionClasses, inceptionFeatures]);
  return shapes;
}
