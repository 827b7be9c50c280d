import { useSignal } from '@preact/signals';
import { setToken } from '../model/api.js';
import { retries } from '../model/image.js';
import { loadLocalImages } from '../model/local-images.js';
import { Dialog } from './parts/dialog.js';

/** Asks for the token of the server. */
export function TokenDialog() {
  const text = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    const token = text.value.trim();
    if (token === '') return;
    setToken(token);
    retries.value++;
    void loadLocalImages();
  };
  return (
    <Dialog title="Access token" onClose={() => {}}>
      <form class="token" onSubmit={submit}>
        <p>
          The server lets other users and other machines in by a token. <code>layerslayer serve</code> printed
          it in its address, behind <code>#token=</code>.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit">Continue</button>
      </form>
    </Dialog>
  );
}
