/** Placeholder. */
export function Hidden() {
  return <p class="note">hidden</p>;
}
