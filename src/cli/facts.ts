/** Blocks of named facts, aligned: how one thing is shown in full. */
import type { Output, Style } from './output.ts';
import type { Cell } from './table.ts';

/** A label and what it says; undefined and empty texts are left out. */
export type Fact = readonly [label: string, value: string | Cell | undefined];

export interface Block {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** Prints titles with their facts under them, labels in one column, an empty line between the blocks. */
export function printBlocks(output: Output, blocks: readonly Block[]): void {
  output.result(blocks.map((block) => blockText(output, block)).join('\n'));
}

function blockText(output: Output, { title, facts }: Block): string {
  const shown = facts.flatMap(([label, value]) => {
    const cell = typeof value === 'string' ? { text: value } : value;
    return cell === undefined || cell.text === '' ? [] : [{ label, cell }];
  });
  const width = Math.max(0, ...shown.map(({ label }) => label.length));
  const lines = shown.map(({ label, cell }) => `  ${paint(output, { text: label, style: 'dim' }, width)}  ${paint(output, cell)}`);
  return `${[paint(output, { text: title, style: 'bold' }), ...lines].join('\n')}\n`;
}

function paint(output: Output, { text, style }: { readonly text: string; readonly style?: Style }, width = 0): string {
  return (style === undefined ? text : output.styled(style, text, 'stdout')) + ' '.repeat(Math.max(0, width - text.length));
}

/** `payments (#payments-oncall)` */
export const ownerText = (owner: string | undefined, contact: string | undefined): string =>
  [owner, contact === undefined ? undefined : `(${contact})`].filter((part) => part !== undefined).join(' ');

export const yesNo = (yes: boolean): string => (yes ? 'yes' : 'no');
