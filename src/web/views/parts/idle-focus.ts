import { useEffect } from 'preact/hooks';

/**
 * Focuses the main pane when a form was submitted and is made afresh with its field: else Tab
 * begins at the top of the page again, far from the answer. A page that was only loaded keeps it.
 * @param asked what the pane answers; a change is a new question
 */
export function useIdleFocus(asked: string): void {
  useEffect(() => {
    if (document.activeElement !== document.body || !navigator.userActivation.hasBeenActive) return;
    document.getElementById('main-pane')?.focus({ preventScroll: true });
  }, [asked]);
}
