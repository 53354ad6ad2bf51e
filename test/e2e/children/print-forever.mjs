// Prints lines until nobody reads them any more.
const print = () => {
  while (process.stdout.write('one more line\n'));
  process.stdout.once('drain', print);
};
print();
