import { Dialog } from './parts/dialog.js';

const KEYS: readonly (readonly [keys: readonly string[], text: string])[] = [
  [['/'], 'find files'],
  [['?'], 'this help'],
  [['Tab'], 'next pane or control'],
  [['↑', '↓'], 'one entry up, down; also among the layers'],
  [['→'], 'expand the directory, then its first entry'],
  [['←'], 'collapse the directory, then the directory above'],
  [['Home', 'End'], 'first entry, last entry'],
  [['PgUp', 'PgDn'], 'a screen up, down'],
  [['a', '…', 'z'], 'type the beginning of a name to go there'],
  [['Enter'], 'open the file; expand or collapse the directory'],
  [['Esc'], 'from the file to the tree; close a dialog'],
  [['Alt', '←'], 'back, as anywhere in the browser: every view has its address'],
];

/** All keys. */
export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </Dialog>
  );
}
