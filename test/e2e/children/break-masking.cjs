// Loaded into the program by NODE_OPTIONS: looking at bytes that hold $BREAK_AT fails.
const { DataView: Original } = globalThis;
const { BREAK_AT = '' } = process.env;
globalThis.DataView = class DataView extends Original {
  constructor(buffer, offset, length) {
    super(buffer, offset, length);
    if (BREAK_AT !== '' && Buffer.from(buffer, offset, length).includes(BREAK_AT)) throw new Error(BREAK_AT);
  }
};
