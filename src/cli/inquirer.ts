/** The prompts that are used, so that the others are left out of the bundle. */
export { checkbox, confirm, input, password, select } from '@inquirer/prompts';
