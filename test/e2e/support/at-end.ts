/** Work to be done when a test file is over, newest first; importing this registers it with the file. */
import { afterAll } from 'vitest';

const tasks: (() => void | Promise<void>)[] = [];

export function atEnd(task: () => void | Promise<void>): void {
  tasks.push(task);
}

afterAll(async () => {
  for (const task of tasks.splice(0).reverse()) await task();
});
