// Asks with @inquirer/prompts: one question answered by arrow keys, one by a typed password; tells what it got.
import { password, select } from '@inquirer/prompts';

const value = process.env.TOKEN;
const place = await select({ message: `Where does ${value} belong`, choices: ['attic', 'basement', 'cellar', `shelf ${value}`] });
const typed = await password({ message: 'Its password', mask: '#' });
console.log(`place=${place === `shelf ${value}` ? 'shelf' : place} typed=${typed}`);
