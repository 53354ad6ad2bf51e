import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchArguments, findWindowsCommand, isBatchFile, quoteArgument } from '../../src/platform/windows.ts';

/** What CommandLineToArgvW makes of one quoted argument. */
function readBack(text: string): string {
  let out = '';
  let quoted = false;
  for (let at = 0; at < text.length;) {
    const slashes = /^\\*/.exec(text.slice(at))?.[0].length ?? 0;
    at += slashes;
    if (text[at] === '"') {
      out += '\\'.repeat(Math.floor(slashes / 2));
      if (slashes % 2 === 1) out += '"';
      else quoted = !quoted;
      at++;
    } else {
      out += '\\'.repeat(slashes);
      if (slashes === 0) out += text[at++] ?? '';
    }
  }
  expect(quoted).toBe(false);
  return out;
}

describe('Windows', () => {
  it('quotes every argument so that it is read back', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\\', '"', ' ', '\t', '%', 'é') });
    fc.assert(
      fc.property(text, (argument) => {
        expect(readBack(quoteArgument(argument))).toBe(argument);
      }),
    );
  });

  it('leaves no character for cmd.exe to act on, and refuses line breaks', () => {
    const line = batchArguments('C:\\x\\npm.cmd', ['a & del', '%PATH%', '"q"'])?.[3] ?? '';
    expect(line.startsWith('"') && line.endsWith('"')).toBe(true);
    expect(
      line
        .slice(1, -1)
        .replaceAll(/\^\^\^./g, '')
        .replaceAll(/\^./g, ''),
    ).not.toMatch(/[&|<>%"]/);
    expect(batchArguments('C:\\x.cmd', ['a\nb'])).toBeUndefined();
  });

  it('finds a program by PATHEXT, in PATH only', () => {
    const files = ['C:\\node\\npm.cmd', 'C:\\node\\node.exe', 'C:\\work\\npm.cmd', 'C:\\work\\tool.exe'].map((file) => file.toLowerCase());
    const find = (command: string): string | undefined =>
      findWindowsCommand({
        command,
        cwd: 'C:\\work',
        path: 'C:\\nothing;"C:\\node"',
        pathExt: '.COM;.EXE;.BAT;.CMD',
        isFile: (file) => files.includes(file.toLowerCase()),
      });
    expect(find('npm')).toBe('C:\\node\\npm.cmd');
    expect(find('node.exe')).toBe('C:\\node\\node.exe');
    expect(find('tool')).toBeUndefined();
    expect(find('.\\tool')).toBe('C:\\work\\tool.exe');
    expect(isBatchFile('C:\\node\\NPM.CMD')).toBe(true);
  });
});
