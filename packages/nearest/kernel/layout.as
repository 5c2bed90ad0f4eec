// Where the parts of a tree lie: codes in leaves of 16, with boxes around leaves, branches of 16
// leaves and limbs of 16 branches (AssemblyScript).
//
// Layout of a tree (bytes): blocks [leaves][d][16] f32 | ids [leaves][16] i32
// | leaf boxes [leaves/4][d][2][4] f32 | branch boxes [branches/4][d][2][4] f32
// | limb boxes [limbs/4][d][2][4] f32, if there are several | scratch.

export const LEAF: i32 = 16;
export const FAN: i32 = 16;

/** Leaves of a limb. */
export const LIMB: i32 = FAN * FAN;

@inline export function leafCount(codes: i32): i32 { return (codes + LEAF - 1) / LEAF; }
@inline export function branchCount(codes: i32): i32 { return (leafCount(codes) + FAN - 1) / FAN; }
@inline export function limbCount(codes: i32): i32 { return (branchCount(codes) + FAN - 1) / FAN; }
@inline export function quads(count: i32): i32 { return (count + 3) >> 2; }

@inline export function idsOffset(codes: i32, d: i32): usize { return <usize>leafCount(codes) * d * 64; }
@inline export function leafBoxOffset(codes: i32, d: i32): usize { return idsOffset(codes, d) + <usize>leafCount(codes) * 64; }
@inline export function branchBoxOffset(codes: i32, d: i32): usize { return leafBoxOffset(codes, d) + <usize>branchCount(codes) * 4 * d * 32; }
@inline export function limbBoxOffset(codes: i32, d: i32): usize { return branchBoxOffset(codes, d) + <usize>quads(branchCount(codes)) * d * 32; }
@inline export function scratchOffset(codes: i32, d: i32): usize { return limbBoxOffset(codes, d) + <usize>quads(limbCount(codes)) * d * 32; }
