/**
 * The dead-leaves model: discs with power-law radii that occlude each other. It has the edges and
 * the scale invariance of photographs (Lee, Mumford and Huang, "Occlusion models for natural
 * images", IJCV 2001; for training networks: Achddou, Gousseau and Ladjal 2021).
 *
 * Leaves are drawn from front to back. Covered pixels are not painted again.
 */
import type { Random } from "@revq/core";

/** Limits of the radii, as fractions of the image's side. Between them radii follow r^-3. */
const minRadius = 1 / 64;
const maxRadius = 0.6;
/** Fraction of the leaves that have a texture. */
const texturedFraction = 0.35;
/** Leaves are drawn until this fraction of the image is left for the background. */
const backgroundFraction = 0.002;

interface Leaf {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: readonly [number, number, number];
  /** Added to all three channels, in [-1, 1] units of lightness. */
  texture(dx: number, dy: number): number;
}

/** One image `[size, size, 3]` uint8. */
export function drawDeadLeaves(size: number, random: Random): Uint8Array {
  const light = new Float64Array(size * size * 3);
  const open = new Float64Array(size * size).fill(1);
  const palette = drawPalette(random);
  const enough = backgroundFraction * size * size;
  let uncovered = size * size;
  while (uncovered > enough) uncovered -= paintLeaf(drawLeaf(size, palette, random), size, light, open);
  const background = palette(random);
  const bytes = new Uint8Array(size * size * 3);
  for (let i = 0; i < bytes.length; i++) {
    const value = light[i]! + open[(i / 3) | 0]! * displayable(background[i % 3]!);
    bytes[i] = Math.round(255 * value);
  }
  return bytes;
}

/** Adds the leaf where no other leaf covers it. Returns its visible area in pixels. */
function paintLeaf(leaf: Leaf, size: number, light: Float64Array, open: Float64Array): number {
  const reach = leaf.radius + 1;
  const left = Math.max(0, Math.floor(leaf.x - reach));
  const right = Math.min(size - 1, Math.ceil(leaf.x + reach));
  const top = Math.max(0, Math.floor(leaf.y - reach));
  const bottom = Math.min(size - 1, Math.ceil(leaf.y + reach));
  let visible = 0;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const pixel = y * size + x;
      if (open[pixel] === 0) continue;
      const dx = x - leaf.x;
      const dy = y - leaf.y;
      // The part of the pixel inside the disc, with a straight edge.
      const coverage = Math.min(1, Math.max(0, leaf.radius - Math.sqrt(dx * dx + dy * dy) + 0.5));
      if (coverage === 0) continue;
      const share = coverage * open[pixel]!;
      const shade = leaf.texture(dx, dy);
      for (let channel = 0; channel < 3; channel++) {
        light[pixel * 3 + channel]! += share * displayable(leaf.colour[channel]! + shade);
      }
      open[pixel]! -= share;
      visible += share;
    }
  }
  return visible;
}

/** Maps any lightness into (0, 1). A hard clip would leave flat saturated areas. */
function displayable(lightness: number): number {
  return 1 / (1 + Math.exp(-4 * (lightness - 0.5)));
}

function drawLeaf(size: number, palette: (random: Random) => [number, number, number], random: Random): Leaf {
  const low = Math.max(1, minRadius * size) ** -2;
  const high = (maxRadius * size) ** -2;
  const radius = (low - random.uniform() * (low - high)) ** -0.5;
  const x = -radius + random.uniform() * (size + 2 * radius);
  const y = -radius + random.uniform() * (size + 2 * radius);
  return { x, y, radius, colour: palette(random), texture: drawTexture(radius, random) };
}

/**
 * The colours of one image: a wide distribution of lightness, and two narrow opponent chroma axes
 * around a tint of the whole image, as in photographs (Ruderman, Cronin and Chiao 1998).
 */
function drawPalette(random: Random): (random: Random) => [number, number, number] {
  const exposure = 0.4 + 0.1 * random.normal();
  const contrast = 0.18 + 0.08 * random.uniform();
  const tint = [0.04 * random.normal(), 0.025 * random.normal()] as const;
  const colourfulness = 0.02 + 0.07 * random.uniform();
  return (source) => {
    const lightness = exposure + contrast * source.normal();
    const blueYellow = tint[0] + colourfulness * source.normal();
    const redGreen = tint[1] + 0.6 * colourfulness * source.normal();
    return [lightness + blueYellow + redGreen, lightness + blueYellow - redGreen, lightness - 2 * blueYellow];
  };
}

/** Flat, shaded across, striped, or rippled. */
function drawTexture(radius: number, random: Random): Leaf["texture"] {
  const angle = 2 * Math.PI * random.uniform();
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const slope = (0.08 * random.normal()) / radius;
  const shaded = (dx: number, dy: number): number => slope * (cos * dx + sin * dy);
  if (radius < 4 || random.uniform() > texturedFraction) return shaded;
  const wavelength = 2.5 + random.uniform() * Math.min(24, radius);
  const frequency = (2 * Math.PI) / wavelength;
  const amplitude = 0.03 + 0.1 * random.uniform();
  if (random.uniform() < 0.5) {
    return (dx, dy) => shaded(dx, dy) + amplitude * Math.sin(frequency * (sin * dx - cos * dy));
  }
  const phase = 2 * Math.PI * random.uniform();
  return (dx, dy) =>
    shaded(dx, dy) +
    amplitude *
      Math.sin(frequency * (cos * dx + sin * dy) + phase) *
      Math.sin(0.7 * frequency * (sin * dx - cos * dy) + 1.3 * Math.sin(0.3 * frequency * dx));
}
