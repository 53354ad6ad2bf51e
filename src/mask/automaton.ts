/**
 * The search automaton (Aho-Corasick) over bytes.
 *
 * States near the root, where a scan spends nearly all its time, have full rows of 256 next states. Deeper states keep
 * only their children and a failure link, so that a large value costs a few bytes per byte of it, not a kilobyte.
 *
 * White space: every run of it counts as one space, in needles and in text, so a value is found whatever became of its
 * line breaks and indentation. Forms that encoders break into lines are found across such breaks.
 */
import type { Needle } from './needles.ts';

/** Depth up to which states have full rows. */
const DENSE_DEPTH = 2;
const SPACE = 0x20;
const ESCAPE = 0x1b;

/** Mark of a row's entry at which a scan has to look closer. */
export const LOOK = 0x4000_0000;
/** Instead of a next state: an escape sequence may begin here, inside a match. */
export const MAY_ESCAPE = -1;

/** The byte that stands for this one: all white space is a space. */
export const CANONICAL: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte === SPACE || (byte >= 0x09 && byte <= 0x0d) ? SPACE : byte,
);

export interface Automaton {
  /**
   * Rows of next states: `rows[(state << 8) | byte]`, for states below `dense`. {@link LOOK} is set where the scan has
   * to look closer: a deeper state, the end of a needle, white space that may be skipped, an escape sequence.
   */
  readonly rows: Int32Array;
  /** Number of states with a row; state 0 is the root. */
  readonly dense: number;
  /** Of every state: the first child edge, 0 for none; edges list their byte, target and next sibling. */
  readonly firstEdge: Int32Array;
  readonly edgeByte: Uint8Array;
  readonly edgeTarget: Int32Array;
  readonly nextEdge: Int32Array;
  readonly fail: Int32Array;
  /** Of every state: how many bytes of a needle it has read. */
  readonly depth: Int32Array;
  /** Of every state: length and owner of the longest needle that ends here; length 0 for none. */
  readonly matchLength: Int32Array;
  readonly matchOwner: Int32Array;
  /** Of every state: the state whose longest needle is the next shorter one that ends here; 0 for none. */
  readonly nextMatch: Int32Array;
  /** Of every state: 1 when more white space leaves it as it is. */
  readonly stays: Uint8Array;
}

interface Node {
  /** Nearly every state has one child: its byte and index, -1 for none. Others have them all in the map. */
  onlyByte: number;
  only: number;
  more: Map<number, number> | undefined;
  readonly depth: number;
  readonly byte: number;
  wraps: boolean;
  length: number;
  owner: number;
}

const newNode = (depth: number, byte: number): Node => ({
  onlyByte: 0,
  only: -1,
  more: undefined,
  depth,
  byte,
  wraps: false,
  length: 0,
  owner: 0,
});

const childOf = (node: Node, byte: number): number | undefined =>
  node.more === undefined ? (node.only >= 0 && node.onlyByte === byte ? node.only : undefined) : node.more.get(byte);

function addChild(node: Node, byte: number, child: number): void {
  if (node.more === undefined && node.only < 0) {
    node.onlyByte = byte;
    node.only = child;
    return;
  }
  node.more ??= new Map([[node.onlyByte, node.only]]);
  node.more.set(byte, child);
}

function childrenOf(node: Node | undefined): Iterable<readonly [number, number]> {
  if (node === undefined || node.only < 0) return [];
  return node.more ?? [[node.onlyByte, node.only]];
}

/** Least bytes of a wrapping form before a line break inside it is believed. */
export const WRAP_DEPTH = 8;

export function buildAutomaton(needles: readonly Needle[]): Automaton {
  const nodes: Node[] = [newNode(0, 0)];
  for (const needle of needles) insert(nodes, needle);
  const order = breadthFirst(nodes);
  const dense = order.findIndex((old) => (nodes[old]?.depth ?? 0) > DENSE_DEPTH);
  return link(nodes, order, dense < 0 ? order.length : dense);
}

/** A needle's bytes with each run of white space as one space, and none at the ends. */
function canonical(bytes: Buffer): Buffer {
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  for (const byte of bytes) {
    const as = CANONICAL[byte] ?? byte;
    if (as === SPACE && (length === 0 || out[length - 1] === SPACE)) continue;
    out[length++] = as;
  }
  return out.subarray(0, length > 0 && out[length - 1] === SPACE ? length - 1 : length);
}

function insert(nodes: Node[], needle: Needle): void {
  const bytes = canonical(needle.bytes);
  let at = 0;
  for (const byte of bytes) {
    const node = nodes[at];
    if (node === undefined) return;
    let next = childOf(node, byte);
    if (next === undefined) {
      next = nodes.push(newNode(node.depth + 1, byte)) - 1;
      addChild(node, byte, next);
    }
    at = next;
    const reached = nodes[at];
    if (reached !== undefined && needle.wraps && reached.depth >= WRAP_DEPTH && reached.depth < bytes.length) reached.wraps = true;
  }
  const end = nodes[at];
  if (end !== undefined && at !== 0 && end.length === 0) {
    end.length = bytes.length;
    end.owner = needle.owner;
  }
}

/** Indexes of the nodes by depth: the new numbers of the states. */
function breadthFirst(nodes: readonly Node[]): readonly number[] {
  const order = [0];
  for (const at of order) for (const [, child] of childrenOf(nodes[at])) order.push(child);
  return order;
}

function link(nodes: readonly Node[], order: readonly number[], dense: number): Automaton {
  const count = order.length;
  const numbers = new Int32Array(count);
  order.forEach((old, state) => {
    numbers[old] = state;
  });
  const automaton = {
    rows: new Int32Array(dense << 8),
    dense,
    firstEdge: new Int32Array(count),
    edgeByte: new Uint8Array(count),
    edgeTarget: new Int32Array(count),
    nextEdge: new Int32Array(count),
    fail: new Int32Array(count),
    depth: new Int32Array(count),
    matchLength: new Int32Array(count),
    matchOwner: new Int32Array(count),
    nextMatch: new Int32Array(count),
    stays: new Uint8Array(count),
  };
  const { rows, firstEdge, edgeByte, edgeTarget, nextEdge, fail, depth, matchLength, matchOwner, nextMatch, stays } = automaton;
  // A tree has one edge less than nodes, and each edge is numbered by its target.
  order.forEach((old, state) => {
    const node = nodes[old];
    if (node === undefined) return;
    depth[state] = node.depth;
    for (const [byte, child] of childrenOf(node)) {
      const target = numbers[child] ?? 0;
      edgeByte[target] = byte;
      edgeTarget[target] = target;
      nextEdge[target] = firstEdge[state] ?? 0;
      firstEdge[state] = target;
    }
  });
  // Kept from state to state: following the failure links anew each time takes a minute for a large value that repeats itself.
  const afterSpace = new Int32Array(count);
  for (let state = 0; state < count; state++) {
    const node = nodes[order[state] ?? 0];
    if (node === undefined) continue;
    for (const [byte, child] of childrenOf(node)) {
      const target = numbers[child] ?? 0;
      fail[target] = state === 0 ? 0 : step(automaton, fail[state] ?? 0, byte);
    }
    const link = fail[state] ?? 0;
    const own = node.length;
    matchLength[state] = own > 0 ? own : (matchLength[link] ?? 0);
    matchOwner[state] = own > 0 ? node.owner : (matchOwner[link] ?? 0);
    nextMatch[state] = own === 0 ? (nextMatch[link] ?? 0) : (matchLength[link] ?? 0) > 0 ? link : 0;
    if (state < dense) fillRow(automaton, state, node, numbers);
    const onSpace = childOf(node, SPACE);
    const spaceNext = onSpace !== undefined ? (numbers[onSpace] ?? 0) : state === 0 ? 0 : (afterSpace[link] ?? 0);
    // After a space another one changes nothing; inside a wrapping form a line break does not either, unless it
    // belongs to something else.
    stays[state] = state !== 0 && (node.byte === SPACE ? onSpace === undefined : node.wraps && spaceNext === 0) ? 1 : 0;
    afterSpace[state] = state < dense && stays[state] === 1 ? state : spaceNext;
    if (state < dense && stays[state] === 1)
      for (let byte = 0; byte < 256; byte++) if (CANONICAL[byte] === SPACE) rows[(state << 8) | byte] = state;
  }
  markRows(automaton);
  return automaton;
}

function markRows({ rows, dense, matchLength, stays, firstEdge, edgeByte, nextEdge }: Automaton): void {
  for (let state = 0; state < dense; state++) {
    for (let byte = 0; byte < 256; byte++) {
      const next = rows[(state << 8) | byte] ?? 0;
      if (next >= dense || (matchLength[next] ?? 0) > 0 || (stays[next] ?? 0) > 0) rows[(state << 8) | byte] = next | LOOK;
    }
    if (state !== 0 && !hasEdge(firstEdge, edgeByte, nextEdge, state, ESCAPE)) rows[(state << 8) | ESCAPE] = LOOK | (LOOK - 1);
  }
}

function hasEdge(firstEdge: Int32Array, edgeByte: Uint8Array, nextEdge: Int32Array, state: number, byte: number): boolean {
  for (let edge = firstEdge[state] ?? 0; edge !== 0; edge = nextEdge[edge] ?? 0) if (edgeByte[edge] === byte) return true;
  return false;
}

function fillRow(automaton: Automaton, state: number, node: Node, numbers: Int32Array): void {
  const { rows, fail } = automaton;
  const from = (fail[state] ?? 0) << 8;
  for (let byte = 0; byte < 256; byte++) {
    const child = childOf(node, CANONICAL[byte] ?? byte);
    rows[(state << 8) | byte] = child === undefined ? (state === 0 ? 0 : (rows[from | byte] ?? 0)) : (numbers[child] ?? 0);
  }
}

/** The state after one byte of text, or {@link MAY_ESCAPE}. */
export function next(automaton: Automaton, from: number, raw: number): number {
  if (raw === ESCAPE && from !== 0 && !hasEdge(automaton.firstEdge, automaton.edgeByte, automaton.nextEdge, from, ESCAPE))
    return MAY_ESCAPE;
  const byte = CANONICAL[raw] ?? raw;
  if (byte === SPACE && automaton.stays[from] === 1) return from;
  const to = step(automaton, from, byte) & ~LOOK;
  return to === LOOK - 1 ? 0 : to;
}

/** The next state by the tree alone; `byte` is canonical. */
function step(automaton: Automaton, from: number, byte: number): number {
  const { rows, dense, firstEdge, edgeByte, edgeTarget, nextEdge, fail } = automaton;
  let state = from;
  while (state >= dense) {
    for (let edge = firstEdge[state] ?? 0; edge !== 0; edge = nextEdge[edge] ?? 0) {
      if (edgeByte[edge] === byte) return edgeTarget[edge] ?? 0;
    }
    state = fail[state] ?? 0;
  }
  return rows[(state << 8) | byte] ?? 0;
}
