/** Placeholder. */
export function Treemap() {
  return <p class="note">treemap</p>;
}
