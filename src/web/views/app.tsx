import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { image, imageError, needsToken } from '../model/image.js';
import { localImagesNeedToken } from '../model/local-images.js';
import { showPane } from '../model/panes.js';
import { place } from '../model/place.js';
import { shownPath } from '../model/raw-path.js';
import { Help } from './help.js';
import { Panes } from './panes.js';
import { ImageFault } from './parts/fault.js';
import { Start } from './start.js';
import { TokenDialog } from './token-dialog.js';
import { TopBar } from './top-bar.js';

/** The whole page. */
export function App() {
  const isHelpOpen = useSignal(false);
  useSignalEffect(() => {
    const { image, path } = place.value;
    document.title = image === '' ? 'layerslayer' : `${shownPath(path)} · ${shownPath(image)} · layerslayer`;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === '/') focusOn('#find');
      else if (event.key === '?') isHelpOpen.value = true;
      else if (event.key === 'Escape' && isIn(event.target, '#file-pane')) backToMain();
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, [isHelpOpen]);
  return (
    <>
      <TopBar
        onHelp={() => {
          isHelpOpen.value = true;
        }}
      />
      <Content />
      {isHelpOpen.value && (
        <Help
          onClose={() => {
            isHelpOpen.value = false;
          }}
        />
      )}
      {(needsToken.value || (place.value.image === '' && localImagesNeedToken.value)) && <TokenDialog />}
    </>
  );
}

function Content() {
  if (place.value.image === '') return <Start />;
  if (imageError.value && !image.value && !needsToken.value) return <ImageFault error={imageError.value} />;
  return <Panes />;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches('input, textarea, select, dialog, dialog *');
}

function isIn(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null;
}

function focusOn(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.focus();
}

/** Escape in a file returns to what listed it. */
function backToMain(): void {
  showPane('main');
  focusOn(document.querySelector('[role=tree]') ? '[role=tree]' : '#main-pane');
}
