/** Globs in which `*` stands for anything, also for nothing. */
export const globPattern = (glob: string): RegExp => new RegExp(`^${glob.split('*').map(escape).join('.*')}$`, 's');

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
